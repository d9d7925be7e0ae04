"""`holdfast stop`: end a run as stopped."""

from workers.cli.sending import ReasonOption, RunArgument, send


def stop(run: RunArgument, reason: ReasonOption = "") -> None:
    """End a run as stopped, with what it has so far; running nodes are cancelled.

    The command is kept even if no worker lives. Ends with 1 if it was refused, because the run has
    ended or is not in that state.

    Examples:
      holdfast stop 4f3a
    """
    send("stop", run, reason)
