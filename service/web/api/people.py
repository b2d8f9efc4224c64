"""Who asks and who there is: logging in and out, users, units, delegations, logins."""

from datetime import date
from typing import Any
from uuid import UUID

from flask import Response, request
from marshmallow import fields, validate

from service.commands import people as commands
from service.queries import people
from service.queries.paging import part
from service.rules.permissions import Actor, Role
from service.web import auth
from service.web.api.requests import Answer, Blueprint, changes, opens, reads
from service.web.api.schemas import ROLES, Page, Shown, Strict, instant, maybe, page_of, text
from service.work import UnitOfWork

blueprint = Blueprint("people", __name__, description="Who asks, and who there is")


class Grant(Shown):
    """A role in a unit."""

    role = fields.String(required=True, validate=validate.OneOf(ROLES))
    unit = text(longest=64, required=True)


class Me(Shown):
    """Who asks."""

    username = fields.String(required=True)
    name = fields.String(required=True)
    language = fields.String(required=True)
    roles = fields.List(fields.Nested(Grant), required=True)
    delegations = fields.List(fields.String(), required=True)
    csrf = fields.String(metadata={"description": "Send it as X-CSRF-Token with the session's cookie."})


class Credentials(Strict):
    """What one logs in with."""

    username = text(longest=64, required=True)
    password = text(longest=1000, required=True)
    otp = maybe(fields.String, validate=validate.Length(max=16))


class LoggedIn(Shown):
    """Who has logged in; the session is in the cookie."""

    username = fields.String(required=True)


class UserItem(Shown):
    """A user, as administrators see one."""

    id = fields.UUID(required=True)
    username = fields.String(required=True)
    name = fields.String(required=True)
    language = fields.String(required=True)
    disabled_at = instant(allow_none=True)
    roles = fields.List(fields.Nested(Grant), required=True)


class NewUser(Strict):
    """A person who can log in, or act through a token when there is no password."""

    username = text(longest=64, required=True)
    name = text(longest=200, required=True)
    language = fields.String(load_default="sv", validate=validate.OneOf(["sv", "en"]))
    password = maybe(fields.String, validate=validate.Length(max=128))
    roles = fields.List(fields.Nested(Grant), load_default=list)


class Created(Shown):
    """What was made."""

    id = fields.UUID(required=True)


class UnitItem(Shown):
    """A unit."""

    key = fields.String(required=True)
    name = fields.String(required=True)
    head = maybe(fields.String, dump_default=None, metadata={"description": "Warned when nobody else acts."})


class Head(Strict):
    """Who leads a unit; null: nobody for now."""

    user = maybe(fields.String, required=True, validate=validate.Length(1, 64))


class Address(Strict):
    """Where warnings go by e-mail; null: only in the service."""

    email = maybe(fields.String, required=True, validate=validate.Length(max=254))


class NewUnit(Strict):
    """A part of the organisation."""

    key = text(longest=64, required=True)
    name = text(longest=200, required=True)


class DelegationItem(Shown):
    """An entry in the delegation register (KL 6:37, 7:5)."""

    id = fields.UUID(required=True)
    user = fields.String(required=True, attribute="person.username")
    code = fields.String(required=True)
    position = fields.String(required=True)
    unit = fields.String(required=True)
    valid_from = fields.Date(required=True)
    valid_to = fields.Date(allow_none=True)
    basis = fields.String(required=True)


class NewDelegation(Strict):
    """Who may decide in the board's place, from a day to a day."""

    user = text(longest=64, required=True)
    code = text(longest=64, required=True)
    position = text(longest=200, required=True)
    unit = text(longest=64, required=True)
    valid_from = fields.Date(required=True)
    valid_to = fields.Date(allow_none=True)
    basis = text(longest=500, required=True)


class LoginItem(Shown):
    """A login of one's own."""

    id = fields.UUID(required=True)
    kind = fields.String(required=True)
    created_at = instant(required=True)
    seen_at = instant(required=True)
    ends_at = instant(required=True)


@opens(blueprint, "/session", LoggedIn(), body=Credentials(), status=201)
def log_in(work: UnitOfWork, *, username: str, password: str, otp: str | None = None) -> tuple[Any, Any]:
    """Log in; the answer sets the session's cookie."""
    secret = commands.log_in(
        work, username=username, password=password, otp=otp, address=request.remote_addr or ""
    )

    def remember(answer: Response) -> None:
        auth.remember(answer, secret)

    return {"username": username.strip().lower()}, remember


