"""The check of a code node's result against its declared outputs (dify-nodes 5.6, 11.7).

It runs in the sandbox's child, which alone holds a large value, and again in the worker on what is
small. Texts of errors are Dify's. No pydantic.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from schema.errors import CodeFailed

Declared: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Output name to `{"type": …, "children": null or Declared}`."""

OUTPUT_TYPES = (
    "string",
    "number",
    "object",
    "boolean",
    "array[string]",
    "array[number]",
    "array[object]",
    "array[boolean]",
)
"""What an output of a code node may be declared as."""

_INVALID = "OutputValidationError"
_NOT_VALIDATED = "CodeNodeError"
_TOO_DEEP = "DepthLimitError"


@dataclass(frozen=True)
class OutputLimits:
    """How large what code returns may be; None is no limit."""

    string_characters: int | None = None
    largest_number: int | None = None
    """Also the bound downwards, with the other sign."""
    decimal_places: int | None = None
    depth: int | None = None
    """Levels of objects, the result itself among them."""
    number_items: int | None = None
    string_items: int | None = None
    object_items: int | None = None


def check_outputs(
    result: Mapping[str, Any], declared: Declared, limits: OutputLimits
) -> dict[str, Any]:
    """Give the outputs of a result, in the order of their declaration.

    Args:
        result: Plain JSON.
        declared: The node's outputs.
        limits: Of the profile.

    Raises:
        CodeFailed: With Dify's text and class, if something is not as declared.

    Example:
        >>> check_outputs({"n": True}, {"n": {"type": "number"}}, OutputLimits())
        {'n': 1}
    """
    return _Check(limits).declared(result, declared, "", 1)


