"""Documents made to hurt, each in a process of its own with bounds on time and memory."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path

import pytest

from tests.documents import a_document
from tests.factories import a_node, a_start, a_template, an_end

ROOT = Path(__file__).parents[3]
MEMORY_BYTES = 500 * 1024 * 1024
BASELINE_SECONDS = 1.0
"""What a document may take, on a machine as fast as this one usually is."""
PATIENCE = 4
"""The machine may be busy with other tests."""

PROGRAM = """
import json, resource, sys, time
from schema.dsl import compile_definition, read_definition
from schema.errors import InvalidDocument
data = sys.stdin.buffer.read()
started = time.process_time()
try:
    compilation = compile_definition(read_definition(data))
    result = {
        "codes": sorted({str(f.code) for f in compilation.findings}),
        "plan": compilation.plan is not None,
    }
except InvalidDocument as error:
    result = {"invalid": str(error)}
result["seconds"] = time.process_time() - started
result["bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
sys.stdout.write(json.dumps(result))
"""

LETTERS = "abcdefghi"


def billion_laughs() -> str:
    rows = ["a: &a [x,x,x,x,x,x,x,x,x,x]"]
    rows += [f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]" for a, b in pairwise(LETTERS)]
    return "\n".join(rows)


def merge_bomb() -> str:
    rows = ["a: &a {k: v}"]
    rows += [f"{b}: &{b} {{<<: [{','.join([f'*{a}'] * 10)}]}}" for a, b in pairwise(LETTERS)]
    return "\n".join(rows)


def quadratic() -> str:
    return f"a: &a {'x' * 100_000}\nb: [{','.join(['*a'] * 10_000)}]"


def chain(length: int) -> str:
    names = ["s", *(f"n{number}" for number in range(length)), "e"]
    nodes = [a_template(name, "{{ x }}", x=["s", "x"]) for name in names[1:-1]]
    return a_document([a_start("s", "x"), *nodes, an_end("e")], list(pairwise(names)))


def branches(number: int) -> str:
    cases = [
        {
            "case_id": f"case-{n}",
            "logical_operator": "and",
            "conditions": [
                {"variable_selector": ["s", "x"], "comparison_operator": "is", "value": str(n)}
            ],
        }
        for n in range(number)
    ]
    targets = [a_template(f"t{n}", "x") for n in range(number)]
    edges = [("b", f"t{n}", f"case-{n}") for n in range(number)]
    return a_document(
        [a_start("s", "x"), a_node("b", "if-else", cases=cases), *targets], [("s", "b"), *edges]
    )


def cycle() -> str:
    names = [f"n{number}" for number in range(1_000)]
    edges = [("s", "n0"), *pairwise([*names, "n0"])]
    return a_document([a_start("s"), *(a_template(name, "x") for name in names)], edges)


def dense() -> str:
    names = [f"n{number}" for number in range(120)]
    edges = [(a, b) for index, a in enumerate(names) for b in names[index + 1 :]]
    nodes = [a_template(name, "x") for name in names]
    return a_document([a_start("s"), *nodes], [("s", "n0"), *edges])


def long_ids() -> str:
    name = "é.😀'\"\\" * 2_000
    return a_document([a_start("s"), a_template(name, "x")], [("s", name), (name, name + "!")])


def containers(levels: int) -> str:
    nodes = [a_start("s")]
    edges = [("s", "c0")]
    for level in range(levels):
        nodes.append(a_node(f"c{level}", "iteration", start_node_id=f"c{level}start"))
        nodes.append(a_node(f"c{level}start", "iteration-start"))
        if level + 1 < levels:
            edges.append((f"c{level}start", f"c{level + 1}"))
    return a_document(nodes, edges)


REFUSED: Mapping[str, tuple[Callable[[], str], str]] = {
    "billion laughs": (billion_laughs, "aliases expanded"),
    "merge bomb": (merge_bomb, "aliases expanded"),
    "quadratic blow-up": (quadratic, "aliases expanded"),
    "alias to itself": (lambda: "a: &a [*a]", "for itself"),
    "python tag": (lambda: "!!python/object/apply:os.system ['true']", "tag"),
    "100 MB": (lambda: "x" * 100_000_000, "larger than 10 MB"),
    "deep lists": (lambda: "[" * 5_000_000, "nested deeper"),
    "deep mappings": (lambda: "{a: " * 2_000_000, "nested deeper"),
    "deep blocks": (lambda: "- " * 1_000_000, "nested deeper"),
    "many values": (lambda: "[" + "a," * 5_000_000 + "]", "values"),
    "many anchors": (lambda: "".join(f"- &a{n} x\n" for n in range(400_000)), "values"),
    "many complex keys": (lambda: "? " * 1_000_000, "key"),
    "long number": (lambda: "a: " + "9" * 5_000_000, "number is too long"),
    "long sexagesimal number": (lambda: "a: " + "1:" * 2_000_000 + "1", "number is too long"),
    "one long scalar": (lambda: "app: " + "x" * 10_000_000, "app must be a mapping"),
    "NUL": (lambda: "a: \0", "control characters"),
    "two documents": (lambda: "a: 1\n---\nb: 2", "second document"),
}
COMPILED: Mapping[str, tuple[Callable[[], str], set[str]]] = {
    "chain of 1,000": (lambda: chain(1_000), set()),
    "chain of 4,000": (lambda: chain(4_000), set()),
    "500 branches": (lambda: branches(500), set()),
    "cycle of 1,000": (cycle, {"cycle"}),
    "dense graph": (dense, set()),
    "ids of 10,000 characters": (long_ids, {"dangling-edge"}),
    "six nested containers": (lambda: containers(6), {"unsupported-node-type"}),
}


def measured(document: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=document.encode(),
        capture_output=True,
        timeout=60,
        cwd=ROOT,
        check=True,
    )
    result: dict[str, object] = json.loads(done.stdout)
    return result


def assert_bounded(result: dict[str, object], document: str) -> None:
    seconds, used = result["seconds"], result["bytes"]
    assert isinstance(seconds, float)
    assert isinstance(used, int)
    assert seconds < BASELINE_SECONDS * PATIENCE
    # Reading standard input may copy the document itself.
    assert used < MEMORY_BYTES + 2 * len(document)


@pytest.mark.parametrize("name", REFUSED)
def test_hostile_document_is_refused_in_bounds(name: str) -> None:
    build, reason = REFUSED[name]
    document = build()

    result = measured(document)

    assert reason in str(result["invalid"])
    assert len(str(result["invalid"])) < 300
    assert_bounded(result, document)


@pytest.mark.parametrize("name", COMPILED)
def test_large_graph_compiles_in_bounds(name: str) -> None:
    build, expected = COMPILED[name]
    document = build()

    result = measured(document)

    assert result["plan"] is True
    assert result["codes"] == sorted(expected)
    assert_bounded(result, document)


def test_thousand_nested_containers_are_a_finding() -> None:
    result = measured(containers(1_000))

    assert (result["plan"], result["codes"]) == (False, ["container-nesting"])
