"""Templates give what Jinja2 itself gives, and none of the known ways out of it leads anywhere."""

from typing import Any

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.sandbox.programs.jinja import render
from schema.errors import TemplateFailed

VALUES: dict[str, Any] = {
    "text": 'a "b" é 🤖',
    "number": 3,
    "real": 1.0,
    "flag": True,
    "nothing": None,
    "items": [1, 2.5, "x", None, True],
    "rows": [{"name": "Ada", "tags": ["x"]}, {"name": "Bob", "tags": []}],
    "data": {"key": "v", "_id": 7, "items": "shadowed", "deep": {"n": 1}},
}

TEMPLATES = [
    "{% for i in items %}{{ loop.index }}:{{ i }}{% if not loop.last %}, {% endif %}{% endfor %}",
    "{% for r in rows %}{{ r.name }} {{ r['tags'] | join('/') | default('-', true) }}\n"
    "{% endfor %}",
    "{% if flag and number > 2 %}yes{% else %}no{% endif %}",
    "{% set total = namespace(n=0) %}{% for i in range(4) %}{% set total.n = total.n + i %}"
    "{% endfor %}{{ total.n }}",
    "{% set found = [] %}{% for r in rows %}{% set _ = found.append(r.name) %}{% endfor %}"
    "{{ found }}",
    "{% macro hi(who) %}Hi {{ who }}{% endmacro %}{{ hi(text) }}{{ hi(number) }}",
    "{{ missing }}|{{ data.missing }}|{{ data._id }}|{{ data.deep.n }}|{{ data['items'] }}",
    "{{ items | length }} {{ text | upper }} {{ real | round(1) }} {{ data | tojson }}",
    "{{ '%s and %s' | format(text, nothing) }} {{ '{} {}'.format(1, 'x') }}",
    "{{ 7 // 2 }} {{ 2 ** 10 }} {{ 'a' ~ 1 }} {{ 5 in items }} {{ text[:3] }}",
    "{{ (range(100001) | list) | length }}",
    "{#- a comment -#}  {%- if true %} x {% endif -%}  \n\n",
    "line\r\nline\rline\n",
    "{% raw %}{{ not }}{% endraw %}{{ '{{' }}",
    "{{ dict(a=1) }}{% set j = joiner(',') %}{{ j() }}{{ j() }}{% set c = cycler(1, 2) %}"
    "{{ c.next() }}{{ c.next() }}",
    "<b>{{ '<i>' }}</b>{{ '<i>' | e }}",
    "{% filter upper %}{{ text }}{% endfilter %}{{ text | replace('a', 'b') | title }}",
    "{{ rows | map(attribute='name') | join(', ') }}"
    "{{ rows | selectattr('tags') | list | length }}",
    "{{ nothing or 'else' }} {{ none }} {{ True }}",
    "",
]


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_gives_what_jinja_gives(template: str) -> None:
    expected = jinja2.Template(template).render(**VALUES)

    assert "".join(render(template, VALUES, 10**9)) == expected


NAMES = st.sampled_from(["text", "number", "items", "data", "nothing", "missing", "rows"])
FILTERS = st.sampled_from(["", "|string", "|upper", "|length", "|default('d')", "|tojson", "|e"])
PIECES = st.one_of(
    st.text("ab{}%# \n'\"", max_size=6),
    st.builds("{{{{ {}{} }}}}".format, NAMES, FILTERS),
    st.builds("{{% for x in {} %}}[{{{{ x }}}}]{{% endfor %}}".format, NAMES),
    st.builds("{{% if {} %}}{{{{ {} }}}}{{% endif %}}".format, NAMES, NAMES),
    st.builds("{{%- set v = {} -%}}{{{{ v }}}}".format, NAMES),
)


