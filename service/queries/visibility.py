"""Which cases the actor may know of, as SQL: the permission table's `case.read`, said once for all."""

import sqlalchemy as sa

from service.models.cases import Case, CaseAccess
from service.rules.permissions import Actor, Protection, Role
from service.work import UnitOfWork

READERS = (Role.CASEWORKER, Role.TEAM_LEADER, Role.AUDITOR)  # the roles in the lines of Permission.CASE_READ


def visible(work: UnitOfWork) -> sa.ColumnElement[bool]:
    """The condition on `Case` that holds for exactly the cases that `case.read` allows; a test compares."""
    actor = work.actor
    if Role.SYSTEM in actor.roles:
        return sa.true()
    return sa.and_(
        Case.unit_key.in_(actor.units(*READERS)),
        sa.or_(Case.protection == Protection.NORMAL, _by_name(work, actor)),
    )


def _by_name(work: UnitOfWork, actor: Actor) -> sa.ColumnElement[bool]:
    given = sa.exists().where(
        CaseAccess.case_id == Case.id, CaseAccess.user_id == actor.id, CaseAccess.ends_at > work.now
    )
    return sa.or_(Case.owner_id == actor.id, given)
