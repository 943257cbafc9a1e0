"""What the pipeline keeps about itself, a little of each: for the panels that show it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.platform.clickhouse import ClickHouse
from tests.board.county import UPDATED

TOPIC = UUID(int=7)
LATE = UPDATED + timedelta(hours=23)
NOW = datetime.now(UTC)


def minutes(ago: float) -> datetime:
    return UPDATED - timedelta(minutes=ago)


def write_pipeline(clickhouse: ClickHouse) -> None:
    """Blocks, one of which is not shown; pushes, refusals, notices, reports, vouchers by the minute."""
    rows: dict[str, list[Mapping[str, Any]]] = {
        "block": [_block(at) | {"claimed_at": minutes(9 - at), "worker": "w"} for at in range(3)],
        "touch": [
            _block(at, span=False)
            | {
                "stream": "facility",
                "told_at": NOW,
                "written_at": minutes(10 - at),
                "subjects": [],
                "days": [],
            }
            for at in range(3)
        ],
        # The second was shown again by a new keeper; the third is not yet.
        "block_shown": [
            _block(at, span=False) | {"shown_at": minutes(10 - at) + timedelta(seconds=seconds)}
            for at, seconds in ((0, 2), (1, 4), (1, 400))
        ],
        "receipt": [_receipt("a", 5, 1, 0), _receipt("b", 0, 0, 4), _receipt("b", 10, 2, 8)],
        "dead_letter": [
            _letter("x", "unknown_division"),
            _letter("y", "unknown_division"),
            _letter("z", "type"),
        ],
        "refused_push": [_refused("revoked", 3), _refused("revoked", 4)],
        "alert_notice": [_notice(0, "pending"), _notice(1, "retrying"), _notice(2, "given_up")],
        "task_live": [_report(1, "on_schedule", 45), _report(2, "delayed", 10), _report(3, None, None)],
        "consumption_voucher_log": [_voucher(1, "issued"), _voucher(2, "redeemed"), _voucher(3, "redeemed")],
        "retraction_log": [_retraction(3)],
    }
    for table, told in rows.items():
        clickhouse.insert(table, {name: [row[name] for row in told] for name in told[0]})


def _block(at: int, *, span: bool = True) -> dict[str, Any]:
    told = {"topic_id": TOPIC, "partition": 0, "first_offset": at * 10}
    return told | {"topic": "minmai.facility.v1", "last_offset": at * 10 + 9} if span else told


def _receipt(id: str, accepted: int, duplicate: int, rejected: int) -> dict[str, Any]:
    return {
        **{"receipt": id, "agency": "health-bureau", "stream": "facility", "kind": "http"},
        **{"received_at": minutes(5), "remote": "192.0.2.1", "user_agent": "", "faults": "[]"},
        **{"accepted": accepted, "duplicate": duplicate, "rejected": rejected},
        "received": accepted + duplicate + rejected,
    }


def _letter(id: str, code: str) -> dict[str, Any]:
    return {
        **{
            "id": id,
            "time": minutes(5),
            "service": "ingest",
            "stream": "facility",
            "source": "health-bureau",
        },
        **{"record_id": f"r-{id}", "receipt": "b", "place": "push/b/0", "code": code, "field": "division"},
        **{"message": "没有这个地区 · no such division", "encoding": "utf-8", "raw": "{}"},
    }


def _refused(code: str, pushes: int) -> dict[str, Any]:
    return {
        **{
            "id": UUID(int=pushes),
            "agency": "health-bureau",
            "key": "k",
            "method": "POST",
            "stream": "facility",
        },
        **{
            "status": 401,
            "code": code,
            "remote": "192.0.2.1",
            "user_agent": "",
            "pushes": pushes,
            "bytes": 1,
        },
        **{"first_at": minutes(6), "last_at": minutes(5)},
    }


def _notice(attempt: int, state: str) -> dict[str, Any]:
    return {
        **{"notice_id": UUID(int=1), "alert_id": UUID(int=2), "change": "firing", "rule": "r"},
        **{"division": "532622", "channel": "wecom", "recipient": "https://robot.example/?key=secret"},
        **{"state": state, "attempt": attempt, "answer": "", "duration_ms": 3, "payload": ""},
        **{"at": minutes(4 - attempt), "subscriber": "duty"},
    }


def _report(task: int, status: str | None, percent: int | None) -> dict[str, Any]:
    reported = None if status is None else minutes(60)
    return {
        **{"task": task, "percent": percent, "status": status, "note": "", "reported_at": reported},
        **{"source": "s", "record_id": "r", "version": 1, "updated_at": UPDATED},
    }


def _record(number: int) -> dict[str, Any]:
    return {
        **{"identity": UUID(int=number), "source": "s", "id": str(number), "subject": f"V{number}"},
        **{"time": LATE, "received_at": LATE, "receipt": "a", "fingerprint": UUID(int=number)},
        **{"topic_id": TOPIC, "partition": 1, "offset": number},
    }


def _voucher(number: int, step: str) -> dict[str, Any]:
    spent = Decimal(30) if step == "redeemed" else None
    return _record(number) | {
        **{"campaign": "qihua", "step": step, "face_value": Decimal(50), "order_amount": spent},
        **{"redeemed_value": spent, "merchant_id": "M1", "sector": "catering", "division": "532622101"},
    }


def _retraction(number: int) -> dict[str, Any]:
    return _record(number + 100) | {
        **{
            "stream": "consumption-voucher",
            "record": str(number),
            "reason": "",
            "retracted": UUID(int=number),
        },
    }
