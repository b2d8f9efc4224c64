"""Who there is: users, units, delegations, logins."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from service.models.people import Delegation, Login, RoleGrant, Unit, UnitHead, User
from service.rules.permissions import Permission, Role, require
from service.work import UnitOfWork


@dataclass(frozen=True)
class Person:
    """A user, as others see one."""

    id: UUID
    username: str
    name: str


@dataclass(frozen=True)
class UserRow:
    """A user, as administrators see one."""

    id: UUID
    username: str
    name: str
    language: str
    disabled_at: datetime | None
    grants: tuple[tuple[str, str], ...]  # role, unit


@dataclass(frozen=True)
class UnitRow:
    """A unit, and the username of who leads it."""

    key: str
    name: str
    head: str | None


@dataclass(frozen=True)
class DelegationRow:
    """An entry in the delegation register (KL 6:37, 7:5)."""

    id: UUID
    person: Person
    code: str
    position: str
    unit: str
    valid_from: date
    valid_to: date | None
    basis: str


@dataclass(frozen=True)
class LoginRow:
    """A login of the actor's own."""

    id: UUID
    kind: str
    created_at: datetime
    seen_at: datetime
    ends_at: datetime


def named(work: UnitOfWork, ids: Iterable[UUID | None]) -> dict[UUID, Person]:
    """Look up the people with these ids, in one query."""
    wanted = {each for each in ids if each is not None}
    if not wanted:
        return {}
    rows = work.session.execute(sa.select(User.id, User.username, User.name).where(User.id.in_(wanted)))
    return {row.id: Person(row.id, row.username, row.name) for row in rows}


def by_username(work: UnitOfWork, usernames: Iterable[str]) -> dict[str, Person]:
    """Look up the people with these usernames, in one query."""
    wanted = set(usernames)
    if not wanted:
        return {}
    rows = work.session.execute(sa.select(User.id, User.username, User.name).where(User.username.in_(wanted)))
    return {row.username: Person(row.id, row.username, row.name) for row in rows}


def users(work: UnitOfWork) -> tuple[UserRow, ...]:
    """All users, for administrators."""
    require(work.actor, Permission.PEOPLE_ADMINISTER)
    found = work.session.scalars(sa.select(User).options(selectinload(User.grants)).order_by(User.username))
    return tuple(
        UserRow(
            user.id,
            user.username,
            user.name,
            user.language,
            user.disabled_at,
            tuple(sorted((g.role, g.unit_key) for g in user.grants)),
        )
        for user in found
    )


def colleagues(work: UnitOfWork, unit: str) -> tuple[Person, ...]:
    """The people who can be given tasks in this unit."""
    wanted = (Role.CASEWORKER, Role.TEAM_LEADER)
    rows = work.session.scalars(
        sa.select(User)
        .where(
            User.disabled_at.is_(None),
            User.grants.any(sa.and_(RoleGrant.role.in_(wanted), RoleGrant.unit_key == unit)),
        )
        .order_by(User.name)
    )
    return tuple(Person(user.id, user.username, user.name) for user in rows)


def units(work: UnitOfWork) -> tuple[UnitRow, ...]:
    """All units, for anyone who is logged in."""
    rows = work.session.execute(
        sa.select(Unit, User.username)
        .outerjoin(UnitHead, UnitHead.unit_key == Unit.key)
        .outerjoin(User, User.id == UnitHead.user_id)
        .order_by(Unit.name)
    )
    return tuple(UnitRow(unit.key, unit.name, head) for unit, head in rows)


def delegations(work: UnitOfWork) -> tuple[DelegationRow, ...]:
    """The delegation register: who may decide in the board's place, from when to when."""
    require(work.actor, Permission.DEFINITION_READ)
    rows = list(
        work.session.scalars(sa.select(Delegation).order_by(Delegation.valid_from.desc(), Delegation.id))
    )
    people = named(work, (row.user_id for row in rows))
    return tuple(
        DelegationRow(
            row.id,
            people[row.user_id],
            row.code,
            row.position,
            row.unit_key,
            row.valid_from,
            row.valid_to,
            row.basis,
        )
        for row in rows
    )


def logins(work: UnitOfWork) -> tuple[LoginRow, ...]:
    """The actor's own logins that are still good."""
    rows = work.session.scalars(
        sa.select(Login)
        .where(Login.user_id == work.actor.id, Login.ended_at.is_(None), Login.ends_at > work.now)
        .order_by(Login.created_at.desc())
    )
    return tuple(LoginRow(row.id, row.kind, row.created_at, row.seen_at, row.ends_at) for row in rows)
