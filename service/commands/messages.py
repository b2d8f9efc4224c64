"""Deliver a message from outside to exactly the case that waits for it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from service.commands import cases, progress
from service.engine import workflow
from service.engine.text import Text
from service.errors import Conflict, Invalid, NotFound, Problem
from service.models.cases import Case, CaseStatus
from service.models.jobs import AwaitedMessage
from service.rules import identifiers
from service.rules.permissions import Permission, require
from service.work import UnitOfWork


def deliver(
    work: UnitOfWork,
    name: str,
    *,
    case_id: UUID | None = None,
    correlation: str | None = None,
    data: Mapping[str, Any] | None = None,
) -> UUID:
    """Deliver a message to the case with this id or reference (`correlation`); gives the case's id.

    A suspended case takes messages: what has happened outside has happened. Raises `Invalid` when no case
    is named, `NotFound` for a case that the actor may not know of, `Conflict` when not exactly one element of
    its diagrams waits for it. One that waits in several turns, as where an extended period has begun before
    the first has ended, is told once.
    """
    case, instances = work.lock(_named(work, case_id, correlation))
    require(work.actor, Permission.MESSAGE_DELIVER, work.facts(case))
    if case.status not in {CaseStatus.OPEN, CaseStatus.SUSPENDED}:
        raise Conflict(cases.STANDS[case.status].in_(work.actor.language))
    waiting = work.session.scalars(
        sa.select(AwaitedMessage)
        .where(AwaitedMessage.case_id == case.id, AwaitedMessage.name == name)
        .execution_options(populate_existing=True)
    ).all()
    places = {(each.instance_id, each.process, each.element) for each in waiting}
    if len(places) != 1:
        raise Conflict(_why(name, len(places)).in_(work.actor.language))
    awaited = waiting[0]
    instance = next(each for each in instances if each.id == awaited.instance_id)
    data = dict(data or {})
    step = workflow.deliver(
        work.definition(instance.deployment_id),
        work.snapshot(case, instance),
        message=name,
        data=data,
        moment=work.moment_under(instance.deployment_id),
    )
    progress.save(work, case, instances, instance, step)
    work.record(
        case,
        "message.delivered",
        process=awaited.process,
        element=awaited.element,
        deployment_id=instance.deployment_id,
        details={"message": name},
        values=data,
    )
    progress.apply(work, case, instance, step)
    return case.id


def _named(work: UnitOfWork, case_id: UUID | None, correlation: str | None) -> UUID:
    if case_id is not None:
        return case_id
    if not correlation:
        raise Invalid(problems=[Problem("Say which case: its id or its reference.", pointer="/case")])
    reference = identifiers.read_case_reference(correlation)
    found = work.session.scalar(sa.select(Case.id).where(Case.reference == reference))
    if found is None:
        raise NotFound
    return found


def _why(name: str, waiting: int) -> Text:
    if waiting == 0:
        return Text(f"Ärendet väntar inte på {name}.", f"The case does not wait for {name}.")
    return Text(
        f"{waiting} ställen i ärendet väntar på {name}. Meddelandet måste gå till ett.",
        f"{waiting} places in the case wait for {name}. The message must go to one.",
    )
