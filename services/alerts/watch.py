"""Where every rule stands in every place: readings go in, changes of state come out. No I/O.

It can be rebuilt at any moment from `alert_log` and what the sources say; nothing that matters lives only
here. What is laid over an alert that fires (silenced, inhibited, acknowledged) changes what is shown of it,
never where it stands.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from schemas.alert import TOLD, AlertChange, AlertState
from schemas.declaration import Text
from schemas.indicator import Figure
from schemas.rules import IndicatorRule
from services.alerts import inhibition
from services.alerts.describe import as_it_stands, close, describe
from services.alerts.entry import OVER, Entry, Laid, Logged, Over
from services.alerts.reading import Key, Reading
from services.alerts.revisions import Revised, revision
from services.alerts.rules import machine
from services.alerts.rules.machine import Outcome, Standing, later
from services.alerts.sources import indicator
from services.platform.plan import Plan

log = logging.getLogger(__name__)

_BARE = Laid(
    Text(
        zh="静音、抑制或确认已结束，告警仍在",
        en="no longer silenced, inhibited or acknowledged: still firing",
    )
)


class Watch:
    """Every standing of a plan."""

    def __init__(
        self,
        plan: Plan,
        board_url: str,
        logged: Iterable[Logged] = (),
        unreliable: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        """`logged`: how things stood when the last process ended; `board_url` without a slash at its end.

        `unreliable` names the indicators nobody can rely on while a feed (the subject of a rule of kind
        feed_silent) is silent.
        """
        self._plan = plan
        self._board_url = board_url
        self._unreliable = unreliable or {}
        self._entries: dict[Key, Entry] = {}
        self._of_figure: dict[tuple[str, str], list[Key]] = defaultdict(list)
        self._laid: dict[Over, Mapping[UUID, Laid]] = {state: {} for state in OVER}
        self._frozen: Mapping[str, Laid] = {}
        self._gone: list[Logged] = []
        self._timed: set[Key] = set()
        self._firing: set[Key] = set()
        self._unmeasured: set[str] = set()
        for rule, division in indicator.watched(plan):
            self._keep(Entry(rule, division, "", Standing(), "ok"))
            self._of_figure[rule.indicator, division.code].append((rule.id, division.code, ""))
        for one in logged:
            self._recall(one)
        self._frozen = inhibition.frozen(self._alerts(), self._unreliable)

    @property
    def entries(self) -> list[Entry]:
        """Every standing: those of indicators in the plan's order, then the others as they came."""
        return list(self._entries.values())

    @property
    def indicators(self) -> set[str]:
        """The indicators that rules look at."""
        return {name for name, _ in self._of_figure}

    @property
    def firing(self) -> int:
        """How many alerts fire."""
        return len(self._firing)

    @property
    def timed(self) -> bool:
        """Whether a duration runs, so that time alone changes something."""
        return bool(self._timed)

    def restless(self, rules: Collection[str]) -> set[Key]:
        """The standings of these rules that are not at rest: a source says how each is."""
        return {
            key
            for key, one in list(self._entries.items())
            if key[0] in rules
            and one.standing.condition not in ("ok", "resolved")
            and not _never_measured(one)
        }

    def sent(self, figure: Figure) -> set[date]:
        """The earlier days whose figures people were told of by an alert on this one."""
        keys = self._of_figure.get((figure.indicator, figure.division), ())
        told = (self._entries[key].sent for key in keys)
        return {one.as_of for one in told if one is not None and one.as_of < figure.as_of}

    def as_it_stands(self, change: AlertChange) -> AlertChange:
        """A change by which an alert fires still, with its newest figure; any other as it is. Thread-safe."""
        entry = self._entries.get((change.rule, change.division, change.subject))
        return change if entry is None else as_it_stands(change, entry, self._board_url)

    def take(self, figure: Figure, now: Callable[[], datetime | None]) -> list[AlertChange]:
        """Evaluate one figure; see `take_figures`."""
        return self.take_figures([figure], now)

    def take_figures(
        self,
        figures: Iterable[Figure],
        now: Callable[[], datetime | None],
        revised: Mapping[tuple[str, str, date], Revised] | None = None,
    ) -> list[AlertChange]:
        """Evaluate figures and return the changes they make; see `weigh`.

        `now` is asked once; while it does not know the time, a figure is dated by itself. `revised` says what
        became of earlier days that alerts were sent on.
        """
        at: datetime | None = None
        readings, changes = [], []
        for figure in figures:
            for key in self._of_figure.get((figure.indicator, figure.division), ()):
                entry = self._entries[key]
                if figure.version > entry.seen:
                    at = at or now() or figure.updated_at
                    try:
                        readings.append(self._of(entry, figure, at, revised or {}))
                    except Exception as error:
                        changes += self._fault(replace(entry, seen=figure.version), at, error)
        return changes + self.weigh(readings)

    def weigh(self, readings: Iterable[Reading]) -> list[AlertChange]:
        """Weigh readings, each at its own time, and return the changes of state they make.

        A version that has been seen, or an older one, is a repeat and changes nothing.
        """
        changes, at = [], None
        for one in readings:
            at = one.at if at is None else max(at, one.at)
            entry = self._entry(one)
            if entry is not None and one.version > entry.seen:
                try:
                    changes += self._weigh(entry, one)
                except Exception as error:
                    changes += self._fault(replace(entry, seen=one.version), one.at, error)
        return changes + (self._settle(at) if at else [])

    def tick(self, now: datetime) -> list[AlertChange]:
        """Let durations end that are over; a standing that no source has confirmed yet waits for it."""
        changes = []
        for key in sorted(self._timed):
            one = self._entries[key]
            if one.reading and one.reading.status == "value" and now >= one.reading.at:
                again = replace(one.reading, at=now, correction=False)
                changes += self._again(one, again)
        return changes + (self._settle(now) if changes else [])

    def fail(self, rules: Collection[str], why: Text, now: datetime) -> list[AlertChange]:
        """Say that these rules cannot be evaluated: what stands is held.

        A rule of which nothing stands is shown in error for the county, until it is `measured`.
        """
        self._unmeasured |= {name for name in rules if name in self._plan.rules}
        known = [one for one in self._entries.values() if one.rule.id in rules]
        county = self._plan.divisions[self._plan.county.county]
        for name in sorted(self._unmeasured.intersection(rules) - {one.rule.id for one in known}):
            known.append(Entry(self._plan.rules[name], county, "", Standing(), "ok"))
        changes = []
        for one in known:
            changes += self._follow(one, machine.freeze(one.standing, "error", now, why))
        return changes

    def measured(self, rules: Collection[str], said: Collection[Key]) -> None:
        """These rules have been measured. What never changed, and of which nothing was said now, goes: it was
        in error, or there was no data, and there is nothing to say of it any more.
        """
        self._unmeasured -= set(rules)
        for key, one in list(self._entries.items()):
            if key[0] in rules and key not in said and _never_changed(one):
                del self._entries[key]

    @property
    def unmeasured(self) -> frozenset[str]:
        """The rules that could not be measured when it was last tried."""
        return frozenset(self._unmeasured)

    def lay(self, state: Over, over: Mapping[UUID, Laid], now: datetime) -> list[AlertChange]:
        """Lay a state over the alerts that fire, by their ids; it is taken from all others.

        Saying the same again changes nothing.
        """
        self._laid[state] = over
        return self._show(now)

    def settle(self, now: datetime) -> list[AlertChange]:
        """Bring in line what follows from other standings: called once after a start."""
        changes = [change for one in self._gone if (change := close(one, now))]
        self._gone = []
        return changes + self._settle(now, begin=True)

    def _recall(self, logged: Logged) -> None:
        rule = self._plan.rules.get(logged.key[0])
        division = self._plan.divisions.get(logged.key[1])
        known = self._entries.get(logged.key)
        looked_at = rule is not None and (known is not None or not isinstance(rule, IndicatorRule))
        if rule is None or division is None or not looked_at:
            if logged.standing.stands in ("pending", "firing", "recovering"):
                self._gone.append(logged)
            return
        # What was seen last is weighed once more: the rule may be another by now.
        newest = logged.newest
        self._keep(
            Entry(
                rule,
                division,
                logged.key[2],
                logged.standing,
                logged.shown,
                logged.version - 1,
                reason=newest.reason if newest else None,
                newest=newest,
                sent=logged.sent,
            )
        )
        for state in OVER:
            if logged.shown == state and logged.standing.alert_id:
                laid = Laid(newest.reason, newest.by) if newest else _BARE
                self._laid[state] = {**self._laid[state], logged.standing.alert_id: laid}

    def _of(
        self, entry: Entry, figure: Figure, at: datetime, revised: Mapping[tuple[str, str, date], Revised]
    ) -> Reading:
        rule = entry.rule
        if not isinstance(rule, IndicatorRule):
            raise TypeError(f"{rule.id} is no rule on an indicator")
        measured = self._plan.indicators[rule.indicator]
        found = indicator.reading(rule, measured, entry.division, figure, at)
        if entry.sent:
            then = revised.get((figure.indicator, figure.division, entry.sent.as_of))
            if then and (told := revision(measured, entry.sent, then)):
                return replace(found, correction=True, revision=told)
        return found

    def _entry(self, reading: Reading) -> Entry | None:
        """The standing that a reading is about; None: its rule is no longer declared."""
        rule, known = self._plan.rules.get(reading.rule), self._entries.get(reading.key)
        if rule is None or known is not None:
            return known
        return Entry(rule, self._plan.divisions[reading.division], reading.subject, Standing(), "ok")

    def _weigh(self, entry: Entry, reading: Reading) -> list[AlertChange]:
        entry = replace(entry, seen=reading.version, reading=reading)
        if isinstance(entry.rule, IndicatorRule) and entry.rule.indicator in self._frozen:
            self._keep(entry)
            return []
        return self._follow(entry, machine.weigh(entry.rule, entry.standing, reading))

    def _again(self, entry: Entry, reading: Reading) -> list[AlertChange]:
        """Weigh once more what was measured before, at its new time."""
        try:
            return self._follow(entry, machine.weigh(entry.rule, entry.standing, reading))
        except Exception as error:
            return self._fault(entry, reading.at, error)

    def _fault(self, entry: Entry, at: datetime, error: Exception) -> list[AlertChange]:
        """Let a rule be in error that failed by what nobody foresaw: what stands is held, others go on."""
        log.exception(
            "rule %s cannot be evaluated in %s %s", entry.rule.id, entry.division.code, entry.subject
        )
        said = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        why = Text(zh=f"规则评估出错（{said}），详见日志", en=f"evaluating it failed ({said}): see the log")
        frozen = machine.freeze(entry.standing, "error", at, why)
        try:
            return self._follow(entry, frozen)
        except Exception:  # it is to tell of it that fails: then the log has nothing, and this alone is known
            standing = replace(frozen.standing, changed_at=entry.standing.changed_at)
            self._keep(replace(entry, standing=standing, shown="error", reason=frozen.reason))
            return []

    def _follow(self, entry: Entry, outcome: Outcome) -> list[AlertChange]:
        """Keep what follows, and describe the change if it is one."""
        entry = replace(entry, standing=outcome.standing, reason=outcome.reason)
        if outcome.changed:
            return [self._tell(entry, outcome.reason, correction=outcome.correction)]
        if entry.standing.changed_at is None:
            entry = replace(entry, shown=entry.standing.condition)
        self._keep(entry)
        return []

    def _tell(self, entry: Entry, reason: Text, *, correction: bool = False, by: str = "") -> AlertChange:
        shown = self._shown(entry)
        change = describe(entry, shown, reason, self._board_url, correction=correction, by=by)
        told = change if change.state in TOLD else entry.sent
        reading = replace(entry.reading, correction=False) if entry.reading else None
        self._keep(replace(entry, shown=shown, newest=change, sent=told, reading=reading))
        return change

    def _shown(self, entry: Entry) -> AlertState:
        id = entry.standing.alert_id
        if entry.standing.stands == "firing" and id:
            for state in OVER:
                if id in self._laid[state]:
                    return state
        return entry.standing.condition

    def _keep(self, entry: Entry) -> None:
        key, standing = entry.key, entry.standing
        at_rest = _never_changed(entry) and standing.condition not in ("error", "no_data")
        if at_rest:  # ten thousand merchants at rest are no standings
            self._entries.pop(key, None)
        else:
            self._entries[key] = entry
        for of, there in (
            (self._timed, standing.condition in ("pending", "recovering")),
            (self._firing, standing.stands == "firing"),
        ):
            (of.add if there else of.discard)(key)

    def _alerts(self) -> list[Entry]:
        return [self._entries[key] for key in sorted(self._firing)]

    def _settle(self, now: datetime, *, begin: bool = False) -> list[AlertChange]:
        """Freeze what depends on feeds that are silent, thaw what no longer does, inhibit what is to be."""
        frozen = inhibition.frozen(self._alerts(), self._unreliable)
        turned = frozen.keys() ^ self._frozen.keys() | (frozen.keys() if begin else set())
        self._frozen = frozen
        self._inhibit()
        changes = []
        for (name, _), keys in self._of_figure.items() if turned else ():
            if name in turned:
                for key in keys:
                    changes += self._turn(self._entries[key], frozen.get(name), now)
        if changes:
            self._inhibit()
        return changes + self._show(now)

    def _turn(self, entry: Entry, why: Laid | None, now: datetime) -> list[AlertChange]:
        if why:
            return self._follow(entry, machine.freeze(entry.standing, "no_data", now, why.why))
        if entry.reading is None:
            return []
        return self._again(entry, replace(entry.reading, at=max(now, entry.reading.at)))

    def _inhibit(self) -> None:
        self._laid["inhibited"] = inhibition.inhibited(self._alerts(), self._frozen)

    def _show(self, now: datetime) -> list[AlertChange]:
        """Tell of each alert that is shown otherwise than the log has it."""
        changes = []
        for one in self._alerts():
            shown = self._shown(one)
            if shown != one.shown:
                id = one.standing.alert_id
                laid = next((self._laid[state][id] for state in OVER if state == shown and id), _BARE)
                standing = replace(one.standing, changed_at=later(one.standing, now))
                changes.append(self._tell(replace(one, standing=standing), laid.why, by=laid.by))
        return changes


def _never_changed(entry: Entry) -> bool:
    """Whether a standing that only a source knows of is in no log."""
    return entry.standing.changed_at is None and not isinstance(entry.rule, IndicatorRule)


def _never_measured(entry: Entry) -> bool:
    """Whether all that is known is that a source cannot measure it."""
    return _never_changed(entry) and entry.seen < 0
