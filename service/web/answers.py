"""The council's questions, answered on a page for a period, and as a draft of a reply."""

from dataclasses import dataclass
from datetime import date

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from service import documents
from service.errors import Invalid, NotFound, Problem
from service.queries import export, statistics, trainings
from service.queries.statistics import Asked
from service.web import charts, council, reply
from service.web.auth import begin
from service.web.presentation import t
from service.work import UnitOfWork

blueprint = Blueprint("answers", __name__)
WORDS = {
    "figure_words": council.figure_words,
    "span_words": council.span_words,
    "by_month": council.by_month,
    "delegation_words": council.delegation_words,
    "change_words": council.change_words,
    "coordinator_words": council.coordinator_words,
}


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
    given = _given()
    with begin() as work:
        try:
            return _page(work, given, _asked(given, work.today))
        except Invalid as error:
            this_year = Asked(*_year(work.today), given.unit or None, given.veiled)
            return _page(work, given, this_year, error.problems[0].message), 422


@blueprint.get("/answers.pdf")
def draft_reply() -> ResponseReturnValue:
    """Give the same answers as a draft of a reply: a tagged PDF, typeset when the transaction is over."""
    given = _given()
    with begin() as work:
        asked = _asked(given, work.today)
        found = export.statistics_for(work, asked, document="answers")
        told = reply.told(work, council.gather(work, found, named=False))
    name = t("reply.file", since=found.since, until=found.until)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(documents.typeset("reply", told), headers=headers, content_type="application/pdf")


def _page(work: UnitOfWork, given: Given, asked: Asked, wrong: str | None = None) -> str:
    units = statistics.readable(work)
    if asked.unit is not None and asked.unit not in units:
        raise NotFound
    found = statistics.statistics(work, asked)
    return render_template(
        "answers.html",
        found=found,
        told=council.gather(work, found),
        given={
            "since": given.since or found.since,
            "until": given.until or found.until,
            "unit": given.unit,
            "veiled": given.veiled,
        },
        units=units,
        may_choose=statistics.may_see_small(work, [asked.unit] if asked.unit else units),
        may_read_trainings=bool(trainings.readable(work)),
        sections=council.SECTIONS,
        charts={key: charts.columns(found.figures[key]) for key in charts.CHARTED},
        wrong=wrong,
        problems=[("since", wrong)] if wrong else [],
        **WORDS,
    )


def _given() -> Given:
    return Given(
        request.args.get("since", "").strip(),
        request.args.get("until", "").strip(),
        request.args.get("unit", ""),
        bool(request.args.get("veiled")),
    )


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
