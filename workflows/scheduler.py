"""Which nodes are ready, in which order (dify-nodes 2.1, 2.2); pure.

The bookkeeping of edges is `schema/traversal.py`, which the response stream uses too; here is the
ready queue of a living run. A target joins the back of the queue when its last edge is decided, a
retried node when its time has come.
"""

from collections import deque
from collections.abc import Iterable, Mapping

from schema.plan import PlanGraph
from schema.runs import Snapshot
from schema.traversal import Leave, Traversal


class Scheduler:
    """The ready queue over one graph of a plan."""

    def __init__(
        self, traversal: Traversal, ready: Iterable[str], predecessors: Mapping[str, str]
    ) -> None:
        self.traversal = traversal
        self._ready: deque[str] = deque(ready)
        self.predecessors = dict(predecessors)
        """The node whose edge made a node ready, by that node's id."""

    @classmethod
    def start(cls, graph: PlanGraph) -> "Scheduler":
        """Begin a run: the active root alone is ready."""
        return cls(Traversal(graph), [graph.root], {})

    @classmethod
    def restore(cls, graph: PlanGraph, snapshot: Snapshot) -> "Scheduler":
        """Go on where a snapshot was taken."""
        traversal = Traversal(graph, snapshot.traversal)
        return cls(traversal, snapshot.ready, snapshot.predecessors)

    @property
    def ready(self) -> tuple[str, ...]:
        """Ids of ready nodes, front first."""
        return tuple(self._ready)

    @property
    def has_ready(self) -> bool:
        """Whether a node waits to be launched."""
        return bool(self._ready)

    def take(self) -> str:
        """Give the node at the front; it runs now."""
        node_id = self._ready.popleft()
        self.traversal.mark_running(node_id)
        return node_id

    def requeue(self, node_id: str) -> None:
        """Put a node at the back: a retry, a deferred or a resolved node."""
        self.traversal.mark_ready(node_id)
        self._ready.append(node_id)

    def settle(self, node_id: str, leave: Leave | str) -> None:
        """Decide a finished node's outgoing edges and queue what became ready."""
        for target in self.traversal.settle(node_id, leave).ready:
            self.predecessors[target] = node_id
            self._ready.append(target)
