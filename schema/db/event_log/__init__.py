"""The event log: the one reader and writer of the tables of runs (architecture 8).

Each transaction is a function in a module here; `log.py` puts them behind `EventLog`.
"""

from schema.db.event_log.log import EventLog
from schema.db.event_log.records import (
    ChunkAnswer,
    EffectAnswer,
    EffectDeferred,
    EffectRefused,
    EffectStart,
    Head,
    NodeExecution,
    Outcome,
    PurgeCounts,
    RecordedOutcome,
    RunFlags,
    RunRecord,
)

__all__ = [
    "ChunkAnswer",
    "EffectAnswer",
    "EffectDeferred",
    "EffectRefused",
    "EffectStart",
    "EventLog",
    "Head",
    "NodeExecution",
    "Outcome",
    "PurgeCounts",
    "RecordedOutcome",
    "RunFlags",
    "RunRecord",
]
