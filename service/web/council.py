"""What is told to the council of a period, found once for the page and for the draft reply; and its words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from service.queries import definitions, organisation, people
from service.queries.definitions import ChangeRow, VersionRow
from service.queries.organisation import Change
from service.queries.people import DelegationRow
from service.queries.statistics import Figure, Seen, Span, Statistics, Value
from service.web import texts
from service.web.presentation import t, zone
from service.work import UnitOfWork

ROUTINE = "case"  # the process that the routine begins with
COORDINATORS = ("regionkoordinator", "regionalkoordinator")
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
class Answers:
    """All that is told of a period."""

    found: Statistics
    delegations: tuple[DelegationRow, ...]
    coordinators: tuple[str, ...]  # names of those who hold a delegation today
    organisation: tuple[Change, ...]
    changes: tuple[ChangeRow, ...]
    routine: VersionRow | None


def gather(work: UnitOfWork, found: Statistics, *, named: bool = True) -> Answers:
    """Look up what stands beside the figures, for the same days and units; caseworkers named, or counted."""
    begins = datetime.combine(found.since, time(), zone())
    ends = datetime.combine(found.until + timedelta(days=1), time(), zone())
    delegations = tuple(row for row in people.delegations(work) if _matters(row, found))
    return Answers(
        found,
        delegations,
        tuple(sorted({row.person.name for row in delegations if _coordinates(row, work.today)})),
        organisation.changes(work, found.units, found.since, found.until, named=named),
        definitions.changes(work, begins, ends),
        next((row for row in definitions.newest(work) if row.key == ROUTINE), None),
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


def delegation_words(code: str) -> str:
    """Say what a delegation lets its holder decide."""
    key = f"delegation.{code}"
    return t(key) if texts.known(key) else code


def change_words(change: Change, units: Mapping[str, str]) -> str:
    """Say how the organisation changed."""
    values: dict[str, object] = {"unit": units.get(change.unit, change.unit)}
    if change.number:
        values["n"] = change.number
    values["person"] = change.person.name if change.person else t("answers.somebody")
    if change.code:
        values |= {
            "position": change.position,
            "what": delegation_words(change.code),
            "basis": change.basis,
        }
    return t(f"organisation.{change.what}", **values)


def coordinator_words(answers: Answers) -> str:
    """Say whether a regional coordinator may sign today."""
    if not answers.coordinators:
        return t("answers.coordinator_no")
    return t("answers.coordinator_yes", names=", ".join(answers.coordinators))


def _matters(row: DelegationRow, found: Statistics) -> bool:
    """Tell whether a delegation holds some day of the period, in a unit that is shown."""
    lasts = row.valid_to is None or row.valid_to >= found.since
    return row.unit in found.units and row.valid_from <= found.until and lasts


def _coordinates(row: DelegationRow, today: date) -> bool:
    holds = row.valid_from <= today and (row.valid_to is None or row.valid_to >= today)
    position = "".join(letter for letter in row.position.lower() if letter.isalpha())
    return holds and any(each in position for each in COORDINATORS)
