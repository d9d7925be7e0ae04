"""A person at a terminal: what is missing is asked for, and the answer streams as it is made."""

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

from tests.command_line import CommandLine
from tests.documents import a_document
from tests.factories import a_start, a_template, an_end
from tests.sources import ROOT

HELLO = "examples/hello/hello.yml"
SECONDS = 60


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, command_line: CommandLine, *arguments: str) -> None:
        self._screen, far_end = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "workers.cli", *arguments],
            cwd=ROOT,
            env={**command_line.environment, "TERM": "xterm", "NO_COLOR": "1"},
            stdin=far_end,
            stdout=far_end,
            stderr=far_end,
            start_new_session=True,
        )
        os.close(far_end)
        self.text = ""

    def expect(self, wanted: str) -> None:
        """Read until a text is on the screen."""
        deadline = time.monotonic() + SECONDS
        while wanted not in self.text:
            assert time.monotonic() < deadline, self.text
            if select.select([self._screen], [], [], 0.5)[0]:
                self.text += os.read(self._screen, 65_536).decode(errors="replace")

    def answer(self, prompt: str, line: str) -> None:
        """Wait for a prompt and type a line."""
        self.expect(prompt)
        self.text = self.text.partition(prompt)[2]
        os.write(self._screen, f"{line}\n".encode())

    def close(self) -> None:
        """End what still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(SECONDS)
        os.close(self._screen)


def test_missing_inputs_and_the_message_are_asked_for(cli: CommandLine) -> None:
    terminal = Terminal(cli, "run", HELLO)
    try:
        terminal.answer("Your name:", "Ada")
        terminal.answer("Language:", "Deutsch")
        terminal.answer("Coffees so far:", "three")
        terminal.answer("Coffees so far:", "3")
        terminal.answer("query:", "Was gibt es?")
        terminal.expect("succeeded")

        assert "Ada" in terminal.text
        assert "Was gibt es?" in terminal.text
        assert terminal.process.wait(SECONDS) == 0
    finally:
        terminal.close()


def test_a_secret_that_the_export_hides_is_asked_for_and_not_shown(
    cli: CommandLine, tmp_path: Path
) -> None:
    nodes = [a_start("s"), a_template("t", "<{{ k }}>", k=["env", "KEY"])]
    nodes.append(an_end("e", length=["t", "output"]))
    variable = {"name": "KEY", "value_type": "secret", "value": "[__HIDDEN__]"}
    document = a_document(nodes, [("s", "t"), ("t", "e")], environment_variables=[variable])
    (tmp_path / "app.yml").write_text(document, "utf-8")
    terminal = Terminal(cli, "run", str(tmp_path / "app.yml"))
    try:
        # The space comes when the terminal has ceased to show what is typed.
        terminal.answer("KEY (secret, not shown): ", "sk-typed-0123456789")
        terminal.expect("succeeded")

        assert "sk-typed-0123456789" not in terminal.text
        assert terminal.process.wait(SECONDS) == 0
    finally:
        terminal.close()
