"""The whole path of one file: what is left of it → requests → answers → state and what was refused."""

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cli.push import batches, refused
from cli.push.batches import Batch, Item
from cli.push.display import Display
from cli.push.errors import FileError
from cli.push.gateway import Answer, Content, Fault, Gateway
from cli.push.sources import KINDS, Source
from cli.push.state import Counts, State, Store

_PIECE = 65_536
_BELIEVABLE_RATIO = 50
"""What packs better is sent as it is: ingest takes a ratio above 100 for a bomb."""
_MEDIA_TYPES = {
    "ndjson": "application/x-ndjson",
    "json": "application/json",
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True)
class Done:
    """What became of a file, earlier pushes of it included."""

    counts: Counts
    errors: Path | None
    receipt: str
    already: bool
    """Nothing was left to send."""
    mended: bool = False
    """What was refused has been mended since, and sent and accepted as the file that tells of it."""

    @property
    def is_refused(self) -> bool:
        """Whether there are refused records that nobody has mended yet."""
        return bool(self.counts.rejected) and not self.mended


class Sender:
    """Sends files, one after another."""

    def __init__(self, gateway: Gateway, display: Display, states: Path | None, *, keep: bool) -> None:
        self._gateway = gateway
        self._display = display
        self._states = states
        self._keep = keep

    def send(self, source: Source, *, again: bool = False) -> Done:
        """Send what of a file has not been sent; `again`: all of it.

        Raises FileError if it cannot be sent, Stopped if nothing can. What was answered by then is kept.
        """
        store = Store(source, self._states, keep=self._keep)
        try:
            state = store.load(self._gateway.url, source.stream)
            if again:
                state = State(self._gateway.url, source.stream)
            if source.kind in ("csv", "xlsx"):
                return self._sheet(source, store, state)
            return self._records(source, store, state)
        except OSError as error:
            raise FileError(f"无法读取 · cannot be read: {error.strerror or error}") from error

    def _records(self, source: Source, store: Store, state: State) -> Done:
        size = source.path.stat().st_size
        content = source.path.read_bytes() if source.kind == "json" else b""
        state = self._still(source, state, content)
        begun = state.counts.received
        if not state.errors:
            refused.set_aside(refused.errors_path(source))
        self._display.begin(source, size, state.end if source.kind == "ndjson" else 0)
        for batch in self._batches(source, state, content):
            self._batch(source, state, batch)
            store.save(state)
            self._display.at(state.end if source.kind == "ndjson" else size)
        already = state.complete and state.counts.received == begun
        state.complete = True
        store.save(state)
        self._display.at(size)
        return self._done(source, state, already)

    def _still(self, source: Source, state: State, content: bytes) -> State:
        """Return the state if the file still is, or begins as, what it tells of; else a new one."""
        if not state.end:
            return state
        if source.kind == "ndjson":
            found = batches.prefix(source.path, state.end)
        else:
            found = hashlib.sha256(content).hexdigest()
        return state if found == state.digest else self._anew(source, state)

    def _anew(self, source: Source, state: State) -> State:
        self._display.note(
            f"{source.path}: 文件改过，从头上报（重复的不会重复计数） · "
            "the file has changed: sent from its beginning"
        )
        return State(state.url, state.stream)

    def _batches(self, source: Source, state: State, content: bytes) -> Iterator[Batch]:
        if source.kind == "json":
            yield from batches.json_records(content, state.end)
            return
        with source.path.open("rb") as file:
            for batch in batches.ndjson(file, state.end, state.lines):
                if source.is_refused:
                    items = [Item(item.number, refused.unwrapped(item.raw)) for item in batch.items]
                    batch.items = [item for item in items if item.raw != b""]
                yield batch

    def _batch(self, source: Source, state: State, batch: Batch) -> None:
        word = "line" if source.kind == "ndjson" else "number"
        fit = [item for item in batch.items if item.raw is not None]
        unfit = [item for item in batch.items if item.raw is None]
        told: list[tuple[list[Fault], list[Item]]] = []
        counts = Counts()
        if fit:
            answer = self._gateway.push(source.stream, _content(source, [item.raw or b"" for item in fit]))
            _check(answer, len(fit))
            told.append((answer.errors, fit))
            counts.add(answer.counts)
            if answer.receipt:  # a dry run has none
                state.receipts.append(answer.receipt)
        if unfit:
            told.append(([_too_large(index) for index in range(len(unfit))], unfit))
            counts.add(Counts(received=len(unfit), rejected=len(unfit)))
        for faults, items in told:
            if faults:
                path = refused.errors_path(source)
                refused.append(path, faults, items, word)
                state.errors = path.name
        state.counts.add(counts)
        state.end, state.lines, state.digest = batch.end, batch.lines, batch.digest

    def _sheet(self, source: Source, store: Store, state: State) -> Done:
        size = source.path.stat().st_size
        digest = batches.prefix(source.path, size)
        told = bool(state.errors) or not state.counts.rejected
        if state.complete and state.digest == digest and told:
            return self._done(source, state, already=True)
        if state.complete and state.digest != digest:
            state = self._anew(source, state)
        self._display.begin(source, size, 0)
        answer = self._gateway.push(
            source.stream, Content(_MEDIA_TYPES[source.kind], "", size, lambda: self._pieces(source.path))
        )
        state.counts, state.receipts = answer.counts, [answer.receipt] if answer.receipt else []
        state.end, state.digest, state.complete = 1, digest, True
        store.save(state)  # before the copy is asked for: without it the sheet is sent all the same
        if answer.rejected:
            state.errors = self._marked(source, answer).name
            store.save(state)
        return self._done(source, state, already=False)

    def _marked(self, source: Source, answer: Answer) -> Path:
        if answer.marked is not None:
            try:
                return refused.save_marked(source, self._gateway.fetch(answer.marked))
            except FileError as error:
                self._display.complain(f"{source.path}: 无法取得标注的副本 · no marked copy: {error}")
        if len(answer.errors) < answer.rejected:
            self._display.complain(
                f"{source.path}: 只列出前 {len(answer.errors)} 条错误 · only the first errors are listed"
            )
        return refused.save_table(source, answer.errors)

    def _pieces(self, path: Path) -> Iterator[bytes]:
        sent = 0
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece
                sent += len(piece)
                self._display.at(sent)

    def _done(self, source: Source, state: State, already: bool) -> Done:
        errors = source.path.with_name(state.errors) if state.errors else None
        receipt = state.receipts[-1] if state.receipts else ""
        mended = self._keep and errors is not None and self._all_accepted(errors, source.stream)
        return Done(state.counts, errors, receipt, already, mended)

    def _all_accepted(self, path: Path, stream: str) -> bool:
        """Whether a file, as it is now, has been sent and accepted, what was refused of it included."""
        kind = KINDS.get(path.suffix.lower())
        if kind is None or not path.is_file():
            return False
        source = Source(path, kind, stream)
        state = Store(source, self._states, keep=True).load(self._gateway.url, stream)
        if not state.complete or not self._is_sent(source, state):
            return False
        return not state.counts.rejected or (
            bool(state.errors) and self._all_accepted(path.with_name(state.errors), stream)
        )

    def _is_sent(self, source: Source, state: State) -> bool:
        if source.kind != "ndjson":
            return batches.prefix(source.path, source.path.stat().st_size) == state.digest
        if batches.prefix(source.path, state.end) != state.digest:
            return False
        return next(self._batches(source, state, b""), None) is None


def _content(source: Source, raws: list[bytes]) -> Content:
    body = b"\n".join(raws) if source.kind == "ndjson" else b"[" + b",".join(raws) + b"]"
    packed = gzip.compress(body, compresslevel=5, mtime=0)
    encoding = "gzip" if len(packed) < len(body) <= _BELIEVABLE_RATIO * len(packed) else ""
    sent = packed if encoding else body
    return Content(_MEDIA_TYPES[source.kind], encoding, len(sent), lambda: iter((sent,)))


def _check(answer: Answer, sent: int) -> None:
    """Raises FileError if the answer cannot be the one to what was sent."""
    parts = answer.accepted + answer.duplicate + answer.rejected
    if not answer.received == parts == sent or any(fault.index >= sent for fault in answer.errors):
        raise FileError(
            f"发了 {sent} 条，应答却说 {answer.received} 条（回执 {answer.receipt}） · "
            "the answer does not tell of the records sent"
        )


def _too_large(index: int) -> Fault:
    return Fault(index=index, code="too_large", message="一条记录最多 1 MB · a record may have 1 MB")
