"""Files pushed to an ingest that is made up: what goes out, what is kept, where it goes on."""

import hashlib
import json
from pathlib import Path

import httpx
import pytest

from cli.push.batches import BYTES_A_REQUEST
from cli.push.errors import FileError, Stopped, UsageError
from cli.push.sources import Source, find
from cli.push.state import Counts, Store
from tests.cli.push_support import KEY, URL, Ingest, answer, body, lines

AWAY = httpx.ConnectError("nobody there")


@pytest.fixture
def ingest() -> Ingest:
    return Ingest()


def facility(folder: Path, content: bytes, suffix: str = ".ndjson") -> Source:
    path = folder / f"facility{suffix}"
    path.write_bytes(content)
    [source] = find([path], None)
    return source


def numbered(*numbers: int) -> bytes:
    return b"".join(b'{"n": %d}\n' % number for number in numbers)


def test_lines_go_in_batches_as_they_are(ingest: Ingest, tmp_path: Path) -> None:
    content = b"\xef\xbb\xbf" + b'{"amount": 88.10 }\r\n\n  \n' + numbered(*range(4_500)) + b'{"last": 1}'
    done = ingest.sender().send(facility(tmp_path, content))
    assert [len(lines(request)) for request in ingest.asked] == [2_000, 2_000, 502]
    sent = [line for request in ingest.asked for line in lines(request)]
    assert sent[0] == b'{"amount": 88.10 }'
    assert sent[-1] == b'{"last": 1}'
    assert done.counts == Counts(4_502, 4_502, 0, 0)
    for request in ingest.asked:
        assert str(request.url) == f"{URL}/v1/streams/facility"
        assert request.headers["authorization"] == f"Bearer {KEY}"
        assert request.headers["content-type"] == "application/x-ndjson"
        assert request.headers["content-encoding"] == "gzip"


def test_what_would_look_like_a_bomb_goes_unpacked(ingest: Ingest, tmp_path: Path) -> None:
    ingest.sender().send(facility(tmp_path, b'{"note": "' + b"a" * 500_000 + b'"}\n'))
    assert "content-encoding" not in ingest.asked[0].headers


def test_a_request_is_never_too_large(ingest: Ingest, tmp_path: Path) -> None:
    noise = hashlib.shake_256(b"seed").hexdigest(400_000)
    content = b"".join(json.dumps({"n": n, "note": noise}).encode() + b"\n" for n in range(25))
    done = ingest.sender().send(facility(tmp_path, content))
    assert len(ingest.asked) == 3
    assert all(len(body(request)) <= BYTES_A_REQUEST for request in ingest.asked)
    assert done.counts.received == 25


def test_a_line_that_no_request_has_room_for_is_refused_here(ingest: Ingest, tmp_path: Path) -> None:
    content = numbered(1) + b'"' + b"x" * (2 * BYTES_A_REQUEST) + b'"\n' + numbered(3)
    done = ingest.sender().send(facility(tmp_path, content))
    assert [lines(request) for request in ingest.asked] == [[b'{"n": 1}', b'{"n": 3}']]
    assert done.counts == Counts(3, 2, 0, 1)
    assert done.errors is not None
    told = json.loads(done.errors.read_bytes())
    assert (told["line"], told["code"], told["record"]) == (2, "too_large", None)


def test_an_array_is_cut_without_touching_its_numbers(ingest: Ingest, tmp_path: Path) -> None:
    records = b",\n".join(b'{"n": %d,\n "amount": 1.10}' % number for number in range(2_001))
    ingest.sender().send(facility(tmp_path, b"[" + records + b"]", ".json"))
    first, second = map(body, ingest.asked)
    assert b'"amount": 1.10' in first
    assert second == b'[{"n": 2000,\n "amount": 1.10}]'


