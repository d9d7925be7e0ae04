"""What the exit status of a command says; scripts depend on it."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit statuses of all commands."""

    SUCCEEDED = 0
    """Also a run that ended `partial-succeeded`, and a definition that can run."""
    FAILED = 1
    """The run failed; of `validate`: findings that stop a run; of other commands: not done."""
    BAD_INPUT = 2
    """The definition, an input or an option is wrong; of `validate`: a file that is no export."""
    PAUSED = 3
    STOPPED = 4
    INTERRUPTED = 130
    """Ctrl-C; a run goes on without its caller."""

    @classmethod
    def of(cls, status: str) -> "ExitCode":
        """Give the exit code of a run that is over or rests, by its `RunStatus`.

        Example:
            >>> ExitCode.of("partial-succeeded")
            <ExitCode.SUCCEEDED: 0>
        """
        return _OF_STATUS[status]


# By text: `schema.runs` would cost every `--help` the import of pydantic.
_OF_STATUS = {
    "succeeded": ExitCode.SUCCEEDED,
    "partial-succeeded": ExitCode.SUCCEEDED,
    "running": ExitCode.SUCCEEDED,
    "failed": ExitCode.FAILED,
    "paused": ExitCode.PAUSED,
    "stopped": ExitCode.STOPPED,
}
