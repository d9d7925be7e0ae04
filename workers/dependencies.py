"""What a process works with, made from its settings: records, artifacts and the Temporal client.

Opened once by a command and closed by it. Where the server and the data directory come from is
`workers/stack.py`.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.service import GrpcCompression

from schema.db.artifacts import ArtifactFiles
from schema.db.engine import Database, open_database
from schema.db.event_log import EventLog
from schema.errors import TemporalUnavailable
from schema.key_file import KeyFile, KeySource
from schema.runs import Queues
from schema.settings import Settings
from workers.stack import StackAddresses
from workers.temporal_runtime import temporal_runtime
from workflows.client import GraphRunClient
from workflows.payloads import build_data_converter

_LOOPBACK = ("127.0.0.1:", "localhost:", "[::1]:")


@dataclass(frozen=True)
class Records:
    """Everything that is kept: rows, facts and large values."""

    database: Database
    log: EventLog
    artifacts: ArtifactFiles
    keys: KeySource
    """Of the secrets of runs."""


@dataclass(frozen=True)
class Dependencies(Records):
    """Everything that running a graph needs."""

    settings: Settings
    temporal: Client
    runs: GraphRunClient
    queues: Queues = field(default_factory=Queues)


@contextlib.asynccontextmanager
async def open_records(settings: Settings) -> AsyncIterator[Records]:
    """Open the records of a data directory, or of `DATABASE_URL`; no connection is made yet.

    Raises:
        SetupError: If a setting names no database or store.
    """
    url = settings.database_url or f"sqlite:///{settings.database_file}"
    database = open_database(url, settings.sqlite_synchronous)
    log = EventLog(database)
    keys = KeySource(KeyFile(settings.secret_keys_file), settings.secret_keys)
    try:
        yield Records(database, log, ArtifactFiles(settings.artifacts_location), keys)
    finally:
        await log.close()
        await database.close()


@contextlib.asynccontextmanager
async def open_dependencies(
    settings: Settings, addresses: StackAddresses
) -> AsyncIterator[Dependencies]:
    """Open everything, and connect to Temporal.

    Raises:
        SetupError: If a setting names no database or store.
        TemporalUnavailable: If the server does not answer.
    """
    async with open_records(settings) as records:
        temporal = await connect(settings, addresses, records.artifacts)
        yield Dependencies(
            database=records.database,
            log=records.log,
            artifacts=records.artifacts,
            keys=records.keys,
            settings=settings,
            temporal=temporal,
            runs=GraphRunClient(temporal),
        )


async def connect(
    settings: Settings, addresses: StackAddresses, artifacts: ArtifactFiles
) -> Client:
    """Connect to Temporal with the one data converter.

    Raises:
        TemporalUnavailable: If the server does not answer.
    """
    given = ClientConfig.load_client_connect_config(
        disable_file=addresses.is_embedded,
        override_env_vars={} if addresses.is_embedded else dict(settings.temporal_environment),
    )
    is_near = addresses.temporal_address.startswith(_LOOPBACK)
    try:
        return await Client.connect(
            addresses.temporal_address,
            namespace=addresses.namespace,
            api_key=given.get("api_key"),
            tls=given.get("tls"),
            rpc_metadata=given.get("rpc_metadata", {}),
            data_converter=build_data_converter(artifacts),
            # On one machine compression costs more than it saves.
            grpc_compression=GrpcCompression.NONE if is_near else GrpcCompression.GZIP,
            runtime=temporal_runtime(),
        )
    except RuntimeError as error:  # what the SDK raises on no connection
        raise TemporalUnavailable(
            f"The Temporal server at {addresses.temporal_address} does not answer ({error}); "
            "check TEMPORAL_ADDRESS, or unset it to use an embedded server."
        ) from error
