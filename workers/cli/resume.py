"""`holdfast resume`: go on after a pause."""

from workers.cli.sending import ReasonOption, RunArgument, send


def resume(run: RunArgument, reason: ReasonOption = "") -> None:
    """Let a paused run go on.

    The command is kept even if no worker lives. Ends with 1 if it was refused, because the run has
    ended or is not in that state.

    Examples:
      holdfast resume 4f3a
    """
    send("resume", run, reason)
