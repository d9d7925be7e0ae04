"""What a person sees of a run: lines on a pipe, and nothing that controls a terminal."""

from io import StringIO

from rich.console import Console

from schema.facts import NodeFinished, NodeRetried, NodeStarted, RunPaused
from schema.runs import NodeExecutionStatus
from workers.cli.run_view import RunView


def a_start(node_id: str, title: str, attempt: int = 1) -> NodeStarted:
    return NodeStarted(
        at=0, node_exec_id=f"r:{node_id}", node_id=node_id, attempt=attempt,
        node_type="if-else", title=title,
    )  # fmt: skip


def an_end(node_id: str, handle: str = "source", error: str | None = None) -> NodeFinished:
    status = NodeExecutionStatus.FAILED if error else NodeExecutionStatus.SUCCEEDED
    return NodeFinished(
        at=1, node_exec_id=f"r:{node_id}", node_id=node_id, status=status, handle=handle,
        error=error, elapsed_time=0.5,
    )  # fmt: skip


def a_pipe() -> Console:
    return Console(file=StringIO(), width=200, highlight=False, markup=False)


def shown(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_a_node_is_a_line_when_it_has_ended() -> None:
    console = a_pipe()

    with RunView(console) as view:
        view.show_fact(a_start("a", "Which one?"))
        assert shown(console) == ""
        view.show_fact(an_end("a", handle="case-1"))

    assert shown(console) == "  ✓ Which one?  if-else  500 ms  → case-1\n"


def test_a_failed_node_says_why_within_a_line() -> None:
    console = a_pipe()

    with RunView(console) as view:
        view.show_fact(a_start("a", "T"))
        view.show_fact(an_end("a", error="no " + "x" * 1000))

    assert "✗ T" in shown(console)
    assert "(1,003 characters)" in shown(console)


def test_a_retry_is_a_line_of_its_own() -> None:
    console = a_pipe()

    with RunView(console) as view:
        view.show_fact(a_start("a", "T"))
        view.show_fact(
            NodeRetried(at=1, node_exec_id="r:a", node_id="a", retry_index=1, error="busy")
        )

    assert "↻ T" in shown(console)


def test_titles_are_neither_markup_nor_terminal_codes() -> None:
    console = a_pipe()

    with RunView(console) as view:
        view.show_fact(a_start("a", "[bold]x[/] \x1b[31m"))
        view.show_fact(an_end("a"))

    assert "[bold]x[/] \\x1b[31m" in shown(console)


def test_streamed_text_is_kept_for_a_pipe_but_not_mixed_into_progress() -> None:
    console = a_pipe()

    with RunView(console) as view:
        view.show_text("Hel")
        view.show_text("lo")

    assert (view.streamed, shown(console)) == ("Hello", "")


def test_streamed_text_appears_on_a_terminal_line_by_line() -> None:
    console = Console(file=StringIO(), width=200, force_terminal=True, highlight=False)

    with RunView(console) as view:
        view.show_text("one\ntw")
        view.show_text("o\nthree")

    assert "one\n" in shown(console)
    assert "two\n" in shown(console)
    assert "three\n" in shown(console)


def test_a_pause_is_told() -> None:
    console = a_pipe()

    with RunView(console) as view:
        view.show_fact(RunPaused(at=1, reasons=[]))

    assert shown(console) == "  ‖ paused\n"


def test_text_that_other_lines_interrupt_is_in_pieces() -> None:
    with RunView(a_pipe()) as view:
        view.show_text("Hel")
        view.show_fact(a_start("a", "T"))
        view.show_fact(an_end("a"))
        assert not view.is_in_pieces
        view.show_text("lo")

    assert view.is_in_pieces


def test_a_title_of_any_length_stays_a_line() -> None:
    console = Console(file=StringIO(), width=50_000)

    with RunView(console) as view:
        view.show_fact(a_start("a", "T\n" * 5_000))
        view.show_fact(an_end("a", handle="h" * 10_000))

    line = shown(console)
    assert line.count("\n") == 1
    assert "T T … (10,000 characters)  if-else" in line
    assert "h… (10,000 characters)" in line
    assert len(line) < 400
