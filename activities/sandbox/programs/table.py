"""Every program, in one table; only the fork server loads it, with what the programs import."""

from collections.abc import Mapping

from activities.sandbox.programs import Program, javascript, jinja, python

PROGRAMS: Mapping[str, Program] = {
    "python": python.run,
    "javascript": javascript.run,
    "jinja": jinja.run,
}
"""By the name that `Job.program` has."""
