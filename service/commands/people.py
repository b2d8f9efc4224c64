"""People and how they get in: users, units, roles, delegations; logging in and out, tokens."""

import hashlib
import re
import secrets
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import argon2
import pyotp
import sqlalchemy as sa

from service.errors import Conflict, Forbidden, Invalid, NotFound, NotIdentified, Problem, TooMany
from service.models.history import AccessEvent
from service.models.people import (
    Appointment,
    Delegation,
    Login,
    LoginAttempt,
    RoleGrant,
    Unit,
    UnitHead,
    User,
)
from service.rules.permissions import SYSTEM, Actor, Permission, Role, may, require
from service.work import UnitOfWork

IDLE, LONGEST = timedelta(minutes=30), timedelta(hours=10)  # of a browser's login (OWASP ASVS 5.0 V7.3)
NOTICED = timedelta(minutes=1)  # how exactly it is kept when a login was last used
WINDOW = timedelta(hours=1)
PER_ACCOUNT, PER_ADDRESS = 10, 50  # failed logins in a window; then the next must wait until one grows old
SHORTEST_PASSWORD, LONGEST_PASSWORD = 15, 128
OTP_STEP = 30  # seconds
WRONG = "Username, password or code is wrong."  # which of them is never told
_HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=47_104, parallelism=1)  # ASVS 5.0 appendix C
_AT_ONCE = threading.BoundedSemaphore(4)  # each hash takes 46 MiB
LONGEST_ADDRESS = 254  # RFC 5321, 4.5.3.1.3
_EMAIL = re.compile(r"[^@\s,;:<>()\[\]\"\\]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?", re.ASCII)
_USERNAME = re.compile(r"[a-z][a-z0-9._-]{0,63}")


@dataclass(frozen=True)
class _Knock:
    """Someone asks to be let in; counted as a failed attempt until it turns out not to be."""

    account: str  # blind index
    attempts: tuple[UUID, ...]
    user: User | None


def log_in(work: UnitOfWork, *, username: str, password: str, otp: str | None = None, address: str) -> str:
    """Let a person in; gives the secret of the new login. Call it first thing in its unit of work.

    The attempt is counted in a unit of work of its own, before anything is checked: it must stand when the
    login is refused, and no database lock is held while the password is hashed. Raises `TooMany` after too
    many failed attempts for the account or from the address within an hour, `NotIdentified` when name,
    password or code are wrong.
    """
    with work.platform.begin(work.actor) as own:
        knock = _knock(own, username.strip().lower(), address)
    if not _fits(knock.user, password) or knock.user is None:
        raise NotIdentified(WRONG)
    user = work.session.scalars(
        sa.select(User).where(User.id == knock.user.id, User.disabled_at.is_(None)).with_for_update()
    ).first()
    if user is None or not _code_fits(work, user, otp):
        raise NotIdentified(WRONG)
    if _HASHER.check_needs_rehash(user.password_hash or ""):
        user.password_hash = _HASHER.hash(password)
    ours = sa.or_(LoginAttempt.about == knock.account, LoginAttempt.id.in_(knock.attempts))
    work.session.execute(
        sa.delete(LoginAttempt).where(ours), execution_options={"synchronize_session": False}
    )
    work.session.add(AccessEvent(at=work.now, actor=user.username, action="login"))
    return _new_login(work, user.id, "browser", LONGEST)


def resume(work: UnitOfWork, *, secret: str, uses: bool = True, programs_only: bool = False) -> Actor | None:
    """Tell who holds this secret, with roles and delegations, in one query; None when it is no good.

    A page that asks by itself does not use the login: it ends when its holder has been idle for long.
    A browser's secret is none of `programs_only`.
    """
    rows = work.session.execute(_resumed(), {"today": work.today, "secret": _hash(secret)}).all()
    if not rows:
        return None
    login: Login = rows[0].Login
    idle = login.kind == "browser" and work.now - login.seen_at > IDLE
    if (
        login.ended_at is not None
        or login.ends_at <= work.now
        or idle
        or (programs_only and login.kind != "token")
        or rows[0].User.disabled_at is not None
    ):
        return None
    if uses and work.now - login.seen_at >= NOTICED:
        login.seen_at = work.now
    return replace(_actor(rows), until=_until(login))


