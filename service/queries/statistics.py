"""Figures: how often what has happened, by unit and by year, counted from milestones in the histories.

Who may see small counts gets exact figures for any days. Everybody else is shown only what can be made from
the figures of whole calendar years, each veiled by itself: no choice of period or unit then tells more.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from statistics import median
from typing import Any

import sqlalchemy as sa

from service.engine.text import Text
from service.errors import Forbidden, Invalid, NotFound, Problem
from service.models.cases import Case, Task, TaskOutcome
from service.models.definitions import Deployment, DeploymentState
from service.models.history import HistoryEvent
from service.models.people import Appointment, Training, Unit
from service.queries.measures import MEASURES, SOON, Kind, Measure
from service.rules import disclosure
from service.rules.permissions import Facts, Permission, Role, may
from service.work import UnitOfWork

LONGEST = 30  # years of a period
YEARS = range(1900, 3000)
TEAM = (Role.CASEWORKER, Role.TEAM_LEADER)
DECISIONS = ("decision-granted", "decision-refused")


@dataclass(frozen=True)
class Asked:
    """The period, both days in it, and which unit; None: all that the reader may see."""

    since: date
    until: date
    unit: str | None = None
    veiled: bool = False  # hide small counts even from those who may see them: for what leaves the house


class Seen(StrEnum):
    """How much of a figure is shown."""

    SHOWN = "shown"
    AT_LEAST = "at_least"  # the sum of what is shown; some of it is hidden
    HIDDEN = "hidden"
    ONE_YEAR = "one_year"  # hidden for several years together: they may be asked for one by one
    NOTHING = "nothing"  # there is nothing to tell of: a median of no cases
    NOT_COUNTED = "not_counted"  # no diagram in force marks it, or no register holds it


@dataclass(frozen=True)
class Value:
    """A figure, or that it is hidden."""

    number: float | None
    seen: Seen = Seen.SHOWN


@dataclass(frozen=True)
class Span:
    """A year or a month of the period."""

    first: date
    last: date


@dataclass(frozen=True)
class Figure:
    """One measure: the whole period, each unit, each year (or month of a single year)."""

    measure: Measure
    total: Value
    units: Mapping[str, Value]
    spans: tuple[tuple[Span, Value], ...]


@dataclass(frozen=True)
class Statistics:
    """All figures, and for which days and units they were really counted."""

    since: date
    until: date
    unit: str | None
    units: Mapping[str, str]  # names by key
    exact: bool
    figures: Mapping[str, Figure]


@dataclass(frozen=True)
class Found:
    """Something that counts: on which day, in which unit, and whom or how many days it is about."""

    day: date
    unit: str | None
    what: Any


def statistics(work: UnitOfWork, asked: Asked) -> Statistics:
    """Count all measures; logged. Raises `Forbidden`, `Invalid`, `NotFound` for a unit one may not see."""
    units = readable(work)
    if not units:
        raise Forbidden
    if asked.unit is not None and asked.unit not in units:
        raise NotFound
    fits = timedelta() <= asked.until - asked.since <= timedelta(days=366 * LONGEST)
    if not fits or not {asked.since.year, asked.until.year} <= set(YEARS):
        told = Text(
            f"Välj en period som slutar efter att den börjar, högst {LONGEST} år.",
            f"Choose a period that ends after it begins, of at most {LONGEST} years.",
        )
        raise Invalid(problems=[Problem(told.in_(work.actor.language), pointer="?to")])
    chosen = [asked.unit] if asked.unit else list(units)
    exact = not asked.veiled and may_see_small(work, chosen)
    if not exact:
        asked = replace(asked, since=asked.since.replace(month=1, day=1), until=_end_of_year(asked.until))
    counted = chosen if exact else list(units)  # a veil needs the others, too
    count = _exact if exact else _veiled
    spans = _spans(asked, work.today, exact=exact)
    found = _found(work, counted, asked, spans)
    countable = _countable(work) | found.keys()
    figures = {
        measure.key: count(measure, found.get(measure.key, []), spans, asked)
        if measure.key in countable
        else Figure(measure, Value(None, Seen.NOT_COUNTED), {}, ())
        for measure in MEASURES
    }
    work.looked("statistics.read", subject="exact" if exact else "veiled")
    return Statistics(
        asked.since,
        asked.until,
        asked.unit,
        {key: units[key] for key in chosen},
        exact,
        figures,
    )


def readable(work: UnitOfWork) -> dict[str, str]:
    """The units whose figures the actor may see: names by key, in order."""
    rows = work.session.execute(sa.select(Unit.key, Unit.name).order_by(Unit.name, Unit.key))
    return {
        row.key: row.name for row in rows if may(work.actor, Permission.STATISTICS_READ, Facts(unit=row.key))
    }


def may_see_small(work: UnitOfWork, units: Iterable[str]) -> bool:
    """Tell whether the actor may see small counts in all of these units."""
    return all(may(work.actor, Permission.STATISTICS_EXACT, Facts(unit=each)) for each in units)


def _exact(measure: Measure, found: Sequence[Found], spans: Sequence[Span], asked: Asked) -> Figure:
    whole = spans[-1] if measure.kind is Kind.STOCK else Span(asked.since, asked.until)
    units = sorted({each.unit for each in found if each.unit is not None})
    return Figure(
        measure,
        _value(measure, _in(found, whole)),
        {unit: _value(measure, _in(found, whole, unit)) for unit in units},
        tuple((span, _value(measure, _in(found, span))) for span in spans),
    )


def _veiled(measure: Measure, found: Sequence[Found], spans: Sequence[Span], asked: Asked) -> Figure:
    """Count each year with its units, hide what is small there, and make the period from what is shown."""
    if not measure.about_people_in_need:
        mine = [each for each in found if asked.unit in {None, each.unit} or each.unit is None]
        return _exact(measure, mine, spans, asked)
    years = [(span, *_year(measure, _in(found, span))) for span in spans]
    if asked.unit is not None:
        nothing = _value(measure, [])
        years = [(span, units.get(asked.unit, nothing), {}) for span, _, units in years]
    units = sorted({unit for _, _, by_unit in years for unit in by_unit})
    zero = _value(measure, [])
    return Figure(
        measure,
        _together(measure, [total for _, total, _ in years]),
        {unit: _together(measure, [of.get(unit, zero) for _, _, of in years]) for unit in units},
        tuple((span, total) for span, total, _ in years),
    )


def _year(measure: Measure, found: Sequence[Found]) -> tuple[Value, dict[str, Value]]:
    """One year: the total and each unit, as far as both may be shown."""
    by_unit: dict[str, list[Found]] = {}
    for each in found:
        by_unit.setdefault(each.unit or "", []).append(each)
    values = {unit: _value(measure, some) for unit, some in by_unit.items()}
    total = _value(measure, found)
    if measure.kind is Kind.MEDIAN:
        few = frozenset(unit for unit, some in by_unit.items() if disclosure.is_small(len(some)))
        hide = disclosure.is_small(len(found))
    else:
        hide, few = disclosure.veil(
            {unit: each.number or 0 for unit, each in values.items()}, total.number or 0
        )
    hidden = Value(None, Seen.HIDDEN)
    return hidden if hide else total, {
        unit: hidden if unit in few else value for unit, value in values.items()
    }


def _together(measure: Measure, years: Sequence[Value]) -> Value:
    """What several years' figures, as they are shown, tell of all of them."""
    if len(years) == 1:
        return years[0]
    if not measure.adds_up:
        empty = all(each.seen is Seen.NOTHING or each.number == 0 for each in years)
        return years[0] if empty else Value(None, Seen.ONE_YEAR)
    total = sum(each.number or 0 for each in years)
    hidden = any(each.seen is Seen.HIDDEN for each in years)
    if hidden:
        return Value(total, Seen.AT_LEAST) if total else Value(None, Seen.HIDDEN)
    return Value(total)


