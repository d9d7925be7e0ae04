"""The wire between worker and child: what goes in comes out, and nothing broken is accepted."""

import io
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.sandbox.frames import (
    PIECE_BYTES,
    PRINTED_BYTES,
    RESULT_HEADER_BYTES,
    BrokenMessage,
    FrameDecoder,
    JobReader,
    JobWriter,
    Kind,
    encode_end,
    encode_header,
    encode_part,
    encode_pieces,
)


def job(*parts: tuple[str, bytes]) -> bytes:
    frames = [encode_header({"source": "\ud800"})]
    for name, content in parts:
        frames += [encode_part(name, {}), *encode_pieces(content)]
    return b"".join([*frames, encode_end()])


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES, 3 * PIECE_BYTES + 7])
def test_parts_of_a_job_come_out_as_they_went_in(size: int) -> None:
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)

    reader = JobReader(io.BytesIO(job(("a", content), ("b", b"")) + b"what follows"))

    assert reader.header == {"source": "\ud800"}
    assert list(reader.parts()) == [("a", content), ("b", b"")]


@given(st.integers(1, 50))
def test_frames_are_whole_however_the_bytes_are_cut(step: int) -> None:
    out = io.BytesIO()
    writer = JobWriter(out)
    writer.begin({"ok": True})
    writer.part("a", {"type": "string"}, [b"12", b"", b"3"], size=3)
    writer.end("printed")
    message, decoder = out.getvalue(), FrameDecoder()

    frames = [
        frame
        for start in range(0, len(message), step)
        for frame in decoder.feed(message[start : start + step])
    ]

    assert [frame.kind for frame in frames] == [
        *(Kind.HEADER, Kind.PART, Kind.PIECE, Kind.PIECE, Kind.PRINTED, Kind.END)
    ]
    assert frames[1].json() == {"name": "a", "meta": {"type": "string"}}
    assert frames[2].payload + frames[3].payload == b"123"


@pytest.mark.parametrize("cut", [0, 3, 10, -1, -6])
def test_job_that_ends_too_early_is_refused(cut: int) -> None:
    with pytest.raises(BrokenMessage):
        list(JobReader(io.BytesIO(job(("a", b"12345"))[:cut])).parts())


@pytest.mark.parametrize(
    "message",
    [
        struct.pack("!BI", 9, 0),
        struct.pack("!BI", Kind.PIECE, PIECE_BYTES + 1),
        struct.pack("!BI", Kind.HEADER, RESULT_HEADER_BYTES + 1),
    ],
)
def test_frame_of_no_kind_or_too_long_is_refused_by_its_prefix(message: bytes) -> None:
    with pytest.raises(BrokenMessage):
        FrameDecoder().feed(message)


@pytest.mark.parametrize("payload", [b"", b"[", b"[1]", b"\xff", b"[" * 60_000, b"1" * 60_000])
def test_header_that_is_no_object_is_refused(payload: bytes) -> None:
    message = struct.pack("!BI", Kind.HEADER, len(payload)) + payload

    (frame,) = FrameDecoder().feed(message)

    with pytest.raises(BrokenMessage):
        frame.json()


def test_result_header_may_not_outgrow_what_the_worker_parses() -> None:
    writer = JobWriter(io.BytesIO())

    with pytest.raises(ValueError, match="longer than 65536"):
        writer.begin({"error": "x" * RESULT_HEADER_BYTES})


def test_size_that_is_not_true_is_noticed() -> None:
    with pytest.raises(ValueError, match="has 2 bytes, not 3"):
        JobWriter(io.BytesIO()).part("a", {}, [b"12"], size=3)


def test_only_the_end_of_what_was_printed_is_sent() -> None:
    out = io.BytesIO()

    JobWriter(out).end("x" * PRINTED_BYTES + "\ud800end")

    (printed, _) = FrameDecoder().feed(out.getvalue())
    assert len(printed.payload) == PRINTED_BYTES
    assert printed.payload.endswith(b"?end")
    assert json.dumps(printed.payload.decode())
