"""`minmai push` as a process, against a real ingest."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest

from schemas.streams import STREAMS
from services.ingest.agencies import add
from services.platform.topics import ensure_topics
from tests.cli.support import ROOT, environment, minmai, refused
from tests.ingest.support import Service, messages, voucher
from tests.support.brokers import Broker
from tests.support.ports import free_port

AGENCY = "push-office"


@pytest.fixture(scope="module")
def ingest(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A running ingest; what the command needs to find it, as environment."""
    ensure_topics(broker.bootstrap)
    folder = tmp_path_factory.mktemp("ingest")
    key = add(folder / "agencies.json", AGENCY, STREAMS, ["532622"])
    service = Service(broker.bootstrap, folder)
    service.start()
    yield environment(url=service.url, key=key)
    service.stop()


def write(path: Path, *records: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records))
    return path


def vouchers(name: str, *numbers: int, **changes: object) -> list[dict[str, object]]:
    return [voucher(number, voucher_id=f"{name}-{number}", **changes) for number in numbers]


def test_a_folder_all_accepted(ingest: dict[str, str], broker: Broker, tmp_path: Path) -> None:
    records = vouchers("folder", *range(2_500))
    write(tmp_path / "consumption-voucher.2024.ndjson", *records[:2_100])
    (tmp_path / "consumption-voucher").mkdir()
    (tmp_path / "consumption-voucher" / "五月.json").write_text(json.dumps(records[2_100:], indent=1))
    done = minmai("push", tmp_path, env=ingest)
    assert done.returncode == 0, done.stderr
    assert "共 2100 接收 2100 重复 0 拒收 0" in done.stdout
    assert "合计 total  共 2500 接收 2500 重复 0 拒收 0" in done.stdout
    found = messages(
        *(broker.bootstrap, 2_500),
        wanted=lambda value: str(value.get("subject", "")).startswith("folder-"),
        topics=[STREAMS["consumption-voucher"].topic],
    )
    assert {one.key for one in found} == {record["voucher_id"] for record in records}
    again = minmai("push", tmp_path, env=ingest)
    assert again.returncode == 0
    assert again.stdout.count("以前已上报") == 2


def test_some_refused_mended_and_sent_again(ingest: dict[str, str], tmp_path: Path) -> None:
    path = write(tmp_path / "five.ndjson", *vouchers("mend", 1, 2), *vouchers("mend", 3, face_value="五十"))
    done = minmai("push", path, "--stream", "consumption-voucher", env=ingest)
    assert done.returncode == 1, done.stderr
    errors = tmp_path / "five.errors.ndjson"
    assert f"拒收 1\n  被拒收的见 refused: {errors}\n  回执 receipt: " in done.stdout
    [line] = map(json.loads, errors.read_text().splitlines())
    assert (line["line"], line["code"], line["field"]) == (3, "invalid_field", "face_value")
    errors.write_text(errors.read_text().replace('"五十"', "50").replace('"\\u4e94\\u5341"', "50"))
    mended = minmai("push", errors, "--stream", "consumption-voucher", "--quiet", env=ingest)
    assert (mended.returncode, mended.stdout, mended.stderr) == (0, "", "")


def test_quiet_says_only_what_is_wrong(ingest: dict[str, str], tmp_path: Path) -> None:
    path = write(tmp_path / "consumption-voucher.ndjson", *vouchers("quiet", 1, face_value=-1))
    done = minmai("push", path, "--quiet", env=ingest)
    assert (done.returncode, done.stdout) == (1, "")
    assert "共 1 接收 0 重复 0 拒收 1" in done.stderr


def test_a_dry_run_writes_nothing(ingest: dict[str, str], tmp_path: Path) -> None:
    path = write(
        tmp_path / "consumption-voucher.ndjson", *vouchers("dry", 1), *vouchers("dry", 2, step="lost")
    )
    done = minmai("push", path, "--dry-run", env=ingest)
    assert done.returncode == 1, done.stderr
    assert "共 2 接收 1 重复 0 拒收 1" in done.stdout
    assert "只检查" in done.stdout
    right = write(tmp_path / "consumption-voucher.ndjson", *vouchers("dry", 1))
    really = minmai("push", right, env=ingest)
    assert "共 1 接收 1 重复 0 拒收 0" in really.stdout


