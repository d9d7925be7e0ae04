"""Data of http-request nodes, in the forms that exports have (dify-nodes 5.8)."""

from typing import Any

import pytest
from pydantic import ValidationError

from schema.nodes import parse_node_data
from schema.nodes.http_request import HttpRequestNodeData
from schema.plan import PlanNode
from tests.factories import a_request


def data_of(**fields: Any) -> HttpRequestNodeData:
    parsed = parse_node_data(a_request("n", "https://a.test/{{#s.path#}}", **fields)["data"])
    assert isinstance(parsed, HttpRequestNodeData)
    return parsed


@pytest.mark.parametrize("method", ["get", "POST", "put", "PATCH", "delete", "HEAD", "options"])
def test_methods_in_both_cases_are_read(method: str) -> None:
    assert data_of(method=method).method == method


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"method": "trace"}, "Input should be"),
        ({"authorization": {"type": "api-key", "config": None}}, "config should be a dict"),
        ({"authorization": {"type": "api-key"}}, "config should be a dict"),
        ({"authorization": {"type": "oauth"}}, "config should be a dict"),
        ({"body": {"type": "xml", "data": []}}, "Input should be"),
        ({"timeout": {"read": -1}}, "greater than or equal"),
    ],
)
def test_what_dify_refuses_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        data_of(**fields)


@pytest.mark.parametrize("config", [None, {"type": "basic", "api_key": ""}, {}])
def test_without_authorization_its_configuration_means_nothing(config: object) -> None:
    assert data_of(authorization={"type": "no-auth", "config": config}).authorization.config is None


@pytest.mark.parametrize(("data", "values"), [("text", ["text"]), ("", []), (None, []), ([], [])])
def test_old_forms_of_a_body(data: object, values: list[str]) -> None:
    body = data_of(body={"type": "raw-text", "data": data}).body

    assert body is not None
    assert [item.value for item in body.data] == values


def test_nulls_are_defaults() -> None:
    data = data_of(body=None, timeout=None, ssl_verify=None)

    assert (data.body, data.ssl_verify, data.timeout.read) == (None, True, 0)


def test_selectors_name_all_that_is_rendered_and_the_files() -> None:
    data = data_of(
        params="a:{{#s.p#}}\n{{#s.k#}}:1\n:no key {{#s.unused#}}",
        headers="X: {{#s.h#}}",
        authorization={"type": "api-key", "config": {"type": "bearer", "api_key": "{{#env.K#}}"}},
        body={
            "type": "form-data",
            "data": [
                {"type": "text", "key": "{{#s.bk#}}", "value": "{{#s.bv#}}"},
                {"type": "file", "key": "f", "file": ["s", "f"]},
                {"type": "file", "key": "unset", "file": []},
            ],
        },
    )

    named = [".".join(selector.parts) for selector in data.selectors()]
    assert [name for name in named if "/" not in name] == [
        *("s.path", "s.p", "s.k", "s.h", "env.K", "s.bk", "s.bv", "s.f")
    ]


def test_data_survives_the_plan() -> None:
    data = data_of(
        authorization={"type": "api-key", "config": {"type": "basic", "api_key": "k"}},
        body={"type": "json", "data": "{}"},
    )
    node = PlanNode(id="n", public_id="n", data=data)

    assert PlanNode.model_validate_json(node.model_dump_json()) == node
