"""The board: the running deadlines of all cases, due tasks and timers alike, the most urgent first."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from service.engine.definition import Text
from service.errors import Forbidden
from service.models.cases import Case, CaseStatus, ProcessInstance, Task
from service.models.jobs import Job
from service.models.people import User
from service.queries import deadlines, worklist
from service.queries.deadlines import Counted
from service.queries.paging import DEFAULT, NEVER, Page, page
from service.queries.people import Person
from service.queries.visibility import READERS, visible
from service.rules.permissions import Role
from service.work import UnitOfWork

WINDOWS = ("overdue", "today", "week", "later", "paused")
KINDS = ("task", "timer")
NOBODY = "none"  # the person of what nobody answers for
SHEET = 500  # deadlines on a printed list
AHEAD = timedelta(days=7)


@dataclass(frozen=True)
class Deadline:
    """Something that must be done, or that happens by itself, at an instant."""

    id: UUID
    kind: str  # task, timer
    case_id: UUID
    reference: str
    unit: str
    protected: bool
    suspended: bool
    process_title: Text
    name: Text
    right: str | None
    due_at: datetime
    window: str  # one of WINDOWS
    responsible: Person | None  # who has the task; for a timer, who has the case
    legal_basis: str | None
    consequence: Text | None  # what happens if nobody acts
    given_up: bool  # it could not go off, and an incident tells
    counted: Counted | None  # how its days were counted


@dataclass(frozen=True)
class Wanted:
    """Which deadlines to show; what is None does not narrow."""

    window: str | None = None
    unit: str | None = None
    person: str | None = None  # a username, or NOBODY
    kind: str | None = None


@dataclass(frozen=True)
class Counts:
    """How many deadlines each choice of a filter would show, with the other filters as they are."""

    windows: Mapping[str, int]
    units: Mapping[str, int]
    kinds: Mapping[str, int]
    persons: tuple[tuple[str, str, int], ...]  # username or NOBODY, name, how many
    all: int  # whatever the window


def board(
    work: UnitOfWork, wanted: Wanted, *, limit: int = DEFAULT, cursor: str | None = None
) -> Page[Deadline]:
    """Show running deadlines of the cases that the actor may see; logged. Raises `Forbidden`.

    One query, however many rows.
    """
    _require_reader(work)
    rows = _rows(work)
    found = page(
        work,
        sa.select(rows).where(*_narrow(rows, wanted)),
        by=[rows.c.urgency, rows.c.id],
        make=lambda row: _deadline(work, row),
        limit=limit,
        cursor=cursor,
        counted=False,
    )
    _log(work, found.items, "list")
    return found


def sheet(work: UnitOfWork, *, unit: str | None = None) -> tuple[tuple[Deadline, ...], int]:
    """Give what is overdue or due within seven days, to be printed, and how many are left out for space."""
    _require_reader(work)
    rows = _rows(work)
    narrowed = [rows.c.window.in_(WINDOWS[:3]), *_narrow(rows, Wanted(unit=unit))]
    every = sa.select(rows, sa.func.count().over().label("every")).where(*narrowed)
    found = work.session.execute(every.order_by(rows.c.urgency, rows.c.id).limit(SHEET)).all()
    shown = tuple(_deadline(work, row) for row in found)
    _log(work, shown, "print")
    return shown, (found[0].every - len(shown)) if found else 0


def counts(work: UnitOfWork, wanted: Wanted) -> Counts:
    """Count what each choice of each filter would show, in one query."""
    _require_reader(work)
    rows = _rows(work)
    groups = (rows.c.window, rows.c.unit_key, rows.c.kind, rows.c.username, rows.c.person)
    found = work.session.execute(sa.select(*groups, sa.func.count().label("number")).group_by(*groups)).all()
    names = {row.username or NOBODY: row.person or "" for row in found}

    def counted(free: str, value: Callable[[Any], str]) -> Counter[str]:
        others = replace(wanted, **{free: None})
        total: Counter[str] = Counter()
        for row in found:
            if _fits(row, others):
                total[value(row)] += row.number
        return total

    windows = counted("window", lambda row: row.window)
    persons = counted("person", lambda row: row.username or NOBODY)
    return Counts(
        windows=windows,
        units=counted("unit", lambda row: row.unit_key),
        kinds=counted("kind", lambda row: row.kind),
        persons=tuple(sorted(((who, names[who], n) for who, n in persons.items()), key=lambda each: each[1])),
        all=windows.total(),
    )


def _require_reader(work: UnitOfWork) -> None:
    if not work.actor.units(*READERS) and Role.SYSTEM not in work.actor.roles:
        raise Forbidden


def _rows(work: UnitOfWork) -> sa.Subquery:
    """Tasks' due dates and timers as rows of one shape."""
    task = (
        sa.select(
            sa.literal("task").label("kind"), Task.id, Task.process, Task.element, Task.right,
            Task.due_at, Task.period, Task.counts_from,
            sa.false().label("given_up"), sa.false().label("paused"), *_common(),
        )
        .join(Case, Case.id == Task.case_id)
        .join(ProcessInstance, ProcessInstance.id == Task.instance_id)
        .outerjoin(User, User.id == Task.assignee_id)
        .where(Task.closed_at.is_(None), Task.due_at.is_not(None), visible(work))
    )  # fmt: skip
    stopped, paused = sa.and_(Job.run_at.is_(None), Job.paused_at.is_(None)), Job.paused_at.is_not(None)
    timer = (
        sa.select(
            sa.literal("timer"), Job.id, Job.process, Job.element, Job.right,
            Job.due_at, Job.period, Job.counts_from,
            stopped, paused, *_common(),
        )
        .join(Case, Case.id == Job.case_id)
        .join(ProcessInstance, ProcessInstance.id == Job.instance_id)
        .outerjoin(User, User.id == Case.owner_id)
        .where(Case.status.in_((CaseStatus.OPEN, CaseStatus.SUSPENDED)), visible(work))
    )  # fmt: skip
    both = sa.union_all(task, timer).subquery()
    late, never = sa.and_(both.c.due_at < work.now), sa.literal(NEVER, Task.due_at.type)
    window = sa.case(
        (both.c.paused, "paused"),
        (late, "overdue"),
        (both.c.due_at < worklist.tomorrow(work), "today"),
        (both.c.due_at < worklist.tomorrow(work) + AHEAD, "week"),
        else_="later",
    )
    urgency = sa.case((both.c.paused, never), else_=both.c.due_at)
    return sa.select(both, window.label("window"), urgency.label("urgency")).subquery()


