"""The history for people: a case's events in order, whether the chain is whole, and who looked."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from service.errors import NotFound
from service.models.cases import Case, ProcessInstance
from service.models.history import AccessEvent, HistoryEvent
from service.queries import people
from service.queries.paging import DEFAULT, Page, page
from service.queries.people import Person
from service.queries.visibility import visible
from service.rules.permissions import Facts, Permission, Role, may, require
from service.vault import SALT, commitment
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


def every_case(work: UnitOfWork) -> tuple[UUID, ...]:
    """The cases whose history the actor may check, the oldest first."""
    return tuple(
        work.session.scalars(sa.select(Case.id).where(visible(work)).order_by(Case.opened_at, Case.id))
    )


def milestones(work: UnitOfWork, case_ids: Sequence[UUID]) -> tuple[tuple[UUID, str], ...]:
    """The milestones that these cases have reached, in order, in one query."""
    reached = (
        sa.select(HistoryEvent.case_id, HistoryEvent.details)
        .where(HistoryEvent.case_id.in_(case_ids), HistoryEvent.type == "milestone.reached")
        .order_by(HistoryEvent.case_id, HistoryEvent.sequence)
    )
    return tuple((case_id, details["name"]) for case_id, details in work.session.execute(reached))


def verify(work: UnitOfWork, case_id: UUID) -> Verdict:
    """Recompute a case's chain from what is stored: order, links, seals, commitments, final state.

    Raises `NotFound`.
    """
    case = _readable(work, case_id)
    work.looked("history.verify", case_id=case.id)
    stored = list(work.session.scalars(_stored(case.id)))
    previous = ""
    for number, event in enumerate(stored, start=1):
        why = _wrong(work, case, event, number, previous)
        if why:
            return Verdict(ok=False, events=len(stored), first_bad=number, why=why)
        previous = event.seal
    why = _wrong_end(work, case, stored)
    return Verdict(
        ok=why is None,
        events=len(stored),
        first_bad=len(stored) + 1 if why == "missing" else len(stored) if why else None,
        why=why,
    )


def access_log(
    work: UnitOfWork,
    *,
    case: UUID | None = None,
    actor: str | None = None,
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
    work: UnitOfWork,
    *,
    case: UUID | None = None,
    actor: str | None = None,
    type: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = DEFAULT,
    cursor: str | None = None,
) -> Page[Event]:
    """Events across the cases that the actor may see, newest first; without their values."""
    rows = sa.select(HistoryEvent).join(Case, Case.id == HistoryEvent.case_id).where(visible(work))
    given = {
        "case": None if case is None else HistoryEvent.case_id == case,
        "actor": None if actor is None else HistoryEvent.actor == actor,
        "type": None if type is None else HistoryEvent.type == type,
        "since": None if since is None else HistoryEvent.at >= since,
        "until": None if until is None else HistoryEvent.at < until,
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
    values = (
        _values(work, case, event)[1]
        if case is not None and open_values and event.values is not None
        else None
    )
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
        values=None if values is None else json.loads(values),
        commitment=event.commitment,
        state_digest=event.state_digest,
        previous=event.previous,
        seal=event.seal,
    )


def _values(work: UnitOfWork, case: Case, event: HistoryEvent) -> tuple[bytes, bytes]:
    """The salt and the values that an event committed to."""
    opened = work.key(case).open(
        event.values or b"", f"history_event.values:{event.case_id}:{event.sequence}"
    )
    return opened[:SALT], opened[SALT:]


def _wrong(work: UnitOfWork, case: Case, event: HistoryEvent, number: int, previous: str) -> str | None:
    """What does not fit about an event, as a code; None when all does."""
    if event.sequence != number:
        return "missing"
    if event.previous != previous:
        return "link"
    if event.seal != event.sealed():
        return "seal"
    if (
        event.commitment is not None
        and case.wrapped_key is not None
        and event.commitment != _committed(work, case, event)
    ):
        return "values"
    return None


def _committed(work: UnitOfWork, case: Case, event: HistoryEvent) -> str | None:
    return commitment(*_values(work, case, event)) if event.values else None


def _wrong_end(work: UnitOfWork, case: Case, stored: Sequence[HistoryEvent]) -> str | None:
    """Whether the chain ends where the case says it does, in the state that is stored."""
    if not stored or (case.sequence, case.seal) != (stored[-1].sequence, stored[-1].seal):
        return "missing"
    instances = work.session.scalars(
        sa.select(ProcessInstance)
        .where(ProcessInstance.case_id == case.id)
        .order_by(ProcessInstance.started_at, ProcessInstance.id)
    )
    digest = hashlib.sha256(
        b"".join(hashlib.sha256(each.snapshot).digest() for each in instances)
    ).hexdigest()
    return None if digest == stored[-1].state_digest else "state"


def _access(row: Any) -> Access:
    event: AccessEvent = row.AccessEvent
    return Access(
        event.at, event.actor, event.action, event.case_id, event.subject, event.reason, row.reference
    )
