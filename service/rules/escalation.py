"""When to warn about a deadline and whom: pure; the levels come from the decision table `warnings`.

Each level widens the circle: whoever has the work, then also the team leader, then also the unit's head.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
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
    counted: str  # before due, after due, after start, day of period, of the time
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
    """Put the levels on the calendar, the earliest first."""
    found = (Planned(_instant(each, span), each) for each in levels)
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
    return next((each for each in planned if each.at > since), None)


def reached(levels: Sequence[Level], span: Span, *, next: int, at: datetime, now: datetime) -> list[Level]:
    """Give the levels that are to be given now: the next one, and those whose instants have passed since."""
    planned = warnings(levels, span)
    return [each.level for each in planned if each.level.number == next or at < each.at <= now]


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
