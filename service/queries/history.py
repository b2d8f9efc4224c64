"""The history for people: a case's events in order, whether the chain is whole, and who looked."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from service import verifier
from service.config import Settings
from service.engine.text import Text
from service.errors import Invalid, NotFound, Problem, Unavailable
from service.models.cases import Case, ProcessInstance
from service.models.checkpoints import Checkpoint
from service.models.history import AccessEvent, HistoryEvent
from service.queries import people, proofs, verification
from service.queries.paging import DEFAULT, Page, page
from service.queries.people import Person
from service.queries.verification import Beginning, Checked
from service.queries.visibility import visible
from service.rules import identifiers
from service.rules.permissions import Facts, Permission, Role, may, require
from service.vault import SALT, Vault
from service.work import UnitOfWork


@dataclass(frozen=True)
class Event:
    """One sealed fact. `values` are the personal ones, for those who may see them."""

    case_id: UUID
    sequence: int
    at: datetime
    actor: str
    person: Person | None  # None: the service itself
    type: str
    process: str | None
    element: str | None
    deployment: int | None
    details: dict[str, Any]
    values: dict[str, Any] | None
    commitment: str | None
    state_digest: str
    previous: str
    seal: str


@dataclass(frozen=True)
class Verdict:
    """Whether what is stored is what was recorded."""

    ok: bool
    events: int
    first_bad: int | None = None
    why: str | None = None
    destroyed: bool = False  # what was personal is gone, as the law wants; all that is left was verified
    document: UUID | None = None  # the one that is wrong


@dataclass(frozen=True)
class CheckpointRow:
    """A signed checkpoint of the trail."""

    size: int  # events that it covers
    at: datetime
    actor: str
    root: str
    note: str  # the signed text
    before: int | None  # the size of the checkpoint before it
    proof: tuple[str, ...]  # that it extends that one (RFC 9162, 2.1.4)


@dataclass(frozen=True)
class Access:
    """Somebody looked at something."""

    at: datetime
    actor: str
    action: str
    case_id: UUID | None
    subject: str | None
    reason: str | None
    reference: str | None  # of the case


@dataclass(frozen=True)
class Sought:
    """Which events to find; what is None does not narrow. `person` is what `person_code` gave."""

    case: UUID | None = None
    actor: str | None = None
    type: str | None = None
    unit: str | None = None
    process: str | None = None
    person: str | None = None
    since: datetime | None = None
    until: datetime | None = None


earlier = aliased(Checkpoint)


def timeline(work: UnitOfWork, case_id: UUID) -> tuple[Event, ...]:
    """All events of a case in order; logged as looked at. Raises `NotFound`."""
    case = _readable(work, case_id)
    work.looked("history.read", case_id=case.id)
    return events_of(work, case)


def events_of(work: UnitOfWork, case: Case) -> tuple[Event, ...]:
    """All events of a case that the caller has already let the actor see."""
    stored = list(work.session.scalars(_stored(case.id)))
    who = people.by_username(work, {event.actor for event in stored})
    open_values = case.wrapped_key is not None and may(
        work.actor, Permission.HISTORY_VALUES, work.facts(case)
    )
    return tuple(_event(work, case, each, who, open_values=open_values) for each in stored)


def events_for_engine(work: UnitOfWork, case: Case) -> tuple[Event, ...]:
    """All events of a case with what was given, to be pushed through the engine: never shown to anybody."""
    stored = list(work.session.scalars(_stored(case.id)))
    open_values = case.wrapped_key is not None
    return tuple(_event(work, case, each, {}, open_values=open_values) for each in stored)


def destruction(events: Sequence[Event]) -> Event | None:
    """The event by which what was personal in a case was destroyed; None while it is there."""
    return next((each for each in reversed(events) if each.type == verifier.DESTROYED), None)


def how_many(work: UnitOfWork) -> int:
    """How many events there are, for those who check all of them."""
    require(work.actor, Permission.TRAIL_CHECK)
    return work.session.scalar(sa.select(sa.func.sum(Case.sequence))) or 0


def milestones(work: UnitOfWork, case_ids: Sequence[UUID]) -> tuple[tuple[UUID, str], ...]:
    """The milestones that these cases have reached, in order, in one query."""
    reached = (
        sa.select(HistoryEvent.case_id, HistoryEvent.details)
        .where(HistoryEvent.case_id.in_(case_ids), HistoryEvent.type == "milestone.reached")
        .order_by(HistoryEvent.case_id, HistoryEvent.sequence)
    )
    return tuple((case_id, details["name"]) for case_id, details in work.session.execute(reached))


def verify(work: UnitOfWork, case_id: UUID) -> Verdict:
    """Recompute what is stored of a case: order, links, seals, stamps, values, state, place in the tree.

    Raises `NotFound`.
    """
    case = _readable(work, case_id)
    work.looked("history.verify", case_id=case.id)
    checked, is_destroyed = verification.of_case(work, case.id), case.wrapped_key is None
    if not checked.findings:
        return Verdict(ok=True, events=checked.events, destroyed=is_destroyed)
    first = checked.findings[0]
    return Verdict(
        ok=False,
        events=checked.events,
        first_bad=first.sequence,
        why=first.why,
        destroyed=is_destroyed,
        document=first.document,
    )


def verify_everything(begin: Beginning, *, tell: Callable[[int], None] = lambda _: None) -> Checked:
    """Recompute the whole trail: every case that the actor may see, the tree over all, the checkpoints.

    `begin` opens units of work for the actor; there will be many, so that nobody has to wait. `tell` hears
    how many events each has checked.
    """
    with begin() as work:
        require(work.actor, Permission.TRAIL_CHECK)
        work.looked("history.verify", subject="trail")
    return verification.of_everything(begin, visible=visible, tell=tell)


def checkpoints(work: UnitOfWork, *, limit: int = DEFAULT, cursor: str | None = None) -> Page[CheckpointRow]:
    """List the signed checkpoints, the newest first, each with the proof that it extends the one before."""
    require(work.actor, Permission.TRAIL_CHECK)
    before = sa.select(sa.func.max(earlier.size)).where(earlier.size < Checkpoint.size).scalar_subquery()
    return page(
        work,
        sa.select(Checkpoint, before.label("before")),
        by=[Checkpoint.size],
        make=lambda row: _checkpoint(work, row.Checkpoint, row.before),
        limit=limit,
        cursor=cursor,
        newest_first=True,
    )


def public_key(work: UnitOfWork) -> str:
    """The key that checkpoints are signed with, for anyone to keep (C2SP signed-note)."""
    return verifier.key_text(work.platform.settings.trail, work.vault.public_key)


def key_of(settings: Settings) -> str:
    """The same without a database: from the key file."""
    return verifier.key_text(settings.trail, Vault.at(settings.key_file).public_key)


def access_log(
    work: UnitOfWork,
    *,
    case: UUID | None = None,
    actor: str | None = None,
    action: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = DEFAULT,
    cursor: str | None = None,
) -> Page[Access]:
    """Who looked, newest first, in the units that the actor may check (lagen 2001:454, 10 §)."""
    require(work.actor, Permission.ACCESS_LOG_READ, _checked(work, case))
    units = work.actor.units(Role.AUDITOR, Role.TEAM_LEADER)
    inside = sa.select(Case.id).where(Case.unit_key.in_(units))
    rows = (
        sa.select(AccessEvent, Case.reference)
        .outerjoin(Case, Case.id == AccessEvent.case_id)
        .where(AccessEvent.case_id.in_(inside) | AccessEvent.case_id.is_(None))
    )
    given = {
        "case": None if case is None else AccessEvent.case_id == case,
        "actor": None if actor is None else AccessEvent.actor == actor,
        "action": None if action is None else AccessEvent.action == action,
        "since": None if since is None else AccessEvent.at >= since,
        "until": None if until is None else AccessEvent.at < until,
    }
    rows = rows.where(*(condition for condition in given.values() if condition is not None))
    found = page(
        work,
        rows,
        by=[AccessEvent.at, AccessEvent.id],
        make=_access,
        limit=limit,
        cursor=cursor,
        newest_first=True,
    )
    work.looked("access-log.read", case_id=case, subject=actor)
    return found


def changes(
    work: UnitOfWork, sought: Sought, *, limit: int = DEFAULT, cursor: str | None = None
) -> Page[Event]:
    """Events across the cases that the actor may see, newest first; without their values."""
    rows = sa.select(HistoryEvent).join(Case, Case.id == HistoryEvent.case_id).where(visible(work))
    running = sa.exists().where(ProcessInstance.case_id == Case.id, ProcessInstance.process == sought.process)
    given = {
        "case": None if sought.case is None else HistoryEvent.case_id == sought.case,
        "actor": None if sought.actor is None else HistoryEvent.actor == sought.actor,
        "type": None if sought.type is None else HistoryEvent.type == sought.type,
        "unit": None if sought.unit is None else Case.unit_key == sought.unit,
        "process": None if sought.process is None else running,
        "person": None if sought.person is None else Case.person_index == sought.person,
        "since": None if sought.since is None else HistoryEvent.at >= sought.since,
        "until": None if sought.until is None else HistoryEvent.at < sought.until,
    }
    rows = rows.where(*(condition for condition in given.values() if condition is not None))
    by = [HistoryEvent.at, HistoryEvent.case_id, HistoryEvent.sequence]
    found = page(
        work, rows, by=by, make=lambda row: row.HistoryEvent, limit=limit, cursor=cursor, newest_first=True
    )
    who = people.by_username(work, {event.actor for event in found.items})
    for case_id in dict.fromkeys(event.case_id for event in found.items):
        work.looked("list", case_id=case_id, subject="events")
    return Page(
        tuple(_event(work, None, each, who, open_values=False) for each in found.items),
        found.next,
        found.total,
    )


def person_code(work: UnitOfWork, number: str) -> str:
    """Give the code by which a person's cases are found, for a personal number; the search is logged.

    The code tells nothing without the key file, so that addresses and logs may hold it. Raises `Invalid`.
    """
    found = identifiers.personal_number(number, today=work.today)
    if found is None:
        told = Text("Skriv numret som ÅÅÅÅMMDD-NNNN.", "Write the number as YYYYMMDD-NNNN.")
        raise Invalid(problems=[Problem(told.in_(work.actor.language), pointer="/person")])
    work.looked("search", subject="person")
    return work.vault.blind_index("person", found)


def references(work: UnitOfWork, case_ids: Iterable[UUID]) -> dict[UUID, str]:
    """What these cases are called, in one query."""
    rows = work.session.execute(sa.select(Case.id, Case.reference).where(Case.id.in_(set(case_ids))))
    return {row.id: row.reference for row in rows}


def _readable(work: UnitOfWork, case_id: UUID) -> Case:
    case = work.session.get(Case, case_id)
    if case is None:
        raise NotFound
    require(work.actor, Permission.HISTORY_READ, work.facts(case))
    return case


def _checked(work: UnitOfWork, case_id: UUID | None) -> Facts:
    if case_id is None:
        unit = next(iter(sorted(work.actor.units(Role.AUDITOR, Role.TEAM_LEADER))), None)
        return Facts(unit=unit)
    case = work.session.get(Case, case_id)
    if case is None:
        raise NotFound
    return Facts(unit=case.unit_key)


def _stored(case_id: UUID) -> sa.Select[HistoryEvent]:
    return sa.select(HistoryEvent).where(HistoryEvent.case_id == case_id).order_by(HistoryEvent.sequence)


def _event(
    work: UnitOfWork, case: Case | None, event: HistoryEvent, who: dict[str, Person], *, open_values: bool
) -> Event:
    is_open = case is not None and open_values and event.values is not None
    return Event(
        case_id=event.case_id,
        sequence=event.sequence,
        at=event.at,
        actor=event.actor,
        person=who.get(event.actor),
        type=event.type,
        process=event.process,
        element=event.element,
        deployment=event.deployment,
        details=event.details,
        values=_values(work, case, event) if case is not None and is_open else None,
        commitment=event.commitment,
        state_digest=event.state_digest,
        previous=event.previous,
        seal=event.seal,
    )


def _values(work: UnitOfWork, case: Case, event: HistoryEvent) -> dict[str, Any] | None:
    """The values that an event committed to; None when they cannot be read any more."""
    try:
        opened = work.key(case).open(
            event.values or b"", f"history_event.values:{event.case_id}:{event.sequence}"
        )
    except Unavailable:
        return None  # verification tells; the rest of the history can be read all the same
    values: dict[str, Any] = json.loads(opened[SALT:])
    return values


def _checkpoint(work: UnitOfWork, row: Checkpoint, before: int | None) -> CheckpointRow:
    path = proofs.Tree(work, row.size).consistency(before) if before else []
    return CheckpointRow(
        row.size, row.at, row.actor, row.root, row.note, before, tuple(p.hex() for p in path)
    )


def _access(row: Any) -> Access:
    event: AccessEvent = row.AccessEvent
    return Access(
        event.at, event.actor, event.action, event.case_id, event.subject, event.reason, row.reference
    )
