"""The programs of code and template nodes, in forks of the real sandbox (dify-nodes 5.6, 3.7)."""

import contextlib
import dataclasses
import json
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import jinja2
import pytest

from activities.sandbox.fork_server_sandbox import ForkServerSandbox, SandboxOptions
from activities.sandbox.isolation import LIMITS_ONLY, STRONGEST_FIRST
from activities.sandbox.job import Job, JobLimits, JobPart, JobResult
from schema.dsl import compile_definition, read_definition
from schema.errors import JobKilled
from schema.limits import LimitsProfile, ResultLimits
from schema.nodes.code import CodeNodeData
from schema.nodes.template_transform import TemplateTransformNodeData
from schema.plan import PlanNode
from schema.values.encoding import encode, to_wire
from tests.corpus import require_corpus
from tests.plausible import value_of_type
from tests.unit.activities.sandbox.programs.test_jinja import ESCAPES

pytestmark = pytest.mark.anyio

GENEROUS = ResultLimits.of(LimitsProfile.GENEROUS)
STRING = {"r": {"type": "string", "children": None}}
QUICK = JobLimits(seconds=1.0)


@pytest.fixture(scope="module")
async def programs(anyio_backend: str) -> AsyncIterator[ForkServerSandbox]:
    sandbox = ForkServerSandbox(SandboxOptions(ways=(*STRONGEST_FIRST, LIMITS_ONLY)))
    yield sandbox
    await sandbox.close()


def a_job(
    program: str,
    header: Mapping[str, Any],
    inputs: Mapping[str, Any],
    limits: JobLimits | None = None,
) -> Job:
    given = {
        "inputs": [(name, name, ()) for name in inputs],
        "limits": dataclasses.asdict(GENEROUS.code),
        "outputs": STRING,
        "memory_bytes": 64 * 1024**2,
        "characters": GENEROUS.template_characters,
        **header,
    }
    parts = [JobPart(name, encode(to_wire(value)).encode()) for name, value in inputs.items()]
    return Job(program, given, parts, limits or JobLimits(seconds=30))


def failure(result: JobResult) -> tuple[str, str]:
    return result.header["error_type"], result.header["error"]


def outputs(result: JobResult) -> dict[str, Any]:
    assert result.header == {}
    return {
        part.name.removeprefix("output:"): json.loads(part.content)
        for part in result.parts
        if isinstance(part.content, bytes)
    }


async def run(
    sandbox: ForkServerSandbox,
    program: str,
    text: str,
    limits: JobLimits | None = None,
    /,
    **inputs: Any,
) -> JobResult:
    header = {"template" if program == "jinja" else "code": text}
    async with sandbox.run("tenant", a_job(program, header, inputs, limits)) as result:
        return result


PYTHON_FAILURES = [
    ("def main(): return [1]", "Result must be a dict, got list"),
    ("def main(): pass", "Result must be a dict, got NoneType"),
    ("x = 1", "NameError: name 'main' is not defined"),
    ("def main(a): return {}", "TypeError: main() missing 1 required positional argument: 'a'"),
    ("def main(): return {'r': {1}}", "TypeError: Object of type set is not JSON serializable"),
    (
        "async def main(): return {}",
        "TypeError: Object of type coroutine is not JSON serializable",
    ),
    (
        "import sys\n\ndef main():\n    sys.exit(3)",
        "Failed to parse result: no result tag found in response. The code ended itself: "
        "SystemExit(3)",
    ),
    (
        "def main():\n    raise KeyboardInterrupt",
        'Traceback (most recent call last):\n  File "main.py", line 2, in main\n'
        "    raise KeyboardInterrupt\nKeyboardInterrupt",
    ),
    (
        "def main(:",
        '  File "main.py", line 1\n    def main(:\n             ^\nSyntaxError: invalid syntax',
    ),
    (
        "class Odd(Exception):\n    def __str__(self):\n        raise ValueError\n"
        "def main():\n    raise Odd",
        'Traceback (most recent call last):\n  File "main.py", line 5, in main\n    raise Odd\n'
        "Odd: <exception str() failed>",
    ),
]


@pytest.mark.parametrize(("code", "error"), PYTHON_FAILURES, ids=[c for c, _ in PYTHON_FAILURES])
async def test_python_that_fails_says_so_from_the_author_s_first_line(
    programs: ForkServerSandbox, code: str, error: str
) -> None:
    result = await run(programs, "python", code)

    assert failure(result) == ("CodeExecutionError", error)


async def test_a_long_traceback_keeps_its_end(programs: ForkServerSandbox) -> None:
    result = await run(programs, "python", "def main(): raise ValueError('x' * 9999 + 'end')")

    _, error = failure(result)
    assert len(error) < 2000
    assert error.endswith("xxend")


