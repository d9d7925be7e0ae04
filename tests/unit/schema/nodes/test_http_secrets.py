"""Which literals of an http-request are secrets, and that replacing them changes nothing else."""

from typing import Any

import pytest

from schema.nodes import parse_node_data
from schema.nodes.http_request import (
    HttpRequestNodeData,
    is_secret_name,
    secret_literals,
    with_secrets,
)
from tests.factories import a_request


def data_of(url: str = "https://a.test", **fields: Any) -> HttpRequestNodeData:
    parsed = parse_node_data(a_request("n", url, **fields)["data"])
    assert isinstance(parsed, HttpRequestNodeData)
    return parsed


def api_key(key: str) -> dict[str, Any]:
    return {"type": "api-key", "config": {"type": "custom", "api_key": key}}


@pytest.mark.parametrize(
    "name",
    [
        *("Authorization", "Proxy-Authorization", "Cookie", "X-API-Key", "api_key", "apiKey"),
        *("apikey", "token", "access_token", "X-Auth-Token", "client_secret", "password"),
        *("X-Hub-Signature-256", "AccessKey", "private-key", "sessionId", "APIKey"),
    ],
)
def test_inv_17_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name", ["Accept", "max_tokens", "key", "X-Key-Id", "keyword", "Author", "tokenizer", "signed"]
)
def test_names_of_other_things(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"authorization": api_key("sk-1")}, [("authorization.config.api_key", "sk-1")]),
        ({"authorization": api_key("{{#env.K#}}")}, []),
        ({"authorization": api_key("")}, []),
        (
            {"headers": "Accept: a\nAuthorization: Bearer sk-1\nx-api-key:k2 "},
            [("headers.1", "sk-1"), ("headers.2", "k2")],
        ),
        ({"headers": "Authorization: Bearer {{#env.K#}}\nCookie:\ntoken"}, []),
        ({"headers": "Cookie: a=b; c=d"}, [("headers.0", "a=b; c=d")]),
        ({"params": "q:1\ntoken: t1\nmax_tokens:5"}, [("params.1", "t1")]),
        (
            {"url": "https://u:pw@a.test/x?api_key=k1&q=2&token={{#s.t#}}&sign-token=#f"},
            [("url.10", "pw"), ("url.30", "k1")],
        ),
        ({"url": "https://{{#s.host#}}/?token={{#env.t#}}"}, []),
        (
            {
                "body": {
                    "type": "x-www-form-urlencoded",
                    "data": [
                        {"type": "text", "key": "client_secret", "value": "c1"},
                        {"type": "text", "key": "plain", "value": "c2"},
                        {"type": "file", "key": "token", "file": ["s", "f"]},
                    ],
                }
            },
            [("body.data.0.value", "c1")],
        ),
        ({"body": {"type": "json", "data": '{"token": "t"}'}}, []),
    ],
)
def test_inv_17_secrets_that_stand_in_the_data(
    fields: dict[str, Any], found: list[tuple[str, str]]
) -> None:
    assert list(secret_literals(data_of(**fields))) == found


def test_inv_17_references_take_the_place_of_all_secrets_at_once() -> None:
    data = data_of(
        "https://u:pw@a.test/x?api_key=k1&q=2",
        authorization=api_key(" sk-1 "),
        headers="Accept: a\nAuthorization: Bearer sk-2\nX-Token: t\nX-B: b",
        params="token:t1\nq:1",
        body={"type": "form-data", "data": [{"type": "text", "key": "password", "value": "p"}]},
    )
    found = list(secret_literals(data))

    changed = with_secrets(
        data, {each.field: f"{{{{#env.s{i}#}}}}" for i, each in enumerate(found)}
    )

    assert [each.value for each in found] == ["sk-1", "sk-2", "t", "t1", "pw", "k1", "p"]
    assert list(secret_literals(changed)) == []
    assert changed.url == "https://u:{{#env.s4#}}@a.test/x?api_key={{#env.s5#}}&q=2"
    assert changed.headers == (
        "Accept: a\nAuthorization: Bearer {{#env.s1#}}\nX-Token: {{#env.s2#}}\nX-B: b"
    )
    assert changed.params == "token:{{#env.s3#}}\nq:1"
    assert changed.authorization.config is not None
    assert changed.authorization.config.api_key == " {{#env.s0#}} "
    assert changed.body is not None
    assert changed.body.data[0].value == "{{#env.s6#}}"


def test_a_field_without_a_secret_cannot_be_replaced() -> None:
    with pytest.raises(KeyError):
        with_secrets(data_of(headers="Accept: a"), {"headers.0": "x"})
