"""Incidents: what gave up, where, how often, in words; and what a person does about it."""

from typing import Any
from uuid import UUID

from marshmallow import fields, validate

from service.commands import incidents as commands
from service.models.jobs import IncidentState
from service.queries import incidents
from service.web.api.requests import Blueprint, changes, reads
from service.web.api.schemas import Page, Reason, Shown, instant, maybe, page_of
from service.work import UnitOfWork

blueprint = Blueprint("incidents", __name__, description="What gave up")
STATES = [each.value for each in IncidentState]


class IncidentItem(Shown):
    """Something that gave up and waits for a person."""

    id = fields.UUID(required=True)
    case = fields.UUID(required=True, attribute="case_id")
    reference = fields.String(required=True)
    unit = fields.String(required=True)
    process = maybe(fields.String)
    element = maybe(fields.String)
    cause = fields.String(required=True)
    attempts = fields.Integer(required=True)
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    raised_at = instant(required=True)
    closed_at = instant(allow_none=True)
    reason = maybe(fields.String)


class Handled(Shown):
    """How the incident stands now."""

    id = fields.UUID(required=True)
    state = fields.String(required=True, validate=validate.OneOf(STATES))


class Wanted(Page):
    """Which incidents to list."""

    state = fields.String(load_default="open", validate=validate.OneOf([*STATES, "any"]))
    case = fields.UUID()


@reads(blueprint, "/incidents", page_of(IncidentItem, "Incident"), query=Wanted())
def listed(
    work: UnitOfWork, *, limit: int, state: str, cursor: str | None = None, case: UUID | None = None
) -> Any:
    """List incidents, the oldest first."""
    which = None if state == "any" else state
    return incidents.incidents(work, state=which, case=case, limit=limit, cursor=cursor)


@changes(blueprint, "/incidents/<uuid:incident_id>/retry", Handled())
def retry(work: UnitOfWork, incident_id: UUID) -> dict[str, Any]:
    """Let the job run again now."""
    commands.retry(work, incident_id)
    return {"id": incident_id, "state": IncidentState.RESOLVED.value}


@changes(blueprint, "/incidents/<uuid:incident_id>/resolve", Handled(), body=Reason())
def resolve(work: UnitOfWork, incident_id: UUID, *, reason: str) -> dict[str, Any]:
    """Say how it was dealt with by hand; its timer stays silent."""
    commands.resolve(work, incident_id, reason=reason)
    return {"id": incident_id, "state": IncidentState.RESOLVED.value}
