"""What a client sees of a run: a pure function of its log, its plan and the values they name.

Facts are folded into Dify's events (dify-nodes 2.14, dify-api 8); nothing here is stored and
nothing does I/O. The semantics belong to `interp` 1. Used by whoever tails the log: the API and the
command line. `result.py` folds the same facts into the one object that says how a run went.
"""

from schema.response_stream.event import Event, is_after
from schema.response_stream.result import fold_result, references_of_result
from schema.response_stream.run_info import RunInfo
from schema.response_stream.source_order import surviving_facts
from schema.response_stream.stored_values import references_in
from schema.response_stream.stream import ResponseStream

__all__ = [
    "Event",
    "ResponseStream",
    "RunInfo",
    "fold_result",
    "is_after",
    "references_in",
    "references_of_result",
    "surviving_facts",
]
