"""Replays every history of a folder and says which does not; run once for each hash seed.

python -m tests.replay.replayer FOLDER [ARTIFACTS]
"""

import asyncio
import sys
from pathlib import Path

from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from schema.db.artifacts import ArtifactFiles
from tests import substitutes
from workers.cli.process import end_now
from workers.worker import workflow_runner
from workflows.graph_run import GraphRun
from workflows.payloads import build_data_converter


async def replay(histories: dict[str, str], artifacts: str | None) -> int:
    """Replay all histories; give the number of those that differ."""
    replayer = Replayer(
        workflows=[GraphRun],
        data_converter=build_data_converter(ArtifactFiles(artifacts) if artifacts else None),
        workflow_runner=workflow_runner(),
    )
    failures = 0
    for name, text in histories.items():
        history = WorkflowHistory.from_json(name, text)
        result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
        if result.replay_failure is not None:
            failures += 1
            sys.stderr.write(f"{name}: {result.replay_failure}\n")
    sys.stderr.write(f"{len(histories)} histories, {failures} differ\n")
    return failures


if __name__ == "__main__":
    substitutes.install()
    FILES = sorted(Path(sys.argv[1]).glob("*.json"))
    TEXTS = {file.stem: file.read_text() for file in FILES}
    end_now(min(1, asyncio.run(replay(TEXTS, sys.argv[2] if sys.argv[2:] else None))))
