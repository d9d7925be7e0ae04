"""`holdfast pause`: let running nodes finish and start no other."""

from workers.cli.sending import ReasonOption, RunArgument, send


def pause(run: RunArgument, reason: ReasonOption = "") -> None:
    """Let the running nodes of a run finish and start no other, until it is resumed.

    The command is kept even if no worker lives. Ends with 1 if it was refused, because the run has
    ended or is not in that state.

    Examples:
      holdfast pause 4f3a
    """
    send("pause", run, reason)
