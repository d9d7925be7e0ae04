"""`python -m workers.cli` is the `holdfast` command, also where it is not installed."""

from workers.cli import app

app(prog_name="holdfast")
