"""The secret address of a person's calendar feed: made, replaced, taken back; it opens nothing else."""

import hashlib
import secrets

import sqlalchemy as sa

from service.commands import people
from service.errors import Forbidden, NotFound, NotIdentified
from service.models.notices import CalendarFeed
from service.rules.permissions import Actor
from service.work import UnitOfWork


def rotate(work: UnitOfWork) -> str:
    """Give the actor a new secret for the feed; the one before it, if any, is no good from now on.

    It is told this once; only its hash is kept.
    """
    if work.actor.id is None:
        raise Forbidden
    secret = secrets.token_urlsafe(32)
    feed = work.session.get(CalendarFeed, work.actor.id)
    if feed is None:
        feed = CalendarFeed(user_id=work.actor.id)
        work.session.add(feed)
    feed.secret_hash, feed.made_at, feed.fetched_at = _hash(secret), work.now, None
    work.looked("calendar.made", subject=work.actor.username)
    return secret


def revoke(work: UnitOfWork) -> None:
    """Take the actor's feed back; raises `NotFound` when there is none."""
    feed = work.session.get(CalendarFeed, work.actor.id) if work.actor.id else None
    if feed is None:
        raise NotFound
    work.session.delete(feed)
    work.looked("calendar.revoked", subject=work.actor.username)


def whose(work: UnitOfWork, *, secret: str) -> Actor:
    """Tell whose feed this secret opens, with roles as of now; raises `NotIdentified` when it opens none."""
    feed = work.session.scalar(sa.select(CalendarFeed).where(CalendarFeed.secret_hash == _hash(secret)))
    found = people.actors(work, [feed.user_id]) if feed is not None else {}
    if feed is None or feed.user_id not in found:
        raise NotIdentified("This opens no calendar. Its secret is one of its own, made under settings.")
    feed.fetched_at = work.now
    return found[feed.user_id]


def _hash(secret: str) -> str:
    """The hash by which a feed is found: the secret is random, so a fast one will do."""
    return hashlib.sha256(secret.encode()).hexdigest()
