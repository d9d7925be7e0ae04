from schema.findings import Finding, FindingCode, Severity, quote, shorten


def a_finding(**fields: object) -> Finding:
    known: dict[str, object] = {
        "code": FindingCode.NO_ROOT,
        "severity": Severity.ERROR,
        "message": "No start.",
    }
    return Finding(**{**known, **fields})  # type: ignore[arg-type]  # overridden by keyword


def test_finding_reads_as_one_line_with_its_place_and_what_is_accepted() -> None:
    finding = a_finding(node_id="llm", field="model.name", accepted="a name")

    assert str(finding) == "error no-root llm model.name: No start. Accepted: a name."


def test_only_errors_stop_a_run() -> None:
    assert a_finding().is_error
    assert not a_finding(severity=Severity.WARNING).is_error


def test_long_author_text_is_shortened_where_it_is_shown_and_kept_whole_as_id() -> None:
    finding = a_finding(node_id="x" * 10_000)

    assert len(str(finding)) < 200
    assert len(finding.node_id) == 10_000


def test_inv_18_quoted_author_text_is_escaped() -> None:
    assert quote("a\nb\x1b[31m") == "'a\\nb\\x1b[31m'"
    assert len(quote({"a": "x" * 1000})) < 70
    assert shorten("short") == "short"