def test_a_wrong_key_and_nobody_there(ingest: dict[str, str], tmp_path: Path) -> None:
    path = write(tmp_path / "consumption-voucher.ndjson", *vouchers("away", 1))
    said = refused(minmai("push", path, env=ingest | {"MINMAI_KEY": "minmai_wrong"}), 2)
    assert "密钥" in said
    nobody = f"http://127.0.0.1:{free_port()}"
    assert nobody in refused(minmai("push", path, "--url", nobody, "--patience", "0", env=ingest), 2)
    key = tmp_path / "key.txt"
    key.write_text(ingest["MINMAI_KEY"] + "\n")
    env = {name: value for name, value in ingest.items() if name != "MINMAI_KEY"}
    assert minmai("push", path, "--key-file", key, env=env).returncode == 0


def test_a_csv_as_excel_saves_it_mended_in_its_marked_copy(ingest: dict[str, str], tmp_path: Path) -> None:
    rows = [list(voucher()), *(list(one.values()) for one in vouchers("csv", 1, 2, 3))]
    rows[2][rows[0].index("face_value")] = "五十"
    path = tmp_path / "consumption-voucher.csv"
    path.write_bytes("".join(",".join(map(str, row)) + "\r\n" for row in rows).encode("gb18030"))
    done = minmai("push", path, env=ingest)
    assert done.returncode == 1, done.stderr
    assert "共 3 接收 2 重复 0 拒收 1" in done.stdout
    marked = tmp_path / "consumption-voucher.marked.csv"
    assert "应为数字" in marked.read_text(encoding="gb18030")
    marked.write_text(marked.read_text(encoding="gb18030").replace("五十", "50"), encoding="gb18030")
    mended = minmai("push", marked, env=ingest)
    assert mended.returncode == 0, mended.stdout
    assert minmai("push", tmp_path, "--quiet", env=ingest).returncode == 0


def test_an_excel_sheet(ingest: dict[str, str], tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(list(voucher()))
    for record in (*vouchers("xlsx", 1), *vouchers("xlsx", 2, face_value="五十")):
        book.active.append(list(record.values()))
    path = tmp_path / "consumption-voucher.五月.xlsx"
    book.save(path)
    done = minmai("push", path, env=ingest)
    assert done.returncode == 1, done.stderr
    assert "共 2 接收 1 重复 0 拒收 1" in done.stdout
    marked = openpyxl.load_workbook(tmp_path / "consumption-voucher.五月.marked.xlsx")
    assert marked.active is not None
    told = [str(cell) for row in marked.active.iter_rows(values_only=True) for cell in row]
    assert any("应为数字" in cell for cell in told)


def test_wrong_usage_is_3(ingest: dict[str, str], tmp_path: Path) -> None:
    path = write(tmp_path / "consumption-voucher.ndjson")
    without = {name: value for name, value in ingest.items() if name != "MINMAI_KEY"}
    for words, env in (
        ((), ingest),
        ((path, "--key", "minmai_x"), ingest),
        ((tmp_path / "none.csv",), ingest),
        ((path, "--patience", "long"), ingest),
        ((path, "--url", "ftp://there"), ingest),
        ((path,), without),
    ):
        assert refused(minmai("push", *words, env=env), 3)
    assert minmai("push", "--help", env=ingest).returncode == 0


def test_a_terminal_shows_bars(ingest: dict[str, str], tmp_path: Path) -> None:
    path = write(tmp_path / "consumption-voucher.ndjson", *vouchers("bars", *range(100)))
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "push", str(path)],
        cwd=ROOT,
        env=ingest | {"TERM": "xterm", "COLUMNS": "120"},
        stdin=subprocess.DEVNULL,
        stderr=theirs,
        timeout=60,
        check=False,
    )
    os.close(theirs)
    said = os.read(ours, 1_000_000).decode()
    os.close(ours)
    assert done.returncode == 0, said
    assert "100%" in said
    assert "接收 100" in said


def test_the_guide_runs_as_it_stands(ingest: dict[str, str], tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "guides" / "push.md").read_text(encoding="utf-8")
    first, mended, tried = re.findall(r"^```bash\n(.*?)^```$", guide, re.DOTALL | re.MULTILINE)
    env = ingest | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}

    def run(code: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", code],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "共 2 接收 2 重复 0 拒收 0" in run(first)
    said = run(mended)
    assert "共 1 接收 0 重复 0 拒收 1" in said
    assert "childcare-place.june.errors.ndjson → childcare-place  共 1 接收 1" in said
    assert "只检查，未上报" in run(tried)
    assert "被拒收的已改好上报" in run("minmai push outbox")
