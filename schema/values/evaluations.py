"""The pure function of each inline node type.

The workflow runs it on small values; the `evaluate` activity runs the same function where a value
is behind a reference (architecture 6). A function that returns normally has succeeded or says why
the node failed; one that raises `ValueBehindReference` needs values that the workflow does not
hold.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from schema.errors import NodeError, TemplateFailed
from schema.limits import LimitsProfile, ResultLimits
from schema.nodes.answer import AnswerNodeData
from schema.nodes.base import NodeData
from schema.nodes.end import EndNodeData
from schema.nodes.if_else import IfElseNodeData
from schema.nodes.start import StartNodeData
from schema.nodes.template_transform import TemplateTransformNodeData
from schema.nodes.value_selector import find_in
from schema.nodes.variable_aggregator import VariableAggregatorNodeData
from schema.values.conditions import evaluate_group
from schema.values.segments import Segment, SegmentType, require_values
from schema.values.templates import Template
from schema.values.variables import Variables


@dataclass(frozen=True)
class Evaluation:
    """What an inline node made of its variables."""

    outputs: Mapping[str, Segment] = field(default_factory=dict)
    inputs: Mapping[str, Any] | None = None
    """What is recorded as the node's inputs; raw values."""
    process_data: Mapping[str, Any] | None = None
    handle: str = "source"
    error: str | None = None
    """Why the node failed; null when it succeeded."""
    error_type: str = ""


Evaluate: TypeAlias = Callable[[Any, Variables, ResultLimits, str], Evaluation]
"""(data, variables, limits, node id) to what the node made of them."""


def evaluate(
    data: NodeData, variables: Variables, profile: LimitsProfile, node_id: str
) -> Evaluation:
    """Run the pure function of an inline node type.

    Raises:
        ValueBehindReference: If a value is needed that is not here.
    """
    return EVALUATIONS[data.type](data, variables, ResultLimits.of(profile), node_id)


def _start(data: StartNodeData, variables: Variables, _: ResultLimits, node_id: str) -> Evaluation:
    """Show the whole pool under the start node's id (dify-nodes 5.1)."""
    own = {name: segment for (node, name), segment in variables.items() if node == node_id}
    missing = next(
        (
            v.variable
            for v in data.variables
            if _is_missing_object(v.type, v.required, v.variable, own)
        ),
        None,
    )
    if missing is not None:
        return Evaluation(
            error=f"{missing} is required in input form", error_type="WorkflowNodeError"
        )
    others = {
        f"{node}.{name}": segment for (node, name), segment in variables.items() if node != node_id
    }
    return Evaluation(outputs={**own, **others}, inputs=_raw(own))


def _is_missing_object(kind: str, required: bool, name: str, own: Mapping[str, Segment]) -> bool:
    if kind != "json_object" or not required:
        return False
    return name not in own or own[name].type is SegmentType.NONE


def _end(data: EndNodeData, variables: Variables, _: ResultLimits, node_id: str) -> Evaluation:
    """Pick the selected values, null where there is none (dify-nodes 5.2)."""
    outputs = {
        output.variable: find_in(variables, output.value_selector) or Segment.infer(None)
        for output in data.outputs
    }
    return Evaluation(outputs=outputs, inputs=_raw(outputs))


def _answer(
    data: AnswerNodeData, variables: Variables, _: ResultLimits, node_id: str
) -> Evaluation:
    """Render the answer as markdown and collect the files it names (dify-nodes 5.19)."""
    template = Template.parse(data.answer)
    files: list[Any] = []
    for selector in template.selectors:
        segment = variables.find(selector)
        if segment is not None and segment.type is SegmentType.FILE:
            files.append(segment.raw)
        elif segment is not None and segment.type is SegmentType.ARRAY_FILE:
            require_values(segment.value)
            files.extend(segment.raw)
    text = template.render(variables, "markdown")
    return Evaluation(
        outputs={
            "answer": Segment(SegmentType.STRING, text),
            "files": Segment(SegmentType.ARRAY_FILE, files),
        }
    )


