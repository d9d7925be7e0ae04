"""What is installed, reachable or misconfigured on this machine, and what to do about it.

Returns data; `holdfast doctor` shows it. Nothing is started, built or changed by looking.
"""

import asyncio
import os
import platform
import shutil
import sqlite3
import sys
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.envconfig import ClientConfig
from temporalio.service import ConnectConfig, RPCError, ServiceClient

from activities.sandbox.fork_server_sandbox import REMEDY as ISOLATION_REMEDY
from activities.sandbox.fork_server_sandbox import ForkServerSandbox
from schema.db.artifacts import ArtifactFiles
from schema.errors import ArtifactStoreUnavailable, IsolationMissing, SetupError
from schema.key_file import KeyFile, parse_setting
from schema.search_attributes import SEARCH_ATTRIBUTES
from schema.settings import Settings
from schema.version import VERSION
from workers.data_directory import DataDirectory
from workers.dev_server import is_ready
from workers.file_lock import is_locked
from workers.sandbox_setup import sandbox_options
from workers.server_binary import MODULE, REMEDY, BinaryCache, DevServerBinary, from_path
from workers.server_record import read_record

PROBE_SECONDS = 5

_LIBRARIES = ("temporalio", "pydantic", "sqlalchemy", "fastapi")


class CheckState(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: CheckState
    detail: str
    """What was found, in a few words."""
    remedy: str | None = None
    """The one thing to do; None when all is well."""


async def examine(settings: Settings) -> list[Check]:
    """Look at everything that a run needs; bounded by a few seconds a check."""
    checks = [_versions(), _data_directory(settings), _worker(settings)]
    if settings.temporal_address is None:
        checks += [_embedded_server(settings), await _server_program(settings)]
    else:
        checks.append(await _external_server(settings))
    checks += [
        await _database(settings),
        await _artifacts(settings),
        _secret_keys(settings),
        _requests(settings),
        await _sandbox(settings),
    ]
    return checks


def _ok(name: str, detail: str) -> Check:
    return Check(name, CheckState.OK, detail)


def _warning(name: str, detail: str, remedy: str) -> Check:
    return Check(name, CheckState.WARNING, detail, remedy)


def _problem(name: str, detail: str, remedy: str) -> Check:
    return Check(name, CheckState.PROBLEM, detail, remedy)


def _versions() -> Check:
    libraries = ", ".join(f"{name} {metadata.version(name)}" for name in _LIBRARIES)
    python = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    detail = f"Holdfast {VERSION}, {python}, {libraries}"
    if sys.platform == "win32":
        return _problem("versions", detail, "use WSL2: file locks need a Unix")
    return _ok("versions", detail)


def _data_directory(settings: Settings) -> Check:
    name, home = "data directory", settings.home
    if not _is_writable(home):
        return _problem(name, f"{home} cannot be written", "make it writable or set HOLDFAST_HOME")
    directory = DataDirectory(home)
    owner = directory.version()
    if owner is None:
        return _ok(name, f"{home}, not used yet")
    if owner != VERSION:
        remedy = "end the processes of that version; the next command takes the directory over"
        return _warning(name, f"{home} was used by Holdfast {owner} last", remedy)
    return _ok(name, str(home))


def _worker(settings: Settings) -> Check:
    alive = is_locked(DataDirectory(settings.home).lock_file("worker"))
    return _ok("worker", "running" if alive else "none; `holdfast run` brings its own")


def _embedded_server(settings: Settings) -> Check:
    name, directory = "Temporal server", DataDirectory(settings.home)
    record = read_record(directory.server_file)
    if record is None or not is_locked(directory.lock_file("server")):
        return _ok(name, "embedded, not running; started when a command needs it")
    if is_ready(record):
        return _ok(name, f"embedded, running at {record.address}, Web UI {record.ui_url}")
    return _problem(name, f"does not answer at {record.address}", f"read {directory.server_log}")


async def _server_program(settings: Settings) -> Check:
    name = "Temporal program"
    ways = (await from_path(_silent), await BinaryCache(settings.cache).find(_silent))
    for found in ways:
        if isinstance(found, DevServerBinary):
            return _ok(name, f"{found.path} ({found.source})")
    if settings.download:
        detail = "not here yet; the first command downloads it, or builds it with Go"
        if shutil.which("go") is None:
            detail = "not here yet; the first command downloads it, and there is no Go without net"
        return _warning(name, detail, REMEDY)
    if shutil.which("go") is not None and MODULE.exists():
        return _warning(name, "not here yet; the first command builds it with Go", REMEDY)
    return _problem(name, "none, no Go, and downloads are switched off", REMEDY)


async def _external_server(settings: Settings) -> Check:
    name, address = "Temporal server", settings.temporal_address
    given = ClientConfig.load_client_connect_config(
        override_env_vars=dict(settings.temporal_environment)
    )
    config = ConnectConfig(
        str(address),
        api_key=given.get("api_key"),
        tls=given.get("tls", False),
        rpc_metadata=given.get("rpc_metadata", {}),
        connect_timeout=timedelta(seconds=PROBE_SECONDS),
    )
    namespace = settings.temporal_namespace
    try:
        async with asyncio.timeout(2 * PROBE_SECONDS):
            client = await ServiceClient.connect(config)
            await client.workflow_service.describe_namespace(
                DescribeNamespaceRequest(namespace=namespace)
            )
            known = await client.operator_service.list_search_attributes(
                ListSearchAttributesRequest(namespace=namespace)
            )
    except (RPCError, RuntimeError, TimeoutError) as error:
        reason = str(error) or "no answer"
        return _problem(name, f"{address}: {reason}", "check TEMPORAL_ADDRESS and the namespace")
    missing = sorted(SEARCH_ATTRIBUTES.keys() - known.custom_attributes.keys())
    if missing:
        options = " ".join(f"--name {each} --type {SEARCH_ATTRIBUTES[each]}" for each in missing)
        remedy = f"temporal operator search-attribute create --namespace {namespace} {options}"
        return _problem(name, f"{address} lacks search attributes", remedy)
    return _ok(name, f"{address}, namespace {namespace}")


async def _database(settings: Settings) -> Check:
    name = "database"
    if settings.database_url is None:
        return _sqlite(name, settings.database_file)
    # SQLAlchemy's driver name in the scheme means nothing to the driver itself.
    url = urlsplit(settings.database_url)
    address = f"{url.hostname}:{url.port or 5432}{url.path}"
    plain = url._replace(scheme=url.scheme.partition("+")[0]).geturl()
    try:
        connection = await psycopg.AsyncConnection.connect(plain, connect_timeout=PROBE_SECONDS)
        await connection.close()
    except psycopg.Error as error:
        return _problem(name, f"{address}: {error}".strip(), "check DATABASE_URL and the server")
    return _ok(name, f"PostgreSQL at {address}")


def _sqlite(name: str, file: Path) -> Check:
    if not file.exists():
        return _ok(name, f"SQLite {sqlite3.sqlite_version}, {file}, not made yet")
    try:
        connection = sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        finally:
            connection.close()
    except sqlite3.Error as error:
        return _problem(name, f"{file}: {error}", "restore the file from a backup, or move it away")
    return _ok(name, f"SQLite {sqlite3.sqlite_version}, {file}")


async def _artifacts(settings: Settings) -> Check:
    name, location = "artifact store", settings.artifacts_location
    if "://" in location:
        try:
            await ArtifactFiles(location).size_of("doctor", "0" * 64)
        except (ArtifactStoreUnavailable, SetupError) as error:
            return _problem(name, f"{location}: {error}", "see docs/settings.md, artifact store")
        return _ok(name, f"{location} answers")
    if not _is_writable(Path(location)):
        return _problem(name, f"{location} cannot be written", "make it writable")
    return _ok(name, location)


def _secret_keys(settings: Settings) -> Check:
    name, file = "secret keys", KeyFile(settings.secret_keys_file)
    try:
        if settings.secret_keys is not None:
            keys, place = parse_setting(settings.secret_keys), "HOLDFAST_SECRET_KEYS"
        elif file.path.exists():
            keys, place = file.read(), str(file.path)
        else:
            return _ok(name, f"{file.path}, not made yet")
    except SetupError as error:
        return _problem(name, str(error), "see there")
    others = f", {len(keys) - 1} older" if len(keys) > 1 else ""
    return _ok(name, f"{place}, current {keys[0].id}{others}")


async def _sandbox(settings: Settings) -> Check:
    name = "sandbox"
    extras = ", network allowed" if settings.sandbox_network else ""
    if settings.sandbox == "limits-only":
        remedy = "unset HOLDFAST_SANDBOX unless you trust all user code"
        return _warning(name, f"switched to limits only{extras}", remedy)
    sandbox = ForkServerSandbox(sandbox_options(settings, isolation_required=True))
    try:
        isolation = await sandbox.wait_until_available()
    except IsolationMissing:
        reasons = "; ".join(dict.fromkeys(sandbox.rejected.values()))
        return _warning(name, f"limits only{extras} ({reasons})", ISOLATION_REMEDY)
    finally:
        await sandbox.close()
    missing = next(iter(sandbox.rejected.values()), "")
    return _ok(name, f"{isolation.name}{extras}" + (f" ({missing})" if missing else ""))


def _requests(settings: Settings) -> Check:
    """Say where requests of authors may go, and who has to see to it."""
    name = "requests of authors"
    allowed = ", ".join(settings.allowed_addresses)
    detail = f"public addresses, and {allowed}" if allowed else "public addresses only"
    proxies = sorted({_address_of(p) for p in (settings.http_proxy, settings.https_proxy) if p})
    if not proxies:
        return _ok(name, detail)
    remedy = (
        "let the proxy itself refuse private, loopback, link-local and metadata addresses: it "
        "resolves the names, so only names and literal addresses are checked here"
    )
    return _warning(name, f"{detail}, through {', '.join(proxies)}", remedy)


def _address_of(url: str) -> str:
    """Give a URL's host and port, without its password."""
    return urlsplit(url).netloc.rpartition("@")[2]


def _is_writable(path: Path) -> bool:
    """Whether the folder, or the nearest one above it that exists, can be written."""
    while not path.exists():
        path = path.parent
    return path.is_dir() and os.access(path, os.W_OK | os.X_OK)


def _silent(_text: str) -> None:
    """Take no notice of progress."""
