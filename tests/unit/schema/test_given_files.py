"""Files as callers give them: how they are built, and which ones are accepted (dify-nodes 7.3)."""

from collections.abc import Mapping
from typing import Any

import pytest

from schema.errors import InvalidInputs
from schema.given_files import (
    FileKnowledge,
    UploadRules,
    build_allowed_file,
    build_allowed_files,
    build_file,
    remote_urls,
)
from schema.values.files import FileType, TransferMethod
from schema.values.remote_files import FileDescription, describe_response

DIGEST = "0123456789abcdef" * 4
UPLOAD = "6f1a8f6c-2f5b-4d9a-9a51-5f0e7f0a6c0e"
NOTHING = FileKnowledge()


def local(**fields: Any) -> dict[str, Any]:
    return {"transfer_method": "local_file", "upload_file_id": UPLOAD, **fields}


def remote(url: str, **fields: Any) -> dict[str, Any]:
    return {"transfer_method": "remote_url", "url": url, **fields}


def test_a_remote_file_without_a_description_is_described_by_its_url() -> None:
    file = build_file(remote("https://a.test/p/%C3%A9.PDF?x=1"))

    assert (file.filename, file.extension, file.mime_type) == ("é.PDF", ".PDF", "application/pdf")
    assert (file.type, file.transfer_method) == (FileType.DOCUMENT, TransferMethod.REMOTE_URL)


def test_what_the_server_says_of_a_remote_file_counts_not_what_the_caller_says() -> None:
    url = "https://a.test/get?id=1"
    known = FileKnowledge({url: FileDescription("a.png", ".png", "image/png", 12)})

    file = build_file(remote(url, filename="b.exe", mime_type="x/y", size=1, extension=".x"), known)

    assert (file.filename, file.extension, file.mime_type) == ("a.png", ".png", "image/png")
    assert (file.type, file.size, file.remote_url) == (FileType.IMAGE, 12, url)


@pytest.mark.parametrize("name", ["upload_file_id", "reference", "related_id"])
def test_an_uploaded_file_keeps_its_reference(name: str) -> None:
    file = build_file({"type": "image", "transfer_method": "local_file", name: UPLOAD})

    assert (file.related_id, file.type) == (UPLOAD, FileType.IMAGE)


def test_an_uploaded_file_may_be_named_by_its_content() -> None:
    assert build_file(local(upload_file_id=DIGEST, extension=".csv")).type is FileType.DOCUMENT


