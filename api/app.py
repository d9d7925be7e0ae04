"""The HTTP application of a process: its routers and what they are given."""

from fastapi import FastAPI

from api.routers import health
from schema.version import VERSION


def create_app(readiness: health.Readiness) -> FastAPI:
    """Build the application.

    Args:
        readiness: The checks of the process that serves it.
    """
    # Without pages of its own: those would load scripts from the internet.
    app = FastAPI(title="Holdfast", version=VERSION, docs_url=None, redoc_url=None)
    app.include_router(health.build_router(readiness))
    return app
