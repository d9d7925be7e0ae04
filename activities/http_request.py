"""The `http-request` node: one request of an author, guarded and bounded (dify-nodes 5.8)."""

import asyncio
import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from activities.base import Work, implements
from activities.tools.http_client import HttpClient, OutgoingRequest, Timeouts
from activities.tools.http_exchange import Answer, Exchange
from activities.tools.json_mending import mend_json
from activities.tools.request_bodies import streamed_templates
from activities.tools.request_content import PreparedContent, prepare
from activities.tools.request_draft import LargeText, RequestDraft
from activities.tools.request_rendering import check_method, render_request
from activities.tools.response_kind import DEFAULT_MIME, charset_of, describe_file, mime_of
from activities.tools.response_spool import SizeLimits, decode, decode_guessed, encode_text
from activities.tools.scratch import Scratch
from activities.values import SpooledValue, ValueReader
from schema.activities import NodeInput, NodeOutput
from schema.errors import NodeError, NotFound, RequestFailed
from schema.limits import ResultLimits
from schema.nodes.http_parts import BodyType, Timeout, parsed
from schema.nodes.http_request import HTTP_REQUEST, HttpRequestNodeData
from schema.values.artifact_ref import ArtifactRef, ArtifactStore
from schema.values.encoding import from_wire, to_wire
from schema.values.files import File
from schema.values.segments import Segment, SegmentType
from schema.values.variables import VariableKey, Variables

IDEMPOTENCY_HEADER = "Idempotency-Key"
_LEFT_BYTES = 1024 * 1024
"""A longer text or object that only a body shows goes there from the store, piece by piece."""


class HttpRequestActivities:
    """Requests made on behalf of a workflow's author."""

    def __init__(self, client: HttpClient, artifacts: ArtifactStore) -> None:
        self._client = client
        self._artifacts = artifacts

    @implements(HTTP_REQUEST)
    async def send(self, params: NodeInput, work: Work) -> NodeOutput:
        """Send the node's request and give what came back.

        Raises:
            NodeError: If it could not be made, sent or answered, or if its status is no success
                and the author has said what to do then.
        """
        data = params.node.data
        if not isinstance(data, HttpRequestNodeData):
            raise TypeError(f"{params.node.type} is no http-request")
        contents = _Contents(work.values)
        variables = await _variables(data, params, work)
        boundary = f"----holdfast{secrets.token_hex(16)}"
        draft = await render_request(
            data,
            variables,
            mend_json,
            boundary,
            lambda text: work.redactor.redact_text(text) != text,
        )
        with Scratch() as scratch:
            content = await prepare(draft.pieces, contents, scratch)
            record = {"request": to_wire(draft.log(content.size, content.file_sizes))}
            try:
                check_method(data)
                limits = ResultLimits.of(params.limits)
                exchange = Exchange(
                    SizeLimits(limits.http_text_bytes, limits.http_file_bytes),
                    scratch,
                    fails_on_status=data.fails_on_status,
                )
                answer = await exchange.make(self._client, _outgoing(data, draft, content, work))
                outputs = await self._outputs(answer, work)
            except NodeError as error:
                error.process_data = record
                raise
        return NodeOutput(outputs=outputs, process_data=record)

    async def _outputs(self, answer: Answer, work: Work) -> dict[str, Any]:
        body: Any = to_wire(Segment(SegmentType.STRING, ""))
        files: list[File] = []
        if answer.is_file:
            files.append(await self._stored(answer, work))
        else:
            body = await _text(answer)
        return {
            "status_code": to_wire(Segment(SegmentType.INTEGER, answer.status)),
            "body": body,
            "headers": to_wire(Segment(SegmentType.OBJECT, dict(answer.headers))),
            "files": to_wire(Segment(SegmentType.ARRAY_FILE, files)),
        }

    async def _stored(self, answer: Answer, work: Work) -> File:
        content, nonce = await work.redactor.redact_content(answer.received.content)
        mime, tenant_id = mime_of(answer.headers) or DEFAULT_MIME, work.run.tenant_id
        if isinstance(content, Path):
            stored = await self._artifacts.put_file(tenant_id, content, mime, "file", "")
        else:
            stored = await self._artifacts.put(tenant_id, content, mime, "file", "")
        file = describe_file(answer.headers, answer.url, stored.sha256, stored.bytes)
        return replace(file, sealed=nonce)


