"""The parts of an http-request node's data: authorization, body, time-outs, pairs of texts."""

from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from schema.nodes.base import without_nulls
from schema.nodes.value_selector import ValueSelector
from schema.values.templates import Template


class AuthorizationType(StrEnum):
    """Whether a request is authorized."""

    NO_AUTH = "no-auth"
    API_KEY = "api-key"


class KeyType(StrEnum):
    """How the key becomes the value of a header."""

    BASIC = "basic"
    BEARER = "bearer"
    CUSTOM = "custom"


class AuthorizationConfig(BaseModel):
    """The key and its header."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: KeyType
    api_key: str
    """A template."""
    header: str = ""
    """`Authorization` if it is empty."""

    @model_validator(mode="before")
    @classmethod
    def _null_is_default(cls, data: object) -> object:
        return without_nulls(cls, data)


class Authorization(BaseModel):
    """How a request is authorized; without authorization there is no configuration."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: AuthorizationType
    config: AuthorizationConfig | None = None

    @model_validator(mode="before")
    @classmethod
    def _config_of_the_type(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        if data.get("type") == AuthorizationType.NO_AUTH:
            return {**data, "config": None}
        if not isinstance(data.get("config"), dict | AuthorizationConfig):
            raise ValueError("config should be a dict")
        return data


class BodyType(StrEnum):
    """What a request carries."""

    NONE = "none"
    FORM_DATA = "form-data"
    URLENCODED = "x-www-form-urlencoded"
    RAW_TEXT = "raw-text"
    JSON = "json"
    BINARY = "binary"


class BodyItem(BaseModel):
    """One field of a form, or the one content of every other body."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: str = ""
    """A template; so is `value`."""
    type: Literal["text", "file"]
    value: str = ""
    file: ValueSelector = ()
    """Selects the file, or the files, of an item of type `file`."""

    @model_validator(mode="before")
    @classmethod
    def _null_is_default(cls, data: object) -> object:
        return without_nulls(cls, data)


class Body(BaseModel):
    """What a request carries, by items."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: BodyType
    data: tuple[BodyItem, ...] = ()

    @field_validator("data", mode="before")
    @classmethod
    def _text_is_one_item(cls, value: object) -> object:
        """Read what old editors wrote: one text, or nothing at all."""
        if isinstance(value, str) and value:
            return [{"type": "text", "value": value}]
        return value or ()


class Timeout(BaseModel):
    """Seconds that the author grants; 0 is Dify's default."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    connect: int = Field(default=0, ge=0)
    read: int = Field(default=0, ge=0)
    write: int = Field(default=0, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _null_is_default(cls, data: object) -> object:
        return without_nulls(cls, data)


class Pair(NamedTuple):
    """A key and its value as the author wrote them, both templates."""

    key: str
    value: str


@lru_cache(maxsize=4096)
def parsed(text: str) -> Template:
    """Split a template once: a node's are rendered at every run."""
    return Template.parse(text)


def split_pairs(text: str) -> Iterator[Pair]:
    r"""Split lines of `key:value` at their first colon; blank lines say nothing.

    Example:
        >>> list(split_pairs("a: 1\n\nb"))
        [Pair(key='a', value='1'), Pair(key='b', value='')]
    """
    for line in text.split("\n"):
        if line.strip():
            key, _, value = line.partition(":")
            yield Pair(key.strip(), value.strip())