def _common() -> tuple[Any, ...]:
    return (
        Case.id.label("case_id"), Case.reference, Case.unit_key, Case.protection, Case.status,
        ProcessInstance.deployment_id, User.id.label("user_id"), User.username, User.name.label("person"),
    )  # fmt: skip


def _narrow(rows: sa.Subquery, wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    who = rows.c.username.is_(None) if wanted.person == NOBODY else rows.c.username == wanted.person
    given = (
        None if wanted.window is None else rows.c.window == wanted.window,
        None if wanted.unit is None else rows.c.unit_key == wanted.unit,
        None if wanted.kind is None else rows.c.kind == wanted.kind,
        None if wanted.person is None else who,
    )
    return [condition for condition in given if condition is not None]


def _fits(row: Any, wanted: Wanted) -> bool:
    return (
        wanted.window in {None, row.window}
        and wanted.unit in {None, row.unit_key}
        and wanted.kind in {None, row.kind}
        and wanted.person in {None, row.username or NOBODY}
    )


def _deadline(work: UnitOfWork, row: Any) -> Deadline:
    process = work.definition(row.deployment_id).processes[row.process]
    element = process.elements[row.element]
    return Deadline(
        id=row.id,
        kind=row.kind,
        case_id=row.case_id,
        reference=row.reference,
        unit=row.unit_key,
        protected=row.protection != "normal",
        suspended=row.status is CaseStatus.SUSPENDED,
        process_title=process.title,
        name=element.name,
        right=row.right,
        due_at=row.due_at,
        window=row.window,
        responsible=Person(row.user_id, row.username, row.person) if row.user_id else None,
        legal_basis=element.legal_basis,
        consequence=element.consequence,
        given_up=bool(row.given_up),
        counted=deadlines.counted(
            work, row.deployment_id, period=row.period, begins=row.counts_from, due=row.due_at
        ),
    )


def _log(work: UnitOfWork, shown: tuple[Deadline, ...], action: str) -> None:
    for case_id in dict.fromkeys(each.case_id for each in shown):
        work.looked(action, case_id=case_id, subject="deadlines")
