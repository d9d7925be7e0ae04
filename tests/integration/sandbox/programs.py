"""Programs that the sandbox's tests run in forks: they do what hostile code would."""

from collections.abc import Mapping
from typing import Any

from activities.sandbox.frames import JobReader, JobWriter
from activities.sandbox.programs import Program


def echo(job: JobReader, result: JobWriter) -> None:
    """Give back what came."""
    result.begin({"header": job.header})
    for name, content in job.parts():
        result.part(name, {"size": len(content)}, [content], len(content))


def python(job: JobReader, result: JobWriter) -> None:
    """Run source text, which sees the job; what it leaves in `found` is the header."""
    given = job.header["given"]
    names: dict[str, Any] = {"found": {}, "given": given, "job": job, "result": result}
    exec(compile(job.header["source"], "<job>", "exec"), names)
    result.begin(names["found"])


PROGRAMS: Mapping[str, Program] = {"echo": echo, "python": python}
