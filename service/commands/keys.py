"""Rotating the key that wraps: what the vault has sealed is sealed anew with its newest key, batch by batch.

What a case's own key protects is not touched, only that key's wrapping. The service may run on meanwhile: its
processes look at the key file before each use, and an old key goes when nothing is sealed with it any more
and nobody can be about to seal with it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service import vault
from service.errors import Conflict, Unavailable
from service.models.cases import Case
from service.models.jobs import IdempotentAnswer
from service.models.people import User
from service.rules.permissions import Permission, require
from service.work import UnitOfWork

BATCH = 500


@dataclass(frozen=True)
class _Sealed:
    """A column that the vault seals, and what the place of a value in it is called."""

    column: Any
    place: str

    @property
    def keys(self) -> tuple[Any, ...]:
        """What names a row."""
        return tuple(self.column.class_.__table__.primary_key.columns)

    def place_of(self, row: Any) -> str:
        """The place of this row's value; the value itself is the row's last."""
        return ":".join((self.place, *map(str, row[:-1])))


SEALED = (
    _Sealed(Case.wrapped_key, "case.wrapped_key"),
    _Sealed(User.otp_secret, "user_account.otp_secret"),
    _Sealed(IdempotentAnswer.answer, "idempotent_answer"),
)


def begin(work: UnitOfWork) -> int:
    """Put a new key into the key file, or go on with the rotation that has begun; gives its version."""
    require(work.actor, Permission.KEYS_ROTATE)
    return vault.add_key(work.platform.settings.key_file)


def left(work: UnitOfWork, *, newest: int) -> int:
    """Count what is sealed with an older key still."""
    require(work.actor, Permission.KEYS_ROTATE)
    counts = (sa.select(sa.func.count()).where(_is_older(each.column, newest)) for each in SEALED)
    return sum(work.session.scalar(count) or 0 for count in counts)


def rewrap(work: UnitOfWork, *, newest: int) -> int:
    """Seal a batch anew, rows that others are at left out; gives how many.

    Raises `Unavailable` for a value that none of the keys opens, and when the key is not the newest here.
    """
    require(work.actor, Permission.KEYS_ROTATE)
    if work.vault.versions[-1] != newest:
        raise Unavailable(f"Key {newest} is not the newest in the key file; was another file put there?")
    done = 0
    for each in SEALED:
        chosen = sa.select(*each.keys, each.column).where(_is_older(each.column, newest)).limit(BATCH - done)
        for row in work.session.execute(chosen.with_for_update(skip_locked=True)).all():
            place = each.place_of(row)
            anew = work.vault.seal(work.vault.open(row[-1], place), place)
            mine = [key == value for key, value in zip(each.keys, row, strict=False)]
            # not through the case's row as an object: nobody who has it at hand need load it again
            work.session.execute(
                sa.update(each.column.class_).where(*mine).values({each.column.key: anew}),
                execution_options={"synchronize_session": False},
            )
            done += 1
    return done


def now(work: UnitOfWork) -> datetime:
    """The database's own clock: who began before may have read the key file as it was."""
    if work.session.get_bind().dialect.name == "postgresql":
        found: datetime = work.session.scalars(sa.select(sa.func.clock_timestamp())).one()
        return found
    return work.now


def retire(work: UnitOfWork, *, newest: int, since: datetime) -> tuple[int, ...]:
    """Take the older keys out of the key file; gives their versions.

    `since` is a moment after the newest key was in the file. Raises `Conflict` while something is sealed with
    an older one, or somebody is at work who began before: on SQLite there is nobody, this has its turn alone.
    """
    if work.session.get_bind().dialect.name == "postgresql" and _older_work(work, since):
        raise Conflict("Somebody is still at work who began with the old key.")
    if left(work, newest=newest):
        raise Conflict("Something is still sealed with the old key.")
    old = tuple(version for version in work.vault.versions if version != newest)
    vault.remove_keys(work.platform.settings.key_file, old)
    work.looked("keys.rotated", subject=f"{', '.join(map(str, old))} -> {newest}")
    return old


def in_use(connection: sa.Connection) -> set[int]:
    """The versions of the wrapping key that something is sealed with."""
    found: set[int] = set()
    for each in SEALED:
        first = _first(each.column)
        sealed = sa.and_(each.column.is_not(None), sa.func.length(each.column) > 0)
        found |= {bytes(byte)[0] for byte in connection.scalars(sa.select(first).where(sealed).distinct())}
    return found


def _is_older(column: Any, newest: int) -> sa.ColumnElement[bool]:
    """The version of the key that sealed a value stands in its first byte."""
    return sa.and_(column.is_not(None), sa.func.length(column) > 0, _first(column) != bytes([newest]))


def _first(column: Any) -> Any:
    return sa.func.substr(column, 1, 1, type_=sa.LargeBinary)


def _older_work(work: UnitOfWork, since: datetime) -> int:
    counting = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND xact_start <= :since"
    )
    found: int = work.session.execute(counting, {"since": since}).scalar_one()
    return found
