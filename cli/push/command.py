"""The command `minmai push`: its options, its key, its exit codes."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from cli.push.display import Display
from cli.push.errors import FileError, Stopped, UsageError
from cli.push.gateway import Gateway
from cli.push.sender import Done, Sender
from cli.push.sources import Source, find
from cli.push.state import Counts

ALL_ACCEPTED, SOME_REFUSED, NOT_SENT, USAGE = 0, 1, 2, 3
KEY_VARIABLE = "MINMAI_KEY"

_WRONG_WORDS: type[Any] = typer.BadParameter.__mro__[1]
"""click's UsageError, of the copy of click that typer uses; typer itself names only this child of it."""


def push(
    paths: Annotated[list[Path], typer.Argument(help="files, or folders of files", metavar="文件|FILE...")],
    *,
    url: Annotated[str, typer.Option(envvar="MINMAI_URL", help="地址 · ingest's address")] = (
        "http://127.0.0.1:8100"
    ),
    stream: Annotated[
        str | None, typer.Option(help="数据流；不写则看文件名 {stream}.… 或文件夹名 · default: by the name")
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(help=f"密钥文件；不写则用 {KEY_VARIABLE} · file that holds the key")
    ] = None,
    state: Annotated[
        Path | None, typer.Option(help="存放进度的文件夹；默认与数据同处 · folder of the states")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只检查，不上报 · check only")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="不管进度，从头上报 · from the beginning, whatever was sent")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="有问题才出声 · tell only trouble")] = False,
    patience: Annotated[
        float, typer.Option(min=0, help="没有应答时最多等多少秒 · seconds to wait for an answer in all")
    ] = 600.0,
) -> int:
    """上报文件或文件夹 · Push files (.ndjson .jsonl .json .csv .xlsx), or all of a folder.

    退出码 exit codes: 0 全部接收 all accepted; 1 有记录被拒收 some refused; 2 未能全部送达，
    再运行一次会继续 not all could be sent, run it again; 3 用法有误 wrong usage.
    """
    display = Display(quiet=quiet)
    try:
        sources = find(paths, stream)
        secret = _key(key_file)
        _check(url, state)
    except UsageError as error:
        display.complain(str(error))
        return USAGE
    with (
        Gateway(url.rstrip("/"), secret, dry_run=dry_run, patience=patience, tell=display.note) as gateway,
        display.shown(),
    ):
        sender = Sender(gateway, display, state, keep=not dry_run)
        return _push_all(sender, display, sources, again=again, dry_run=dry_run)


def _push_all(
    sender: Sender, display: Display, sources: Sequence[Source], *, again: bool, dry_run: bool
) -> int:
    total, failed, refused = Counts(), 0, False
    try:
        for source in sources:
            try:
                with _alone(source.path):
                    done = sender.send(source, again=again)
            except FileError as error:
                failed += 1
                display.complain(f"{source.path}: {error}")
                continue
            total.add(done.counts)
            refused = refused or done.is_refused
            display.result(
                f"{source.path} → {source.stream}",
                *(done.counts, _more(done, dry_run=dry_run)),
                calm=not done.is_refused,
            )
    except Stopped as error:
        display.complain(f"{source.path}: {error}")
        return NOT_SENT
    except KeyboardInterrupt:
        display.complain("已中断，再运行一次会从停下的地方继续 · interrupted: run it again to go on")
        return NOT_SENT
    if len(sources) > 1:
        display.result("合计 total", total, "", calm=not refused)
    if failed:
        return NOT_SENT
    return SOME_REFUSED if refused else ALL_ACCEPTED


def _more(done: Done, *, dry_run: bool) -> str:
    parts = []
    if dry_run:
        parts.append("（只检查，未上报 · checked only）")
    elif done.already:
        parts.append("（以前已上报 · sent before）")
    if done.mended:
        parts.append("（被拒收的已改好上报 · mended since）")
        return "".join(parts)
    if done.counts.rejected and done.errors is not None:
        parts.append(f"\n  被拒收的见 refused: {done.errors}")
    if done.counts.rejected and done.receipt:
        parts.append(f"\n  回执 receipt: {done.receipt}")
    return "".join(parts)


def _key(file: Path | None) -> str:
    """Return the key; it is never an argument, which every user of the machine could read."""
    if file is not None:
        try:
            key = file.read_text(encoding="utf-8-sig").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{file}: 密钥文件无法读取 · the key file cannot be read: {error}") from None
    else:
        key = os.environ.get(KEY_VARIABLE, "").strip()
    if not key:
        raise UsageError(f"没有密钥：请设 {KEY_VARIABLE}，或用 --key-file · no key: set {KEY_VARIABLE}")
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise UsageError("密钥里有不该有的字符，请检查是否复制完整 · the key has characters no key has")
    return key


def _check(url: str, state: Path | None) -> None:
    try:
        right = httpx.URL(url).scheme in ("http", "https") and httpx.URL(url).host != ""
    except httpx.InvalidURL:
        right = False
    if not right:
        raise UsageError(f"{url}: 地址应像 https://… · the address must look like https://…")
    if state is not None and state.exists() and not state.is_dir():
        raise UsageError(f"{state}: --state 应为文件夹 · must be a folder")


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep another push off the same file meanwhile; raises FileError if one is at it already."""
    try:
        import fcntl
    except ImportError:  # no such lock on Windows; two pushes at once are harmless to the figures
        yield
        return
    try:
        file = path.open("rb")
    except OSError as error:
        raise FileError(f"无法读取 · cannot be read: {error.strerror}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FileError("另一个上报正在进行 · another push is at this file") from None
        yield


def run(words: Sequence[str]) -> int:
    """Run the command with these words; return its exit code."""
    inner = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    inner.command()(push)
    try:
        code: int = inner(list(words), prog_name="minmai push", standalone_mode=False)
    except _WRONG_WORDS as error:
        Display(quiet=False).complain(f"minmai push: {error.format_message()}\n`minmai push --help`")
        return USAGE
    return code