def test_a_datasource_file_becomes_a_tool_file() -> None:
    file = build_file({"transfer_method": "datasource_file", "datasource_file_id": "d1"})

    assert (file.transfer_method, file.related_id) == (TransferMethod.TOOL_FILE, "d1")


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"type": "image"}, "transfer_method is required in file mapping"),
        ({"transfer_method": "carrier pigeon"}, "Invalid file"),
        (remote(""), "Missing file url"),
        (remote("ftp://a.test/a"), "Invalid file url"),
        ({"transfer_method": "local_file"}, "Invalid upload file id"),
        (local(upload_file_id="u1"), "Invalid upload file id format"),
        (local(upload_file_id="../../etc/passwd"), "Invalid upload file id format"),
        ({"transfer_method": "tool_file"}, "Missing file reference"),
        (local(type="folder"), "Invalid file"),
        (local(filename=["a"]), "filename"),
    ],
)
def test_a_file_that_cannot_be_is_refused(mapping: Mapping[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputs, match=message):
        build_file(mapping)


@pytest.mark.parametrize(
    ("stated", "built"),
    [
        ("image", FileType.IMAGE),
        ("custom", FileType.DOCUMENT),
        ("", FileType.DOCUMENT),
        (None, FileType.DOCUMENT),
    ],
)
def test_a_stated_type_counts_unless_it_is_custom(stated: str | None, built: FileType) -> None:
    assert build_file(local(type=stated, extension=".pdf")).type is built


@pytest.mark.parametrize(
    ("stated", "fits"), [("document", True), ("custom", True), ("image", False)]
)
def test_strictly_a_stated_type_must_be_the_detected_one(stated: str, fits: bool) -> None:
    strict = FileKnowledge(is_strict=True)
    mapping = local(type=stated, extension=".pdf")

    if fits:
        assert build_file(mapping, strict).type is FileType.DOCUMENT
    else:
        with pytest.raises(InvalidInputs, match="does not match the specified type"):
            build_file(mapping, strict)


@pytest.mark.parametrize(
    ("mapping", "fits"),
    [
        (remote("https://a.test/a.png"), True),
        (remote("https://a.test/a.xyz"), True),
        (remote("https://a.test/a.XYZ"), True),
        (remote("https://a.test/a.pdf"), False),
        (local(type="image"), False),
        ({"transfer_method": "tool_file", "tool_file_id": "t", "type": "document"}, True),
    ],
)
def test_a_file_must_be_of_an_allowed_type_extension_and_method(
    mapping: dict[str, Any], fits: bool
) -> None:
    rules = UploadRules(types=("image", "custom"), extensions=("XYZ",), methods=("remote_url",))

    if fits:
        build_allowed_file(mapping, rules, NOTHING)
    else:
        with pytest.raises(InvalidInputs, match="File validation failed for file: "):
            build_allowed_file(mapping, rules, NOTHING)


def test_a_remote_file_that_was_not_asked_about_is_not_judged_by_its_url() -> None:
    mapping = remote("https://a.test/get?id=1", type="document")
    rules = UploadRules(types=("image",))

    preliminary = FileKnowledge(is_preliminary=True, is_strict=True)

    assert build_allowed_file(mapping, rules, preliminary).type is FileType.DOCUMENT
    with pytest.raises(InvalidInputs):
        build_allowed_file(mapping, rules, NOTHING)


def test_entries_of_a_list_that_name_no_file_are_left_out() -> None:
    given = [{}, {"type": "image"}, remote(""), remote("https://a.test/a.txt")]

    [file] = build_allowed_files(given, UploadRules(), NOTHING)

    assert file.filename == "a.txt"


def test_too_many_files_are_refused() -> None:
    with pytest.raises(InvalidInputs, match="Number of files exceeds the maximum limit 1"):
        build_allowed_files([local(), local()], UploadRules(most=1), NOTHING)


@pytest.mark.parametrize(
    ("upload", "rules"),
    [
        (None, None),
        ({"enabled": False, "image": {"enabled": False}}, None),
        (
            {
                "enabled": True,
                "allowed_file_types": ["custom"],
                "allowed_file_extensions": [".md"],
                "allowed_file_upload_methods": ["local_file"],
                "number_limits": 5,
            },
            UploadRules(("custom",), (".md",), ("local_file",), 5),
        ),
        (
            {"image": {"enabled": True, "number_limits": 2, "transfer_methods": ["remote_url"]}},
            UploadRules(("image",), (), ("remote_url",), 2),
        ),
        ({"enabled": True, "allowed_file_types": None, "number_limits": "3"}, UploadRules()),
    ],
)
def test_an_app_says_which_files_its_messages_may_have(
    upload: object, rules: UploadRules | None
) -> None:
    assert UploadRules.of_features({"file_upload": upload}) == rules


def test_the_urls_of_remote_files_are_found_in_mappings_and_lists() -> None:
    given = [remote("https://a.test/1"), local(), remote("ftp://a.test/2"), "text", remote("")]

    assert list(remote_urls(given)) == ["https://a.test/1"]
    assert list(remote_urls(remote("http://b.test"))) == ["http://b.test"]
    assert list(remote_urls("https://a.test/1")) == []


PNG = {"content-type": "image/png"}


@pytest.mark.parametrize(
    ("url", "headers", "expected"),
    [
        ("https://a.test/b/c.pdf", {}, ("c.pdf", ".pdf", "application/pdf", -1)),
        (
            "https://a.test/b/c.pdf",
            {"content-length": "12", **PNG},
            ("c.pdf", ".pdf", "application/pdf", 12),
        ),
        ("https://a.test/get", PNG, ("get", ".png", "image/png", -1)),
        ("https://a.test/a.unknown", PNG, ("a.unknown", ".png", "image/png", -1)),
        ("https://a.test/a.unknown", {}, ("a.unknown", ".unknown", "application/octet-stream", -1)),
        ("https://a.test/a", {}, ("a", ".bin", "application/octet-stream", -1)),
        (
            "https://a.test/x",
            {"content-disposition": 'attachment; filename="a b.txt"'},
            ("a b.txt", ".txt", "text/plain", -1),
        ),
        (
            "https://a.test/x",
            {"content-disposition": "attachment; filename=x.txt; filename*=UTF-8''%e4%b8%ad.pdf"},
            ("中.pdf", ".pdf", "application/pdf", -1),
        ),
        (
            "https://a.test/x",
            {"content-disposition": 'attachment; filename="../../etc/passwd.txt"'},
            ("passwd.txt", ".txt", "text/plain", -1),
        ),
        ("https://a.test/a.txt", {"content-length": "-1"}, ("a.txt", ".txt", "text/plain", -1)),
        ("https://a.test/a.txt", {"content-length": "²"}, ("a.txt", ".txt", "text/plain", -1)),
    ],
)
def test_a_remote_file_is_described_by_the_headers_of_its_server(
    url: str, headers: dict[str, str], expected: tuple[str, str, str, int]
) -> None:
    assert describe_response(url, headers) == FileDescription(*expected)


def test_a_remote_file_without_any_name_gets_one() -> None:
    described = describe_response("https://a.test/", PNG)

    assert described.filename.endswith(".png")
    assert len(described.filename) == 36 + len(".png")