@changes(blueprint, "/session", None, method="DELETE", status=204)
def log_out(work: UnitOfWork) -> Response:
    """End the session; the cookie is taken back."""
    commands.log_out(work, secret=auth.credentials() or "")
    answer = Response(status=204)
    auth.forget(answer)
    return answer


@reads(blueprint, "/me", Me())
def me(work: UnitOfWork) -> dict[str, Any]:
    """Show who asks, with roles and delegations in force today."""
    return _me(work.actor)


@reads(blueprint, "/users", page_of(UserItem, "User"), query=Page())
def users(work: UnitOfWork, **which: Any) -> dict[str, Any]:
    """List all users, for administrators, by username."""
    found = part(work, people.users(work), by=["username"], **which)
    return {**vars(found), "items": [{**vars(row), "roles": _grants(row.grants)} for row in found.items]}


@changes(blueprint, "/users", Created(), body=NewUser(), status=201)
def add_user(
    work: UnitOfWork,
    *,
    username: str,
    name: str,
    language: str,
    roles: list[dict[str, str]],
    password: str | None = None,
) -> dict[str, UUID]:
    """Add a user, as an administrator."""
    grants = [(Role(each["role"]), each["unit"]) for each in roles]
    made = commands.add_user(
        work, username=username, name=name, language=language, password=password, grants=grants
    )
    return {"id": made}


@reads(blueprint, "/units", page_of(UnitItem, "Unit"), query=Page())
def units(work: UnitOfWork, **which: Any) -> Any:
    """List all units, by name."""
    return part(work, people.units(work), by=["name", "key"], **which)


@changes(blueprint, "/units", UnitItem(), body=NewUnit(), status=201)
def add_unit(work: UnitOfWork, *, key: str, name: str) -> Any:
    """Add a unit, as an administrator."""
    commands.add_unit(work, key=key, name=name)
    return next(row for row in people.units(work) if row.key == key)


@changes(blueprint, "/units/<key>/head", None, body=Head(), method="PUT", status=204)
def set_head(work: UnitOfWork, key: str, *, user: str | None) -> Answer:
    """Say who leads a unit, as an administrator."""
    commands.set_head(work, unit=key, username=user)
    return Answer(None)


@changes(blueprint, "/users/<username>/address", None, body=Address(), method="PUT", status=204)
def set_address(work: UnitOfWork, username: str, *, email: str | None) -> Answer:
    """Say at which address someone gets warnings: for yourself, or as an administrator."""
    commands.set_address(work, username=username, email=email)
    return Answer(None)


@reads(blueprint, "/delegations", page_of(DelegationItem, "Delegation"), query=Page())
def delegations(work: UnitOfWork, **which: Any) -> Any:
    """List the delegation register, the newest first."""
    return part(work, people.delegations(work), by=["valid_from", "id"], newest_first=True, **which)


@changes(blueprint, "/delegations", Created(), body=NewDelegation(), status=201)
def delegate(
    work: UnitOfWork, *, user: str, valid_from: date, valid_to: date | None = None, **told: str
) -> dict[str, UUID]:
    """Enter a delegation in the register, as an administrator."""
    made = commands.delegate(work, username=user, valid_from=valid_from, valid_to=valid_to, **told)
    return {"id": made}


@reads(blueprint, "/sessions", page_of(LoginItem, "Login"), query=Page())
def logins(work: UnitOfWork, **which: Any) -> Any:
    """List your own logins that are still good, the newest first."""
    return part(work, people.logins(work), by=["created_at", "id"], newest_first=True, **which)


@changes(blueprint, "/sessions/<uuid:login_id>", None, method="DELETE", status=204)
def end_login(work: UnitOfWork, login_id: UUID) -> Answer:
    """End a login of your own, or as an administrator anyone's."""
    commands.end_login(work, login_id=login_id)
    return Answer(None)


def _me(actor: Actor) -> dict[str, Any]:
    told = {
        "username": actor.username,
        "name": actor.name,
        "language": actor.language,
        "roles": _grants(sorted((role.value, unit) for role, unit in actor.grants)),
        "delegations": sorted({code for code, _ in actor.delegations}),
    }
    token = auth.csrf_token()
    return {**told, "csrf": token} if token else told


def _grants(grants: Any) -> list[dict[str, str]]:
    return [{"role": role, "unit": unit} for role, unit in grants]
