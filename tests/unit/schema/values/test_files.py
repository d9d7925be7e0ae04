import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings

from schema.errors import InvalidNodeInput
from schema.values.files import File, FileType, TransferMethod, detect_type
from tests import strategies

REFERENCE = "dify-file-ref:" + base64.urlsafe_b64encode(
    json.dumps({"record_id": "r1", "storage_key": "k"}).encode()
).decode().rstrip("=")
REMOTE = {"type": "image", "transfer_method": "remote_url", "remote_url": "http://a/b"}
STORED = {"type": "image", "transfer_method": "tool_file", "reference": "r0"}


@settings(max_examples=100, deadline=None)
@given(strategies.files)
def test_serialised_file_is_read_back(file: File) -> None:
    fields = file.to_dict()
    has_location = file.remote_url if file.transfer_method == "remote_url" else file.reference

    if has_location:
        assert File.from_dict(fields) == file
    else:
        with pytest.raises(InvalidNodeInput, match="Missing file"):
            File.from_dict(fields)


def test_serialised_file_has_every_field_of_dify() -> None:
    file = File(FileType.IMAGE, TransferMethod.TOOL_FILE, reference=REFERENCE, url="http://s/1")

    assert file.to_dict() == {
        "dify_model_identity": "__dify__file__",
        "id": None,
        "type": "image",
        "transfer_method": "tool_file",
        "remote_url": None,
        "reference": REFERENCE,
        "filename": None,
        "extension": None,
        "mime_type": None,
        "size": -1,
        "related_id": "r1",
        "url": "http://s/1",
    }


@pytest.mark.parametrize("older", ["upload_file_id", "tool_file_id", "related_id"])
def test_fields_of_older_dumps_are_understood(older: str) -> None:
    fields = {"transfer_method": "local_file", older: "r9", "tenant_id": "t", "size": None}

    file = File.from_dict(fields)

    assert (file.reference, file.related_id, file.size) == ("r9", "r9", -1)
    assert file.type is FileType.CUSTOM


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({**REMOTE, "remote_url": None}, "Missing file url"),
        ({**REMOTE, "remote_url": "ftp://a"}, "Invalid file url"),
        ({**STORED, "reference": ""}, "Missing file reference"),
        ({**STORED, "type": "film"}, "Invalid file: 'film' is not a valid FileType."),
        ({**STORED, "transfer_method": None}, "Invalid file: '' is not a valid TransferMethod."),
        ({**STORED, "size": "7"}, "Invalid file: size '7' is not an integer."),
        ({**STORED, "filename": 7}, "Invalid file: filename 7 is not text."),
    ],
)
def test_serialised_file_that_is_wrong_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidNodeInput) as raised:
        File.from_dict(fields)

    assert str(raised.value) == message


@pytest.mark.parametrize("reference", ["plain", "dify-file-ref:!", "dify-file-ref:W10"])
def test_reference_that_is_not_structured_is_its_own_record_id(reference: str) -> None:
    file = File(FileType.IMAGE, TransferMethod.TOOL_FILE, reference=reference)

    assert file.related_id == reference


def test_image_without_name_is_still_shown_in_place() -> None:
    file = File(FileType.IMAGE, TransferMethod.REMOTE_URL, remote_url="http://a/b")

    assert file.markdown == "![](http://a/b)"


@pytest.mark.parametrize(
    ("extension", "mime_type", "expected"),
    [
        ("png", None, "image"),
        (".MP4", None, "video"),
        (".amr", "text/plain", "audio"),
        (".Pdf", None, "custom"),
        (".Pdf", "application/pdf", "document"),
        (".odt", None, "document"),
        (None, "image/x-new", "image"),
        ("", "text/csv; charset=utf-8", "document"),
        (None, "application/vnd.openxmlformats-officedocument.wordprocessingml", "document"),
        (".zip", "application/zip", "custom"),
        (None, None, "custom"),
    ],
)
def test_type_is_detected_by_extension_then_mime(
    extension: str | None, mime_type: str | None, expected: str
) -> None:
    assert detect_type(extension, mime_type) == expected
