"""Whether given inputs fit a start node, by Dify's rules for every kind of input (dify-nodes 8.1).

Pure: content of files is neither fetched nor looked up. Used by whoever makes the row of a run; the
start node's own checks (JSON schemas) happen in the run.
"""

import mimetypes
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from schema.errors import InvalidInputs, NodeError
from schema.nodes.start import InputType, InputVariable
from schema.values.files import File, FileType, TransferMethod, detect_type

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})


def validate_inputs(variables: Iterable[InputVariable], given: Mapping[str, Any]) -> dict[str, Any]:
    """Give every declared input its value: checked, converted, defaulted, or null.

    Args:
        variables: The start node's, in file order, which is the order of the result.
        given: JSON values by name; names that nobody declared are dropped, as Dify does.

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
            values[variable.variable] = _validate(variable, given.get(variable.variable))
        except InvalidInputs as error:
            problems += error.problems
    if problems:
        raise InvalidInputs(problems)
    return values


def build_file(mapping: Mapping[str, Any]) -> File:
    """Build a file from what a caller says about it (dify-nodes 7.3).

    Nothing is fetched: the name and type of a remote file come from its URL.

    Raises:
        InvalidInputs: If it says too little, or something impossible.

    Example:
        >>> build_file({"transfer_method": "remote_url", "url": "https://a.test/b/c.pdf"}).filename
        'c.pdf'
    """
    method = mapping.get("transfer_method")
    if not method:
        raise InvalidInputs(["transfer_method is required in file mapping"])
    fields = dict(mapping)
    if method == TransferMethod.REMOTE_URL:
        url = mapping.get("remote_url") or mapping.get("url") or ""
        fields = {**_described_by_url(str(url)), **fields, "remote_url": url}
    elif method == TransferMethod.DATASOURCE_FILE:
        fields["transfer_method"] = TransferMethod.TOOL_FILE.value
    given_type = fields.get("type")
    if given_type in (None, "", FileType.CUSTOM):
        fields["type"] = detect_type(fields.get("extension"), fields.get("mime_type")).value
    try:
        return File.from_dict(fields)
    except NodeError as error:
        raise InvalidInputs([str(error)]) from error


def _described_by_url(url: str) -> dict[str, str]:
    name = PurePosixPath(unquote(urlsplit(url).path)).name
    mime, _ = mimetypes.guess_type(name)
    return {
        "filename": name or "file",
        "extension": PurePosixPath(name).suffix or ".bin",
        "mime_type": mime or "application/octet-stream",
    }


def _validate(variable: InputVariable, value: Any) -> Any:
    if value is None:
        if variable.required:
            raise InvalidInputs([f"{variable.variable} is required in input form"])
        value = variable.default
    if value is None:
        return None
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


def _validate_file(variable: InputVariable, value: Any) -> File | None:
    if value == "" and not variable.required:
        return None
    if not isinstance(value, Mapping):
        raise _refuse(variable, "a file")
    file = build_file(value)
    _check_allowed(variable, file)
    return file


def _validate_files(variable: InputVariable, value: Any) -> list[File]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise _refuse(variable, "a list of files")
    if variable.max_length and len(value) > variable.max_length:
        raise InvalidInputs([f"Number of files exceeds the maximum limit {variable.max_length}"])
    if not all(isinstance(item, Mapping) for item in value):
        raise _refuse(variable, "a list of files")
    files = [build_file(item) for item in value]
    for file in files:
        _check_allowed(variable, file)
    return files


def _check_allowed(variable: InputVariable, file: File) -> None:
    """Compare a file with what the start variable accepts; tool files always pass."""
    if file.transfer_method is TransferMethod.TOOL_FILE:
        return
    types = variable.allowed_file_types
    methods = variable.allowed_file_upload_methods
    extensions = {_dotted(extension) for extension in variable.allowed_file_extensions}
    allowed = not types or file.type in types
    if not allowed and FileType.CUSTOM in types:
        allowed = not extensions or _dotted(file.extension or "") in extensions
    if not allowed or (methods and file.transfer_method not in methods):
        raise InvalidInputs([f"File validation failed for file: {file.filename}"])


def _dotted(extension: str) -> str:
    return "." + extension.lower().removeprefix(".")


_CHECKS: Mapping[InputType, Callable[[InputVariable, Any], Any]] = {
    InputType.TEXT_INPUT: _validate_text,
    InputType.PARAGRAPH: _validate_text,
    InputType.SELECT: _validate_select,
    InputType.NUMBER: _validate_number,
    InputType.CHECKBOX: _validate_checkbox,
    InputType.JSON_OBJECT: _validate_json_object,
    InputType.FILE: _validate_file,
    InputType.FILE_LIST: _validate_files,
}
"""`external_data_tool` is not here: workflow runs do not handle it (dify-nodes 8.1)."""
