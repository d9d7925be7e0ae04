import pytest
from pydantic import ValidationError

from schema.nodes import parse_node_data


def test_template_needs_its_fields() -> None:
    with pytest.raises(ValidationError):
        parse_node_data({"type": "template-transform", "template": "x"})
