"""The council's questions, answered: figures with their definitions, who may sign, the team, what changed."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from service.errors import Invalid, NotFound, Problem
from service.queries import definitions, people, statistics, trainings
from service.queries.people import DelegationRow
from service.queries.statistics import Asked, Figure, Seen, Span, Value
from service.web import charts
from service.web.auth import begin
from service.web.presentation import t, zone
from service.work import UnitOfWork

blueprint = Blueprint("answers", __name__)
ROUTINE = "case"  # the process that the routine begins with
CHARTED = ("applications_sent", "individuals_rights_package_activated")
COORDINATOR = "regionkoordinator"
SECTIONS = (
    ("applications", (
        "applications_sent", "decisions_granted", "decisions_refused", "days_application_to_decision",
        "extensions_requested", "appeals",
    )),
    ("rights", ("individuals_rights_package_activated", "rights_started_within_72h")),
    ("authority", ()),
    ("team", ("staff_in_team",)),
    ("training", ("staff_trained",)),
    ("changes", ("routine_changes",)),
    ("more", ("police_reports", "reimbursement_claimed", "deadlines_met", "deadlines_missed")),
)  # fmt: skip


@dataclass(frozen=True)
class Given:
    """What the form says, as it was typed."""

    since: str
    until: str
    unit: str
    veiled: bool


@blueprint.get("/answers")
def show() -> ResponseReturnValue:
    """Answer for a period, the current year when none is given."""
    given = Given(
        request.args.get("since", "").strip(),
        request.args.get("until", "").strip(),
        request.args.get("unit", ""),
        bool(request.args.get("veiled")),
    )
    with begin() as work:
        try:
            return _page(work, given, _asked(given, work.today))
        except Invalid as error:
            this_year = Asked(*_year(work.today), given.unit or None, given.veiled)
            return _page(work, given, this_year, error.problems[0].message), 422


def _page(work: UnitOfWork, given: Given, asked: Asked, wrong: str | None = None) -> str:
    units = statistics.readable(work)
    if asked.unit is not None and asked.unit not in units:
        raise NotFound
    found = statistics.statistics(work, asked)
    begins = datetime.combine(found.since, time(), zone())
    ends = datetime.combine(found.until + timedelta(days=1), time(), zone())
    delegations = [row for row in people.delegations(work) if _matters(row, found)]
    return render_template(
        "answers.html",
        found=found,
        given={
            "since": given.since or found.since,
            "until": given.until or found.until,
            "unit": given.unit,
            "veiled": given.veiled,
        },
        units=units,
        may_choose=statistics.may_see_small(work, [asked.unit] if asked.unit else units),
        sections=SECTIONS,
        charts={key: charts.columns(found.figures[key], figure_words, span_words) for key in CHARTED},
        delegations=delegations,
        coordinators=sorted({row.person.name for row in delegations if _coordinates(row, work.today)}),
        changes=definitions.changes(work, begins, ends),
        routine=next((row for row in definitions.newest(work) if row.key == ROUTINE), None),
        may_read_trainings=bool(trainings.readable(work)),
        figure_words=figure_words,
        span_words=span_words,
        by_month=by_month,
        wrong=wrong,
        problems=[("since", wrong)] if wrong else [],
    )


def figure_words(value: Value) -> str:
    """Say a figure, or why it is not shown."""
    number = "" if value.number is None else f"{value.number:g}".replace(".", t("number.point"))
    match value.seen:
        case Seen.SHOWN:
            return number
        case Seen.AT_LEAST:
            return t("answers.at_least", number=number)
        case Seen.HIDDEN:
            return t("answers.hidden")
        case Seen.ONE_YEAR:
            return t("answers.one_year")
        case Seen.NOTHING:
            return t("answers.nothing")
        case Seen.NOT_COUNTED:
            return t("answers.not_counted")


def span_words(span: Span) -> str:
    """Name a year, a month, or the days of a part of one."""
    first, last = span.first, span.last
    if (first.month, first.day, last.month, last.day) == (1, 1, 12, 31):
        return str(first.year)
    if first.day == 1 and (last + timedelta(days=1)).day == 1 and first.month == last.month:
        return f"{first.year}-{first.month:02}"
    return f"{first} – {last}"


def by_month(figure: Figure) -> bool:
    """Tell whether a figure is told month by month."""
    return any((span.last - span.first).days < 31 for span, _ in figure.spans)  # noqa: PLR2004  a month


def _asked(given: Given, today: date) -> Asked:
    since, until = _year(today)
    try:
        since = date.fromisoformat(given.since) if given.since else since
        until = date.fromisoformat(given.until) if given.until else _year(max(since, today))[1]
    except ValueError as error:
        raise Invalid(problems=[Problem(t("answers.wrong_date"))]) from error
    return Asked(since, until, given.unit or None, given.veiled)


def _year(day: date) -> tuple[date, date]:
    return day.replace(month=1, day=1), day.replace(month=12, day=31)


def _matters(row: DelegationRow, found: statistics.Statistics) -> bool:
    """Tell whether a delegation holds some day of the period, in a unit that is shown."""
    lasts = row.valid_to is None or row.valid_to >= found.since
    return row.unit in found.units and row.valid_from <= found.until and lasts


def _coordinates(row: DelegationRow, today: date) -> bool:
    holds = row.valid_from <= today and (row.valid_to is None or row.valid_to >= today)
    position = "".join(letter for letter in row.position.lower() if letter.isalpha())
    return holds and (COORDINATOR in position or "regionalkoordinator" in position)