def _value(measure: Measure, found: Sequence[Found]) -> Value:
    match measure.kind:
        case Kind.COUNT:
            return Value(len(found))
        case Kind.DISTINCT | Kind.STOCK:
            return Value(len({each.what for each in found}))
        case Kind.MEDIAN:
            return Value(median(each.what for each in found)) if found else Value(None, Seen.NOTHING)


def _in(found: Iterable[Found], span: Span, unit: str | None = None) -> list[Found]:
    return [
        each for each in found if span.first <= each.day <= span.last and (unit is None or each.unit == unit)
    ]


def _spans(asked: Asked, today: date, *, exact: bool) -> list[Span]:
    """The years of the period, or the months when it lies within one and small counts may be seen.

    Those that have not begun are left out.
    """
    by_month = exact and asked.since.year == asked.until.year
    spans: list[Span] = []
    first = asked.since
    while first <= asked.until and (first <= today or not spans):
        last = min(_end_of_month(first) if by_month else _end_of_year(first), asked.until)
        spans.append(Span(first, last))
        first = last + timedelta(days=1)
    return spans


def _end_of_year(day: date) -> date:
    return day.replace(month=12, day=31)


def _end_of_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def _found(
    work: UnitOfWork, units: Sequence[str], asked: Asked, spans: Sequence[Span]
) -> dict[str, list[Found]]:
    """All that counts, by the measure's key: a handful of queries, however many cases there are."""
    begin = datetime.combine(asked.since, time(), work.zone)
    end = datetime.combine(asked.until + timedelta(days=1), time(), work.zone)
    found: dict[str, list[Found]] = {}
    for key, each in (
        *_milestones(work, units, begin, end),
        *_deadlines(work, units, begin, end),
        *_staff(work, units, spans),
        *_changes(work, begin, end),
    ):
        found.setdefault(key, []).append(each)
    return found


