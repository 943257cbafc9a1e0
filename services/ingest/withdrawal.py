"""`op: retract` on a record of any stream: what it asks for, before it becomes an event of `retraction`."""

from dataclasses import dataclass
from typing import Any

from schemas.fields import ID_LENGTH
from schemas.streams import RETRACTION, Stream
from services.ingest.faults import Refusal

RETRACT = "retract"


@dataclass(frozen=True)
class Withdrawal:
    """A record is to be withdrawn: the one with this id, or (None) the one repeated beside."""

    record: str | None
    reason: Any


def taken_from(content: dict[str, Any], stream: Stream) -> Withdrawal | None:
    """Take `op`, `retracts` and `reason` out of a record; None if it withdraws nothing.

    Raises Refusal if `op` is none we know, is missing beside `retracts`, or would withdraw a withdrawal.
    """
    if "op" not in content:
        if "retracts" in content:
            raise Refusal(
                "missing_field", "有 retracts 时须写 op: retract · retracts needs op: retract", "op"
            )
        return None
    if stream is RETRACTION:
        raise Refusal(
            "invalid_field",
            "撤回不能再撤回；要恢复记录，请用新的编号重报 · "
            "a retraction cannot be retracted: send the record again under a new id",
            "op",
        )
    if content.pop("op") != RETRACT:
        raise Refusal("invalid_field", f"op 只能为 {RETRACT} · op may only be {RETRACT}", "op")
    record = content.pop("retracts", None)
    if record is not None and not (isinstance(record, str) and 0 < len(record) <= ID_LENGTH):
        raise Refusal(
            "invalid_field", "应为所撤记录的编号 · must be the id of the record to withdraw", "retracts"
        )
    return Withdrawal(record, content.pop("reason", None))
