from schema.nodes.answer import AnswerNodeData
from schema.selectors import Selector


def test_answer_names_its_placeholders() -> None:
    data = AnswerNodeData.model_validate({"answer": "a {{#n.x#}} b {{#sys.query#}}"})

    assert {Selector("n", "x"), Selector("sys", "query")} <= set(data.selectors())
