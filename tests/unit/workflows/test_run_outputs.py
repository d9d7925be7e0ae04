"""Outputs of response nodes are merged in order of completion (dify-nodes 2.5)."""

from schema.values.artifact_ref import ArtifactRef
from schema.values.segments import Segment, SegmentType
from workflows.run_outputs import RunOutputs


def merged(*outputs: dict[str, object]) -> RunOutputs:
    result = RunOutputs()
    for values in outputs:
        result.merge({name: Segment.infer(value) for name, value in values.items()})
    return result


def test_answers_are_appended_without_a_separator_and_other_keys_replaced() -> None:
    outputs = merged({"answer": "A1", "files": []}, {"answer": "A2", "files": []}, {"x": 1})

    assert outputs.to_wire() == {"answer": "A1A2", "files": [], "x": 1}


def test_an_output_called_answer_of_an_end_node_is_appended_as_text() -> None:
    assert merged({"answer": "A"}, {"answer": 7}).to_wire()["answer"] == "A7"


def test_an_empty_answer_is_replaced_and_a_single_one_keeps_its_type() -> None:
    assert merged({"answer": ""}, {"answer": [1]}).to_wire()["answer"] == [1]


def test_without_a_response_node_there_are_no_outputs() -> None:
    assert RunOutputs().to_wire() == {}


def test_a_large_piece_of_an_answer_needs_an_activity_to_join() -> None:
    outputs = merged({"answer": "A"})
    reference = ArtifactRef("0" * 64, 70_000, "application/json", "string", "")
    outputs.merge({"answer": Segment(SegmentType.STRING, reference)})

    assert outputs.needs_joining()
    assert len(outputs.answer_pieces) == 2


def test_a_snapshot_restores_the_pieces() -> None:
    outputs = merged({"answer": "A", "files": []}, {"answer": "B"}, {"n": 1.0})

    restored = RunOutputs.restore(outputs.snapshot())

    assert restored.to_wire() == outputs.to_wire() == {"answer": "AB", "files": [], "n": 1.0}
