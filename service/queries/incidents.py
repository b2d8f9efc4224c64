"""Incidents: what failed, where, how often, in words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from service.models.cases import Case
from service.models.jobs import Incident, IncidentState
from service.queries.paging import DEFAULT, Page, page
from service.queries.visibility import visible
from service.rules.permissions import Role
from service.work import UnitOfWork


@dataclass(frozen=True)
class IncidentRow:
    """Something that gave up and waits for a person."""

    id: UUID
    case_id: UUID
    reference: str
    unit: str
    process: str | None
    element: str | None
    cause: str
    attempts: int
    state: str  # open, resolved
    raised_at: datetime
    closed_at: datetime | None
    reason: str | None


def incidents(
    work: UnitOfWork,
    *,
    state: str | None = "open",
    case: UUID | None = None,
    limit: int = DEFAULT,
    cursor: str | None = None,
) -> Page[IncidentRow]:
    """List incidents, oldest first: of the cases that the actor may see; administrators see all."""
    seen = sa.true() if Role.ADMINISTRATOR in work.actor.roles else visible(work)
    rows = (
        sa.select(Incident, Case.reference, Case.unit_key).join(Case, Case.id == Incident.case_id).where(seen)
    )
    if state is not None:
        rows = rows.where(Incident.state == IncidentState(state))
    if case is not None:
        rows = rows.where(Incident.case_id == case)
    found = page(work, rows, by=[Incident.raised_at, Incident.id], make=_row, limit=limit, cursor=cursor)
    for case_id in dict.fromkeys(row.case_id for row in found.items):
        work.looked("list", case_id=case_id, subject="incidents")
    return found


def _row(row: Any) -> IncidentRow:
    incident: Incident = row.Incident
    return IncidentRow(
        id=incident.id,
        case_id=incident.case_id,
        reference=row.reference,
        unit=row.unit_key,
        process=incident.process,
        element=incident.element,
        cause=incident.cause,
        attempts=incident.attempts,
        state=incident.state.value,
        raised_at=incident.raised_at,
        closed_at=incident.closed_at,
        reason=incident.reason,
    )