def time_left(work: UnitOfWork, *, secret: str) -> timedelta:
    """Tell how long the login with this secret lasts if it is not used; asking does not use it."""
    login = work.session.scalar(
        sa.select(Login).where(Login.secret_hash == _hash(secret), Login.ended_at.is_(None))
    )
    return max(timedelta(), _until(login) - work.now) if login is not None else timedelta()


def log_out(work: UnitOfWork, *, secret: str) -> None:
    """End the login that has this secret."""
    work.session.execute(
        sa.update(Login)
        .where(Login.secret_hash == _hash(secret), Login.ended_at.is_(None))
        .values(ended_at=work.now)
    )


def end_login(work: UnitOfWork, *, login_id: UUID) -> None:
    """End a login of one's own, or as an administrator anyone's; raises `NotFound`."""
    login = work.session.get(Login, login_id)
    if login is None or not (login.user_id == work.actor.id or may(work.actor, Permission.PEOPLE_ADMINISTER)):
        raise NotFound
    login.ended_at = login.ended_at or work.now


def token(work: UnitOfWork, *, username: str, days: int = 365) -> str:
    """Make a secret for programs that act for a user; gives it once, only its hash is kept."""
    person = actor(work, username=username)
    if person.id is None or person.id != work.actor.id:
        require(work.actor, Permission.PEOPLE_ADMINISTER)
    _note(work, "token.made", username)
    return _new_login(work, _id(person), "token", timedelta(days=days))


def actor(work: UnitOfWork, *, username: str, pointer: str = "/username") -> Actor:
    """The person with this username as the rules see them; raises `Invalid` when there is none."""
    rows = work.session.execute(
        _who(work.today).where(User.username == username.strip().lower(), User.disabled_at.is_(None))
    ).all()
    if not rows:
        raise Invalid(problems=[Problem(f"There is no user {username!r}.", pointer=pointer)])
    return _actor(rows)


def actors(work: UnitOfWork, ids: Iterable[UUID]) -> dict[UUID, Actor]:
    """The people with these ids as the rules see them; disabled ones are left out."""
    found: dict[UUID, list[Any]] = {}
    for row in work.session.execute(
        _who(work.today).where(User.id.in_(set(ids)), User.disabled_at.is_(None))
    ):
        found.setdefault(row.User.id, []).append(row)
    return {id: _actor(rows) for id, rows in found.items()}


def add_unit(work: UnitOfWork, *, key: str, name: str) -> None:
    """Add a part of the organisation."""
    require(work.actor, Permission.PEOPLE_ADMINISTER)
    if _USERNAME.fullmatch(key) is None:
        raise Invalid(problems=[Problem("A key has small letters, digits, dot, dash.", pointer="/key")])
    if work.session.get(Unit, key) is not None:
        raise Conflict(f"There is already a unit {key!r}.")
    work.session.add(Unit(key=key, name=_words(name, "/name")))
    _note(work, "unit.added", key)


def add_user(
    work: UnitOfWork,
    *,
    username: str,
    name: str,
    language: str = "sv",
    password: str | None = None,
    grants: Iterable[tuple[str, str]] = (),
) -> UUID:
    """Add a person who can log in (with a password) or act through a token; `grants` are roles in units.

    Raises `Invalid` with a problem for the field, `Conflict` for a username that is taken.
    """
    require(work.actor, Permission.PEOPLE_ADMINISTER)
    username = username.strip().lower()
    if _USERNAME.fullmatch(username) is None or username == SYSTEM.username:
        told = "A username has small letters, digits, dot, dash, and begins with a letter."
        raise Invalid(problems=[Problem(told, pointer="/username")])
    if work.session.scalar(sa.select(User.id).where(User.username == username)) is not None:
        raise Conflict(f"There is already a user {username!r}.")
    name = _words(name, "/name")
    user = User(id=uuid4(), username=username, name=name, language=language, shortcuts=True)
    if password is not None:
        user.password_hash = _hashed(password)
    work.session.add(user)
    given = list(grants)
    for number, (role, unit) in enumerate(given):
        _require_unit(work, unit, pointer=f"/roles/{number}/unit")
        if (role, unit) not in given[:number]:
            _appoint(work, user, _role(role, pointer=f"/roles/{number}/role"), unit)
    _note(work, "user.added", username)
    return user.id


def disable(work: UnitOfWork, *, username: str) -> None:
    """Let a person in no more, from the next request on; the history goes on naming them."""
    require(work.actor, Permission.PEOPLE_ADMINISTER)
    user = _user(work, username)
    user.disabled_at = user.disabled_at or work.now
    _resign(work, Appointment.user_id == user.id)
    _note(work, "user.disabled", username)