@dataclass
class _Course:
    """What has happened in a case so far."""

    applied: datetime | None = None
    activated: datetime | None = None


_BY_MILESTONE = {measure.milestones[0]: measure.key for measure in MEASURES if len(measure.milestones) == 1}
_NAMES = sorted({name for measure in MEASURES for name in measure.milestones})


def _milestones(
    work: UnitOfWork, units: Sequence[str], begin: datetime, end: datetime
) -> Iterator[tuple[str, Found]]:
    name = HistoryEvent.details["name"].as_string()
    reached = sa.and_(HistoryEvent.type == "milestone.reached", HistoryEvent.at < end, name.in_(_NAMES))
    moved = sa.select(HistoryEvent.case_id).where(reached, HistoryEvent.at >= begin)
    rows = (
        sa.select(HistoryEvent.case_id, HistoryEvent.at, name.label("name"), Case.unit_key, Case.person_index)
        .join(Case, Case.id == HistoryEvent.case_id)
        .where(reached, HistoryEvent.case_id.in_(moved), Case.unit_key.in_(units))
        .order_by(HistoryEvent.case_id, HistoryEvent.sequence)
    )
    courses: dict[Any, _Course] = {}
    for row in work.session.execute(rows):
        course = courses.setdefault(row.case_id, _Course())
        told = list(_told(work, row, course))
        if row.at >= begin:
            day = row.at.astimezone(work.zone).date()
            yield from ((key, Found(day, row.unit_key, what)) for key, what in told)


