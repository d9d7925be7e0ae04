"""Facts keep their number until a digest that covers them has come back."""

import pytest

from schema.facts import CommandApplied, NodeFinished, NodeStarted, OpenFact, RunResumed, digest
from schema.limits import MAX_FACTS_PER_ACTIVATION
from workflows.fact_ledger import DigestMismatch, FactLedger


def a_fact(node_id: str = "n") -> NodeStarted:
    return NodeStarted(at=1.0, node_exec_id=f"r:{node_id}", node_id=node_id, node_type="end")


def test_facts_are_numbered_from_one_without_a_gap() -> None:
    ledger = FactLedger()
    for name in "abc":
        ledger.emit(a_fact(name))

    carried = ledger.take()

    assert [entry.src_seq for entry in carried.facts] == [1, 2, 3]
    assert not ledger.has_open
    assert not ledger.all_acknowledged


def test_a_carrier_that_comes_back_closes_its_facts() -> None:
    ledger = FactLedger()
    ledger.emit(a_fact())
    carried = ledger.take()

    ledger.acknowledge(carried, digest(carried.facts))

    assert ledger.all_acknowledged


def test_inv_03_facts_of_a_lost_carrier_ride_again_under_the_same_numbers_and_first() -> None:
    ledger = FactLedger()
    ledger.emit(a_fact("a"))
    lost = ledger.take()
    ledger.emit(a_fact("b"))

    ledger.put_back(lost)

    assert [entry.src_seq for entry in ledger.take().facts] == [1, 2]


def test_inv_04_another_digest_than_our_own_is_a_loud_error() -> None:
    ledger = FactLedger()
    ledger.emit(a_fact())
    carried = ledger.take()

    with pytest.raises(DigestMismatch):
        ledger.acknowledge(carried, "somebody else's")


def test_an_answer_to_a_command_has_a_source_of_its_own_and_takes_no_number() -> None:
    ledger = FactLedger()
    ledger.emit(CommandApplied(at=1.0, command_id="c1", command="pause"))
    ledger.emit(RunResumed(at=1.0))

    facts = ledger.take().facts

    assert [(entry.src, entry.src_seq) for entry in facts] == [("command/c1", 1), ("wf", 1)]


def test_what_is_acknowledged_out_of_order_is_told_as_such() -> None:
    ledger = FactLedger()
    ledger.emit(a_fact("a"))
    first = ledger.take()
    ledger.emit(a_fact("b"))
    second = ledger.take()

    ledger.acknowledge(second, second.digest)

    assert (ledger.acknowledged.through, ledger.acknowledged.beyond) == (0, (2,))
    ledger.acknowledge(first, first.digest)
    assert (ledger.acknowledged.through, ledger.acknowledged.beyond) == (2, ())


def test_inv_01_an_activation_is_full_after_200_facts_or_64_kilobytes_of_values() -> None:
    many, large = FactLedger(), FactLedger()
    for number in range(MAX_FACTS_PER_ACTIVATION):
        assert not many.is_full
        many.emit(a_fact(str(number)))
    from_node = {"at": 1.0, "node_exec_id": "r:n", "node_id": "n", "status": "succeeded"}
    large.emit(_finished({**from_node, "outputs": {"x": "v" * 70_000}}))

    assert many.is_full
    assert large.is_full
    many.begin_activation()
    assert not many.is_full


def test_the_digest_covers_values_and_handles_but_not_the_time() -> None:
    base = {"at": 1.0, "node_exec_id": "r:n", "node_id": "n", "status": "succeeded"}
    one = _finished({**base, "outputs": {"x": 1}, "handle": "true"})

    def digest_of(**changes: object) -> str:
        fact = one.model_copy(update=changes)
        return digest([OpenFact(src_seq=1, fact=fact)])

    assert digest_of() == digest_of(at=99.0)
    assert digest_of() != digest_of(outputs={"x": 1.0})
    assert digest_of() != digest_of(handle="false")


def _finished(fields: dict[str, object]) -> NodeFinished:
    return NodeFinished.model_validate(fields)
