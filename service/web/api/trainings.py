"""The register of trainings."""

from datetime import date
from typing import Any
from uuid import UUID

from marshmallow import fields, validate

from service.commands import trainings as commands
from service.queries import trainings
from service.web.api.people import Created
from service.web.api.requests import Answer, Blueprint, changes, reads
from service.web.api.schemas import Page, Reason, Shown, Strict, instant, maybe, page_of, text
from service.work import UnitOfWork

blueprint = Blueprint("trainings", __name__, description="Who has been trained")


class TrainingItem(Shown):
    """An entry in the register of trainings."""

    id = fields.UUID(required=True)
    user = fields.String(required=True, attribute="person.username")
    name = fields.String(required=True, attribute="person.name")
    unit = fields.String(required=True)
    course = fields.String(required=True)
    given_on = fields.Date(required=True)
    valid_until = maybe(fields.Date, metadata={"description": "The last day; null: it does not grow old."})
    recorded_at = instant(required=True)
    recorded_by = fields.String(
        attribute="recorded_by.username", metadata={"description": "Left out: the service itself."}
    )
    withdrawn_at = instant(allow_none=True, metadata={"description": "It was entered by mistake."})


class Wanted(Page):
    """Which trainings to list."""

    unit = text(longest=64)
    user = text(longest=64)


class NewTraining(Strict):
    """That somebody has been trained."""

    user = text(longest=64, required=True)
    unit = text(longest=64, required=True)
    course = text(longest=commands.LONGEST_COURSE, required=True)
    given_on = fields.Date(required=True)
    valid_until = maybe(fields.Date)


class Mistake(Reason):
    """Why it was wrong; it stays in the access log."""

    reason = fields.String(required=True, validate=validate.Length(1, commands.LONGEST_REASON))


@reads(blueprint, "/trainings", page_of(TrainingItem, "Training"), query=Wanted())
def listed(
    work: UnitOfWork,
    *,
    limit: int,
    cursor: str | None = None,
    unit: str | None = None,
    user: str | None = None,
) -> Any:
    """List the register of trainings, the one given last first; withdrawn entries stay in it, marked."""
    return trainings.trainings(work, unit=unit, user=user, limit=limit, cursor=cursor)


@changes(blueprint, "/trainings", Created(), body=NewTraining(), status=201)
def register(
    work: UnitOfWork,
    *,
    user: str,
    unit: str,
    course: str,
    given_on: date,
    valid_until: date | None = None,
) -> dict[str, UUID]:
    """Enter a training, as the unit's team leader or as an administrator."""
    made = commands.register(
        work, username=user, unit=unit, course=course, given_on=given_on, valid_until=valid_until
    )
    return {"id": made}


@changes(blueprint, "/trainings/<uuid:training_id>/withdraw", None, body=Mistake(), status=204)
def withdraw(work: UnitOfWork, training_id: UUID, *, reason: str) -> Answer:
    """Say that a training was entered by mistake; it counts no more."""
    commands.withdraw(work, training_id, reason=reason)
    return Answer(None)
