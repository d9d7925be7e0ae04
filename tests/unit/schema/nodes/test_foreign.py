from schema.nodes import parse_node_data
from schema.nodes.foreign import ForeignNodeData


def test_foreign_node_keeps_its_configuration_without_the_canvas() -> None:
    data = parse_node_data(
        {
            "type": "loop",
            "title": "L",
            "desc": "",
            "selected": False,
            "_x": 1,
            "start_node_id": "s",
            "loop_variables": None,
        }
    )

    assert isinstance(data, ForeignNodeData)
    assert (data.type, data.title) == ("loop", "L")
    assert data.config == {"start_node_id": "s", "loop_variables": None}
    assert list(data.selectors()) == []
