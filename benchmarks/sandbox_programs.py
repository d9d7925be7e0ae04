"""The program that `benchmarks.sandbox` measures: it gives back what came."""

from collections.abc import Mapping

from activities.sandbox.frames import JobReader, JobWriter
from activities.sandbox.programs import Program


def echo(job: JobReader, result: JobWriter) -> None:
    """Give back every part."""
    result.begin({})
    for name, content in job.parts():
        result.part(name, {}, [content])


PROGRAMS: Mapping[str, Program] = {"echo": echo}
