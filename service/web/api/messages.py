"""Messages: what happened outside, told to exactly the case that waits for it."""

from typing import Any
from uuid import UUID

from marshmallow import fields

from service.commands import messages
from service.web.api.requests import Blueprint, changes
from service.web.api.schemas import Shown, Strict, text
from service.work import UnitOfWork

blueprint = Blueprint("messages", __name__, description="What happened outside")


class Message(Strict):
    """A message and the case it is for: by id, or by reference (`correlation`)."""

    name = text(longest=128, required=True)
    case = fields.UUID()
    correlation = text(longest=64)
    data = fields.Dict(keys=fields.String(), load_default=dict)


class Delivered(Shown):
    """Where it went."""

    case = fields.UUID(required=True)


@changes(blueprint, "/messages", Delivered(), body=Message())
def deliver(
    work: UnitOfWork,
    *,
    name: str,
    data: dict[str, Any],
    case: UUID | None = None,
    correlation: str | None = None,
) -> dict[str, UUID]:
    """Deliver a message; 409 when the case does not wait for it."""
    return {"case": messages.deliver(work, name, case_id=case, correlation=correlation, data=data)}
