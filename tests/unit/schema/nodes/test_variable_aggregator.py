from schema.nodes.variable_aggregator import VariableAggregatorNodeData


def test_aggregator_names_the_selectors_that_count() -> None:
    group = {"group_name": "G", "output_type": "any", "variables": [["b", "y"], []], "groupId": "1"}
    raw = {"output_type": "any", "variables": [["a", "x"]]}
    off = {"group_enabled": False, "groups": [group]}
    on = {"group_enabled": True, "groups": [group]}

    def names(**settings: object) -> list[str]:
        data = VariableAggregatorNodeData.model_validate({**raw, **settings})
        return [selector.node_id for selector in data.selectors()]

    assert names() == names(advanced_settings=None) == names(advanced_settings=off) == ["a"]
    assert names(advanced_settings=on) == ["b"]
