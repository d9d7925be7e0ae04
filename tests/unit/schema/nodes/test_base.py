import pytest
from pydantic import ValidationError

from schema.nodes import NODE_DATA, parse_node_data
from schema.nodes.base import ErrorStrategy, RetryConfig


def test_null_means_default_and_unknown_keys_are_no_error() -> None:
    data = parse_node_data(
        {
            "type": "end",
            "title": None,
            "version": None,
            "desc": None,
            "retry_config": {"retry_enabled": True, "max_retries": None, "unknown": 1},
            "default_value": None,
            "error_strategy": None,
            "outputs": [],
            "_connected": True,
        }
    )

    assert (data.title, data.version, data.error_strategy) == ("", "1", None)
    assert data.default_value == {}
    assert data.retry_config == RetryConfig(retry_enabled=True)


def test_numbers_are_read_as_text_where_text_is_meant() -> None:
    data = parse_node_data({"type": "end", "title": 2024, "version": 2, "outputs": []})

    assert (data.title, data.version) == ("2024", "2")


def test_interval_of_retries_is_a_whole_number_of_milliseconds() -> None:
    def interval(value: float) -> int:
        config = {"retry_enabled": True, "retry_interval": value}
        return parse_node_data({"type": "llm", "retry_config": config}).retry_config.retry_interval

    assert interval(2.0) == 2
    with pytest.raises(ValidationError):
        interval(0.5)


def test_old_name_of_the_aggregator_is_an_alias() -> None:
    data = parse_node_data({"type": "variable-assigner", "output_type": "any", "variables": []})

    assert data.type == "variable-aggregator"
    assert type(data) is NODE_DATA["variable-aggregator"]


def test_11_4_default_values_are_converted() -> None:
    data = parse_node_data(
        {
            "type": "list-operator",
            "error_strategy": "default-value",
            "default_value": [
                {"key": "result", "type": "array[string]", "value": '["d"]'},
                {"key": "n", "type": "number", "value": "1"},
            ],
        }
    )

    assert data.error_strategy is ErrorStrategy.DEFAULT_VALUE
    assert data.default_value == {"result": ["d"], "n": 1.0}
    assert type(data.default_value["n"]) is float


def test_dump_reads_back_as_the_same() -> None:
    raw = {
        "type": "tool",
        "tool_name": "x",
        "config": {"a": 1},
        "default_value": [{"key": "n", "type": "number", "value": 1}],
    }
    data = parse_node_data(raw)

    assert parse_node_data(data.model_dump(mode="json")) == data
