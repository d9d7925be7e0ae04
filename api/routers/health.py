"""Whether this process lives, and whether it can work: for supervisors and load balancers."""

from collections.abc import Awaitable, Callable, Mapping

from fastapi import APIRouter, Response, status
from pydantic import BaseModel

from schema.version import VERSION

Readiness = Callable[[], Awaitable[Mapping[str, str | None]]]
"""Gives each check's trouble by its name; null when there is none. It answers within seconds."""


class Liveness(BaseModel):
    """The process answers."""

    status: str = "live"
    version: str = VERSION


class ReadinessReport(BaseModel):
    """What the process needs, and whether it has it."""

    status: str
    """`ready` or `not ready`."""
    version: str = VERSION
    checks: dict[str, str]
    """`ok`, or what is wrong."""


def build_router(readiness: Readiness) -> APIRouter:
    """Build the routes over the checks of this process."""
    router = APIRouter(prefix="/health", tags=["health"])

    @router.get("/live")
    async def live() -> Liveness:
        """Answer; a process that does not is to be replaced."""
        return Liveness()

    @router.get("/ready")
    async def ready(response: Response) -> ReadinessReport:
        """Say what is missing; 503 as long as something is."""
        troubles = await readiness()
        is_ready = not any(troubles.values())
        if not is_ready:
            response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
        checks = {name: trouble or "ok" for name, trouble in troubles.items()}
        return ReadinessReport(status="ready" if is_ready else "not ready", checks=checks)

    return router