JAVASCRIPT_FAILURES = [
    ("function main() { return undefined }", "Result must be a dict, got undefined"),
    ("function main() { return null }", "Result must be a dict, got NoneType"),
    ("function main() { return [1] }", "Result must be a dict, got list"),
    ("const x = 1", "ReferenceError: main is not defined"),
    ("function main() { throw new TypeError('no') }", "TypeError: no\n    at main (main.js:1:"),
    ("function main() { throw 'text' }", "Uncaught text"),
    ("function main() { throw { a: 1 } }", 'Uncaught {"a":1}'),
    ("function main() { return { r: 1n } }", "TypeError: BigInt are forbidden in JSON.stringify"),
    (
        "async function main() { throw new Error('later') }",
        "Error: later\n    at main (main.js:1:",
    ),
    (
        "function main() { return new Promise(() => {}) }",
        "main() returned a promise that is never settled",
    ),
]


@pytest.mark.parametrize(
    ("code", "error"), JAVASCRIPT_FAILURES, ids=[c for c, _ in JAVASCRIPT_FAILURES]
)
async def test_javascript_that_fails_says_so(
    programs: ForkServerSandbox, code: str, error: str
) -> None:
    error_type, message = failure(await run(programs, "javascript", code))

    assert error_type == "CodeExecutionError"
    assert message.startswith(error)
    assert "holdfast" not in message


@pytest.mark.parametrize(
    "code", ["const fs = require('fs')", "import fs from 'fs'", "const fs = await import('fs')"]
)
async def test_modules_of_javascript_are_named_as_missing(
    programs: ForkServerSandbox, code: str
) -> None:
    _, message = failure(await run(programs, "javascript", code))

    assert "has no modules: neither `require` nor `import`" in message


async def test_javascript_has_what_json_makes_of_values(programs: ForkServerSandbox) -> None:
    code = """
    const main = async ({ text, number, nothing }) => {
      await null;
      console.log("seen", text, [number], nothing);
      return { r: `${text}|${number}|${nothing}` };
    };"""

    result = await run(
        programs, "javascript", code, text="é🤖\ud800", number=1.0, nothing=float("nan")
    )

    assert outputs(result) == {"r": "é🤖\ud800|1|null"}
    assert result.printed == "seen é🤖\ufffd [1] null\n"


@pytest.mark.parametrize(
    ("program", "text"),
    [
        ("python", "def main():\n    while True: pass"),
        ("python", "import time\ndef main(): time.sleep(600)"),
        ("python", "def main():\n    try:\n        while True: pass\n    finally:\n        main()"),
        ("javascript", "function main() { while (true) {} }"),
        ("javascript", "async function main() { while (true) await null }"),
        ("jinja", "{% for i in range(1000000000) %}{% endfor %}"),
        ("jinja", "{{ range(1000000000) | sum }}"),
    ],
)
async def test_inv_19_endless_work_ends_at_its_limit(
    programs: ForkServerSandbox, program: str, text: str
) -> None:
    begun = time.monotonic()
    with pytest.raises(JobKilled, match="ran longer than its limit of 1 s"):
        await run(programs, program, text, QUICK)

    assert time.monotonic() - begun < 10


@pytest.mark.parametrize(
    ("program", "text"),
    [
        ("python", "def main(): return {'r': 'x' * (8 << 30)}"),
        ("python", "def main():\n    x = []\n    while True: x.append('x' * 1000000)"),
        (
            "javascript",
            "function main() { const a = []; while (1) a.push('x'.repeat(9e5) + a.length) }",
        ),
        (
            "jinja",
            "{% set x = namespace(v='x' * 1000000) %}"
            "{% for i in range(30) %}{% set x.v = x.v ~ x.v %}{% endfor %}",
        ),
        ("jinja", "{{ ('x' * 8589934592) | length }}"),
    ],
)
async def test_inv_19_memory_has_a_limit(
    programs: ForkServerSandbox, program: str, text: str
) -> None:
    limits = JobLimits(seconds=30, memory_bytes=128 * 1024**2)

    with pytest.raises(JobKilled, match="more memory than its limit of 128 MiB"):
        await run(programs, program, text, limits)


async def test_inv_19_code_cannot_import_what_it_runs_beside(programs: ForkServerSandbox) -> None:
    code = """
import sys
def main():
    found = [n for n in sys.modules if n.split('.')[0] in ('schema', 'activities', 'jinja2')]
    for name in ('schema.errors', 'activities.sandbox.frames', 'jinja2', 'temporalio', 'pydantic'):
        try:
            __import__(name)
            found.append(name)
        except ImportError:
            pass
    return {'r': repr(found)}
"""
    assert outputs(await run(programs, "python", code)) == {"r": "[]"}


@pytest.mark.parametrize(
    "code",
    [
        "import sys\ndef main():\n    sys.stdout.close()\n    return {'r': 'x'}",
        "def main():\n    print('\\ud800', flush=True)\n    return {'r': 'x'}",
        "import threading, time\ndef main():\n"
        "    threading.Thread(target=time.sleep, args=(600,)).start()\n    return {'r': 'x'}",
        "import sys\nsys.setrecursionlimit(10**6)\ndef main(): return {'r': 'x'}",
        "import dataclasses\n@dataclasses.dataclass\nclass A:\n    x: 'str'\n"
        "def main(): return {'r': A('x').x}",
        "import __main__\ndef main(): return {'r': __main__.main.__name__[:0] + 'x'}",
        "if __name__ == '__main__':\n    def main(): return {'r': 'x'}",
    ],
)
async def test_odd_but_working_python_works(programs: ForkServerSandbox, code: str) -> None:
    assert outputs(await run(programs, "python", code)) == {"r": "x"}


