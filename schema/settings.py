"""Every setting of Holdfast, read once from the environment; nothing else reads the environment.

A command builds one `Settings` and passes it on. The table in the documentation is generated from
the fields (`settings_table`), so a field's `description` is what users read.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from platformdirs import user_cache_path, user_data_path
from pydantic import AliasChoices, Field, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from schema.addresses import AddressList
from schema.limits import MAX_CODE_SECONDS, MAX_HTTP_SECONDS

PREFIX = "HOLDFAST_"


def _temporal_environment() -> dict[str, str]:
    # The one place of the project that may look at the environment itself.
    environment = os.environ  # noqa: TID251
    return {name: value for name, value in environment.items() if name.startswith("TEMPORAL_")}


class Settings(BaseSettings):
    """What the operator decided, frozen.

    Example:
        >>> Settings(home=Path("/srv/holdfast")).database_file
        PosixPath('/srv/holdfast/holdfast.db')
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", populate_by_name=True, env_ignore_empty=True
    )

    home: Path = Field(
        default_factory=lambda: user_data_path("holdfast"),
        description="Data directory: records, the embedded Temporal server, artifacts, logs.",
    )
    cache: Path = Field(
        default_factory=lambda: user_cache_path("holdfast"),
        description="Where a downloaded or built Temporal server is kept.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="WARNING", description="Least severe messages that are logged."
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="`text` for people, `json` for one object a line."
    )
    sandbox: Literal["auto", "limits-only"] = Field(
        default="auto",
        description="`auto` takes the strongest isolation of this machine; `limits-only` lets a "
        "worker run user code without isolation.",
    )
    sandbox_network: bool = Field(
        default=False,
        description="Whether code nodes may use the network, that of this machine included.",
    )
    code_seconds: float = Field(
        default=60.0,
        gt=0,
        le=MAX_CODE_SECONDS,
        description="Longest execution of a code node or a template, in seconds.",
    )
    code_packages: Path | None = Field(
        default=None,
        description="Virtual environment with the packages that code nodes may import; "
        "`code-packages` in the data directory without it.",
    )
    database_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("DATABASE_URL", "database_url"),
        repr=False,  # it may hold a password
        description="PostgreSQL for the records (`postgresql://…`); SQLite in the data directory "
        "without it.",
    )
    sqlite_synchronous: Literal["normal", "full"] = Field(
        default="normal",
        description="`full` keeps the last commits of both SQLite files through a power cut, at a "
        "third of the speed.",
    )
    secret_keys: str | None = Field(
        default=None,
        repr=False,
        description="Keys of the secrets in the records, `id:base64` of 32 bytes each, between "
        "commas; the first one encrypts, all decrypt. Without it `secret.keys` in the data "
        "directory, made when it is first needed. `holdfast keys new` prints one.",
    )
    artifacts: str | None = Field(
        default=None,
        description="Directory or URL (`s3://…`, `gs://…`, `az://…`) of the artifact store; "
        "`artifacts` in the data directory without it.",
    )
    temporal_address: str | None = Field(
        default=None,
        validation_alias=AliasChoices("TEMPORAL_ADDRESS", "temporal_address"),
        description="An existing Temporal server, `host:port`; no embedded one is started. Other "
        "`TEMPORAL_*` variables (API key, TLS, profile) are read as Temporal documents them.",
    )
    temporal_namespace: str = Field(
        default="default",
        validation_alias=AliasChoices("TEMPORAL_NAMESPACE", "temporal_namespace"),
        description="Namespace on that server.",
    )
    temporal_environment: Mapping[str, str] = Field(
        default_factory=_temporal_environment,
        exclude=True,
        repr=False,
        description="All `TEMPORAL_*` variables, as temporalio.envconfig's override_env_vars.",
    )
    download: bool = Field(
        default=True,
        description="Whether a missing Temporal server may be downloaded; `false` goes on to Go.",
    )
    keeper_idle_seconds: float = Field(
        default=60.0,
        ge=0,
        description="How long the embedded Temporal server lives on after its last user.",
    )
    api_host: str = Field(default="127.0.0.1", description="Address that the API listens on.")
    api_port: int = Field(default=8000, ge=0, le=65535, description="Port of the API.")
    health_port: int = Field(
        default=8001, ge=0, le=65535, description="Port of a worker's health endpoints."
    )
    drain_seconds: float = Field(
        default=30.0,
        ge=0,
        description="How long a worker that was asked to stop lets running activities finish.",
    )
    io_slots: int = Field(
        default=200,
        ge=1,
        description="Calls of models, tools and HTTP peers that a worker process makes at once.",
    )
    code_slots: int = Field(
        default=16,
        ge=1,
        description="Pieces of sandboxed work that a worker process does at once.",
    )
    allowed_addresses: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Hosts, addresses and networks (`api.internal,10.0.0.0/8`) that requests of "
        "authors may reach although they are private, loopback or link-local.",
    )
    http_proxy: str | None = Field(
        default=None,
        validation_alias=AliasChoices("HTTP_PROXY", "http_proxy"),
        repr=False,  # it may hold a password
        description="Forward proxy for `http://` requests of authors; it resolves their names, so "
        "it must refuse internal addresses itself.",
    )
    https_proxy: str | None = Field(
        default=None,
        validation_alias=AliasChoices("HTTPS_PROXY", "https_proxy"),
        repr=False,
        description="The same for `https://` requests.",
    )
    no_proxy: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        validation_alias=AliasChoices("NO_PROXY", "no_proxy"),
        description="Hosts, `.domains` and networks that are reached without a proxy; `*` for all.",
    )
    http_seconds: float = Field(
        default=600.0,
        gt=0,
        le=MAX_HTTP_SECONDS,
        description="How long one request of an author may take in all, however slowly its answer "
        "drips.",
    )
    corpus: Path | None = Field(
        default=None, description="Tests only: the folder of Dify exports to read."
    )
    require: Annotated[frozenset[str], NoDecode] = Field(
        default=frozenset(),
        description="Tests only: what may not be missing (`postgres,bubblewrap,corpus`); there a "
        "skip is a failure.",
    )

    kill_point: str | None = Field(
        default=None,
        description="Tests only: where this process is to be killed (`schema/kill_points.py`).",
    )

    @field_validator("require", mode="before")
    @classmethod
    def _split_names(cls, value: object) -> object:
        if isinstance(value, str):
            return frozenset(name.strip() for name in value.split(",") if name.strip())
        return value

    @field_validator("allowed_addresses", "no_proxy", mode="before")
    @classmethod
    def _split_list(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value

    @field_validator("allowed_addresses", mode="after")
    @classmethod
    def _checked(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        AddressList.parse(value)
        return value

    @field_validator("http_proxy", "https_proxy", mode="after")
    @classmethod
    def _proxy_url(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("a proxy is http://host:port or https://host:port")
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper_case(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("home", "cache", "code_packages", mode="after")
    @classmethod
    def _resolved(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().resolve()

    @property
    def database_file(self) -> Path:
        """The SQLite file of the records, used without `database_url`."""
        return self.home / "holdfast.db"

    @property
    def code_packages_location(self) -> Path:
        """Virtual environment of the packages for code nodes; it may not exist."""
        return self.code_packages or self.home / "code-packages"

    @property
    def secret_keys_file(self) -> Path:
        """The keys of the secrets in the records, used without `secret_keys`."""
        return self.home / "secret.keys"

    @property
    def artifacts_location(self) -> str:
        """Directory or URL of the artifact store."""
        return self.artifacts or str(self.home / "artifacts")


class SettingRow(NamedTuple):
    """One line of the settings table."""

    variable: str
    default: str
    description: str


def settings_table() -> list[SettingRow]:
    """List every setting by its environment variable, for the documentation and `doctor`.

    Example:
        >>> [row.default for row in settings_table() if row.variable == "HOLDFAST_API_PORT"]
        ['8000']
    """
    return [
        SettingRow(environment_variable(name), _default_text(name, field), field.description or "")
        for name, field in Settings.model_fields.items()
        if not field.exclude
    ]


def environment_variable(name: str) -> str:
    """Name the variable that sets a field.

    Example:
        >>> environment_variable("home"), environment_variable("database_url")
        ('HOLDFAST_HOME', 'DATABASE_URL')
    """
    alias = Settings.model_fields[name].validation_alias
    if isinstance(alias, AliasChoices):
        return str(alias.choices[0])
    return PREFIX + name.upper()


def _default_text(name: str, field: FieldInfo) -> str:
    if name in ("home", "cache"):
        return f"the user's {'data' if name == 'home' else 'cache'} directory"
    value = field.default
    if value is None or value in (frozenset(), ()):
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
