"""What the log takes back, order within sources, and resuming at any event."""

from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.facts import (
    CommandApplied,
    Fact,
    LoggedFact,
    NodeFinished,
    NodeRetried,
    NodeStarted,
    RunReset,
    RunStarted,
    TextProduced,
    TextReplaced,
    TextVoided,
)
from schema.plan import AppMode
from schema.response_stream import Event, ResponseStream, is_after, surviving_facts
from schema.runs import NodeExecutionStatus
from tests.run_logs import (
    RUN,
    RunLog,
    a_node,
    a_plan,
    an_answer,
    an_end,
    begun,
    node_exec_id,
    tell,
    two_models,
    visible_text,
)

MODELS = ("l1", "l2")


def void(node_id: str, before_start: int, attempt: int = 1) -> TextVoided:
    return TextVoided(
        at=1.0,
        node_exec_id=node_exec_id(node_id),
        node_id=node_id,
        attempt=attempt,
        before_start=before_start,
    )


def replaced(node_id: str, text: str) -> TextReplaced:
    return TextReplaced(at=1.0, node_exec_id=node_exec_id(node_id), node_id=node_id, text=text)


def fold(entries: list[LoggedFact]) -> list[Event]:
    stream = ResponseStream(two_models(), RUN, {})
    return [event for entry in entries for event in stream.feed(entry)]


def test_chunks_of_a_later_effect_start_replace_those_that_went_out() -> None:
    log = begun(two_models())
    log.say("l1", "12", src="l1@1")
    log.add(void("l1", before_start=2), src="l1@2")
    log.say("l1", "34", start=2, src="l1@2")

    assert log.story()[-3:] == ["'12'", "replace 'A: '", "'34'"]


def test_chunks_that_nobody_saw_are_voided_in_silence() -> None:
    log = begun(two_models())
    log.say("l2", "xy", src="l2@1")
    log.add(void("l2", before_start=2), src="l2@2")
    log.say("l2", "new", start=2, src="l2@2")
    log.say("l1", "1", final=True, src="l1@1")

    assert log.story()[-4:] == ["node_finished start", "'1'", "' B: '", "'new'"]


def test_a_voided_end_of_a_stream_lets_the_session_wait_again() -> None:
    log = begun(two_models())
    log.say("l2", "x", src="l2@1")
    log.say("l1", "1", final=True, src="l1@1")
    log.add(void("l1", before_start=2), src="l1@2")
    log.say("l1", "2", start=2, final=True, src="l1@2")

    assert log.story()[-5:] == ["'x'", "replace 'A: '", "'2'", "' B: '", "'x'"]


def test_a_late_chunk_of_a_voided_start_does_not_count() -> None:
    log = begun(two_models())
    log.add(void("l1", before_start=2), src="l1@2")
    log.say("l1", "ghost", start=1, src="l1@1")

    assert visible_text(log.events()) == "A: "


def test_a_void_of_one_try_leaves_the_chunks_of_another() -> None:
    log = begun(two_models())
    log.say("l1", "one", src="l1@1")
    log.add(void("l1", before_start=2, attempt=2), src="l1@2")

    assert visible_text(log.events()) == "A: one"


def test_a_replacement_that_only_adds_is_sent_as_text() -> None:
    log = begun(two_models())
    log.say("l1", "12", src="l1@1")
    log.add(replaced("l1", "1234"), src="l1@2")

    assert log.story()[-1] == "'34 B: '"


def test_a_replacement_that_differs_replaces_the_text() -> None:
    log = begun(two_models())
    log.say("l1", "12", src="l1@1")
    log.add(replaced("l1", "other"), src="l1@2")

    assert log.story()[-1] == "replace 'A: other B: '"


def test_a_workflow_app_gets_text_replace() -> None:
    plan = a_plan(
        [a_node("start", "start"), a_node("l1", "llm"), an_end("end", ["l1", "text"])],
        ["start>l1", "l1>end"],
        AppMode.WORKFLOW,
    )
    log = begun(plan)
    log.say("l1", "12", src="l1@1")
    log.add(void("l1", before_start=2), src="l1@2")

    event = log.events()[-1]

    assert (event.name, event.data["data"]) == ("text_replace", {"text": ""})


def test_a_retry_withdraws_nothing() -> None:
    log = begun(two_models())
    log.start("l1", src="l1@1")
    log.say("l1", "par", src="l1@1")
    log.add(
        NodeRetried(
            at=log.now, node_exec_id=node_exec_id("l1"), node_id="l1", retry_index=1, error="no"
        )
    )

    assert log.story()[-2:] == ["'par'", "node_retry l1"]
    assert visible_text(log.events()) == "A: par"


def test_a_fact_waits_for_its_predecessor_of_the_same_source() -> None:
    log = begun(two_models())
    log.say("l1", "2", src="l1@1")
    log.say("l1", "1", src="l1@1")
    late, early = log.entries[-2:]
    log.entries[-2:] = [
        LoggedFact(seq=10, src="l1@1", src_seq=2, fact=late.fact),
        LoggedFact(seq=12, src="l1@1", src_seq=1, fact=early.fact),
    ]

    events = log.events()[-2:]

    assert [(event.id, tell(event)) for event in events] == [("12-0", "'1'"), ("12-1", "'2'")]


