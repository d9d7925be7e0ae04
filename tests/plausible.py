"""Plausible values: what a node of a foreign type, or a caller, might give.

Texts say where they come from, so that a mix-up shows in the outputs of a run.
"""

from collections.abc import Callable, Mapping
from typing import Any

from schema.nodes.start import InputType, InputVariable, StartNodeData
from schema.plan import Plan, PlanNode
from schema.values.files import File, FileType, TransferMethod

Config = Mapping[str, Any]


def plausible_inputs(plan: Plan) -> dict[str, Any]:
    """Give every input of the start node a value of its kind."""
    data = plan.graph.by_id[plan.graph.root].data
    variables = data.variables if isinstance(data, StartNodeData) else ()
    return {variable.variable: _input_value(variable) for variable in variables}


def plausible_outputs(node: PlanNode, config: Config) -> dict[str, Any]:
    """Give the outputs that a node of such a type and configuration has (dify-nodes 5)."""
    text = f"<{node.id}>"
    give = _OUTPUTS.get(node.type)
    return give(config, text) if give else {"output": text, "text": text}


def value_of_type(kind: object, text: str) -> Any:
    """Give a value of a declared type; text where the type is unknown."""
    name = str(kind).lower()
    if name.startswith("array[") and name.endswith("]"):
        return [value_of_type(name[6:-1], f"{text}{index}") for index in range(2)]
    match name:
        case "number" | "integer":
            return 1
        case "boolean" | "bool":
            return True
        case "object":
            return {"text": text}
        case "array":
            return [text]
        case _:
            return text


def _input_value(variable: InputVariable) -> Any:
    match variable.type:
        case InputType.NUMBER:
            return 3
        case InputType.CHECKBOX:
            return True
        case InputType.SELECT if variable.options:
            return variable.options[0]
        case InputType.JSON_OBJECT:
            return {"key": "value"}
        case InputType.FILE:
            return _file()
        case InputType.FILE_LIST:
            return [_file()]
        case _:
            return f"<{variable.variable}>"


def _file() -> File:
    return File(
        FileType.DOCUMENT,
        TransferMethod.REMOTE_URL,
        remote_url="http://127.0.0.1/a.pdf",
        filename="a.pdf",
        extension=".pdf",
        mime_type="application/pdf",
    )


def _of_schema(schema: Any, text: str) -> Any:
    """Give a value that fits a JSON schema of the kinds that editors write."""
    if not isinstance(schema, dict):
        return text
    if schema.get("enum"):
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            properties = schema.get("properties") or {}
            return {name: _of_schema(inner, f"{text}.{name}") for name, inner in properties.items()}
        case "array":
            return [_of_schema(schema.get("items"), text)]
        case kind:
            return value_of_type(kind, text)


def _model(config: Config, text: str) -> dict[str, Any]:
    outputs: dict[str, Any] = {"text": text, "usage": {"total_tokens": 7}, "finish_reason": "stop"}
    structured = config.get("structured_output")
    if config.get("structured_output_enabled") and isinstance(structured, dict):
        outputs["structured_output"] = _of_schema(structured.get("schema"), text)
    return outputs


def _code(config: Config, text: str) -> dict[str, Any]:
    return {
        name: value_of_type(declared.get("type"), f"{text}.{name}")
        for name, declared in (config.get("outputs") or {}).items()
    }


def _request(config: Config, text: str) -> dict[str, Any]:
    return {"status_code": 200, "body": text, "headers": {}, "files": []}


def _classifier(config: Config, text: str) -> dict[str, Any]:
    return {"class_name": text, "class_id": "1", "usage": {"total_tokens": 7}}


def _extractor(config: Config, text: str) -> dict[str, Any]:
    values = {
        str(one["name"]): value_of_type(one.get("type"), f"{text}.{one['name']}")
        for one in config.get("parameters") or ()
    }
    return {**values, "__is_success": 1, "__reason": None, "__usage": {"total_tokens": 7}}


def _documents(config: Config, text: str) -> dict[str, Any]:
    return {"result": [{"title": "a", "content": text, "metadata": {"score": 0.5}}]}


def _tool(config: Config, text: str) -> dict[str, Any]:
    return {"text": text, "files": [], "json": [{"data": text}]}


def _list(config: Config, text: str) -> dict[str, Any]:
    return {"result": [text], "first_record": text, "last_record": text}


def _loop(config: Config, text: str) -> dict[str, Any]:
    values = {
        str(one["label"]): value_of_type(one.get("var_type"), text)
        for one in config.get("loop_variables") or ()
    }
    return {**values, "loop_round": 1}


def _form(config: Config, text: str) -> dict[str, Any]:
    values = {
        str(one["output_variable_name"]): f"{text}.{one['output_variable_name']}"
        for one in config.get("inputs") or ()
    }
    return {**values, "__action_id": "x", "__action_value": "X", "__rendered_content": text}


_OUTPUTS: Mapping[str, Callable[[Config, str], dict[str, Any]]] = {
    "agent": _tool,
    "assigner": lambda config, text: {},
    "code": _code,
    "document-extractor": lambda config, text: {"text": text},
    "http-request": _request,
    "human-input": _form,
    "iteration": lambda config, text: {
        "output": value_of_type(config.get("output_type", "array[string]"), text)
    },
    "knowledge-retrieval": _documents,
    "list-operator": _list,
    "llm": _model,
    "loop": _loop,
    "parameter-extractor": _extractor,
    "question-classifier": _classifier,
    "tool": _tool,
}
"""Type to what it gives for a configuration and a text of its own."""
