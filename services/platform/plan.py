"""A county's plan folder, read and checked: divisions, indicators, tasks, alert rules, promises, the map."""

import logging
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from schemas.declaration import Indicator, Task, Text
from schemas.feed import FeedPromise
from schemas.fields import Contract
from schemas.rules import MODELS, RULE, Rule, RuleBase, UnknownRule, kind_of
from services.platform.errors import PlanError
from services.platform.plan_files import checks, rule_checks
from services.platform.plan_files.defaults import default_rules
from services.platform.plan_files.divisions import DIGITS, Division, read_divisions
from services.platform.plan_files.entries import Entry, read_entries, read_entry
from services.platform.plan_files.mistakes import Mistakes
from services.platform.plan_files.schematic import Schematic, read_schematic
from services.platform.working_days import WorkingDays

__all__ = ["County", "Division", "NewestPlan", "Plan", "load_plan"]

log = logging.getLogger(__name__)


class County(Contract):
    """Whose plan it is."""

    county: str
    name: Text
    title: Text
    document: str
    time_zone: str
    agencies: Annotated[
        dict[str, Text], Field(description="what agencies are called, by the id they push under")
    ] = {}
    since: Annotated[
        date | None,
        Field(
            description="first day on which agencies push here: an agency that has pushed nothing counts as "
            "silent from then on; none: only once it has pushed"
        ),
    ] = None
    days_off: Annotated[
        list[date], Field(description="the county's own holidays, and such as are not announced yet")
    ] = []
    days_worked: Annotated[list[date], Field(description="days worked though nobody else does")] = []

    @model_validator(mode="after")
    def _a_day_is_one_of_both(self) -> "County":
        both = sorted({*self.days_off} & {*self.days_worked})
        if both:
            raise ValueError(
                f"{both[0]} 既在 days_off 又在 days_worked · {both[0]} is both a day off and one worked"
            )
        return self


@dataclass(frozen=True)
class Plan:
    """Everything a plan folder declares."""

    county: County
    divisions: dict[str, Division]
    indicators: dict[str, Indicator]
    tasks: dict[int, Task]
    rules: dict[str, Rule]
    feeds: dict[str, FeedPromise]
    """What agencies have promised to send, by `agency/stream`."""
    schematic: Schematic
    """Where a map draws the townships."""

    @cached_property
    def zone(self) -> ZoneInfo:
        """The county's time zone: it decides on which day, and in which hour, a record falls."""
        return ZoneInfo(self.county.time_zone)

    @cached_property
    def working_days(self) -> WorkingDays:
        """The days that the county's offices work."""
        return WorkingDays(self.county.days_off, self.county.days_worked)

    @cached_property
    def shown_divisions(self) -> list[Division]:
        """The county and its townships, in the order of the divisions file: where figures are kept."""
        return [division for division in self.divisions.values() if division.level != "community"]

    def name_of(self, code: str) -> str:
        """Return what a place is called, from the township down; empty if there is none of that code.

        A community alone does not say where it is: two townships may have a place of one name.
        """
        codes = [code[:digits] for digits in (DIGITS["township"], DIGITS["community"]) if len(code) >= digits]
        return "".join(one.name for part in codes or [code] if (one := self.divisions.get(part)))


def load_plan(folder: Path) -> Plan:
    """Read a plan folder.

    Raises PlanError listing every mistake found, each with its file and line.
    """
    mistakes = Mistakes()
    divisions = read_divisions(folder / "divisions.csv", mistakes)
    county = read_entry(folder / "plan.yaml", County, mistakes)
    indicators = read_entries(folder / "indicators.yaml", lambda _raw: Indicator, mistakes)
    tasks = read_entries(folder / "tasks.yaml", lambda _raw: Task, mistakes)
    rules = read_entries(folder / "rules.yaml", lambda raw: MODELS.get(kind_of(raw), UnknownRule), mistakes)
    feeds = read_entries(folder / "feeds.yaml", lambda _raw: FeedPromise, mistakes)
    schematic = read_schematic(folder, divisions, mistakes)
    _check(county, divisions, indicators, tasks, rules=rules, feeds=feeds)
    found = mistakes.sorted()
    if found or not (county and county.model):
        lines = "\n".join(f"  {mistake}" for mistake in found)
        raise PlanError(
            f"规划 {folder} 有 {len(found)} 处错误 · the plan has {len(found)} mistakes:\n{lines}"
        )
    return Plan(
        county=county.model,
        divisions=divisions,
        indicators={entry.model.id: entry.model for entry in indicators or [] if entry.model},
        tasks={entry.model.number: entry.model for entry in tasks or [] if entry.model},
        rules=_rules(indicators or [], rules or []),
        feeds={entry.model.id: entry.model for entry in feeds or [] if entry.model},
        schematic=schematic,
    )


def _rules(indicators: list[Entry[Indicator]], rules: list[Entry[RuleBase]]) -> dict[str, Rule]:
    """Return the rules that are switched on: those declared, then those that follow from the targets."""
    declared = {entry.model.id: RULE.validate_python(entry.model) for entry in rules if entry.model}
    following = default_rules(entry.model for entry in indicators if entry.model)
    every = {**declared, **{rule.id: rule for rule in following if rule.id not in declared}}
    return {id: rule for id, rule in every.items() if rule.enabled}


@dataclass
class NewestPlan:
    """A plan folder that may change while a service runs; `newest` is what it said when last it was right."""

    folder: Path
    newest: Plan

    def read(self) -> Plan:
        """Return what the folder says now; while that is wrong, what it said before, and the log says so."""
        try:
            self.newest = load_plan(self.folder)
        except PlanError as error:
            log.warning("figures go on by the plan as it was: %s", error)
        return self.newest


def _check(
    county: Entry[County] | None,
    divisions: dict[str, Division],
    indicators: list[Entry[Indicator]] | None,
    tasks: list[Entry[Task]] | None,
    *,
    rules: list[Entry[RuleBase]] | None,
    feeds: list[Entry[FeedPromise]] | None,
) -> None:
    """Check the entries against each other; what a file that cannot be read would say is not missed."""
    by_id = {str(entry.raw["id"]): entry for entry in indicators or [] if "id" in entry.raw}
    by_number = {
        entry.raw["number"]: entry for entry in tasks or [] if isinstance(entry.raw.get("number"), int)
    }
    for entries, key in ((indicators, "id"), (tasks, "number"), (rules, "id")):
        checks.unique(entries or [], key)
    checks.promised_once(feeds or [])
    if county:
        checks.county(county, divisions)
    for indicator in indicators or []:
        checks.indicator(indicator, divisions.values(), None if tasks is None else by_number)
    if indicators is not None:
        for task in tasks or []:
            checks.task(task, by_id)
        rule_checks.rules(rules or [], by_id, divisions)
        for feed in feeds or []:
            checks.named_once(feed, "indicators", by_id)
    every: list[Entry[Any]] = [
        *(indicators or []),
        *(tasks or []),
        *(rules or []),
        *(feeds or []),
        *([county] if county else []),
    ]
    for entry in every:
        entry.tell_the_rest()
