import pytest
from pydantic import ValidationError

from schema.nodes import parse_node_data
from schema.nodes.template_transform import TemplateTransformNodeData


def test_template_needs_its_fields() -> None:
    with pytest.raises(ValidationError):
        parse_node_data({"type": "template-transform", "variables": []})


def test_a_template_without_variables_may_leave_out_their_list() -> None:
    data = parse_node_data({"type": "template-transform", "template": "x"})

    assert list(data.selectors()) == []


@pytest.mark.parametrize(
    ("template", "is_plain"), [("Hi {{ x }}!", True), ("{{ x | upper }}", False)]
)
def test_a_template_of_text_and_names_needs_no_sandbox(template: str, is_plain: bool) -> None:
    data = TemplateTransformNodeData(template=template)

    assert (data.plain is not None) is is_plain
