"""Ten thousand jobs without one infrastructure error; `make faults` runs it."""

import pytest

from tests.integration.sandbox.test_servers import run_many

pytestmark = pytest.mark.anyio


async def test_ten_thousand_jobs_meet_no_infrastructure_error() -> None:
    await run_many(10_000)
