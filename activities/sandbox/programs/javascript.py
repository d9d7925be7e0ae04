"""Runs the JavaScript of a code node by QuickJS: `main(inputs)`, its result checked and written.

There are no modules, no timers and nothing of Node.js but `console`. An asynchronous `main` is
waited for. Time is bounded from outside; memory here too, where the system does not bound it.
"""

import re
import sys
from collections.abc import Mapping
from typing import Any

# The wrapper around this module starts a thread when it is imported, and a fork must have none.
import _quickjs  # type: ignore[import-not-found]  # a C module without stubs

from activities.sandbox.frames import JobReader, JobWriter
from activities.sandbox.programs.python import execute
from schema.errors import CodeFailed
from schema.values.code_results import not_a_dict
from schema.values.encoding import decode, encode, to_api_json

FILE_NAME = "main.js"
_STACK_BYTES = 2 * 1024 * 1024
_STACK_LINES = 20
"""Of what was thrown, its text among them."""
_MODULES = re.compile(r"\b(?:require\s*\(|import\s*[({*'\"\w])")

_DRIVER = r"""
(() => {
  const { parse, stringify } = JSON;
  const print = globalThis.__print;
  delete globalThis.__print;
  const show = (one) => {
    if (typeof one === "string") return one;
    if (one instanceof Error) return `${one}\n${one.stack}`;
    const text = stringify(one);
    return text === undefined ? String(one) : text;
  };
  const log = (...all) => print(all.map(show).join(" ").toWellFormed());
  globalThis.console = { log, info: log, warn: log, error: log, debug: log, trace: log };
  const outcome = { settled: false };
  const keep = (value) => { outcome.text = stringify(value); outcome.settled = true; };
  const fail = (error) => {
    outcome.failure = (error instanceof Error ? "" : "Uncaught ") + show(error);
    outcome.failure = outcome.failure.toWellFormed();
    outcome.settled = true;
  };
  const holdfastCall = (text) => {
    try {
      const returned = main(parse(text));
      const isPromise = returned && typeof returned.then === "function";
      if (isPromise) Promise.resolve(returned).then(keep).catch(fail);
      else keep(returned);
    } catch (error) { fail(error); }
  };
  return (what, text) => what === "call" ? holdfastCall(text) : outcome[what];
})()
"""


def run(job: JobReader, writer: JobWriter) -> None:
    """Run the program: one job, one result."""
    execute(job, writer, lambda inputs: _call(job.header, inputs))


def _call(header: Mapping[str, Any], inputs: Mapping[str, Any]) -> object:
    """Evaluate the author's code and call its `main`; give its result as plain JSON.

    Raises:
        CodeFailed: If it throws, or returns what JSON does not have.
        MemoryError: If there is not enough.
    """
    context = _quickjs.Context()
    context.set_memory_limit(header["memory_bytes"])
    context.set_max_stack_size(_STACK_BYTES)
    context.add_callable("__print", _print)
    try:
        driver = context.eval(_DRIVER)
        context.eval(header["code"])
        driver("call", encode(to_api_json(dict(inputs))))
        while not driver("settled") and context.execute_pending_job():
            pass
        settled, failure, text = driver("settled"), driver("failure"), driver("text")
    except (_quickjs.JSException, _quickjs.StackOverflow) as error:
        raise _failed(str(error), header["code"]) from None
    except UnicodeError as error:
        raise CodeFailed(f"The code is not text: {error}") from None
    if failure is not None:
        raise _failed(failure, header["code"])
    if not settled:
        raise CodeFailed("main() returned a promise that is never settled")
    if text is None:
        raise not_a_dict("undefined")
    return decode(text)


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")


def _failed(message: str, code: str) -> CodeFailed:
    """Describe what was thrown, without the lines of the stack that are ours.

    Raises:
        MemoryError: If it says so.
    """
    if message.startswith("InternalError: out of memory"):
        raise MemoryError
    if message == "Uncaught null":
        message += ": the code throws it, or there was no memory left to say more"
    lines = message.rstrip("\n").split("\n")
    ours = [
        index for index, line in enumerate(lines) if line.lstrip().startswith("at holdfastCall")
    ]
    shown = "\n".join(lines[: min([*ours, _STACK_LINES])])
    if _MODULES.search(code) and ("require" in lines[0] or lines[0].startswith("SyntaxError")):
        shown += "\nJavaScript of code nodes has no modules: neither `require` nor `import`."
    return CodeFailed(shown.replace("<input>", FILE_NAME))
