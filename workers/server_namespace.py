"""What Holdfast sets in an embedded Temporal server by RPC, again at every start.

The command line's own flags for both are useless: `--retention` is ignored, and so is
`--search-attribute` once the file exists. All calls here may be repeated.
"""

import asyncio
import time
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, UpdateNamespaceRequest
from temporalio.service import ConnectConfig, GrpcCompression, RPCError, ServiceClient

from schema.errors import TemporalUnavailable
from schema.search_attributes import SEARCH_ATTRIBUTES, SearchAttributeKind
from workers.temporal_runtime import temporal_runtime

NAMESPACE = "default"
"""The namespace that the dev server makes by itself."""

RETENTION = timedelta(days=30)
"""How long the server keeps histories of ended runs; our own records stay until `purge`."""

READY_SECONDS = 30.0
RETRY_SECONDS = 0.05

_KINDS: dict[SearchAttributeKind, IndexedValueType.ValueType] = {
    "Keyword": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "KeywordList": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
}


async def prepare_namespace(address: str) -> None:
    """Wait until the server answers, then set retention and search attributes.

    Raises:
        TemporalUnavailable: If it does not answer within `READY_SECONDS`.
    """
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            # No compression: the server is on this machine.
            config = ConnectConfig(
                address, grpc_compression=GrpcCompression.NONE, runtime=temporal_runtime()
            )
            await _prepare(await ServiceClient.connect(config))
            return
        except (RPCError, RuntimeError) as error:  # the SDK raises RuntimeError on no connection
            if time.monotonic() > deadline:
                raise TemporalUnavailable(
                    f"The Temporal server at {address} does not answer: {error}"
                ) from error
        await asyncio.sleep(RETRY_SECONDS)


async def _prepare(client: ServiceClient) -> None:
    workflows, operator = client.workflow_service, client.operator_service
    await workflows.describe_namespace(DescribeNamespaceRequest(namespace=NAMESPACE))
    retention = Duration()
    retention.FromTimedelta(RETENTION)
    await workflows.update_namespace(
        UpdateNamespaceRequest(
            namespace=NAMESPACE,
            config=NamespaceConfig(workflow_execution_retention_ttl=retention),
        )
    )
    await operator.add_search_attributes(
        AddSearchAttributesRequest(
            namespace=NAMESPACE,
            search_attributes={name: _KINDS[kind] for name, kind in SEARCH_ATTRIBUTES.items()},
        )
    )
