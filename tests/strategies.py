"""Hypothesis strategies for values, small enough to run often and nasty where values are nasty."""

import string

from hypothesis import strategies as st

from schema.values.artifact_ref import ArtifactRef
from schema.values.encoding import TAG
from schema.values.files import File, FileType, TransferMethod
from schema.values.secret_ref import SecretRef
from schema.values.segments import Segment

texts = st.one_of(
    st.text(max_size=8),
    # Lone surrogates, NUL, control characters.
    st.text(st.characters(min_codepoint=0, max_codepoint=0x10FFFF, categories=None), max_size=4),
    st.sampled_from(["\ud800", "\udfff\x00", "\x00", "\x7f", "\u2028", "1", "true", "n.s"]),
)
integers = st.one_of(
    st.integers(),
    # Longer ones are tested by hand: Python cannot show them when an example fails.
    st.sampled_from([400, 599, 600, 641, 4_000]).map(lambda digits: 10**digits),
    st.sampled_from([400, 599, 600, 641, 4_000]).map(lambda digits: 1 - 10**digits),
)
floats = st.floats(allow_nan=True, allow_infinity=True)
scalars = st.one_of(st.none(), st.booleans(), integers, floats, texts)
keys = st.one_of(st.text(max_size=4), st.sampled_from([TAG, "$$holdfast", "type", "value", ""]))


def _nested(leaves: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)
        ),
        max_leaves=12,
    )


json_values = _nested(scalars)
"""Anything an author's JSON can say, look-alikes of our tags among it."""

tag_lookalikes = st.fixed_dictionaries(
    {TAG: st.one_of(st.sampled_from(["file", "segment", "artifact", "secret", "object"]), scalars)},
    optional={"value": json_values, "type": scalars, "name": scalars},
)
"""Author's objects that try to be mistaken for ours."""

files = st.builds(
    File,
    type=st.sampled_from(FileType),
    transfer_method=st.sampled_from(TransferMethod),
    remote_url=st.none() | st.just("http://example.com/a"),
    reference=st.none() | texts,
    filename=st.none() | texts,
    extension=st.none() | st.text(string.ascii_letters, max_size=4).map(lambda text: f".{text}"),
    mime_type=st.none() | texts,
    size=st.integers(-1, 2**40),
)
artifact_refs = st.builds(
    ArtifactRef,
    sha256=st.text("0123456789abcdef", min_size=8, max_size=8),
    bytes=st.integers(0, 2**50),
    mime=st.just("application/json"),
    kind=st.sampled_from(["string", "object", "array[object]", "file"]),
    preview=texts,
    contents=st.lists(st.sampled_from(["ab", "cd"]), max_size=2).map(tuple),
)
secret_refs = st.builds(SecretRef, name=texts, masked=texts)
references = artifact_refs | secret_refs

plain_values = _nested(st.one_of(scalars, tag_lookalikes))
"""JSON values with tag look-alikes inside."""
values = _nested(
    st.one_of(
        scalars,
        tag_lookalikes,
        files,
        references,
        st.builds(Segment.infer, st.one_of(scalars, files, references, tag_lookalikes)),
    )
)
"""Everything that a variable, a fact or a payload can hold."""
