import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schema.errors import ValueBehindReference
from schema.selectors import Selector
from schema.values.artifact_ref import ArtifactRef
from schema.values.files import File, FileType, TransferMethod
from schema.values.secret_ref import SecretRef
from schema.values.segments import Segment, SegmentType
from schema.values.templates import PlainJinja, Template
from schema.values.variables import Variables
from tests import strategies

EXAMPLES = settings(max_examples=200, deadline=None)
IMAGE = File(
    FileType.IMAGE, TransferMethod.REMOTE_URL, remote_url="http://a/i.png", filename="i.png"
)
BIG = ArtifactRef("ab", 70_000, "text/plain", "string", "Once")
VARIABLES = Variables(
    {
        ("n", "s"): Segment.infer("txt"),
        ("n", "z"): Segment.infer(None),
        ("n", "o"): Segment.infer({"a": 1}),
        ("n", "an"): Segment.infer([1, 2.5]),
        ("n", "as"): Segment.infer(["x", "中"]),
        ("n", "f"): Segment.infer(IMAGE),
        ("n", "again"): Segment.infer("{{#n.s#}}"),
        ("n", "big"): Segment.infer(BIG),
        ("ag", "G1"): Segment.infer({"output": Segment.infer("x")}),
        ("sys", "user_id"): Segment.infer("U1"),
        ("env", "KEY"): Segment(SegmentType.SECRET, "sk-0123456789"),
    }
)


@pytest.mark.parametrize(
    ("template", "result"),
    [
        pytest.param("Hi {{#n.nope#}}!", "Hi n.nope!", id="11.2-missing"),
        pytest.param("sys.user_id", "U1", id="11.2-whole-text"),
        pytest.param("{{#n.s#}}sys.user_id{{#n.s#}}", "txtU1txt", id="11.2-between"),
        pytest.param("{{# n.s #}}", "{{# n.s #}}", id="11.2-spaces"),
        pytest.param("{{#n.s#}}{{#n.z#}}|", "txt|", id="11.2-null"),
        pytest.param("{{#n-1.s#}}", "{{#n-1.s#}}", id="11.2-dash"),
        pytest.param("{{#n.o.a#}}", "1", id="11.2-path"),
        pytest.param("{{#n.o.zz#}}", "n.o.zz", id="11.2-missing-path"),
        pytest.param("{{#n.an.0#}}", "{{#n.an.0#}}", id="11.2-digit"),
        pytest.param("{{#n.as.x#}}", "n.as.x", id="11.2-into-array"),
        pytest.param("{{#ag.G1.output#}}", "x", id="11.4-group-output"),
        pytest.param(
            "{{#ag.G1#}}", '{"output": {"value_type": "string", "value": "x"}}', id="11.4-group"
        ),
        pytest.param("{{#ag.G2.output#}}", "ag.G2.output", id="11.4-absent-group"),
        pytest.param("", "", id="empty"),
        pytest.param("{{#context#}}", "{{#context#}}", id="context"),
        pytest.param("{{#n.again#}}", "{{#n.s#}}", id="single-pass"),
        pytest.param("a.b. {{#n.s#}} ...", "a.b. txt ...", id="dots"),
        pytest.param("{{{#n.s#}}}", "{txt}", id="braces"),
        pytest.param("{{#n." + "x" * 31 + "#}}", "{{#n." + "x" * 31 + "#}}", id="long-name"),
        pytest.param("{{#n" + ".x" * 11 + "#}}", "{{#n" + ".x" * 11 + "#}}", id="many-names"),
        pytest.param("{{#n" + ".x" * 10 + "#}}", "n" + ".x" * 10, id="ten-names"),
        pytest.param("{{#节点.s#}}", "{{#节点.s#}}", id="non-ascii"),
    ],
)
def test_template_renders_as_text(template: str, result: str) -> None:
    assert Template.parse(template).render(VARIABLES) == result


@pytest.mark.parametrize(
    ("how", "result"),
    [
        ("text", '["x", "中"]||sk-0123456789'),
        ("markdown", "- x\n- 中|![i.png](http://a/i.png)|sk-0123456789"),
        ("log", "['x', '中']||sk-012************89"),
    ],
)
def test_values_are_rendered_as_asked(how: str, result: str) -> None:
    template = Template.parse("{{#n.as#}}|{{#n.f#}}|{{#env.KEY#}}")

    assert template.render(VARIABLES, how) == result  # type: ignore[arg-type]  # parametrised


def test_rendering_a_stored_value_needs_the_value() -> None:
    template = Template.parse("{{#n.s#}} {{#n.big#}}")

    with pytest.raises(ValueBehindReference):
        template.render(VARIABLES)


def test_parts_are_literal_text_and_selectors() -> None:
    template = Template.parse("A: {{#l1.text#}}{{#l1.text#}} B. {{#n.o.a#}}")

    assert [(part.text, part.selector) for part in template.segments] == [
        ("A: ", None),
        ("l1.text", Selector("l1", "text")),
        ("l1.text", Selector("l1", "text")),
        (" B. ", None),
        ("n.o.a", Selector("n", "o", ("a",))),
    ]
    assert template.selectors == (Selector("l1", "text"), Selector("n", "o", ("a",)))


