"""Everything of a run that survives continue-as-new; pure.

The interpreter changes it, the ledger's facts are not part of it: a snapshot is taken only when
every fact is in the log.
"""

from dataclasses import asdict, dataclass, field

from schema.facts import NodeStarted
from schema.runs import RunInput, Snapshot
from workflows.run_outputs import RunOutputs
from workflows.scheduler import Scheduler
from workflows.variable_pool import VariablePool


@dataclass
class Counters:
    """What the run's record counts."""

    index: int = 0
    """Nodes started, for the order of start."""
    steps: int = 0
    """Started tries, retries included (dify-nodes 2.9)."""
    exceptions: int = 0
    """Failed tries, also those that were retried or absorbed (dify-nodes 2.6)."""
    tokens: int = 0


@dataclass
class RunState:
    """The state of a run between two turns of its loop."""

    scheduler: Scheduler
    pool: VariablePool
    active_left: float
    """Seconds that the run may still be active."""
    outputs: RunOutputs = field(default_factory=RunOutputs)
    counters: Counters = field(default_factory=Counters)
    attempts: dict[str, int] = field(default_factory=dict)
    """Number of the latest try, by node id."""
    deferred: dict[str, NodeStarted] = field(default_factory=dict)
    """Tries that were launched and sent back unstarted, by node id: they are counted already."""
    paused: bool = False
    pause_announced: bool = False
    """Whether the log says that the run is paused: it has come to rest."""
    pause_reason: str = ""
    pauses: int = 0
    """Pauses and resumptions applied; activities are told, so that a late pause defers them."""
    answered: dict[str, None] = field(default_factory=dict)
    """Ids of commands that have their answer, in order."""

    @classmethod
    def of_run(cls, run_input: RunInput) -> "RunState":
        """Begin a run, or go on with one that continued as new."""
        graph, snapshot = run_input.plan.graph, run_input.resume
        if snapshot is None:
            return cls(
                scheduler=Scheduler.start(graph),
                pool=VariablePool.of_run(run_input),
                active_left=run_input.policy.active_timeout,
            )
        return cls(
            scheduler=Scheduler.restore(graph, snapshot),
            pool=VariablePool.restore(run_input, snapshot.variables),
            active_left=snapshot.active_seconds_left,
            outputs=RunOutputs.restore(snapshot.outputs),
            counters=Counters(**snapshot.counters),
            attempts=dict(snapshot.attempts),
            deferred={
                node_id: NodeStarted.model_validate(begun)
                for node_id, begun in snapshot.deferred.items()
            },
            paused=snapshot.paused,
            pause_announced=snapshot.pause_announced,
            pause_reason=snapshot.pause_reason,
            pauses=snapshot.pauses,
            answered=dict.fromkeys(snapshot.applied_commands),
        )

    def snapshot(self, facts: int) -> Snapshot:
        """Give the state at a quiescent moment, when that many facts were told."""
        return Snapshot(
            traversal=self.scheduler.traversal.snapshot(),
            ready=self.scheduler.ready,
            predecessors=self.scheduler.predecessors,
            variables=self.pool.snapshot(),
            outputs=self.outputs.snapshot(),
            counters=asdict(self.counters),
            attempts=self.attempts,
            deferred={node_id: begun.model_dump() for node_id, begun in self.deferred.items()},
            paused=self.paused,
            pause_announced=self.pause_announced,
            pause_reason=self.pause_reason,
            pauses=self.pauses,
            applied_commands=tuple(self.answered),
            facts=facts,
            active_seconds_left=self.active_left,
        )