@pytest.mark.parametrize("content", [b'{"n": 1}', b' [ {"n": 1} ] '])
def test_one_object_is_an_array_of_one(ingest: Ingest, tmp_path: Path, content: bytes) -> None:
    assert ingest.sender().send(facility(tmp_path, content, ".json")).counts.accepted == 1
    assert body(ingest.asked[0]) == b'[{"n": 1}]'


@pytest.mark.parametrize("content", [b'[{"n": 1}, {"n"]', b"[1", b"[1 2]", b"[] 3", b"", b"\xff"])
def test_what_is_no_json_is_told(ingest: Ingest, tmp_path: Path, content: bytes) -> None:
    with pytest.raises(FileError, match=r"JSON|UTF-8"):
        ingest.sender().send(facility(tmp_path, content, ".json"))


def test_refused_lines_are_kept_with_reasons_and_can_be_mended_and_sent(
    ingest: Ingest, tmp_path: Path
) -> None:
    content = numbered(1) + b'{"a": 1.10, "wrong": true}\n\nnot json wrong\n' + numbered(5)
    done = ingest.sender().send(facility(tmp_path, content))
    assert done.counts == Counts(4, 2, 0, 2)
    path = tmp_path / "facility.errors.ndjson"
    assert done.errors == path
    first, second = map(json.loads, path.read_text().splitlines())
    assert first == {
        "line": 2,
        "id": "",
        "code": "invalid_field",
        "field": "x",
        "message": "错 · wrong",
        "record": {"a": 1.1, "wrong": True},
    }
    assert (second["line"], second["record"]) == (4, "not json wrong")

    path.write_text(path.read_text().replace('"wrong": true', '"right": true'))
    [mended] = find([path], None)
    ingest.asked.clear()
    again = ingest.sender().send(mended)
    assert lines(ingest.asked[0]) == [b'{"a": 1.10, "right": true}', b"not json wrong"]
    assert again.counts == Counts(2, 1, 0, 1)
    assert again.errors == tmp_path / "facility.errors.errors.ndjson"


def test_what_was_refused_is_settled_when_it_is_mended_and_sent(ingest: Ingest, tmp_path: Path) -> None:
    source = facility(tmp_path, b'{"wrong": 1}\n{"wrong": 2}\n')
    errors = ingest.sender().send(source).errors
    assert errors is not None

    def mend(path: Path, old: str) -> None:
        path.write_text(path.read_text().replace(old, '"right": 0'))
        ingest.sender().send(find([path], None)[0])

    assert ingest.sender().send(source).is_refused
    mend(errors, '"wrong": 1')
    assert ingest.sender().send(source).is_refused
    mend(tmp_path / "facility.errors.errors.ndjson", '"wrong": 2')
    done = ingest.sender().send(source)
    assert done.mended
    assert not done.is_refused
    facility(tmp_path, b'{"wrong": 1}\n{"wrong": 2}\n{"wrong": 3}\n')
    assert ingest.sender().send(source).is_refused


def test_it_goes_on_where_it_stopped(ingest: Ingest, tmp_path: Path) -> None:
    source = facility(tmp_path, b'{"wrong": 0}\n' + numbered(*range(1, 4_000)))
    ingest.replies = [ingest.judged, AWAY]
    with pytest.raises(Stopped, match="再运行一次"):
        ingest.sender(patience=0).send(source)
    ingest.asked.clear()
    done = ingest.sender().send(source)
    assert len(lines(ingest.asked[0])) == 2_000
    assert lines(ingest.asked[0])[0] == b'{"n": 2000}'
    assert done.counts == Counts(4_000, 3_999, 0, 1)
    assert not done.already
    ingest.asked.clear()
    assert ingest.sender().send(source).already
    assert ingest.asked == []


def test_of_a_file_that_has_grown_only_the_new_lines_go(ingest: Ingest, tmp_path: Path) -> None:
    source = facility(tmp_path, numbered(1, 2)[:-1])
    ingest.sender().send(source)
    facility(tmp_path, numbered(1, 2) + b'{"wrong": 3}\n')
    ingest.asked.clear()
    done = ingest.sender().send(source)
    assert [lines(request) for request in ingest.asked] == [[b'{"wrong": 3}']]
    assert done.counts == Counts(3, 2, 0, 1)
    assert done.errors is not None
    assert json.loads(done.errors.read_bytes())["line"] == 3


