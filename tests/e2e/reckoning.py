"""The end of the day: what senders were answered, what receipts say and what ClickHouse has, all agree."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import httpx

from services.platform.clickhouse import ClickHouse
from tests.e2e.judging import records_counted
from tests.e2e.senders import CONTRADICTION, Answer, Sender
from tests.support.waiting import eventually

_SHOWN = 10
_NOT_TOLD = """
SELECT receipt, count() FROM consumption_voucher_log
WHERE (receipt, identity) NOT IN (SELECT receipt, arrayJoin(counted) FROM receipt_counted) GROUP BY receipt"""


class Shown(NamedTuple):
    """When a push came, and when the figures held what it brought; None if it brought nothing new."""

    received: datetime
    on_the_board: datetime | None


def wait_for_tables(db: ClickHouse, senders: Sequence[Sender], seconds: float, *, keeps_log: bool) -> None:
    """Return when the tables agree with the senders; fails with where they differ after `seconds`.

    A broker that `keeps_log` keeps the order too: of contradicting records the first counts. One that
    forgets may be told the second before the journal is replayed: then the first one is the conflict. And
    where it dies right after an aggregator that has counted a record and not yet said so, this is said only
    for a push that was answered: that one is replayed.
    """
    eventually(
        lambda: list(_differences(db, senders, keeps_log=keeps_log)),
        seconds,
        "the tables have what the agencies sent",
        until=lambda found: not found,
    )


def settled_receipts(
    url: str, keys: Mapping[str, str], senders: Sequence[Sender], seconds: float
) -> list[Shown]:
    """Ask for the receipt of every answered push until it is final; fails if one is not as was answered."""
    shown = []
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
        for sender in senders:
            client.headers["Authorization"] = f"Bearer {keys[sender.name]}"
            for answer in sender.answers:
                receipt = eventually(
                    lambda answer=answer: client.get(f"/v1/receipts/{answer.receipt}").json(),
                    seconds,
                    f"receipt {answer.receipt} is final",
                    until=lambda receipt: receipt.get("final"),
                )
                assert Answer(*(receipt[name] for name in Answer._fields)) == answer
                assert answer.received == answer.accepted + answer.duplicate + answer.rejected
                assert sum(receipt["records"].values()) == answer.accepted
                shown.append(Shown(*(_moment(receipt[name]) for name in ("received_at", "on_the_board_at"))))
    return shown


def _moment(text: str | None) -> Any:
    return None if text is None else datetime.fromisoformat(text)


def _differences(db: ClickHouse, senders: Sequence[Sender], *, keeps_log: bool) -> Iterator[str]:
    logged = db.query("SELECT source, id, face_value FROM consumption_voucher_log")
    overtaken = {(source, id): value for source, id, value in logged if value == Decimal(CONTRADICTION)}
    good = {
        (sender.name, id): overtaken.get((sender.name, id), Decimal(record["face_value"]))
        if id in sender.contradicted and not keeps_log
        else Decimal(record["face_value"])
        for sender in senders
        for id, record in sender.good.items()
    }
    yield from _unlike(
        "records and their money",
        Counter(((source, id), value) for source, id, value in logged),
        Counter(good.items()),
    )
    money = sum(good.values())
    answered = _rejected(senders)
    for what, told, wanted in (
        ("records in feed_live", records_counted(db), len(good)),
        (
            "voucher_hourly",
            *(db.query("SELECT sum(records), sum(face_value) FROM voucher_hourly"), [(len(good), money)]),
        ),
        (
            "receipts on which a record is not told as counted",
            [row for row in db.query(_NOT_TOLD) if keeps_log or row[0] in answered],
            [],
        ),
        (
            "receipts with received != accepted + duplicate + rejected",
            db.query(
                "SELECT DISTINCT receipt FROM receipt WHERE received != accepted + duplicate + rejected"
            ),
            [],
        ),
    ):
        if told != wanted:
            yield f"{what}: {told}, the agencies say {wanted}"
    yield from _unlike(
        "dead letters",
        Counter(
            db.query(
                # By its bytes: of a row with a wrong cell no id is known.
                "SELECT source, extract(raw, '\"([a-z]+-[0-9]+)\"') FROM dead_letter FINAL"
                " WHERE service = 'ingest' AND code != 'conflict'"
            )
        ),
        Counter((sender.name, id) for sender in senders for id in sender.wrong),
    )
    letters = dict(
        db.query("SELECT receipt, uniqExact(at) FROM receipt_fault WHERE service = 'ingest' GROUP BY receipt")
    )
    yield from _unlike(
        "dead letters of receipts",
        Counter({receipt: letters.get(receipt, 0) for receipt in answered}),
        Counter(answered),
    )


def _rejected(senders: Sequence[Sender]) -> dict[str, int]:
    return {answer.receipt: answer.rejected for sender in senders for answer in sender.answers}


def _unlike(what: str, told: Counter[Any], wanted: Counter[Any]) -> Iterator[str]:
    if told != wanted:
        more, missing = told - wanted, wanted - told
        yield (
            f"{what}: {more.total()} too many, e.g. {list(more)[:_SHOWN]}; "
            f"{missing.total()} missing, e.g. {list(missing)[:_SHOWN]}"
        )
