"""Bounds of results, containers and runs.

Two profiles: `generous` is the default (values flow through references), `dify` has Dify's exact
numbers (dify-nodes 9). The bounds of one activation belong to the interpreter's correctness
(invariant 1) and are not settings.
"""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from schema.values.code_outputs import OutputLimits

INLINE_VALUE_BYTES = 64 * 1024
"""A value whose encoded text is longer is an `ArtifactRef` (invariant 15)."""
MAX_FACTS_PER_ACTIVATION = 200
MAX_NEW_VALUE_BYTES_PER_ACTIVATION = 64 * 1024
MAX_EFFECT_STARTS = 3
MAX_ERROR_MESSAGE_CHARACTERS = 2_000
MAX_HTTP_SECONDS = 3_600
"""What `HOLDFAST_HTTP_SECONDS` may be at most: the activity's time-out is fixed in its contract."""
MAX_CODE_SECONDS = 600.0
"""The most that the time limit of code and templates may be set to."""


class LimitsProfile(StrEnum):
    """Which numbers bound the results of nodes."""

    GENEROUS = "generous"
    DIFY = "dify"


class ResultLimits(BaseModel):
    """What a node may return under one profile."""

    model_config = ConfigDict(frozen=True)

    template_characters: int
    """Longest rendered template-transform result."""
    http_text_bytes: int
    """Longest text that an http-request may bring, as it is once decompressed."""
    http_file_bytes: int
    """Longest file."""
    code: OutputLimits
    """What code nodes may return."""

    @classmethod
    def of(cls, profile: LimitsProfile) -> "ResultLimits":
        """Give the numbers of a profile.

        Example:
            >>> ResultLimits.of(LimitsProfile.DIFY).template_characters
            400000
        """
        return _PROFILES[profile]


_PROFILES = {
    # Code is bounded by what its sandbox lets out.
    LimitsProfile.GENEROUS: ResultLimits(
        template_characters=200_000_000,
        http_text_bytes=1024**3,
        http_file_bytes=1024**3,
        code=OutputLimits(),
    ),
    LimitsProfile.DIFY: ResultLimits(
        template_characters=400_000,
        http_text_bytes=1024**2,
        http_file_bytes=10 * 1024**2,
        code=OutputLimits(
            string_characters=400_000,
            largest_number=9_223_372_036_854_775_807,
            decimal_places=20,
            depth=5,
            number_items=1_000,
            string_items=30,
            object_items=30,
        ),
    ),
}


class RunPolicy(BaseModel):
    """Bounds of one run, fixed when it starts."""

    model_config = ConfigDict(frozen=True)

    limits: LimitsProfile = LimitsProfile.GENEROUS
    max_parallel: int = 100
    """Nodes running at once."""
    max_steps: int = 100_000
    """Node starts, containers' children included (Dify's server: 500)."""
    run_timeout: float = 90 * 86_400.0
    """Seconds of wall clock; enforced by the Temporal server."""
    active_timeout: float = 30 * 86_400.0
    """Seconds that the run may be neither paused nor waiting for people."""
    max_history_events: int = 4_096
    """Length of a Temporal history from which on the run continues as new."""
