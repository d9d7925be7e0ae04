"""Files at URLs of authors and callers, through the address guard (dify-nodes 7.3).

Used by activities that need the content, and by whoever makes the row of a run to describe files.
"""

from collections.abc import AsyncIterator

import httpx

from activities.tools.content_decoding import decoded_pieces
from activities.tools.http_client import HttpClient, OutgoingRequest, Timeouts
from schema.errors import RequestFailed
from schema.values.remote_files import FileDescription, describe_response, describe_url

DESCRIBE_SECONDS = 10.0
"""How long the server of a file may take to say something."""
LARGEST_FILE_BYTES = 1024**3
"""As it is once decompressed."""
_OK = 200
_ASK_WITH_GET = frozenset({405, 501})


class GuardedFiles:
    """A `RemoteFiles` over the client of author-controlled URLs.

    Args:
        client: Sends the requests.
        largest_bytes: What one file may be at most.
    """

    def __init__(self, client: HttpClient, largest_bytes: int = LARGEST_FILE_BYTES) -> None:
        self._client = client
        self._largest_bytes = largest_bytes

    async def describe(self, url: str) -> FileDescription:
        """Ask with HEAD; with GET, whose body is not read, where HEAD is not allowed.

        A server that refuses to answer leaves the file to its URL: it is read when it is used.

        Raises:
            AddressRefused: If the guard does not let the request go.
            RequestFailed: If it could not be sent or was not answered.
        """
        status, described = await self._ask("HEAD", url)
        if status in _ASK_WITH_GET:
            status, described = await self._ask("GET", url)
        return described if status == _OK else describe_url(url)

    async def stream(self, url: str) -> AsyncIterator[bytes]:
        """Give the content in pieces.

        Raises:
            AddressRefused: If the guard does not let the request go.
            RequestFailed: If it could not be sent, or the answer is too large or none with a
                content.
        """
        size = 0
        try:
            async with self._client.send(OutgoingRequest("GET", url)) as response:
                if not response.is_success:
                    raise RequestFailed(f"The file at {url} gives status {response.status_code}.")
                async for piece in decoded_pieces(response):
                    size += len(piece)
                    if size > self._largest_bytes:
                        raise RequestFailed(
                            f"The file at {url} is larger than {self._largest_bytes:,} bytes."
                        )
                    yield piece
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RequestFailed(f"The file at {url} cannot be read: {error}") from error

    async def _ask(self, method: str, url: str) -> tuple[int, FileDescription]:
        request = OutgoingRequest(
            method,
            url,
            # What is compressed has another length than the file.
            headers=(("Accept-Encoding", "identity"),),
            timeouts=Timeouts(connect=DESCRIBE_SECONDS, read=DESCRIBE_SECONDS),
        )
        try:
            async with self._client.send(request) as response:
                return response.status_code, describe_response(url, response.headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RequestFailed(f"The file at {url} cannot be reached: {error}") from error
