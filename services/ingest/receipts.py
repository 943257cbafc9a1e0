"""A push under way, and the receipt it ends with."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

from schemas.receipt import FAULTS_ON_A_RECEIPT, Fault, Kind, Receipt
from services.ingest.agencies import Agency
from services.ingest.answer import Answer, fault_of
from services.ingest.check import Checked, Push, Refused
from services.ingest.faults import Refusal

ERRORS_IN_AN_ANSWER = 2_000
"""As many as a request of JSON can have; of a large sheet the others stand in its copy and on the receipt."""

Name = tuple[str, int]
"""A record's stream and identity."""


@dataclass(frozen=True)
class Origin:
    """The way a push came in. `stream` is empty for events, which may be of several."""

    kind: Kind
    stream: str = ""
    remote: str = ""
    user_agent: str = ""


@dataclass(frozen=True)
class Counts:
    """What became of the records of a push so far."""

    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    errors: Sequence[Fault] = ()

    @property
    def received(self) -> int:
        return self.accepted + self.duplicate + self.rejected


@dataclass
class Taking:
    """A push under way, in one part or in several; `Pipeline` moves it on."""

    agency: Agency
    origin: Origin
    dry_run: bool = False
    push: Push = field(init=False)
    counts: Counts = field(default_factory=Counts)
    _first: dict[Name, tuple[str, int | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.push = Push(self.agency, uuid4().hex, datetime.now(UTC))

    def unseen(self, records: Sequence[Checked | Refused]) -> list[Checked]:
        """Return the records whose identity this push has not had in an earlier part."""
        checked = [one for one in records if isinstance(one, Checked)]
        if not self._first:
            return checked
        return [one for one in checked if (one.stream.name, one.identity) not in self._first]

    def know(self, known: dict[Name, str]) -> None:
        """Take in the fingerprints of records that were counted before this push."""
        for name, fingerprint in known.items():
            self._first.setdefault(name, (fingerprint, None))

    def sort(self, records: Sequence[Checked | Refused]) -> tuple[list[Checked], int, list[Refused]]:
        """Return of a part the new records, the number of repetitions, and the refused ones.

        Of one identity in a stream the first record counts; the same again is a repetition, another content a
        conflict.
        """
        mine: dict[Name, tuple[str, int | None]] = {}  # what is not written in the end was never had
        new: list[Checked] = []
        refused: list[Refused] = []
        for one in records:
            if isinstance(one, Refused):
                refused.append(one)
                continue
            name = one.stream.name, one.identity
            known = self._first.get(name) or mine.get(name)
            if known is None:
                mine[name] = one.fingerprint, one.record.index
                new.append(one)
            elif known[0] != one.fingerprint:
                refused.append(Refused(one.record, one.stream.name, one.id, _conflict(known[1])))
        return new, len(records) - len(new) - len(refused), refused

    def after(self, new: Sequence[Checked], duplicate: int, refused: Sequence[Refused]) -> Counts:
        """Return the counts with a part added that is yet to be written."""
        room = max(0, ERRORS_IN_AN_ANSWER - len(self.counts.errors))
        return Counts(
            accepted=self.counts.accepted + len(new),
            duplicate=self.counts.duplicate + duplicate,
            rejected=self.counts.rejected + len(refused),
            errors=[
                *self.counts.errors,
                *map(fault_of, sorted(refused, key=lambda one: one.record.index)[:room]),
            ],
        )

    def take(self, new: Sequence[Checked], counts: Counts) -> None:
        """Take in a part that is written."""
        self.counts = counts
        for one in new:
            self._first[one.stream.name, one.identity] = one.fingerprint, one.record.index

    def answer(self) -> Answer:
        """Return the answer. A push that was only tried has no receipt."""
        return Answer(
            receipt="" if self.dry_run else self.push.receipt,
            dry_run=self.dry_run,
            received=self.counts.received,
            accepted=self.counts.accepted,
            duplicate=self.counts.duplicate,
            rejected=self.counts.rejected,
            errors=list(self.counts.errors),
        )

    def receipt(self, counts: Counts) -> Receipt:
        """Return the receipt that says these counts."""
        return Receipt.model_construct(
            receipt=self.push.receipt,
            agency=self.agency.name,
            stream=self.origin.stream,
            kind=self.origin.kind,
            received_at=self.push.received,
            remote=self.origin.remote,
            user_agent=self.origin.user_agent,
            received=counts.received,
            accepted=counts.accepted,
            duplicate=counts.duplicate,
            rejected=counts.rejected,
            faults=list(counts.errors[:FAULTS_ON_A_RECEIPT]),
        )


def _conflict(index: int | None) -> Refusal:
    if index is None:
        text = (
            "编号已用于内容不同的记录，更正请撤回后用新编号重报 · id was used before "
            "with other content: withdraw that record and send the right one under a new id"
        )
    else:
        text = (
            f"与本次第 {index + 1} 条编号相同而内容不同 · "
            f"same id as record {index} of this push, other content"
        )
    return Refusal("conflict", text, "id")