@pytest.mark.parametrize("suffix", [".ndjson", ".json", ".csv"])
def test_a_file_that_has_changed_goes_anew(ingest: Ingest, tmp_path: Path, suffix: str) -> None:
    source = facility(tmp_path, b'{"n": 1}', suffix)
    ingest.sender().send(source)
    facility(tmp_path, b'{"n": 2}', suffix)
    ingest.sender().send(source)
    assert len(ingest.asked) == 2
    assert b"2" in body(ingest.asked[1])


def test_what_somebody_mends_is_not_written_over(ingest: Ingest, tmp_path: Path) -> None:
    source = facility(tmp_path, b'{"wrong": 1}\n')
    ingest.sender().send(source)
    mending = tmp_path / "facility.errors.ndjson"
    mending.write_text("half mended")
    facility(tmp_path, b'{"wrong": 2}\n')
    ingest.sender().send(source)
    assert (tmp_path / "facility.errors.ndjson.bak").read_text() == "half mended"


def test_states_elsewhere_and_anew_when_asked(ingest: Ingest, tmp_path: Path) -> None:
    states = tmp_path / "states"
    source = facility(tmp_path, numbered(1))
    for again in (False, False, True):
        ingest.sender(states=states).send(source, again=again)
    assert len(ingest.asked) == 2
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["facility.ndjson"]
    assert len(list(states.iterdir())) == 1


def test_a_dry_run_leaves_no_trace_but_the_errors(ingest: Ingest, tmp_path: Path) -> None:
    source = facility(tmp_path, b'{"wrong": 1}\n')
    for _ in range(2):
        assert ingest.sender(dry_run=True).send(source).counts == Counts(1, 0, 0, 1)
    assert [request.url.params["dry_run"] for request in ingest.asked] == ["true", "true"]
    assert not Store(source, None, keep=True).path.exists()
    assert (tmp_path / "facility.errors.ndjson").exists()


def test_an_ingest_that_knows_no_dry_run_is_found_out(ingest: Ingest, tmp_path: Path) -> None:
    ingest.replies = [answer(1)]
    with pytest.raises(Stopped, match="no dry run"):
        ingest.sender(dry_run=True).send(facility(tmp_path, numbered(1)))


def test_a_sheet_goes_whole_and_its_marked_copy_comes_back(ingest: Ingest, tmp_path: Path) -> None:
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    source = facility(tmp_path, b"PK sheet" * 50_000, ".xlsx")
    ingest.replies = [
        answer(5, 1, marked="/v1/receipts/r-1/marked"),
        httpx.Response(200, content=b"PK marked", headers={"content-type": kind}),
    ]
    done = ingest.sender().send(source)
    sent, fetched = ingest.asked
    assert body(sent) == source.path.read_bytes()
    assert sent.headers["content-type"] == kind
    assert fetched.url.path == "/v1/receipts/r-1/marked"
    assert done.errors == tmp_path / "facility.marked.xlsx"
    assert done.errors.read_bytes() == b"PK marked"
    assert done.counts == Counts(5, 4, 0, 1)
    assert ingest.sender().send(source).already


def test_without_a_marked_copy_there_is_a_table_of_the_errors(ingest: Ingest, tmp_path: Path) -> None:
    fault = {"index": 4, "row": 7, "column": "C", "code": "invalid_field", "message": "错", "field": "beds"}
    ingest.replies = [answer(5, 1, marked="/gone", errors=[fault]), httpx.Response(404)]
    done = ingest.sender().send(facility(tmp_path, b"a,b\n", ".csv"))
    assert done.errors == tmp_path / "facility.errors.csv"
    assert "7,C,beds,,invalid_field,错" in done.errors.read_text(encoding="utf-8-sig")


