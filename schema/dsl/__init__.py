"""Dify exports of any version: read to a definition, compiled to a plan, with findings."""

from schema.dsl.compilation import Compilation, compile_definition
from schema.dsl.definition import (
    DocumentKind,
    DocumentMode,
    WorkflowDefinition,
    read_definition,
)

__all__ = [
    "Compilation",
    "DocumentKind",
    "DocumentMode",
    "WorkflowDefinition",
    "compile_definition",
    "read_definition",
]