def grant(work: UnitOfWork, *, username: str, role: Role, unit: str) -> None:
    """Give a person a role in a unit; giving it again changes nothing."""
    require(work.actor, Permission.PEOPLE_ADMINISTER)
    user = _user(work, username)
    _require_unit(work, unit)
    if work.session.get(RoleGrant, (user.id, role.value, unit)) is None:
        _appoint(work, user, role.value, unit)
        _note(work, "role.granted", f"{username} {role.value} {unit}")


def revoke(work: UnitOfWork, *, username: str, role: Role, unit: str) -> None:
    """Take a role from a person, from the next request on; raises `NotFound`."""
    require(work.actor, Permission.PEOPLE_ADMINISTER)
    user = _user(work, username)
    found = work.session.get(RoleGrant, (user.id, role.value, unit))
    if found is None:
        raise NotFound
    work.session.delete(found)
    held = Appointment.user_id == user.id, Appointment.role == role.value, Appointment.unit_key == unit
    _resign(work, *held)
    _note(work, "role.revoked", f"{username} {role.value} {unit}")


def delegate(
    work: UnitOfWork,
    *,
    username: str,
    code: str,
    position: str,
    unit: str,
    valid_from: date,
    valid_to: date | None = None,
    basis: str,
) -> UUID:
    """Enter in the register that the board lets this person decide in its place (KL 6:37, 7:5).

    Raises `Invalid` for an unknown user or unit, for words that are none, for an end before the beginning.
    """
    require(work.actor, Permission.PEOPLE_ADMINISTER)
    person = actor(work, username=username, pointer="/user")
    _require_unit(work, unit)
    if valid_to is not None and valid_to < valid_from:
        raise Invalid(problems=[Problem("It cannot end before it begins.", pointer="/valid_to")])
    delegation = Delegation(
        id=uuid4(),
        user_id=_id(person),
        code=_words(code, "/code"),
        position=_words(position, "/position"),
        unit_key=unit,
        valid_from=valid_from,
        valid_to=valid_to,
        basis=_words(basis, "/basis"),
    )
    work.session.add(delegation)
    _note(work, "delegation.added", f"{person.username} {delegation.code}")
    return delegation.id


def end_delegation(work: UnitOfWork, delegation_id: UUID) -> None:
    """Let a delegation hold until yesterday and no longer; raises `NotFound`."""
    require(work.actor, Permission.PEOPLE_ADMINISTER)
    found = work.session.get(Delegation, delegation_id)
    if found is None:
        raise NotFound
    found.valid_to = work.today - timedelta(days=1)
    _note(work, "delegation.ended", str(delegation_id))


def set_password(work: UnitOfWork, *, username: str, password: str) -> None:
    """Give a person a new password and end their logins; an administrator does, or the service."""
    require(work.actor, Permission.PEOPLE_ADMINISTER)
    user = _user(work, username)
    user.password_hash = _hashed(password)
    work.session.execute(
        sa.update(Login)
        .where(Login.user_id == user.id, Login.kind == "browser", Login.ended_at.is_(None))
        .values(ended_at=work.now)
    )
    _note(work, "password.set", username)


def require_code(work: UnitOfWork, *, username: str) -> str:
    """Ask this person for a one-time code at every login from now on; gives the address that an app reads."""
    require(work.actor, Permission.PEOPLE_ADMINISTER)
    user, secret = _user(work, username), pyotp.random_base32()
    user.otp_secret = work.vault.seal(secret.encode(), f"user_account.otp_secret:{user.id}")
    _note(work, "code.required", username)
    return pyotp.TOTP(secret, interval=OTP_STEP).provisioning_uri(name=user.username, issuer_name="Andrum")


def set_head(work: UnitOfWork, *, unit: str, username: str | None) -> None:
    """Say who leads a unit, and is told when a deadline comes so near that the team leader is not enough.

    None: nobody does for now. Raises `NotFound` for an unknown unit, `Invalid` for an unknown user.
    """
    require(work.actor, Permission.PEOPLE_ADMINISTER)
    if work.session.get(Unit, unit) is None:
        raise NotFound(f"There is no unit {unit!r}.")
    head = work.session.get(UnitHead, unit)
    person = actor(work, username=username, pointer="/user") if username else None
    if person is None:
        if head is not None:
            work.session.delete(head)
    elif head is None:
        work.session.add(UnitHead(unit_key=unit, user_id=_id(person)))
    else:
        head.user_id = _id(person)
    _note(work, "unit.head", f"{unit} {username or '-'}")


