"""When to warn about a deadline and whom: pure; the levels come from the decision table `warnings`.

Each level widens the circle: whoever has the work, then also the team leader, then also the unit's head.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from service.rules import calendar

MORNING = time(8)  # when people are warned whose time is counted in days


class Whom(StrEnum):
    """How far a warning goes; each word includes those before it."""

    ASSIGNEE = "assignee"
    TEAM_LEADER = "team_leader"
    HEAD = "head"


@dataclass(frozen=True)
class Level:
    """One warning: "3 working days", "before due", to the team leader."""

    number: int
    amount: int
    unit: str  # hours, days, working days, weeks, months; percent
    counted: str  # before due, after due, after start, day of period, of the time; again
    whom: Whom


@dataclass(frozen=True)
class Span:
    """A time that runs: from where, until when, and on which calendar."""

    begins: datetime
    due: datetime
    zone: ZoneInfo
    off: frozenset[date]


@dataclass(frozen=True)
class Planned:
    """A level and its instant, in UTC."""

    at: datetime
    level: Level


AGAIN = "again"  # this long after the time has passed, and ever again until the work is done
UNITS = frozenset(["hours", "days", "working days", "weeks", "months", "percent"])
COUNTED = frozenset(["before due", "after due", "after start", "day of period", "of the time", AGAIN])
LAST_RESORT = (
    Level(1, 0, "hours", "after due", Whom.TEAM_LEADER),
)  # where no table is deployed: a task is late


def levels(rows: Sequence[Mapping[str, Any]]) -> tuple[Level, ...]:
    """Read what the table `warnings` said, lowest level first."""
    found = (
        Level(int(row["level"]), int(row["amount"]), row["unit"], row["counted"], Whom(row["whom"]))
        for row in rows
    )
    return tuple(sorted(found, key=lambda each: each.number))


def warnings(levels: Sequence[Level], span: Span) -> tuple[Planned, ...]:
    """Put the levels that are given once on the calendar, the earliest first."""
    found = (Planned(_instant(each, span), each) for each in levels if each.counted != AGAIN)
    return tuple(sorted(found, key=lambda each: (each.at, each.level.number)))


def first(levels: Sequence[Level], span: Span, *, since: datetime, begun: bool = True) -> Planned | None:
    """Give the next warning, seen from a moment.

    When the time has just begun to be watched, and stages of it have passed already (the decision was
    registered two weeks late), the last of these is given at once. What counts backwards from the end is
    not: a task that is due tomorrow needs no warning in the second in which it opens.
    """
    planned = warnings(levels, span)
    missed = [each for each in planned if each.at <= since and each.level.counted != "before due"]
    if begun and missed:
        return Planned(since, missed[-1].level)
    coming = next((each for each in planned if each.at > since), None)
    return coming or _again(levels, span, after=max([since, *(each.at for each in planned)]))


def reached(levels: Sequence[Level], span: Span, *, next: int, at: datetime, now: datetime) -> list[Level]:
    """Give the levels that are to be given now: the next one, and those whose instants have passed since."""
    planned = warnings(levels, span)
    again = [each for each in levels if each.counted == AGAIN and each.number == next]
    return again + [each.level for each in planned if each.level.number == next or at < each.at <= now]


class Fault(NamedTuple):
    """What is wrong with a row of the table `warnings`: by rule, and in one sentence."""

    rule: str
    message: str


def fault(row: Mapping[str, Any]) -> Fault | None:
    """Say what is wrong with a row of the table `warnings`; None when nothing is."""
    whole = all(isinstance(row[name], int) and row[name] >= 0 for name in ("level", "amount"))
    if not whole or row["level"] == 0:
        return Fault("warning-numbers", "“level” is 1 or more and “amount” 0 or more, both whole numbers.")
    for name, words in (("unit", UNITS), ("counted", COUNTED), ("whom", frozenset(Whom))):
        if row[name] not in words:
            return Fault("warning-word", f"“{name}” is one of: “{', '.join(sorted(words))}”.")
    if (row["unit"] == "percent") != (row["counted"] == "of the time"):
        return Fault("warning-percent", "“percent” goes with “of the time”, and only with that.")
    if row["counted"] == "day of period" and (row["unit"] != "days" or row["amount"] == 0):
        return Fault("warning-day-of-period", "“day of period” goes with “days”, the first of which is 1.")
    if row["counted"] == AGAIN and row["amount"] == 0:
        message = "“again” needs an “amount” of at least 1: how long after the time before."
        return Fault("warning-again", message)
    return None


def _again(levels: Sequence[Level], span: Span, *, after: datetime) -> Planned | None:
    """Give the next turn of what is told ever again once the time has passed."""
    level = next((each for each in levels if each.counted == AGAIN), None)
    if level is None:
        return None
    if level.unit == "hours":
        turns = max(1, (after - span.due) // timedelta(hours=level.amount) + 1)
        return Planned(span.due + turns * timedelta(hours=level.amount), level)
    day = calendar.day_of(span.due, span.zone)
    at = span.due
    while at <= max(after, span.due):
        day = calendar.later(day, level.amount, level.unit, off=span.off)
        at = datetime.combine(day, MORNING, span.zone).astimezone(UTC)
    return Planned(at, level)


def _instant(level: Level, span: Span) -> datetime:
    if level.unit == "hours":
        return _hours(level, span)
    if level.counted == "of the time":
        return span.begins + (span.due - span.begins) * level.amount / 100
    start = span.begins.astimezone(span.zone).date()
    end = calendar.day_of(span.due, span.zone)
    match level.counted:
        case "day of period":
            day = start + timedelta(days=level.amount - 1)
        case "after start":
            day = calendar.later(start, level.amount, level.unit, off=span.off)
        case "after due":
            day = calendar.later(end, level.amount, level.unit, off=span.off)
        case _:
            day = calendar.later(end, -level.amount, level.unit, off=span.off)
    return datetime.combine(day, MORNING, span.zone).astimezone(UTC)


def _hours(level: Level, span: Span) -> datetime:
    hours = timedelta(hours=level.amount)
    match level.counted:
        case "before due":
            return span.due - hours
        case "after due":
            return span.due + hours
        case _:
            return span.begins + hours