def _if_else(
    data: IfElseNodeData, variables: Variables, _: ResultLimits, node_id: str
) -> Evaluation:
    """Take the first case that is true (dify-nodes 5.5)."""
    inputs: dict[str, Any] = {}
    groups: list[dict[str, Any]] = []
    selected: str | None = None
    try:
        for case in data.effective_cases:
            group = evaluate_group(case.logical_operator, case.conditions, variables)
            inputs = {"conditions": group.recorded_inputs}
            groups.append(
                {
                    "group": case.model_dump(mode="json"),
                    "results": list(group.results),
                    "final_result": group.final,
                }
            )
            if group.final:
                selected = case.case_id
                break
    except NodeError as error:
        return Evaluation(
            inputs=inputs,
            process_data={"condition_results": groups},
            error=str(error),
            error_type=error.error_type,
        )
    if selected is None:
        groups.append({"group": "default", "results": [], "final_result": True})
    return Evaluation(
        outputs={
            "result": Segment(SegmentType.BOOLEAN, selected is not None),
            "selected_case_id": Segment(
                SegmentType.STRING, "false" if selected is None else selected
            ),
        },
        inputs=inputs,
        process_data={"condition_results": groups},
        handle=selected or "false",
    )


def _aggregator(
    data: VariableAggregatorNodeData, variables: Variables, _: ResultLimits, node_id: str
) -> Evaluation:
    """Give the first value that exists, of the node or of each group (dify-nodes 5.13)."""
    settings = data.advanced_settings
    if settings is None or not settings.group_enabled:
        found, inputs = _first_existing(data.variables, variables)
        outputs = {} if found is None else {"output": found}
        return Evaluation(outputs=outputs, inputs=inputs)
    outputs, inputs = {}, {}
    for group in settings.groups:
        found, group_inputs = _first_existing(group.variables, variables)
        if found is not None:
            outputs[group.group_name] = Segment(SegmentType.OBJECT, {"output": found})
            inputs.update(group_inputs)
    return Evaluation(outputs=outputs, inputs=inputs)


def _first_existing(
    selectors: Iterable[tuple[str, ...]], variables: Variables
) -> tuple[Segment | None, dict[str, Any]]:
    for parts in selectors:
        segment = find_in(variables, parts)
        if segment is not None:
            return segment, {".".join(parts[1:]): segment.raw}
    return None, {}


def _template(
    data: TemplateTransformNodeData, variables: Variables, limits: ResultLimits, node_id: str
) -> Evaluation:
    """Render text and plain names as Jinja2 would (dify-nodes 5.7)."""
    if data.plain is None:
        raise TemplateFailed("The template is more than text and names; it is not evaluated here.")
    found = {v.variable: find_in(variables, v.value_selector) for v in data.variables}
    inputs = {name: None if segment is None else segment.raw for name, segment in found.items()}
    text = data.plain.render(inputs)
    if len(text) > limits.template_characters:
        return Evaluation(
            inputs=inputs, error=f"Output length exceeds {limits.template_characters} characters"
        )
    return Evaluation(outputs={"output": Segment(SegmentType.STRING, text)}, inputs=inputs)


def _raw(segments: Mapping[str, Segment]) -> dict[str, Any]:
    return {name: segment.raw for name, segment in segments.items()}


EVALUATIONS: Mapping[str, Evaluate] = {
    "start": cast(Evaluate, _start),
    "end": cast(Evaluate, _end),
    "answer": cast(Evaluate, _answer),
    "if-else": cast(Evaluate, _if_else),
    "variable-aggregator": cast(Evaluate, _aggregator),
    "template-transform": cast(Evaluate, _template),
}
"""Node type to its pure function."""

RENDERING_TYPES = frozenset({"answer", "template-transform"})
"""Types whose result may be much longer than a value they read."""