def set_address(work: UnitOfWork, *, username: str, email: str | None) -> None:
    """Say at which address a person gets warnings by e-mail; None: only in the service.

    Everyone may for themselves, an administrator for all. Raises `Invalid` for what is no address.
    """
    user = _user(work, username)
    if user.id != work.actor.id:
        require(work.actor, Permission.PEOPLE_ADMINISTER)
    user.email = _address(email)
    _note(work, "address.set", username)


def protect(work: UnitOfWork, *, username: str, protected: bool) -> None:
    """Say whether a person's own data are protected: then lists of what changed do not name them."""
    require(work.actor, Permission.PEOPLE_ADMINISTER)
    _user(work, username).protected = protected
    _note(work, "user.protected" if protected else "user.unprotected", username)


def prefer(
    work: UnitOfWork,
    *,
    language: str | None = None,
    shortcuts: bool | None = None,
    digest: bool | None = None,
) -> None:
    """Change how the service speaks to the actor: the language ("sv", "en"), single keys, the daily list."""
    user = work.session.get(User, work.actor.id) if work.actor.id else None
    if user is None:
        raise Forbidden
    if language not in {None, "sv", "en"}:
        raise Invalid(problems=[Problem("The languages are sv and en.", pointer="/language")])
    user.language = language or user.language
    user.shortcuts = user.shortcuts if shortcuts is None else shortcuts
    user.digest = user.digest if digest is None else digest


def _knock(own: UnitOfWork, username: str, address: str) -> _Knock:
    """Count an attempt and look up whom it is about; raises `TooMany`."""
    account = own.vault.blind_index("login-account", username)
    place = own.vault.blind_index("login-address", address)
    counted = {
        row.about: row.number
        for row in own.session.execute(
            sa.select(LoginAttempt.about, sa.func.count().label("number"))
            .where(LoginAttempt.about.in_((account, place)), LoginAttempt.at > own.now - WINDOW)
            .group_by(LoginAttempt.about)
        )
    }
    if counted.get(account, 0) >= PER_ACCOUNT or counted.get(place, 0) >= PER_ADDRESS:
        raise TooMany
    attempts = [LoginAttempt(id=uuid4(), about=about, at=own.now) for about in (account, place)]
    own.session.add_all(attempts)
    user = own.session.scalars(
        sa.select(User).where(User.username == username, User.disabled_at.is_(None))
    ).first()
    return _Knock(account, tuple(each.id for each in attempts), user)


def _fits(user: User | None, password: str) -> bool:
    """Compare the password; takes as long for someone who does not exist."""
    known = user.password_hash if user is not None else None
    if len(password) > LONGEST_PASSWORD:
        password = ""
    with _AT_ONCE:
        try:
            _HASHER.verify(known or _nobodys_hash(), password)
        except argon2.exceptions.VerificationError:
            return False
    return known is not None


@cache
def _nobodys_hash() -> str:
    return _HASHER.hash(secrets.token_urlsafe())


def _code_fits(work: UnitOfWork, user: User, otp: str | None) -> bool:
    """Check the one-time code of someone who has one; a code works once. The user's row is locked."""
    if user.otp_secret is None:
        return True
    secret = work.vault.open(user.otp_secret, f"user_account.otp_secret:{user.id}").decode()
    code = re.sub(r"\s", "", otp or "")
    totp = pyotp.TOTP(secret, interval=OTP_STEP)
    if not totp.verify(code, for_time=work.now, valid_window=1):
        return False
    used = work.vault.blind_index("login-code", f"{user.id}:{code}")
    since = work.now - timedelta(seconds=3 * OTP_STEP)
    again = sa.select(LoginAttempt.id).where(LoginAttempt.about == used, LoginAttempt.at > since)
    if work.session.scalar(again.limit(1)) is not None:
        return False
    work.session.add(LoginAttempt(id=uuid4(), about=used, at=work.now))
    return True


def _new_login(work: UnitOfWork, user_id: UUID, kind: str, lasts: timedelta) -> str:
    secret = secrets.token_urlsafe(32)
    work.session.add(
        Login(
            id=uuid4(),
            user_id=user_id,
            secret_hash=_hash(secret),
            kind=kind,
            created_at=work.now,
            seen_at=work.now,
            ends_at=work.now + lasts,
        )
    )
    return secret