@given(st.lists(PIECES, max_size=6).map("".join))
def test_harmless_templates_render_and_fail_as_in_jinja(template: str) -> None:
    try:
        expected: object = jinja2.Template(template).render(**VALUES)
    except Exception as error:  # noqa: BLE001 whatever Jinja2 refuses, is to be refused
        expected = error
    if isinstance(expected, Exception):
        with pytest.raises(TemplateFailed, match=type(expected).__name__):
            render(template, VALUES, 10**9)
    else:
        assert "".join(render(template, VALUES, 10**9)) == expected


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ a.b.c }}", "jinja2.exceptions.UndefinedError: 'a' is undefined (line 1)"),
        (
            "x\n{{ data.no.more }}",
            "jinja2.exceptions.UndefinedError: 'dict object' has no attribute 'no' (line 2)",
        ),
        (
            "x\n\n{% for %}",
            "jinja2.exceptions.TemplateSyntaxError: Expected an expression, got 'end of statement "
            "block' (line 3)",
        ),
        ("{{ 1 / 0 }}", "ZeroDivisionError: division by zero (line 1)"),
        (
            "{{ text | nope }}",
            "jinja2.exceptions.TemplateAssertionError: No filter named 'nope'. (line 1)",
        ),
        ("{% include 'a' %}", "TypeError: no loader for this environment specified (line 1)"),
    ],
)
def test_an_error_says_what_and_in_which_line(template: str, message: str) -> None:
    with pytest.raises(TemplateFailed) as caught:
        render(template, VALUES, 1000)

    assert str(caught.value) == message
    assert caught.value.error_type == ""


def test_a_text_may_be_as_long_as_the_limit() -> None:
    assert render("{{ 'x' * 5 }}", {}, 5) == ["xxxxx"]
    with pytest.raises(TemplateFailed, match=r"^Output length exceeds 4 characters$"):
        render("{{ 'x' * 5 }}", {}, 4)


def test_output_beyond_the_limit_ends_a_template_before_its_loop() -> None:
    with pytest.raises(TemplateFailed, match="exceeds 1000 characters"):
        render("{% for i in range(1000000000) %}x{% endfor %}", {}, 1000)


def test_crumbs_of_a_long_text_are_joined() -> None:
    pieces = render("{% for i in range(200000) %}x{% endfor %}", {}, 10**6)

    assert len(pieces) <= 5
    assert "".join(pieces) == "x" * 200_000


ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ ''['__class__'] }}",
    "{{ '' | attr('__class__') }}",
    "{{ '' | map(attribute='__class__') | list }}",
    "{{ ['x'] | map(attribute='__class__') | list }}",
    "{{ ['x'] | map('attr', '__class__') | list }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__cl' ~ 'ass__']['__mro__'] }}",
    "{{ lipsum.__globals__ }}",
    "{{ lipsum['__globals__']['os'].popen('id').read() }}",
    "{{ cycler.__init__.__globals__.os }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context.environment }}",
    "{{ '{0.__class__.__mro__}'.format(1) }}",
    "{{ '{x.__class__}'.format_map({'x': 1}) }}",
    "{{ ('{0.__class__}' | attr('format'))(1) }}",
    "{{ ['{0.__class__}'] | map('format', 1) | list }}",
    "{% set f = '{0.__class__}'.format %}{{ f(1) }}",
    "{{ range.__self__ }}",
    "{{ dict.mro() }}",
    "{{ dict.__base__.__subclasses__() }}",
    "{{ namespace.mro() }}",
    "{% for k in ().__class__.__base__.__subclasses__() %}{{ k }}{% endfor %}",
    "{{ (1).__class__.__base__ }}",
    "{{ text.__init__.__globals__ }}",
    "{{ loop.__init__ }}",
    "{{ caller.__globals__ }}",
    "{% macro m() %}{{ caller.__globals__ }}{% endmacro %}{{ m.__globals__ }}{{ m._func }}",
    "{{ url_for.__globals__ }}",
    "{{ get_flashed_messages.__globals__ }}",
    "{{ config.__class__.__init__.__globals__ }}",
    "{{ request.application.__globals__ }}",
]


@pytest.mark.parametrize("template", ESCAPES)
def test_inv_19_known_ways_out_of_jinja_give_nothing(template: str) -> None:
    try:
        text = "".join(render(template, VALUES, 10**6))
    except TemplateFailed:
        return
    assert "class" not in text, text
    assert "function" not in text, text
    assert "0x" not in text, text
