"""`python -m workers.cli` is the `holdfast` command, also where it is not installed."""

from workers.cli.process import main

main()