def _until(login: Login) -> datetime:
    """When the login ends unless it is used."""
    return min(login.seen_at + IDLE, login.ends_at) if login.kind == "browser" else login.ends_at


def _hash(secret: str) -> str:
    """The hash by which a login is found: the secret is random, so a fast one will do."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _hashed(password: str) -> str:
    simple = len(set(password)) < 5  # noqa: PLR2004  different letters
    if simple or not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        told = f"A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters; a sentence is good."
        raise Invalid(problems=[Problem(told, pointer="/password")])
    with _AT_ONCE:
        return _HASHER.hash(password)


@cache
def _resumed() -> sa.Select[User, str, str, str, str, Login]:
    """Whoever has a secret; made once, since every request asks."""
    return (
        _who(sa.bindparam("today", type_=sa.Date))
        .add_columns(Login)
        .join(Login, Login.user_id == User.id)
        .where(Login.secret_hash == sa.bindparam("secret"))
    )


def _who(today: date | sa.BindParameter[date]) -> sa.Select[User, str, str, str, str]:
    """People with a row for each role and each delegation in force on a day."""
    holds = sa.and_(
        Delegation.user_id == User.id,
        Delegation.valid_from <= today,
        sa.or_(Delegation.valid_to.is_(None), Delegation.valid_to >= today),
    )
    return (
        sa.select(
            User,
            RoleGrant.role,
            RoleGrant.unit_key,
            Delegation.code,
            Delegation.unit_key.label("delegated"),
        )
        .outerjoin(RoleGrant, RoleGrant.user_id == User.id)
        .outerjoin(Delegation, holds)
    )


def _actor(rows: Iterable[Any]) -> Actor:
    rows = list(rows)
    user: User = rows[0].User
    return Actor(
        id=user.id,
        username=user.username,
        grants=frozenset((Role(row.role), row.unit_key) for row in rows if row.role is not None),
        delegations=frozenset((row.code, row.delegated) for row in rows if row.code is not None),
        language=user.language,
        name=user.name,
        shortcuts=user.shortcuts,
    )


def _user(work: UnitOfWork, username: str) -> User:
    found = work.session.scalar(sa.select(User).where(User.username == username.strip().lower()))
    if found is None:
        raise NotFound
    return found


def _id(person: Actor) -> UUID:
    if person.id is None:
        raise Forbidden
    return person.id


def _words(given: str, pointer: str) -> str:
    """Give words as they are kept, each blank once; raises `Invalid` when there are none."""
    words = " ".join(given.split())
    if not words:
        raise Invalid(problems=[Problem("Write some words here.", pointer=pointer, rule="required")])
    return words


def _role(word: str, *, pointer: str) -> str:
    roles = {role.value for role in Role if role is not Role.SYSTEM}
    if word not in roles:
        told = f"There is no role {word!r}; the roles are {', '.join(sorted(roles))}."
        raise Invalid(problems=[Problem(told, pointer=pointer)])
    return str(word)


def _appoint(work: UnitOfWork, user: User, role: str, unit: str) -> None:
    """Give a role from now on, and remember since when."""
    work.session.add(RoleGrant(user_id=user.id, role=role, unit_key=unit))
    work.session.add(Appointment(id=uuid4(), user_id=user.id, role=role, unit_key=unit, held_from=work.now))


def _resign(work: UnitOfWork, *which: sa.ColumnElement[bool]) -> None:
    """Remember that roles are held no longer."""
    ended = sa.update(Appointment).where(*which, Appointment.held_to.is_(None)).values(held_to=work.now)
    work.session.execute(ended, execution_options={"synchronize_session": False})


def _require_unit(work: UnitOfWork, unit: str, *, pointer: str = "/unit") -> None:
    if work.session.get(Unit, unit) is None:
        raise Invalid(problems=[Problem(f"There is no unit {unit!r}.", pointer=pointer)])


def _address(email: str | None) -> str | None:
    email = (email or "").strip()
    if email and (_EMAIL.fullmatch(email) is None or len(email) > LONGEST_ADDRESS):
        raise Invalid(problems=[Problem("Write an address like name@example.se.", pointer="/email")])
    return email or None


def _note(work: UnitOfWork, action: str, subject: str) -> None:
    """Put a change of who may do what in the access log."""
    work.looked(action, subject=subject)
