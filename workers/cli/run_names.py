"""Finds the run that a person means by the beginning of its id."""

from typing import TYPE_CHECKING

from schema.errors import InvalidInputs, NotFound
from workers.cli.session import TENANT

if TYPE_CHECKING:
    from schema.db.event_log import RunRecord
    from workers.dependencies import Records

_SHOWN = 5


async def find_run(records: "Records", name: str) -> "RunRecord":
    """Find the one run whose id is, or begins with, a name.

    Raises:
        NotFound: If there is none.
        InvalidInputs: If there are several.
    """
    exact = await records.log.find_run(TENANT, name)
    if exact is not None:
        return exact
    found = await records.log.find_runs(TENANT, name, limit=_SHOWN + 1) if name else []
    if not found:
        raise NotFound(f"There is no run {name!r}; `holdfast runs` lists them.")
    if len(found) > 1:
        ids = ", ".join(record.run_id for record in found[:_SHOWN])
        more = ", …" if len(found) > _SHOWN else ""
        raise InvalidInputs([f"{name!r} is the beginning of several runs: {ids}{more}"])
    return found[0]
