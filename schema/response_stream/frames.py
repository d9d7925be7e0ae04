"""How frames look in the two kinds of stream: workflow apps and chatflows (dify-api 8.1, 8.5)."""

from typing import Any

from schema.plan import AppMode, Plan
from schema.response_stream.run_info import RunInfo
from schema.response_stream.sessions import Piece
from schema.response_stream.text_fold import Replacement

Frame = dict[str, Any]
"""JSON of one event, its name as member `event`."""


class Frames:
    """Wraps what happened in the members that every frame of a stream has."""

    def __init__(self, plan: Plan, run: RunInfo) -> None:
        self.is_chat = plan.mode is AppMode.ADVANCED_CHAT
        self._run = run

    def event(self, name: str, data: dict[str, Any]) -> Frame:
        """Frame an event whose content is its member `data`."""
        return {"event": name, **self._common(), "workflow_run_id": self._run.run_id, "data": data}

    def text(self, change: Piece | Replacement) -> Frame:
        """Frame text for the client, or its correction."""
        match change, self.is_chat:
            case Piece(text, selector), True:
                return self._message(
                    "message",
                    id=self._run.message_id,
                    answer=text,
                    from_variable_selector=None if selector is None else list(selector),
                )
            case Piece(text, selector), False:
                source = None if selector is None else list(selector)
                return self.event("text_chunk", {"text": text, "from_variable_selector": source})
            case Replacement(text), True:
                return self._message("message_replace", answer=text, reason="")
            case _:
                return self.event("text_replace", {"text": change.text})

    def message_end(self, metadata: dict[str, Any], files: list[dict[str, Any]]) -> Frame:
        """Frame the end of a chatflow's answer."""
        return self._message(
            "message_end", id=self._run.message_id, metadata=metadata, files=files or None
        )

    def _message(self, name: str, **members: Any) -> Frame:
        return {"event": name, **self._common(), **members}

    def _common(self) -> Frame:
        if not self.is_chat:
            return {"task_id": self._run.task_id}
        return {
            "conversation_id": self._run.conversation_id,
            "message_id": self._run.message_id,
            "created_at": int(self._run.created_at),
            "task_id": self._run.task_id,
        }
