"""Whether given inputs fit a start node, by Dify's rules for every kind of input (dify-nodes 8.1).

Pure: content of files is neither fetched nor looked up (`given_files.py` builds them). Used by
whoever makes the row of a run; the start node's own checks (JSON schemas) happen in the run.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from schema.errors import InvalidInputs
from schema.given_files import FileKnowledge, UploadRules, build_allowed_file, build_allowed_files
from schema.nodes.start import InputType, InputVariable
from schema.values.files import File

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})


def validate_inputs(
    variables: Iterable[InputVariable],
    given: Mapping[str, Any],
    known: FileKnowledge = FileKnowledge(),  # noqa: B008 (frozen)
) -> dict[str, Any]:
    """Give every declared input its value: checked, converted, defaulted, or null.

    Args:
        variables: The start node's, in file order, which is the order of the result.
        given: JSON values by name; names that nobody declared are dropped, as Dify does.
        known: What is known of the files among them.

    Returns:
        Plain values; files as `File`.

    Raises:
        InvalidInputs: With one message, in Dify's words, for each input that does not fit.

    Example:
        >>> count = InputVariable(variable="count", label="Count", type="number", required=True)
        >>> validate_inputs([count], {"count": "3", "other": 1})
        {'count': 3}
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    for variable in variables:
        try:
            values[variable.variable] = _validate(variable, given.get(variable.variable), known)
        except InvalidInputs as error:
            problems += error.problems
    if problems:
        raise InvalidInputs(problems)
    return values


_Check: TypeAlias = Callable[[InputVariable, Any], Any]


def _validate(variable: InputVariable, value: Any, known: FileKnowledge) -> Any:
    if value is None:
        if variable.required:
            raise InvalidInputs([f"{variable.variable} is required in input form"])
        value = variable.default
    if value is None:
        return None
    if variable.type is InputType.FILE:
        return _validate_file(variable, value, known)
    if variable.type is InputType.FILE_LIST:
        return _validate_files(variable, value, known)
    check = _CHECKS.get(variable.type)
    return value if check is None else check(variable, value)


def _refuse(variable: InputVariable, what: str) -> InvalidInputs:
    return InvalidInputs([f"{variable.variable} in input form must be {what}"])


def _validate_text(variable: InputVariable, value: Any) -> str:
    if not isinstance(value, str):
        raise _refuse(variable, "a string")
    if variable.max_length and len(value) > variable.max_length:
        raise _refuse(variable, f"less than {variable.max_length} characters")
    return value.replace("\0", "")


def _validate_select(variable: InputVariable, value: Any) -> str:
    if not isinstance(value, str):
        raise _refuse(variable, "a string")
    text = value.replace("\0", "")
    if text not in variable.options and (text or variable.required):
        raise _refuse(variable, f"one of the following: {list(variable.options)}")
    return text


def _validate_number(variable: InputVariable, value: Any) -> int | float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise _refuse(variable, "a valid number")
    if not value.strip():
        return None
    try:
        return float(value) if "." in value else int(value)
    except ValueError as error:
        raise _refuse(variable, "a valid number") from error


def _validate_checkbox(variable: InputVariable, value: Any) -> bool:
    for meaning, words in ((True, _TRUE), (False, _FALSE)):
        if isinstance(value, str) and value.strip().lower() in words:
            return meaning
        if isinstance(value, int | float) and value == meaning:
            return meaning
    raise _refuse(variable, "a boolean")


def _validate_json_object(variable: InputVariable, value: Any) -> Any:
    if value and not isinstance(value, Mapping):
        raise _refuse(variable, "a dict")
    return value


def _validate_file(variable: InputVariable, value: Any, known: FileKnowledge) -> File | None:
    if value == "" and not variable.required:
        return None
    if not isinstance(value, Mapping):
        raise _refuse(variable, "a file")
    return build_allowed_file(value, _rules_of(variable), known)


def _validate_files(variable: InputVariable, value: Any, known: FileKnowledge) -> list[File]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, Mapping) for item in value):
        raise _refuse(variable, "a list of files")
    return build_allowed_files(value, _rules_of(variable), known)


def _rules_of(variable: InputVariable) -> UploadRules:
    return UploadRules(
        types=variable.allowed_file_types,
        extensions=variable.allowed_file_extensions,
        methods=variable.allowed_file_upload_methods,
        most=variable.max_length or 0,
    )


_CHECKS: Mapping[InputType, _Check] = {
    InputType.TEXT_INPUT: _validate_text,
    InputType.PARAGRAPH: _validate_text,
    InputType.SELECT: _validate_select,
    InputType.NUMBER: _validate_number,
    InputType.CHECKBOX: _validate_checkbox,
    InputType.JSON_OBJECT: _validate_json_object,
}
"""`external_data_tool` is not here: workflow runs do not handle it (dify-nodes 8.1)."""