def test_lookups_include_literal_text_that_may_name_a_variable() -> None:
    template = Template.parse("sys.user_id{{#n.s#}} no dot")

    assert template.selectors == (Selector("n", "s"),)
    assert template.lookups == (Selector("sys", "user_id"), Selector("n", "s"))


_PIECES = st.lists(
    st.one_of(
        st.sampled_from(["{{#", "#}}", "n.s", "n", ".", "{", "}", "#", "{{#n.s#}}", "{{#n.s.t#}}"]),
        st.text(max_size=3),
    ),
    max_size=10,
).map("".join)


@EXAMPLES
@given(_PIECES)
def test_splitting_loses_nothing(text: str) -> None:
    template = Template.parse(text)

    rebuilt = "".join(
        part.text if part.selector is None else "{{#" + part.text + "#}}"
        for part in template.segments
    )
    assert rebuilt == text
    assert all(part.text for part in template.segments)


@EXAMPLES
@given(_PIECES)
def test_rendering_without_variables_only_drops_the_marks(text: str) -> None:
    template = Template.parse(text)

    assert template.render(Variables({})) == "".join(part.text for part in template.segments)


_NAMES = ["a", "b", "_c", "data_1", "A"]
_JINJA_PIECES = st.lists(
    st.one_of(
        st.sampled_from([f"{{{{ {name} }}}}" for name in _NAMES]),
        st.sampled_from(["{{a}}", "{{\n b\t}}", "{{ nope }}", "\n", "\r\n", "\r", " ", "}}", "}"]),
        st.text(max_size=4).filter(lambda text: "{" not in text),
    ),
    max_size=10,
).map("".join)
_ANY_JINJA_PIECES = st.lists(
    st.one_of(
        st.sampled_from(
            ["{{", "}}", "{%", "%}", "{#", "#}", "-", "+", "|", ".", "{", "}", "(", ")", "'", "#"]
        ),
        st.sampled_from(["a", "b", "true", "none", "not", "range", "self", "loop", "is", "1", "é"]),
        st.sampled_from([" ", "\n", "\r\n", "{{ a }}", "{{a", "a}}", "{{-", "-}}", "raw", "##"]),
    ),
    max_size=8,
).map("".join)
_INPUTS = st.dictionaries(
    st.sampled_from(_NAMES), st.one_of(strategies.json_values, st.text()), max_size=4
)


@EXAMPLES
@given(_JINJA_PIECES, _INPUTS)
def test_plain_jinja_renders_as_jinja2(text: str, inputs: dict[str, object]) -> None:
    plain = PlainJinja.parse(text)

    assert plain is not None
    assert plain.render(inputs) == jinja2.Template(text).render(**inputs)


@settings(max_examples=400, deadline=None)
@given(_ANY_JINJA_PIECES, _INPUTS)
def test_whatever_is_taken_for_plain_renders_as_jinja2(
    text: str, inputs: dict[str, object]
) -> None:
    plain = PlainJinja.parse(text)

    if plain is not None:
        assert plain.render(inputs) == jinja2.Template(text).render(**inputs)


@pytest.mark.parametrize(
    "text",
    [
        "{{ a.b }}",
        "{{ a | upper }}",
        "{{ a[0] }}",
        "{{ 'a' }}",
        "{{ 1 }}",
        "{{ }}",
        "{{- a }}",
        "{{ a -}}",
        "{{+ a }}",
        "{{ a b }}",
        "{{ a",
        "{{#n.s#}}",
        "{# note #}",
        "{% if a %}{% endif %}",
        "{% raw %}{{ a }}{% endraw %}",
        "{{ true }}",
        "{{ None }}",
        "{{ range }}",
        "{{ self }}",
        "{{ not }}",
        "{{ é }}",
        "{{{ a }}}",
    ],
)
def test_more_than_text_and_names_is_not_plain(text: str) -> None:
    assert PlainJinja.parse(text) is None


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("{{ a }}\n", "1"),
        ("{{ a }}\n\n", "1\n"),
        ("{{a}}\r\nx\r{{ a }}\r\n", "1\nx\n1"),
        ("\n", ""),
        ("", ""),
        ("{{ none_here }}|", "|"),
        ("{{ empty }}", "None"),
        ("{{ flag }} {{ list }}", "True [1.0, 'x', None]"),
        ("{{ a }}}", "1}"),
        ("{ {{ a }} }", "{ 1 }"),
        ("{{ a }}{{ a }} }}", "11 }}"),
    ],
)
def test_plain_jinja_renders(text: str, result: str) -> None:
    inputs = {"a": 1, "empty": None, "flag": True, "list": [1.0, "x", None]}
    plain = PlainJinja.parse(text)

    assert plain is not None
    assert plain.render(inputs) == result == jinja2.Template(text).render(**inputs)


def test_plain_jinja_shows_files_as_their_serialised_form() -> None:
    plain = PlainJinja.parse("{{ f }}")

    assert plain is not None
    assert plain.render({"f": [IMAGE]}) == str([IMAGE.to_dict()])


@pytest.mark.parametrize("value", [BIG, [BIG], SecretRef("KEY"), {"a": SecretRef("KEY")}])
def test_plain_jinja_over_a_reference_needs_the_value(value: object) -> None:
    plain = PlainJinja.parse("{{ f }}")

    assert plain is not None
    with pytest.raises(ValueBehindReference):
        plain.render({"f": value})
    assert plain.render({"other": value}) == ""