def _told(work: UnitOfWork, row: Any, course: _Course) -> Iterator[tuple[str, Any]]:
    """What a milestone counts for, seen from what the case has come through before."""
    person = row.person_index or row.case_id
    if row.name in _BY_MILESTONE:
        yield _BY_MILESTONE[row.name], person
    if row.name == "application-sent":
        course.applied = row.at
    elif row.name in DECISIONS and course.applied is not None:
        sent, decided = (each.astimezone(work.zone).date() for each in (course.applied, row.at))
        yield "days_application_to_decision", (decided - sent).days
        course.applied = None
    elif row.name == "rights-package-activated":
        course.activated = row.at
    elif (
        row.name == "right-started"
        and course.activated is not None
        and row.at - course.activated <= timedelta(hours=SOON)
    ):
        yield "rights_started_within_72h", person


def _deadlines(
    work: UnitOfWork, units: Sequence[str], begin: datetime, end: datetime
) -> Iterator[tuple[str, Found]]:
    rows = (
        sa.select(Task.due_at, Task.closed_at, Task.outcome, Case.unit_key)
        .join(Case, Case.id == Task.case_id)
        .where(Task.due_at >= begin, Task.due_at < min(end, work.now), Case.unit_key.in_(units))
    )
    for due, closed, outcome, unit in work.session.execute(rows):
        if due is None:
            continue
        found = Found(due.astimezone(work.zone).date(), unit, None)
        if closed is None or closed > due:
            yield "deadlines_missed", found
        elif outcome is TaskOutcome.COMPLETED:
            yield "deadlines_met", found


def _staff(work: UnitOfWork, units: Sequence[str], spans: Sequence[Span]) -> Iterator[tuple[str, Found]]:
    """Who is in the team at the end of each span, and whose training is valid then; told on its last day."""
    rows = work.session.execute(
        sa.select(
            Appointment.user_id, Appointment.unit_key, Appointment.held_from, Appointment.held_to
        ).where(Appointment.role.in_(TEAM), Appointment.unit_key.in_(units))
    ).all()
    trainings = work.session.execute(
        sa.select(Training.user_id, Training.given_on, Training.valid_until).where(
            Training.user_id.in_({user for user, *_ in rows}), Training.withdrawn_at.is_(None)
        )
    ).all()
    for span in spans:
        end = datetime.combine(span.last + timedelta(days=1), time(), work.zone)
        day = min(span.last, work.today)
        trained = {
            user for user, given, until in trainings if given <= day and (until is None or until >= day)
        }
        for user, unit, since, until in rows:
            if since <= work.now and since < end and (until is None or until >= min(end, work.now)):
                yield "staff_in_team", Found(span.last, unit, user)
                if user in trained:
                    yield "staff_trained", Found(span.last, unit, user)


def _changes(work: UnitOfWork, begin: datetime, end: datetime) -> Iterator[tuple[str, Found]]:
    effect = sa.func.coalesce(Deployment.approved_at, Deployment.deployed_at)
    rows = sa.select(Deployment.approved_at, Deployment.deployed_at).where(
        Deployment.state == DeploymentState.ACTIVE, effect >= begin, effect < end
    )
    for approved, deployed in work.session.execute(rows):
        yield "routine_changes", Found((approved or deployed).astimezone(work.zone).date(), None, None)


def _countable(work: UnitOfWork) -> set[str]:
    """The measures whose milestones the diagrams mark; trainings count when the register holds any."""
    marked = _marked(work)
    keys = {each.key for each in MEASURES if set(each.milestones) <= marked}
    trained = work.session.scalar(sa.select(sa.exists().where(Training.withdrawn_at.is_(None))))
    return keys if trained else keys - {"staff_trained"}


def _marked(work: UnitOfWork) -> set[str]:
    """The milestones that the diagrams in force mark."""
    newest = work.session.scalar(
        sa.select(Deployment.id)
        .where(Deployment.state == DeploymentState.ACTIVE)
        .order_by(Deployment.number.desc())
        .limit(1)
    )
    if newest is None:
        return set()
    processes = work.definition(newest).processes.values()
    return {
        element.milestone
        for process in processes
        for element in process.elements.values()
        if element.milestone
    }