def test_it_waits_as_long_as_it_is_told(ingest: Ingest, tmp_path: Path) -> None:
    ingest.replies = [
        httpx.Response(503, headers={"Retry-After": "7"}),
        AWAY,
        httpx.Response(429, headers={"Retry-After": "Wed, 01 Jan 2020 00:00:00 GMT"}),
        httpx.Response(502, text="<html>"),
        httpx.ReadTimeout("no answer"),
    ]
    done = ingest.sender().send(facility(tmp_path, numbered(1)))
    assert done.counts.accepted == 1
    told, away, past, proxy, silent = ingest.paused
    assert (told, past) == (7, 0)
    assert 0 < away < proxy < silent <= 60


def test_patience_has_an_end(ingest: Ingest, tmp_path: Path) -> None:
    ingest.replies = [httpx.Response(503, headers={"Retry-After": "40"})] * 3
    with pytest.raises(Stopped, match="503"):
        ingest.sender(patience=100).send(facility(tmp_path, numbered(1)))
    assert ingest.paused == [40, 40]


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, Stopped), (404, Stopped), (403, FileError), (413, FileError), (415, FileError)],
)
def test_what_waiting_does_not_mend_is_told_at_once(
    ingest: Ingest, tmp_path: Path, status: int, error: type[Exception]
) -> None:
    ingest.replies = [httpx.Response(status, json={"detail": "为什么 · why"})]
    with pytest.raises(error, match="为什么 · why"):
        ingest.sender().send(facility(tmp_path, numbered(1)))
    assert ingest.paused == []


@pytest.mark.parametrize("reply", [httpx.Response(200, text="<html>"), httpx.Response(302)])
def test_another_server_is_found_out(ingest: Ingest, tmp_path: Path, reply: httpx.Response) -> None:
    ingest.replies = [reply]
    with pytest.raises(Stopped, match="no answer of minmai"):
        ingest.sender().send(facility(tmp_path, numbered(1)))


def test_an_answer_to_something_else_is_not_believed(ingest: Ingest, tmp_path: Path) -> None:
    ingest.replies = [answer(3)]
    source = facility(tmp_path, numbered(1, 2))
    with pytest.raises(FileError, match="发了 2 条"):
        ingest.sender().send(source)
    assert not Store(source, None, keep=True).path.exists()


def test_a_state_that_is_broken_is_told(ingest: Ingest, tmp_path: Path) -> None:
    source = facility(tmp_path, numbered(1))
    Store(source, None, keep=True).path.write_text("{")
    with pytest.raises(FileError, match=r"push-state.*请删除"):
        ingest.sender().send(source)


def test_files_and_streams_are_found(tmp_path: Path) -> None:
    for name in (
        *("facility.2024.csv", "statistic/五月.xlsx", "statistic/old/facility.json", "statistic/notes.txt"),
        *(".hidden.json", "facility.errors.ndjson", "facility.marked.xlsx", "statistic/~$五月.xlsx"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = find([tmp_path, tmp_path / "facility.2024.csv"], None)
    assert [(str(one.path.relative_to(tmp_path)), one.kind, one.stream) for one in found] == [
        ("facility.2024.csv", "csv", "facility"),
        ("statistic/五月.xlsx", "xlsx", "statistic"),
        ("statistic/old/facility.json", "json", "facility"),
    ]
    assert {one.stream for one in find([tmp_path], "task-report")} == {"task-report"}


def test_everything_wrong_with_the_files_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "book.csv").touch()
    (tmp_path / "facility.xls").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError) as told:
        find([tmp_path / name for name in ("book.csv", "facility.xls", "empty", "none.csv")], None)
    for part in ("book.csv: 不知道", ".xlsx", "empty: 文件夹里没有", "none.csv: 没有"):
        assert part in str(told.value)
    with pytest.raises(UsageError, match="consumption-voucher"):
        find([tmp_path / "book.csv"], "books")
