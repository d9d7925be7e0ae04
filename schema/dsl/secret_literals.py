"""Moves secrets that authors wrote into nodes out of the plan (invariant 17).

A node type says which of its texts are secret; a placeholder of a variable takes the place of each,
so that nothing that renders the text needs to know. Values go to the run's secrets.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from schema.findings import Finding, FindingCode, Severity
from schema.nodes.base import NodeData
from schema.plan import SECRETS_NODE, PlanSecret
from schema.values.secret_forms import MIN_SECRET_CHARACTERS


@dataclass(frozen=True)
class ExtractedLiterals:
    """The data of all nodes without literal secrets, and what was taken out."""

    data: Mapping[str, NodeData]
    secrets: tuple[PlanSecret, ...]
    values: Mapping[str, str] = field(repr=False)
    """By the name of the secret."""
    findings: tuple[Finding, ...]


def extract_literals(data: Mapping[str, NodeData]) -> ExtractedLiterals:
    """Take the literal secrets out of nodes; an equal text in several places is one secret."""
    node_id = SECRETS_NODE
    while node_id in data:  # an author's node of that name is one like any other
        node_id += "_"
    secrets: dict[str, PlanSecret] = {}
    findings: list[Finding] = []
    changed: dict[str, NodeData] = {}
    for owner, node in data.items():
        texts = {}
        for place, value in node.secret_literals():
            if value not in secrets:
                secrets[value] = PlanSecret(node_id=node_id, variable=f"s{len(secrets) + 1}")
            texts[place] = f"{{{{#{node_id}.{secrets[value].variable}#}}}}"
            findings.append(_found(owner, place, value))
        changed[owner] = node.with_secrets(texts) if texts else node
    return ExtractedLiterals(
        data=changed,
        secrets=tuple(secrets.values()),
        values={secret.name: value for value, secret in secrets.items()},
        findings=tuple(findings),
    )


def _found(node_id: str, place: str, value: str) -> Finding:
    if len(value) < MIN_SECRET_CHARACTERS:
        return short_secret(place, "This literal", node_id)
    return Finding(
        code=FindingCode.SECRET_LITERAL,
        severity=Severity.NOTICE,
        node_id=node_id,
        field=place,
        message="The text here is kept as a secret of the run: encrypted, and masked wherever "
        "values are shown.",
        accepted="a secret environment variable, so that the export holds no key",
    )


def short_secret(place: str, what: str, node_id: str = "") -> Finding:
    """Say that a secret cannot be told from other text."""
    return Finding(
        code=FindingCode.SHORT_SECRET,
        severity=Severity.WARNING,
        node_id=node_id,
        field=place,
        message=f"{what} is a secret of fewer than {MIN_SECRET_CHARACTERS} characters: it is "
        "encrypted, but where a result contains it, it is not hidden.",
    )
