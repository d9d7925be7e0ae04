"""Null fields of models are left out of payloads and records, so null has to be their default."""

import importlib
import pkgutil
from types import NoneType
from typing import get_args

import pytest
from pydantic import BaseModel

import schema


def models() -> list[type[BaseModel]]:
    for module in pkgutil.walk_packages(schema.__path__, "schema."):
        if ".migrations" not in module.name:
            importlib.import_module(module.name)
    found, pending = [], [BaseModel]
    while pending:
        for subclass in pending.pop().__subclasses__():
            pending.append(subclass)
            if subclass.__module__.startswith("schema."):
                found.append(subclass)
    return sorted(set(found), key=lambda model: f"{model.__module__}.{model.__qualname__}")


@pytest.mark.parametrize("model", models(), ids=lambda m: f"{m.__module__}.{m.__qualname__}")
def test_a_field_that_may_be_null_is_null_by_default(model: type[BaseModel]) -> None:
    nullable = {
        name: field.default
        for name, field in model.model_fields.items()
        if NoneType in get_args(field.annotation)
    }

    assert {name for name, default in nullable.items() if default is not None} == set()
