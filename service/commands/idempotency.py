"""The same request twice does one thing: the first answer is kept with what it tells of, and given again."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from service.errors import Conflict, Forbidden, Invalid
from service.models.jobs import IdempotentAnswer
from service.work import UnitOfWork

LONGEST = 128  # characters of a key
PENDING = 0  # a status that no answer has: the first request is still at work


@dataclass(frozen=True)
class Answer:
    """What the first request was answered."""

    status: int
    body: bytes


def recall(work: UnitOfWork, *, key: str, digest: str) -> Answer | None:
    """Give the answer to the first request with this key, or None and keep the key for this one.

    `digest` is the SHA-256 of what was asked. A second request that comes while the first is at work waits
    for it; where the first works in several transactions, `Conflict` is raised. A key whose request failed is
    free again. Raises `Invalid` when the key was used for another request.
    """
    if work.actor.id is None:
        raise Forbidden
    if not 0 < len(key) <= LONGEST:
        raise Invalid(f"An Idempotency-Key has 1 to {LONGEST} characters.")
    if _reserve(work, key, digest):
        return None
    first = work.session.get_one(IdempotentAnswer, (work.actor.id, key))
    if first.request_digest != digest:
        raise Invalid("The Idempotency-Key was used for another request.")
    if first.status == PENDING:
        raise Conflict("The first request with this Idempotency-Key is still at work.")
    return Answer(first.status, work.vault.open(first.answer, _place(work, key)))


def keep(work: UnitOfWork, *, key: str, status: int, body: bytes) -> None:
    """Keep the answer for the key that `recall` reserved, in the same transaction as what it tells of."""
    with work.session.no_autoflush:
        work.session.execute(
            sa.update(IdempotentAnswer)
            .where(IdempotentAnswer.user_id == work.actor.id, IdempotentAnswer.key == key)
            .values(status=status, answer=work.vault.seal(body, _place(work, key))),
            execution_options={"synchronize_session": False},
        )


def release(work: UnitOfWork, *, key: str) -> None:
    """Let a key go whose request failed after `recall` had kept it in a transaction of its own."""
    work.session.execute(
        sa.delete(IdempotentAnswer).where(
            IdempotentAnswer.user_id == work.actor.id,
            IdempotentAnswer.key == key,
            IdempotentAnswer.status == PENDING,
        ),
        execution_options={"synchronize_session": False},
    )


def _reserve(work: UnitOfWork, key: str, digest: str) -> bool:
    """Take the key; False when it is taken. The second request waits here until the first is through."""
    insert = postgresql.insert if work.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    row = {
        "user_id": work.actor.id,
        "key": key,
        "request_digest": digest,
        "status": PENDING,
        "answer": b"",
        "at": work.now,
    }
    taken = insert(IdempotentAnswer).values(row).on_conflict_do_nothing().returning(IdempotentAnswer.key)
    return work.session.scalar(taken) is not None


def _place(work: UnitOfWork, key: str) -> str:
    return f"idempotent_answer:{work.actor.id}:{key}"