def branch_log() -> RunLog:
    plan = a_plan(
        [
            a_node("start", "start"),
            a_node("ie", "if-else"),
            an_answer("yes", "yes"),
            an_answer("no", "no"),
        ],
        ["start>ie", "ie:true>yes", "ie:false>no"],
    )
    log = begun(plan)
    log.run_node("ie", handle="true")
    return log


def reset_to(log: RunLog, after: int, new_run: str = "t2") -> None:
    """Write that a new Temporal run tells again what came after a number."""
    reset = RunReset(at=log.now, old_src="t1/wf", after=after)
    log.add(reset, src=f"{new_run}/wf/reset", src_seq=1)
    log.numbers[f"{new_run}/wf"] = after


def test_a_reset_takes_back_what_the_old_run_said_after_it() -> None:
    log = branch_log()
    reset_to(log, after=2)
    log.start("ie", src="t2/wf")
    log.finish("ie", handle="false", src="t2/wf")

    assert log.story()[3:] == [
        "node_started ie",
        "'yes'",
        "node_finished ie",
        "replace ''",
        "'no'",
        "node_finished ie",
    ]


def test_late_facts_of_a_run_that_was_reset_are_dropped() -> None:
    log = branch_log()
    reset_to(log, after=2)
    log.run_node("yes", answer="yes")

    assert log.story()[-1] == "replace ''"


def test_a_fact_that_a_reset_kept_is_told_once() -> None:
    log = branch_log()
    kept = log.entries[-1].fact
    reset_to(log, after=3)
    log.add(kept, src="t2/wf")

    assert log.story()[-3:] == ["node_finished ie", "replace ''", "'yes'"]


def test_a_second_reset_may_reach_further_back() -> None:
    log = branch_log()
    reset_to(log, after=3)
    log.finish("ie", handle="false", src="t2/wf")
    reset_to(log, after=2, new_run="t3")
    log.add(RunReset(at=log.now, old_src="t2/wf", after=2), src="t3/wf/reset")
    log.start("ie", src="t3/wf")
    log.finish("ie", handle="true", src="t3/wf")

    assert visible_text(log.events()) == "yes"


def test_numbers_go_on_when_a_run_continues_as_new() -> None:
    log = branch_log()
    log.numbers["t2/wf"] = log.numbers["t1/wf"]
    log.start("yes", src="t2/wf")
    log.finish("yes", src="t2/wf", answer="yes")

    assert log.story()[-2:] == ["node_started yes", "node_finished yes"]


def test_a_command_may_have_the_name_of_a_source() -> None:
    log = branch_log()
    log.add(CommandApplied(at=log.now, command_id="wf", command="pause"), src="command/wf")
    log.run_node("yes", answer="yes")

    assert log.story()[-1] == "node_finished yes"


def test_nothing_follows_the_end_of_the_run() -> None:
    log = begun(two_models())
    log.finish_run()
    log.say("l1", "late", final=True, src="l1")

    assert log.story()[-1] == "workflow_finished"


def test_ids_compare_by_number() -> None:
    assert is_after("10-0", "9-11")
    assert not is_after("9-2", "9-11")
    with pytest.raises(ValueError, match="invalid literal"):
        is_after("x", "1-0")


# Made-up logs.


class Step(NamedTuple):
    what: str
    model: str
    start: int
    text: str
    final: bool


steps = st.builds(
    Step,
    what=st.sampled_from(
        [
            *("chunk", "chunk", "chunk", "void", "replace", "retry"),
            *("finish", "start", "reset", "continue"),
        ]
    ),
    model=st.sampled_from(MODELS),
    start=st.integers(1, 3),
    text=st.text("ab", max_size=2),
    final=st.booleans(),
)


