"""What an owner looks at before cases are moved to another version, and which can still be moved back."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from service.engine import renaming
from service.engine.definition import Definition
from service.engine.renaming import Gone
from service.errors import NotFound
from service.models import cases
from service.models.cases import Case, CaseStatus, ProcessInstance
from service.models.definitions import brought, newest_with
from service.models.history import HistoryEvent
from service.models.moves import acted_since, last_move
from service.queries import people
from service.queries.people import Person
from service.rules.permissions import Permission, require
from service.work import UnitOfWork

MOST = 200  # moved cases that are listed


@dataclass(frozen=True)
class Ground:
    """What a move goes from and to: the cases, the oldest first, both versions, and what was lost between."""

    cases: tuple[UUID, ...]
    olds: tuple[Definition, ...]  # what the cases run on; what brought the version when none does
    new: Definition
    gone: tuple[Gone, ...]  # what they may wait on and the other does not have


@dataclass(frozen=True)
class MovedCase:
    """A case that was moved and has not gone on since."""

    case_id: UUID
    reference: str
    at: datetime
    by: Person | None
    old: int
    new: int
    acted_on: bool  # then it stays


def ground(work: UnitOfWork, key: str, old: int, new: int) -> Ground:
    """What cases could be moved from one version to another, and what they would lose; `NotFound`."""
    require(work.actor, Permission.DEFINITION_DEPLOY)
    target = work.session.scalar(newest_with(key, new))
    if target is None:
        raise NotFound
    rows = work.session.execute(
        sa.select(Case.id, ProcessInstance.deployment_id)
        .join(ProcessInstance)
        .where(*cases.behind(key, old, target))
        .order_by(Case.opened_at, Case.id)
    ).all()
    on = [row.deployment_id for row in rows] or list(work.session.scalars(brought(key, old)))
    olds = tuple(work.definition(each) for each in dict.fromkeys(on))
    after = work.definition(target)
    lost: dict[tuple[str, str], Gone] = {}
    for each in olds if rows else ():
        for one in renaming.gone(each, after, key):
            lost.setdefault((one.process, one.element.id), one)
    return Ground(tuple(dict.fromkeys(row.id for row in rows)), olds, after, tuple(lost.values()))


def moved(work: UnitOfWork, key: str) -> tuple[MovedCase, ...]:
    """The cases of a process that were moved and still stand as they did, those moved last first."""
    require(work.actor, Permission.CASES_MOVE_BACK)
    rows = work.session.execute(
        sa.select(Case.id, Case.reference, HistoryEvent, acted_since(HistoryEvent).label("acted"))
        .join(ProcessInstance, ProcessInstance.case_id == Case.id)
        .join(
            HistoryEvent,
            sa.and_(HistoryEvent.case_id == Case.id, HistoryEvent.sequence == last_move(Case.id, key)),
        )
        .where(
            ProcessInstance.process == key,
            ProcessInstance.before_move.is_not(None),
            Case.status.in_((CaseStatus.OPEN, CaseStatus.SUSPENDED)),
        )
        .order_by(HistoryEvent.at.desc(), Case.reference)
        .limit(MOST)
    ).all()
    who = people.by_username(work, (row.HistoryEvent.actor for row in rows))
    found = {
        row.id: MovedCase(
            case_id=row.id,
            reference=row.reference,
            at=row.HistoryEvent.at,
            by=who.get(row.HistoryEvent.actor),
            old=row.HistoryEvent.details["from"]["version"],
            new=row.HistoryEvent.details["to"]["version"],
            acted_on=row.acted,
        )
        for row in rows
    }
    return tuple(found.values())
