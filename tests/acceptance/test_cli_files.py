"""Files as inputs and with messages: by path, several, by URL; their properties and contents."""

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command_line import CommandLine
from tests.documents import a_document
from tests.factories import a_node, a_start, a_template, an_answer, an_end
from tests.requirements import requirement

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 400


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "a.png").write_bytes(PNG)
    (folder / "b.PNG").write_bytes(b"b")
    (folder / "c.pdf").write_bytes(b"%PDF")
    return folder


@pytest.fixture
def site(pictures: Path) -> Iterator[str]:
    """The files over HTTP on loopback."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(pictures))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def workflow(tmp_path: Path) -> str:
    """One picture and up to two others; what selectors, conditions and templates make of them."""

    def variable(name: str, kind: str, **fields: object) -> dict[str, object]:
        rules = {"allowed_file_types": ["image"], "allowed_file_upload_methods": []}
        return {"variable": name, "label": "", "type": kind, **rules, **fields}

    start = a_node(
        "start",
        "start",
        variables=[
            variable("one", "file", required=True),
            variable("more", "file-list", max_length=2),
        ],
    )
    condition = {
        "id": "c",
        "variable_selector": ["start", "one", "size"],
        "comparison_operator": ">",
        "value": "100",
    }
    case = {"case_id": "large", "logical_operator": "and", "conditions": [condition]}
    branch = a_node("branch", "if-else", cases=[case])
    shown = a_template("shown", "{{ kind }} {{ name }}", kind=["start", "one", "type"],
                       name=["start", "one", "name"])  # fmt: skip
    end = an_end(
        "end",
        file=["start", "one"],
        more=["start", "more"],
        shown=["shown", "output"],
        size=["start", "one", "size"],
        case=["branch", "selected_case_id"],
    )
    path = tmp_path / "app.yml"
    edges = [("start", "branch"), ("branch", "shown", "large"), ("shown", "end")]
    path.write_text(a_document([start, branch, shown, end], edges))
    return str(path)


@requirement("run:files")
def test_files_by_path_have_properties_and_come_out_as_they_were(
    cli: CommandLine, workflow: str, pictures: Path
) -> None:
    given = [f"one=@{pictures / 'a.png'}", f"more=@{pictures / 'a.png'}",
             f"more=@{pictures / 'b.PNG'}"]  # fmt: skip

    ended = cli.call("run", workflow, *(part for each in given for part in ("-i", each)), "--json")

    outputs = ended.result["outputs"]
    assert (outputs["shown"], outputs["size"], outputs["case"]) == (
        "image a.png",
        len(PNG),
        "large",
    )
    assert [file["filename"] for file in outputs["more"]] == ["a.png", "b.PNG"]
    assert outputs["file"]["dify_model_identity"] == "__dify__file__"
    written = pictures / "written"
    with cli.running("show", ended.result["run_id"], "--output", "file") as running:
        written.write_bytes(running.process.communicate(timeout=60)[0])
    assert written.read_bytes() == PNG


@requirement("run:files")
def test_a_file_by_url_is_described_by_its_server(
    cli: CommandLine, workflow: str, site: str
) -> None:
    given = f'one:={{"transfer_method": "remote_url", "url": "{site}/a.png"}}'

    refused = cli.call("run", workflow, "-i", given)
    cli.variables["HOLDFAST_ALLOWED_ADDRESSES"] = "127.0.0.1"
    ended = cli.call("run", workflow, "-i", given, "--json")

    assert refused.code == 2
    assert "HOLDFAST_ALLOWED_ADDRESSES" in refused.stderr
    assert ended.result["outputs"]["size"] == len(PNG)
    assert ended.result["outputs"]["file"]["mime_type"] == "image/png"


@requirement("run:files")
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["one=@c.pdf"], "File validation failed for file: c.pdf"),
        (["one=@a.png", *["more=@a.png"] * 3], "Number of files exceeds the maximum limit 2"),
        (["more=@a.png"], "one is required in input form"),
        (["one=@a.png", "one=@b.PNG"], "-i one: only a list of files takes several"),
        (["one=@missing.png"], "cannot be read (No such file or directory)"),
        ([f'one:={{"transfer_method": "local_file", "upload_file_id": "{"0" * 64}"}}'], "image"),
    ],
    ids=["type", "too many", "required", "several", "missing", "unknown"],
)
def test_files_that_do_not_fit_are_refused_in_difys_words(
    cli: CommandLine, workflow: str, pictures: Path, given: list[str], message: str
) -> None:
    named = [each.replace("=@", f"=@{pictures}/") for each in given]

    ended = cli.call("run", workflow, *(part for each in named for part in ("-i", each)))

    assert ended.code == 2
    expected = "File validation failed" if message == "image" else message
    assert expected in ended.stderr


@requirement("run:files")
def test_a_message_has_files_if_the_app_takes_them(
    cli: CommandLine, tmp_path: Path, pictures: Path
) -> None:
    nodes = [a_start("start"), an_answer("answer", "Got {{#sys.files#}}")]
    features = {"file_upload": {"enabled": True, "number_limits": 2}}
    taking, refusing = tmp_path / "taking.yml", tmp_path / "refusing.yml"
    edges = [("start", "answer")]
    taking.write_text(a_document(nodes, edges, mode="advanced-chat", features=features))
    refusing.write_text(a_document(nodes, edges, mode="advanced-chat"))
    files = ("--file", str(pictures / "a.png"), "--file", str(pictures / "c.pdf"))

    took = cli.call("run", str(taking), "-q", "Look", *files)
    refused = cli.call("run", str(refusing), "-q", "Look", *files)

    assert took.stdout == "Got ![a.png]()\n[c.pdf]()\n"
    assert (refused.code, "takes no files" in refused.stderr) == (2, True)


@requirement("run:files")
def test_json_of_an_input_can_come_from_a_file(cli: CommandLine, tmp_path: Path) -> None:
    start = a_node(
        "start", "start", variables=[{"variable": "o", "label": "", "type": "json_object"}]
    )
    export, values = tmp_path / "app.yml", tmp_path / "o.json"
    export.write_text(a_document([start, an_end("end", o=["start", "o"])], [("start", "end")]))
    values.write_text('{"a": [1, 1.0]}')

    ended = cli.call("run", str(export), "-i", f"o:=@{values}")

    assert ended.stdout == 'o: {"a": [1, 1.0]}\n'