class _Writer:
    """Turns steps into facts with sources and numbers."""

    def __init__(self) -> None:
        self.written: list[tuple[str, int, Fact]] = []
        self.wf = "t0/wf"
        self.numbers: dict[str, int] = {}
        self.attempts = dict.fromkeys(MODELS, 1)

    def write(self, src: str, fact: Fact) -> None:
        self.numbers[src] = self.numbers.get(src, 0) + 1
        self.written.append((src, self.numbers[src], fact))

    def take(self, step: Step) -> None:
        about: dict[str, Any] = {
            "at": float(len(self.written)),
            "node_exec_id": node_exec_id(step.model),
            "node_id": step.model,
            "attempt": self.attempts[step.model],
        }
        src = f"{step.model}@{step.start}"
        match step.what:
            case "chunk":
                chunk = TextProduced(**about, start=step.start, text=step.text, final=step.final)
                self.write(src, chunk)
            case "void":
                self.write(src, TextVoided(**about, before_start=step.start))
            case "replace":
                self.write(src, TextReplaced(**about, text=step.text))
            case "start":
                self.write(src, NodeStarted(**about, node_type="llm"))
            case "retry":
                self.attempts[step.model] += 1
                self.write(self.wf, NodeRetried(**about, retry_index=1, error=step.text))
            case "finish":
                outputs = {"text": step.text} if step.final else {}
                status = NodeExecutionStatus.SUCCEEDED
                self.write(
                    self.wf, NodeFinished(**about, status=status, handle="source", outputs=outputs)
                )
            case "continue":
                self.go_on(self.numbers.get(self.wf, 0))
            case _:
                after = max(0, self.numbers.get(self.wf, 0) - step.start)
                self.go_on(after)
                for src in [src for src in self.numbers if src.endswith("/wf")]:
                    if src != self.wf and self.numbers[src] > after:
                        self.written.append((f"{self.wf}/reset", 1, _reset(src, after)))

    def go_on(self, told: int) -> None:
        """Let a new Temporal run tell facts from a number on."""
        self.wf = f"t{len(self.written)}/wf"
        self.numbers[self.wf] = told


def _reset(old_src: str, after: int) -> RunReset:
    return RunReset(at=0.0, old_src=old_src, after=after)


def written(made: list[Step]) -> list[tuple[str, int, Fact]]:
    writer = _Writer()
    writer.write("start", RunStarted(at=0.0))
    for step in made:
        writer.take(step)
    return writer.written


def logged(facts: Sequence[tuple[str, int, Fact]], gaps: list[int]) -> list[LoggedFact]:
    """Number facts in the log, with holes."""
    entries, seq = [], 0
    for index, (src, src_seq, fact) in enumerate(facts):
        seq += 1 + gaps[index % len(gaps)]
        entries.append(LoggedFact(seq=seq, src=src, src_seq=src_seq, fact=fact))
    return entries


@st.composite
def logs(draw: st.DrawFn) -> list[LoggedFact]:
    """A log in which neighbours were sometimes written in the other order."""
    facts = written(draw(st.lists(steps, max_size=25)))
    for index in draw(st.lists(st.integers(1, 25), max_size=6)):
        if index + 1 < len(facts):
            facts[index], facts[index + 1] = facts[index + 1], facts[index]
    return logged(facts, draw(st.lists(st.integers(0, 2), min_size=1)))


@given(logs())
def test_inv_14_a_stream_cut_at_any_event_goes_on_byte_for_byte(entries: list[LoggedFact]) -> None:
    whole = fold(entries)

    for cut in range(len(entries) + 1):
        first = fold(entries[:cut])
        assert first == whole[: len(first)]
    for position, last in enumerate(whole):
        assert [e for e in fold(entries) if is_after(e.id, last.id)] == whole[position + 1 :]


@given(logs())
def test_inv_12_the_log_rebuilds_the_text_that_a_client_has(entries: list[LoggedFact]) -> None:
    stream = ResponseStream(two_models(), RUN, {})

    events = [event for entry in entries for event in stream.feed(entry)]

    assert visible_text(events) == stream.text


@given(st.lists(steps, max_size=25))
def test_text_is_in_the_end_as_if_nothing_had_been_taken_back(made: list[Step]) -> None:
    facts = written(made)
    remaining = [
        (f"own{index}", 1, fact)
        for index, (src, number, fact) in enumerate(facts)
        if not isinstance(fact, RunReset | TextVoided)
        and not _was_taken_back(facts, index, src, number, fact)
    ]

    assert visible_text(fold(logged(facts, [0]))) == visible_text(fold(logged(remaining, [0])))


def _was_taken_back(
    facts: list[tuple[str, int, Fact]], index: int, src: str, number: int, fact: Fact
) -> bool:
    resets = (other for _, _, other in facts if isinstance(other, RunReset))
    if any(src == reset.old_src and number > reset.after for reset in resets):
        return True
    if not isinstance(fact, TextProduced | TextReplaced):
        return False
    for later, (_, _, other) in enumerate(facts):
        if not isinstance(other, TextVoided | TextReplaced):
            continue
        same_try = (fact.node_exec_id, fact.attempt) == (other.node_exec_id, other.attempt)
        if isinstance(other, TextReplaced):
            is_removed = later > index
        else:
            is_removed = isinstance(fact, TextProduced) and fact.start < other.before_start
        if same_try and is_removed:
            return True
    return False


@given(logs(), st.randoms(use_true_random=False))
def test_facts_of_a_source_are_released_in_its_order(
    entries: list[LoggedFact], random: Random
) -> None:
    plain = [entry for entry in entries if not isinstance(entry.fact, RunReset)]
    once = [entry for entry in plain if not entry.src.endswith("/wf")]
    shuffled = list(once)
    random.shuffle(shuffled)

    released = surviving_facts(shuffled)

    for src in {entry.src for entry in once}:
        numbers = [entry.src_seq for entry in released if entry.src == src]
        assert numbers == list(range(1, len(numbers) + 1))
    assert len(released) == len(once)
