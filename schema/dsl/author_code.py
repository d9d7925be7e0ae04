"""What can be said of an author's code and templates without running them.

All of it is warnings: Dify finds such mistakes when the node runs, and so does a run here. Apart
from compilation, because only `validate` asks and Jinja2's parser takes a while to load.
"""

import ast
import re
import sys
import warnings
from collections.abc import Callable, Iterator

import jinja2

from schema.findings import Finding, FindingCode, Severity, quote
from schema.nodes.code import CodeLanguage, CodeNodeData
from schema.nodes.template_transform import TemplateTransformNodeData
from schema.plan import PlanGraph, PlanNode

INSTALL_COMMAND = "holdfast code install -r FILE"
"""What makes packages importable for code nodes."""

_MAX_CODE_CHARACTERS = 1_000_000
_MAX_TEMPLATE_CHARACTERS = 100_000
"""Longer ones are not looked into; Jinja2 parses some 100 KB a second."""
_JAVASCRIPT_MODULE = re.compile(
    r"""(?:\brequire\s*\(\s*|^\s*import\s+(?:[^'"\n]*\bfrom\s*)?)(['"])(?P<name>[^'"\n]+)\1""",
    re.MULTILINE,
)

IsInstalled = Callable[[str], bool]
"""Whether a top-level name can be imported besides the standard library."""


def check_author_code(graph: PlanGraph, is_installed: IsInstalled) -> Iterator[Finding]:
    """Name mistakes in code and templates, the insides of containers included."""
    for node in graph.nodes:
        match node.data:
            case TemplateTransformNodeData() as data:
                yield from _template_findings(node, data.template)
            case CodeNodeData(code_language=CodeLanguage.PYTHON) as data:
                yield from _python_findings(node, data.code, is_installed)
            case CodeNodeData() as data:
                yield from _javascript_findings(node, data.code)
        if node.body is not None:
            # As deep as `containers.MAX_NESTING`.
            yield from check_author_code(node.body, is_installed)


def imported_names(code: str) -> tuple[str, ...]:
    r"""List the top-level names that Python code imports besides the standard library, each once.

    Raises:
        SyntaxError: If it is no Python; also where it is nested too deeply to be read.

    Example:
        >>> imported_names("import json, numpy.linalg\ntry:\n from pandas import x\nexcept: 1")
        ('numpy', 'pandas')
    """
    names: dict[str, None] = {}
    for statement in ast.walk(_parse(code)):
        found: list[str] = []
        if isinstance(statement, ast.Import):
            found = [alias.name for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            found = [statement.module]
        for name in found:
            top = name.partition(".")[0]
            if top not in sys.stdlib_module_names:
                names[top] = None
    return tuple(names)


def _parse(code: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(code)
    except (RecursionError, MemoryError):
        raise SyntaxError("nested too deeply") from None
    except ValueError as error:
        raise SyntaxError(str(error)) from None


def _template_findings(node: PlanNode, template: str) -> Iterator[Finding]:
    if len(template) > _MAX_TEMPLATE_CHARACTERS:
        return
    try:
        jinja2.Environment().parse(template)
    except jinja2.TemplateSyntaxError as error:
        problem = f"line {error.lineno}: {error.message}"
    except RecursionError:
        problem = "it is nested too deeply"
    except ValueError as error:
        problem = str(error)
    else:
        return
    yield _warning(
        FindingCode.TEMPLATE_SYNTAX,
        node,
        "template",
        f"The template cannot be read, and the node will fail: {problem}",
    )


def _python_findings(node: PlanNode, code: str, is_installed: IsInstalled) -> Iterator[Finding]:
    if len(code) > _MAX_CODE_CHARACTERS:
        return
    try:
        names = imported_names(code)
    except SyntaxError as error:
        line = f"line {error.lineno}: " if error.lineno else ""
        yield _warning(
            FindingCode.CODE_SYNTAX,
            node,
            "code",
            f"The code cannot be read, and the node will fail: {line}{error.msg}",
        )
        return
    for name in names:
        if not is_installed(name):
            yield _warning(
                FindingCode.MISSING_PACKAGE,
                node,
                "code",
                f"The code imports {quote(name)}, which is not installed for code nodes. "
                f"To install packages: {INSTALL_COMMAND}",
            )


def _javascript_findings(node: PlanNode, code: str) -> Iterator[Finding]:
    found = (match["name"] for match in _JAVASCRIPT_MODULE.finditer(code[:_MAX_CODE_CHARACTERS]))
    for name in dict.fromkeys(found):
        yield _warning(
            FindingCode.MISSING_PACKAGE,
            node,
            "code",
            f"The code loads the module {quote(name)}, but JavaScript runs without modules.",
        )


def _warning(code: FindingCode, node: PlanNode, field: str, message: str) -> Finding:
    return Finding(
        code=code, severity=Severity.WARNING, node_id=node.id, field=field, message=message
    )
