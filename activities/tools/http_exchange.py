"""A request and its answer, within bounds; what the network says becomes a failure of the node."""

from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from activities.tools.content_decoding import decoded_pieces
from activities.tools.http_client import HttpClient, OutgoingRequest, Timeouts
from activities.tools.response_kind import is_file
from activities.tools.response_spool import Received, SizeLimits, receive
from activities.tools.scratch import Scratch
from schema.errors import RequestFailed


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case; those that came several times are joined."""
    url: str
    """Where it came from, after redirects."""
    is_file: bool
    received: Received


class Exchange:
    """One request and its answer, with the errors of the network told as the node's.

    Args:
        limits: How large the answer may be.
        scratch: Where a large one goes; it must outlive the answer.
        fails_on_status: Whether an answer that is no success is a failure.
    """

    def __init__(self, limits: SizeLimits, scratch: Scratch, *, fails_on_status: bool) -> None:
        self._limits = limits
        self._scratch = scratch
        self._fails_on_status = fails_on_status

    async def make(self, client: HttpClient, request: OutgoingRequest) -> Answer:
        """Send the request and receive the answer.

        Raises:
            NodeError: If that failed.
        """
        try:
            async with client.send(request) as response:
                return await self._receive(response)
        except httpx.InvalidURL as error:
            # Dify lets this one pass as it is.
            raise RequestFailed(str(error), "WorkflowNodeError") from error
        except httpx.HTTPError as error:
            raise RequestFailed(_text_of(error, request.timeouts)) from error
        except UnicodeEncodeError as error:
            raise RequestFailed(
                "The URL or a parameter has characters that UTF-8 cannot carry.",
                "WorkflowNodeError",
            ) from error

    async def _receive(self, response: httpx.Response) -> Answer:
        if not response.is_success and self._fails_on_status:
            raise RequestFailed(
                f"Request failed with status code {response.status_code}", "HTTPResponseCodeError"
            )
        headers = {name.lower(): value for name, value in response.headers.items()}

        def is_file_by(sample: bytes) -> bool:
            return is_file(headers, sample)

        received = await receive(
            decoded_pieces(response),
            self._scratch,
            is_file_by,
            self._limits,
            _declared_size(headers),
        )
        return Answer(
            response.status_code,
            headers,
            str(response.url),
            is_file_by(received.sample),
            received,
        )


def _declared_size(headers: Mapping[str, str]) -> int | None:
    """Give the size that an answer says it has, unless it is compressed."""
    length = headers.get("content-length", "")
    return int(length) if length.isdecimal() and "content-encoding" not in headers else None


def _text_of(error: httpx.HTTPError, timeouts: Timeouts) -> str:
    """Give the client's text; time-outs have none of their own."""
    match error:
        case httpx.ConnectTimeout():
            return f"timed out: no connection within {timeouts.connect:g} s"
        case httpx.ReadTimeout():
            return f"timed out: no data came for {timeouts.read:g} s"
        case httpx.WriteTimeout():
            return f"timed out: no data could be sent for {timeouts.write:g} s"
        case _:
            return str(error) or type(error).__name__
