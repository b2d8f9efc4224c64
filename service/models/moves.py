"""What the move of a case to another version leaves: the event that tells it, and what was done since."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from service.models.cases import Draft, Task
from service.models.history import HistoryEvent

MIGRATED, MOVED_BACK = "instance.migrated", "instance.moved-back"
MOVES = (MIGRATED, MOVED_BACK)
LOOKED = "access.granted"  # somebody only looked
ITSELF = "system"  # no person: it warns, and what else it does shows in the state


def last_move(case_id: UUID | sa.SQLColumnExpression[UUID], process: str) -> sa.ScalarSelect[int]:
    """The sequence of the event with which a case was last moved."""
    event = aliased(HistoryEvent)
    return (
        sa.select(sa.func.max(event.sequence))
        .where(event.case_id == case_id, event.type == MIGRATED, event.process == process)
        .scalar_subquery()
    )


def acted_since(moved: type[HistoryEvent] | HistoryEvent) -> sa.ColumnElement[bool]:
    """Whether a person has done something in the case since this event, or typed something that was kept."""
    later = aliased(HistoryEvent)
    done = sa.exists().where(
        later.case_id == moved.case_id,
        later.sequence > moved.sequence,
        later.actor != ITSELF,
        later.type.not_in((*MOVES, LOOKED)),
    )
    typed = sa.exists().where(
        Draft.task_id == Task.id, Task.case_id == moved.case_id, Draft.saved_at > moved.at
    )
    return sa.or_(done, typed)
