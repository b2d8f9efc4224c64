"""What a person does with the warnings on screen: has seen them."""

from uuid import UUID

import sqlalchemy as sa

from service.models.notices import Notice
from service.work import UnitOfWork


def seen(work: UnitOfWork, *, notice_id: UUID | None = None) -> int:
    """Mark one of the actor's notices as seen, or all of them; gives how many were new."""
    mine = [Notice.user_id == work.actor.id, Notice.seen_at.is_(None)]
    if notice_id is not None:
        mine.append(Notice.id == notice_id)
    found = list(work.session.scalars(sa.select(Notice).where(*mine)))
    for notice in found:
        notice.seen_at = work.now
    return len(found)
