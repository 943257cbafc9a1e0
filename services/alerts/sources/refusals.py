"""What share of an agency's records is refused."""

from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal

from schemas.declaration import Text
from schemas.rules import RefusedShareRule
from services.alerts.reading import Key, Reading
from services.alerts.sources.measured import PERCENT, Measure, Moment, Subject, reading, share
from services.platform.clickhouse import ClickHouse
from services.platform.clickhouse import moment as sql_moment
from services.platform.plan import Plan


class Refusals:
    """Reads the receipts of a rule's window, which is by the wall clock, as receipts are.

    Pushes that were refused as a whole have no records that anybody counted, and replays of dead letters are
    the operator's: neither is among them.
    """

    interval = timedelta(seconds=30)

    def __init__(self, plan: Plan, rules: Sequence[RefusedShareRule], clickhouse: ClickHouse) -> None:
        self._plan = plan
        self._rules = rules
        self._clickhouse = clickhouse

    def readings(self, moment: Moment, standing: Collection[Key]) -> Iterator[Reading]:
        """Yield a reading for each agency that sent enough; of the others only where an alert stands: there
        is nothing to say, so it stays."""
        county = self._plan.county.county
        for rule in self._rules:
            # The receipt of a feed is written with every part; the fullest holds, and its parts go by months.
            rows = self._clickhouse.query(
                f"""
                SELECT agency, sum(all), sum(refused) FROM (
                    SELECT any(agency) AS agency, max(received) AS all, argMax(rejected, received) AS refused
                    FROM receipt WHERE received_at >= {sql_moment(moment.wall - rule.window)}
                        AND kind != 'replay'
                    GROUP BY receipt
                )
                GROUP BY agency ORDER BY agency"""
            )
            sums = {agency: (received, refused) for agency, received, refused in rows}
            for rule_id, division, agency in standing:
                if rule_id == rule.id and division == county:
                    sums.setdefault(agency, (0, 0))
            for agency, (received, refused) in sums.items():
                enough = received >= rule.least
                if enough or (rule.id, county, agency) in standing:
                    yield reading(
                        rule,
                        moment,
                        Subject(county, agency, Text(zh=agency, en=agency), owner=agency),
                        Measure("receipt", Text(zh="拒收比例", en="refused share"), PERCENT, 1),
                        value=share(refused, received) if enough else None,
                        why=Text(
                            zh=f"上报 {received} 条，拒收 {refused} 条",
                            en=f"{refused} of {received} records refused",
                        ),
                        parts=(Decimal(refused), Decimal(received)),
                    )