@pytest.mark.parametrize(
    "code",
    [
        "import os\ndef main(): os._exit(0)",
        "import os\ndef main(): os.kill(os.getpid(), 9)",
        "import os\ndef main():\n    os.closerange(0, 100)\n    return {'r': 'x'}",
        "import ctypes\ndef main(): ctypes.string_at(0)",
    ],
)
async def test_python_that_ends_its_process_is_a_node_failure(
    programs: ForkServerSandbox, code: str
) -> None:
    with pytest.raises(JobKilled):
        await run(programs, "python", code)
    assert outputs(await run(programs, "python", "def main(): return {'r': 'x'}")) == {"r": "x"}


async def test_python_that_recurses_without_end_is_a_node_failure(
    programs: ForkServerSandbox,
) -> None:
    code = "import sys\nsys.setrecursionlimit(10**9)\ndef main():\n    main()"
    limits = JobLimits(seconds=30, memory_bytes=64 * 1024**2)

    # Which of its last allocations fails decides whether Python can still say so, and how.
    with contextlib.suppress(JobKilled):
        result = await run(programs, "python", code, limits)
        assert "Error" in result.header["error"]
    assert outputs(await run(programs, "python", "def main(): return {'r': 'x'}")) == {"r": "x"}


async def test_inv_19_ways_out_of_jinja_give_nothing_in_the_sandbox_either(
    programs: ForkServerSandbox,
) -> None:
    for template in ESCAPES:
        result = await run(programs, "jinja", template, text="x", data={}, items=[])
        text = "" if "error" in result.header else outputs(result)["output"]
        assert not [word for word in ("class", "function", "0x") if word in text], template


def corpus_nodes(kind: type[Any]) -> list[tuple[str, Any]]:
    """Data of every node of a kind in the corpus, those inside containers too."""
    found: list[tuple[str, Any]] = []

    def collect(name: str, nodes: tuple[PlanNode, ...]) -> None:
        for node in nodes:
            if isinstance(node.data, kind):
                found.append((f"{name} {node.id}", node.data))
            if node.body is not None:
                collect(name, node.body.nodes)

    for path in require_corpus():
        plan = compile_definition(read_definition(path.read_bytes())).plan
        if plan is not None:
            collect(path.name, plan.graph.nodes)
    return found


def plausible(data: Any) -> dict[str, Any]:
    return {v.variable: value_of_type("string", f"<{v.variable}>") for v in data.variables}


async def test_every_template_of_the_corpus_gives_what_jinja_gives(
    programs: ForkServerSandbox,
) -> None:
    templates = corpus_nodes(TemplateTransformNodeData)
    for name, data in templates:
        for values in (plausible(data), dict.fromkeys(plausible(data))):
            result = await run(programs, "jinja", data.template, **values)
            try:
                expected = jinja2.Template(data.template).render(**values)
            except (jinja2.TemplateError, TypeError):
                assert "error" in result.header, name
            else:
                assert outputs(result) == {"output": expected}, name
    assert templates


async def test_all_code_of_the_corpus_runs_or_fails_by_itself(programs: ForkServerSandbox) -> None:
    """What it is given is plausible in form only, so some of it raises; nothing else goes wrong."""
    codes = corpus_nodes(CodeNodeData)
    succeeded = 0
    for name, data in codes:
        header = {"code": data.code, "outputs": data.declared()}
        async with programs.run("tenant", a_job("python", header, plausible(data))) as result:
            if "error" not in result.header:
                assert outputs(result).keys() == data.outputs.keys(), name
                succeeded += 1
            else:
                assert failure(result)[0].endswith("Error"), name
                assert "activities" not in failure(result)[1], name
    assert succeeded > len(codes) // 4


@pytest.mark.parametrize(
    ("program", "text"),
    [
        ("python", "def main(x): return {'r': x}"),
        ("jinja", "{% if x %}{{ x }}{% endif %}"),
    ],
)
async def test_a_value_of_20_mb_takes_less_than_three_times_that(
    programs: ForkServerSandbox, program: str, text: str
) -> None:
    megabytes = 20
    line = "a line of text\n"
    value = line * (megabytes * 1024**2 // len(line))
    limits = JobLimits(seconds=60, memory_bytes=3 * megabytes * 1024**2)
    header = {"template" if program == "jinja" else "code": text}

    async with programs.run("tenant", a_job(program, header, {"x": value}, limits)) as result:
        assert result.header == {}
        [part] = result.parts
        assert isinstance(part.content, Path)
        assert part.content.read_text() == encode(value)