class _Check:
    """One check; paths are dotted, as `obj.list[0].name`."""

    def __init__(self, limits: OutputLimits) -> None:
        self._limits = limits
        self._by_type: Mapping[str, Callable[[Any, Mapping[str, Any], str, int], Any]] = {
            "string": lambda value, _, path, depth: self._string(value, path),
            "number": lambda value, _, path, depth: self._number(value, path),
            "boolean": lambda value, _, path, depth: value,
            "object": self._object,
            "array[string]": self._strings,
            "array[number]": self._numbers,
            "array[object]": self._objects,
            "array[boolean]": self._booleans,
        }

    def declared(
        self, result: Mapping[str, Any], declared: Declared, prefix: str, depth: int
    ) -> dict[str, Any]:
        self._check_depth(depth)
        checked: dict[str, Any] = {}
        for name, output in declared.items():
            path = _join(prefix, name)
            if name not in result:
                raise CodeFailed(f"Output {path} is missing.", _INVALID)
            value = result[name]
            if value is not None:
                value = self._by_type[output["type"]](value, output, path, depth)
            checked[name] = value
        if len(checked) != len(result):
            raise CodeFailed("Not all output parameters are validated.", _NOT_VALIDATED)
        return checked

    def _check_depth(self, depth: int) -> None:
        most = self._limits.depth
        if most is not None and depth > most:
            raise CodeFailed(f"Depth limit {most} reached, object too deep.", _TOO_DEEP)

    def _string(self, value: Any, path: str) -> str:
        if not isinstance(value, str):
            raise CodeFailed(f"Output variable `{path}` must be a string", _INVALID)
        most = self._limits.string_characters
        if most is not None and len(value) > most:
            raise CodeFailed(
                f"The length of output variable `{path}` must be less than {most} characters",
                _INVALID,
            )
        return value.replace("\x00", "")

    def _number(self, value: Any, path: str) -> int | float:
        if not isinstance(value, int | float):
            raise CodeFailed(f"Output variable `{path}` must be a number", _INVALID)
        most = self._limits.largest_number
        if most is not None and not isinstance(value, bool) and abs(value) > most:
            raise CodeFailed(
                f"Output variable `{path}` is out of range, it must be between {-most} and {most}.",
                _INVALID,
            )
        places = self._limits.decimal_places
        if places is not None and isinstance(value, float) and _decimal_places(value) > places:
            raise CodeFailed(
                f"Output variable `{path}` has too high precision, it must be less than {places} "
                "digits.",
                _INVALID,
            )
        return int(value) if isinstance(value, bool) else value

    def _object(self, value: Any, output: Mapping[str, Any], path: str, depth: int) -> Any:
        if not isinstance(value, dict):
            raise _of_wrong_type(path, "an object", value)
        return self._inside(value, output, path, depth)

    def _inside(self, value: Any, output: Mapping[str, Any], path: str, depth: int) -> Any:
        """Check the fields of an object: as declared, or only that they are JSON of one kind."""
        children = output.get("children")
        if children is None:
            self._undeclared(value, path, depth + 1)
            return value
        return self.declared(value, children, path, depth + 1)

    def _strings(self, value: Any, _: Mapping[str, Any], path: str, depth: int) -> list[Any]:
        items = self._list(value, path, self._limits.string_items)
        return [None if i is None else self._string(i, f"{path}[{n}]") for n, i in enumerate(items)]

    def _numbers(self, value: Any, _: Mapping[str, Any], path: str, depth: int) -> list[Any]:
        items = self._list(value, path, self._limits.number_items)
        for index, item in enumerate(items):
            if not isinstance(item, int | float):
                raise CodeFailed(
                    f"The element at index {index} of output variable `{path}` must be a number.",
                    _INVALID,
                )
        return [int(item) if isinstance(item, bool) else item for item in items]

    def _objects(self, value: Any, output: Mapping[str, Any], path: str, depth: int) -> list[Any]:
        items = self._list(value, path, self._limits.object_items)
        for index, item in enumerate(items):
            if item is not None and not isinstance(item, dict):
                raise CodeFailed(
                    f"Output {path}[{index}] is not an object, got {type(item)} instead at index "
                    f"{index}.",
                    _INVALID,
                )
        return [
            None if item is None else self._inside(item, output, f"{path}[{index}]", depth)
            for index, item in enumerate(items)
        ]

    def _booleans(self, value: Any, _: Mapping[str, Any], path: str, depth: int) -> list[Any]:
        items = self._list(value, path, None)
        for index, item in enumerate(items):
            if item is not None and not isinstance(item, bool):
                raise _of_wrong_type(f"{path}[{index}]", "a boolean", item)
        return items

    def _list(self, value: Any, path: str, most: int | None) -> list[Any]:
        if not isinstance(value, list):
            raise _of_wrong_type(path, "an array", value)
        if most is not None and len(value) > most:
            raise CodeFailed(
                f"The length of output variable `{path}` must be less than {most} elements.",
                _INVALID,
            )
        return value

    def _undeclared(self, value: Any, prefix: str, depth: int) -> None:
        """Check an object whose fields nobody declared."""
        self._check_depth(depth)
        if not isinstance(value, dict):
            # Dify asks a list in a list for its fields and fails with just these words.
            raise CodeFailed(
                f"'{type(value).__name__}' object has no attribute 'items'", "WorkflowNodeError"
            )
        for name, item in value.items():
            path = _join(prefix, name)
            match item:
                case None:
                    pass
                case dict():
                    self._undeclared(item, path, depth + 1)
                case int() | float():
                    self._number(item, path)
                case str():
                    self._string(item, path)
                case list():
                    self._undeclared_list(item, path, depth)
                case _:
                    raise CodeFailed(f"Output {path} is not a valid type.", _INVALID)

    def _undeclared_list(self, items: list[Any], path: str, depth: int) -> None:
        """Check a list of one kind; one that begins with null is taken as it is."""
        first = items[0] if items else None
        if first is None:
            return
        kind = next((kind for kind in _KINDS if isinstance(first, kind)), None)
        if kind is None or not all(item is None or isinstance(item, kind) for item in items):
            raise CodeFailed(
                f"Output {path} is not a valid array. make sure all elements are of the same type.",
                _INVALID,
            )
        for index, item in enumerate(items):
            if item is None:
                continue
            place = f"{path}[{index}]"
            if kind is _NUMBERS:
                self._number(item, place)
            elif kind is str:
                self._string(item, place)
            else:
                self._undeclared(item, place, depth + 1)


_NUMBERS = (int, float)
_KINDS: tuple[Any, ...] = (_NUMBERS, str, dict, list)


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _of_wrong_type(path: str, wanted: str, value: Any) -> CodeFailed:
    return CodeFailed(f"Output {path} is not {wanted}, got {type(value)} instead.", _INVALID)


def _decimal_places(value: float) -> int:
    """Count the decimal places that a number is written with.

    Example:
        >>> _decimal_places(1e-25), _decimal_places(2.50), _decimal_places(1e+22)
        (25, 1, 0)
    """
    text = repr(value)
    mantissa, _, exponent = text.partition("e")
    fraction = mantissa.partition(".")[2].rstrip("0")
    return max(0, len(fraction) - int(exponent or 0)) if "n" not in text else 0
