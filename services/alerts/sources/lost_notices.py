"""Notices that did not arrive: whoever waits for them at an address does not know, so others are told."""

from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from schemas.declaration import Text
from schemas.rules import NoticesLostRule
from services.alerts.reading import Key, Reading
from services.alerts.sources.measured import Measure, Moment, Subject, reading
from services.platform.clickhouse import ClickHouse
from services.platform.clickhouse import moment as sql_moment
from services.platform.plan import Plan

_NOTICES = Measure(
    "alert_notice", Text(zh="未送达的通知", en="notices that did not arrive"), Text(zh="条", en="notices")
)


class LostNotices:
    """Reads how the ledger's notices ended, by the wall clock, as the ledger goes by it.

    What is told of such losses is itself lost at the broken address; that is no further loss.
    """

    interval = timedelta(seconds=10)

    def __init__(self, plan: Plan, rules: Sequence[NoticesLostRule], clickhouse: ClickHouse) -> None:
        self._plan = plan
        self._rules = rules
        self._clickhouse = clickhouse

    def readings(self, moment: Moment, standing: Collection[Key]) -> Iterator[Reading]:
        """Yield a reading for each address that was sent to lately, or about which an alert stands."""
        county = self._plan.county.county
        own = tuple(rule.id for rule in self._rules)
        for rule in self._rules:
            rows = self._clickhouse.query(
                f"""
                WITH state != 'delivered' AND why != 'test' AND rule NOT IN %(own)s AS bad
                SELECT subscriber, channel, recipient, maxIf(at, state = 'delivered') AS reached,
                    length(arrayFilter(one -> one > reached, groupArrayIf(at, bad))) AS lost,
                    argMaxIf(answer, at, bad)
                FROM alert_notice
                WHERE attempt > 0 AND state IN ('delivered', 'refused', 'given_up')
                    AND at >= {sql_moment(moment.wall - rule.window)}
                GROUP BY subscriber, channel, recipient
                """,
                {"own": own},
            )
            found = {
                f"{who} {channel} {shown}": (int(lost), str(said))
                for who, channel, shown, _reached, lost, said in rows
            }
            for rule_id, division, subject in standing:
                if rule_id == rule.id and division == county:
                    found.setdefault(subject, (0, ""))
            for subject, (lost, said) in found.items():
                yield reading(
                    rule,
                    moment,
                    Subject(county, subject, Text(zh=subject, en=subject)),
                    _NOTICES,
                    value=Fraction(lost),
                    why=_why(subject, lost, said),
                    parts=(Decimal(lost), None),
                )


def _why(subject: str, lost: int, said: str) -> Text:
    if not lost:
        return Text(
            zh=f"{subject} 又能收到通知，或近期没有丢失",
            en=f"{subject} is reached again, or lost none of late",
        )
    return Text(
        zh=f"{subject} 有 {lost} 条通知未送达（{said}）；`minmai alerts notices` 可查，`resend` 可重发",
        en=f"{lost} notices did not reach {subject} ({said}): `minmai alerts notices` lists them, `resend` "
        "sends one again",
    )
