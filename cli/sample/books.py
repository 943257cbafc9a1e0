"""What the sample county's offices count and report as figures, not as records of things."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from random import Random

from cli.sample.outbox import Outbox

_SLIP = 0.02


class Books:
    """Says statistics; now and then one with a digit missing, which is withdrawn and said again rightly."""

    def __init__(self, outbox: Outbox, random: Random) -> None:
        self._outbox = outbox
        self._random = random

    def report(
        self,
        agency: str,
        measure: str,
        division: str,
        value: float,
        *,
        described: datetime,
        day: date,
        dimension: str = "",
        slips: bool = True,
    ) -> None:
        """Report what was so at a moment, `described`, on a day at or after it; a whole number stays one."""
        data = {"division": division, "measure": measure, "dimension": dimension}
        sent = max(described, self._outbox.at(day, self._random.uniform(8.6, 17)))
        wrong = int(value) // 10
        if slips and wrong and self._random.random() < _SLIP:
            self._slip(agency, {**data, "value": str(wrong)}, described, sent)
            sent += timedelta(days=3, hours=1)
        written = str(value) if isinstance(value, int) else f"{value:.2f}"
        self._outbox.say(agency, "statistic", {**data, "value": written}, described, sent=sent)

    def _slip(self, agency: str, data: Mapping[str, str], described: datetime, sent: datetime) -> None:
        """Sometimes the wrong figure is held up on its way, and its withdrawal overtakes it."""
        withdrawn = sent + timedelta(days=3)
        late = sent + timedelta(days=self._random.choice((0, 0, 5)))
        record = self._outbox.say(agency, "statistic", dict(data), described, sent=late)
        self._outbox.withdraw(agency, "statistic", record, "少录一位数字", withdrawn)
