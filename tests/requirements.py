"""What Holdfast promises: the invariants, and the behaviour that a user sees.

A test proves an invariant by its name (`test_inv_07_...`) and a behaviour by the mark
`@requirement("run:detach")`. What nothing proves yet stands in a table of its own with the reason;
tests/unit/test_requirements.py keeps both complete.
"""

from collections.abc import Mapping

import pytest

requirement = pytest.mark.requirement

INVARIANTS: Mapping[int, str] = {
    1: "Workflow code is deterministic and each activation is bounded.",
    2: "What cannot run is refused before a workflow starts.",
    3: "Facts leave a workflow in inputs of activities only, once each and without a gap.",
    4: "A returned digest equals the workflow's own, also on replay.",
    5: "The first terminal state wins and every writer obeys it.",
    6: "Each command is answered exactly once, also one that meets the end of its run.",
    7: "Every activity runs in the one wrapper; a recorded outcome is returned, not repeated.",
    8: "Results, errors and heartbeats are bounded before Temporal sees them.",
    9: "No outage of any length fails a run by itself.",
    10: "An effect starts at most three times and never after its outcome is recorded.",
    11: "Every activity heartbeats and can be stopped; every wait and retry has a bound.",
    12: "One module writes the log; the log rebuilds all that a client may see.",
    13: "No transaction spans I/O; a start is acknowledged when its row is committed.",
    14: "What a client sees does not depend on the process that serves it.",
    15: "Large values travel as references and arrive byte for byte.",
    16: "One encoder keeps every value: 1 and 1.0, surrogates, NUL, NaN, very long integers.",
    17: "Secrets are references outside activities and appear nowhere.",
    18: "Texts of authors never become SQL, file names, headers or ids unescaped.",
    19: "Sandboxed code reaches nothing that is not its own and ends within its limits.",
    20: "Every address that an author controls passes the guard.",
    21: "Every object is looked up through its tenant.",
    22: "Imports go downhill and nothing grows beyond its size.",
}

DEFERRED_INVARIANTS: Mapping[int, str] = {}
"""Of 21 this version shows the part that it has: look-up by tenant."""

REQUIREMENTS: Mapping[str, str] = {
    "readme:commands": "Every command of the README works as it is written there.",
    "examples:results": "Every example gives the results that its folder states.",
    "run:outputs": "A run shows its nodes as they end, then outputs, time, id and Web UI link.",
    "run:inputs": "Inputs come as texts, JSON, files or one document; unknown ones are named.",
    "run:files": "Files are inputs and go with messages, by path or URL, and come out whole.",
    "run:raw-inputs": "Raw inputs start the graph as they are, with the start node's own checks.",
    "run:environment": "An environment variable can be set, also a secret one, from a file too.",
    "run:json": "With --json one object is printed, by the schema of results.",
    "run:exit-codes": "The exit status says how a run ended.",
    "run:refusal": "A definition or input that cannot run is refused by name, with status 2.",
    "run:detach": "Ctrl-C leaves a run, which goes on where somebody works for it.",
    "run:takeover": "A command that waits starts to work as soon as nobody else does.",
    "run:stop-on-interrupt": "With --stop-on-interrupt Ctrl-C stops the run.",
    "run:pause": "A run can be paused and resumed, from anywhere.",
    "run:stop": "A run can be stopped and keeps its partial results.",
    "run:records": "What ran can be listed, shown and read fact by fact, and deleted.",
    "secrets:nowhere": "A secret reaches whom it is for, and stays in no record, log or output.",
    "secrets:keys": "Keys of secrets can be listed and replaced.",
    "secrets:validate": "What an author wrote that is secret is listed, and left out of the plan.",
    "up:health": "Health endpoints say whether a worker lives and works.",
    "up:small-run": "While `up` is alive `run` loads little, so that it starts fast.",
    "up:drain": "SIGTERM lets what runs finish and ends in good order.",
}

DEFERRED: Mapping[str, str] = {}