class _Contents:
    """Contents of values and files for a body: from the store, or from where a file is."""

    def __init__(self, values: ValueReader) -> None:
        self._values = values

    def stream_text(self, text: LargeText) -> AsyncIterator[bytes]:
        return self._values.stream(to_wire(Segment(text.type, text.reference)))

    async def whole_text(self, text: LargeText) -> str:
        return (await self._values.read(to_wire(Segment(text.type, text.reference)))).text

    async def stream_file(self, file: File) -> AsyncIterator[bytes]:
        try:
            async for piece in self._values.file(file):
                yield piece
        except (NotFound, NodeError) as error:
            name = file.filename or file.related_id or "without a name"
            raise RequestFailed(
                f"The file {name!r} cannot be fetched: {error}", "FileFetchError"
            ) from error


async def _variables(data: HttpRequestNodeData, params: NodeInput, work: Work) -> Variables:
    """Read what the node selects; what only its body shows, and is large, stays where it is."""
    left = _left_in_store(data)
    found: dict[VariableKey, Segment] = {}
    for node_id, name, wire in params.variables:
        value = from_wire(wire)
        is_left = isinstance(value, Segment) and value.type in left.get((node_id, name), ())
        if is_left and isinstance(value.value, ArtifactRef) and value.value.bytes > _LEFT_BYTES:
            found[node_id, name] = value
        else:
            found[node_id, name] = await work.values.read(wire)
    return Variables(found)


def _left_in_store(data: HttpRequestNodeData) -> Mapping[VariableKey, Iterable[SegmentType]]:
    """Name the variables that only the text of the body shows, and of which types they may be."""
    streamed = set(streamed_templates(data.body))
    is_json = data.body is not None and data.body.type is BodyType.JSON
    types = {SegmentType.OBJECT} if is_json else {SegmentType.OBJECT, SegmentType.STRING}
    elsewhere = {
        selector.key
        for text in data.templates()
        for selector in parsed(text).lookups
        if text not in streamed or selector.path
    }
    return {
        selector.key: types
        for text in streamed
        for selector in parsed(text).lookups
        if selector.key not in elsewhere
    }


def _outgoing(
    data: HttpRequestNodeData, draft: RequestDraft, content: PreparedContent, work: Work
) -> OutgoingRequest:
    headers = list(draft.headers.items())
    if work.idempotency_key and IDEMPOTENCY_HEADER.lower() not in {k.lower() for k, _ in headers}:
        headers.append((IDEMPOTENCY_HEADER, work.idempotency_key))
    return OutgoingRequest(
        method=draft.method,
        url=draft.url,
        params=draft.params,
        headers=tuple(headers),
        body=content if content.size else None,
        secret_headers=draft.secret_headers,
        has_secret_body=draft.has_secret_body,
        timeouts=_timeouts(data.timeout),
        verify=data.ssl_verify,
    )


def _timeouts(given: Timeout) -> Timeouts:
    default = Timeouts()
    return Timeouts(
        given.connect or default.connect, given.read or default.read, given.write or default.write
    )


async def _text(answer: Answer) -> Any:
    """Give the body as a value; a large one in a file."""
    charset, content = charset_of(answer.headers), answer.received.content
    if isinstance(content, bytes):
        text = decode(content, charset)
        if text is None:
            # Guessing takes its time.
            text = await asyncio.to_thread(decode_guessed, content)
        return to_wire(Segment(SegmentType.STRING, text))
    handle, name = tempfile.mkstemp(prefix="holdfast-text-")
    os.close(handle)
    await asyncio.to_thread(encode_text, content, Path(name), charset)
    return SpooledValue(SegmentType.STRING, Path(name))
