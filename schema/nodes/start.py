"""Start: the inputs that a run asks its caller for (dify-nodes 5.1)."""

import json
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from schema.nodes.base import NodeData, without_nulls
from schema.selectors import Selector


class InputType(StrEnum):
    """How the editor asks for an input."""

    TEXT_INPUT = "text-input"
    PARAGRAPH = "paragraph"
    SELECT = "select"
    NUMBER = "number"
    CHECKBOX = "checkbox"
    FILE = "file"
    FILE_LIST = "file-list"
    JSON_OBJECT = "json_object"
    EXTERNAL_DATA_TOOL = "external_data_tool"


class InputVariable(BaseModel):
    """Definition of one input."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    variable: str
    label: str
    type: InputType
    required: bool = False
    hide: bool = False
    default: Any = None
    max_length: int | None = None
    """Characters of a text, number of files of a list."""
    options: tuple[str, ...] = ()
    allowed_file_types: tuple[str, ...] = ()
    allowed_file_extensions: tuple[str, ...] = ()
    allowed_file_upload_methods: tuple[str, ...] = ()
    json_schema: dict[str, Any] | None = None
    """JSON Schema (draft 7) of a `json_object`; whoever applies it checks the schema itself."""

    @model_validator(mode="before")
    @classmethod
    def _null_is_default(cls, data: object) -> object:
        return without_nulls(cls, data)

    @field_validator("json_schema", mode="before")
    @classmethod
    def _parse_schema(cls, value: object) -> object:
        if not isinstance(value, str):
            schema = value
        elif not value.strip():
            schema = None
        else:
            schema = _parse_json(value)
        if schema is not None and not isinstance(schema, dict):
            raise ValueError(f"json_schema must be a JSON object, got {type(schema).__name__}")
        return schema


class StartNodeData(NodeData):
    """The inputs of a run; they are in the pool before the node runs."""

    type: Literal["start"] = "start"
    variables: tuple[InputVariable, ...] = ()

    def selectors(self) -> Iterable[Selector]:
        """Give none: the node shows the whole pool, which no list of selectors names."""
        return ()


def _parse_json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"json_schema is not valid JSON: {error}") from error
    except RecursionError as error:
        raise ValueError("json_schema is nested too deeply") from error
