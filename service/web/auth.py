"""Who is asking: session cookie or bearer token, the unit of work that acts for it, no forged requests."""

import hashlib
import hmac
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, request

from service.commands import feeds, people
from service.errors import Forbidden, NotIdentified
from service.queries import health, notices
from service.rules.permissions import SYSTEM, Actor
from service.work import Platform, UnitOfWork

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
View = TypeVar("View", bound=Callable[..., Any])


def register(app: Flask) -> None:
    """Let no request pass that is forged, and no answer that nobody was identified for."""
    app.before_request(_refuse_forgery)
    app.after_request(_refuse_unidentified)


def public(view: View) -> View:
    """Mark a route that answers people who have not logged in."""
    view.is_public = True  # type: ignore[attr-defined]
    return view


def is_public() -> bool:
    """Tell whether the requested route answers everyone; static files do, and so does what does not exist."""
    if request.endpoint is None or request.endpoint == "static":
        return True
    return bool(getattr(current_app.view_functions[request.endpoint], "is_public", False))


def platform() -> Platform:
    """The database, the keys and the settings of this process."""
    found: Platform = current_app.extensions["platform"]
    return found


@contextmanager
def begin(*, uses: bool = True) -> Iterator[UnitOfWork]:
    """Open a unit of work for whoever asks; identification is part of it, so a request costs one transaction.

    What a page asks by itself does not make the login last longer: `uses` is False then.
    Raises `NotIdentified` when there is no session or it has ended.
    """
    secret = credentials()
    if not secret:
        raise NotIdentified
    with platform().begin(SYSTEM) as work:
        actor = people.resume(work, secret=secret, uses=uses)
        if actor is None:
            raise NotIdentified
        work.actor = g.actor = actor
        g.now = work.now
        if _shows_a_page():
            g.unseen, g.held = notices.unseen(work), health.held_since(work)
        yield work


@contextmanager
def begin_with_feed(secret: str) -> Iterator[UnitOfWork]:
    """Open a unit of work for whoever holds the secret of a calendar feed; it opens nothing but the feed.

    A program's bearer token will do as well, where no header can be sent; a browser's login will not.
    Raises `NotIdentified` when it is nobody's.
    """
    with platform().begin(SYSTEM) as work:
        actor = people.resume(work, secret=secret, uses=False, programs_only=True)
        work.actor = g.actor = actor or feeds.whose(work, secret=secret)
        g.now = work.now
        yield work


@contextmanager
def begin_unidentified() -> Iterator[UnitOfWork]:
    """Open a unit of work before anyone is known: for logging in and out."""
    with platform().begin(SYSTEM) as work:
        g.now = work.now
        yield work


def unseen() -> int:
    """How many warnings wait for whoever reads the page."""
    return int(g.get("unseen", 0))


def held_since() -> datetime | None:
    """The moment of the backup that was restored, while timers and letters are held."""
    found: datetime | None = g.get("held")
    return found


def _shows_a_page() -> bool:
    """Tell whether the answer will have a header that says how many warnings are new."""
    return request.method == "GET" and not request.path.startswith("/api/")


def actor() -> Actor | None:
    """Whoever was identified for this request."""
    found: Actor | None = g.get("actor")
    return found


def seconds_left() -> int:
    """How long the session lasts if nothing more is done."""
    found = actor()
    return int((found.until - g.now).total_seconds()) if found is not None and found.until else 0


def credentials() -> str | None:
    """The secret that came with the request: a bearer token wins over the cookie."""
    return _bearer() or request.cookies.get(cookie_name())


def is_secure() -> bool:
    """Tell whether people reach the service over https."""
    return platform().settings.secure_cookies == "1"


def cookie_name() -> str:
    """The name of the session's cookie; over https the browser itself guards it by its prefix."""
    return "__Host-andrum" if is_secure() else "andrum"


def remember(answer: Response, secret: str) -> None:
    """Give the browser its session."""
    answer.set_cookie(cookie_name(), secret, httponly=True, secure=is_secure(), samesite="Lax", path="/")


def forget(answer: Response) -> None:
    """Take the session from the browser, and what it kept of the pages."""
    answer.delete_cookie(cookie_name(), httponly=True, secure=is_secure(), samesite="Lax", path="/")
    answer.headers["Clear-Site-Data"] = '"cache"'


def csrf_token() -> str:
    """The token that forms carry: bound to the session, so it ends with it and no other session's will do."""
    secret = request.cookies.get(cookie_name())
    return _token_for(secret) if secret else ""


def _token_for(secret: str) -> str:
    return hmac.new(secret.encode(), b"andrum csrf 1", hashlib.sha256).hexdigest()


def _bearer() -> str | None:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else None


def _refuse_forgery() -> None:
    """Refuse a change that another site's page could have sent; a bearer token cannot be sent by one."""
    if request.method in SAFE or _bearer():
        return
    if not _from_here():
        raise Forbidden("The request came from another site.")
    secret = request.cookies.get(cookie_name())
    if secret is None or is_public():
        return
    given = request.headers.get("X-CSRF-Token") or request.form.get("csrf", "")
    if not hmac.compare_digest(given.encode(), _token_for(secret).encode()):
        raise Forbidden("The form is no longer valid. Load the page again.")


def _from_here() -> bool:
    """Tell whether the request came from a page of ours, by what the browser says of it.

    Our pages send no referrer, so their forms have the origin "null"; then the token alone must do.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("Origin", "null")
    try:
        return origin == "null" or urlsplit(origin).netloc == request.host
    except ValueError:  # no address at all
        return False


def _refuse_unidentified(answer: Response) -> Response:
    """Stop a page that forgot to ask who is there: without an actor only public routes may answer.

    Which methods an address takes (OPTIONS) is in the OpenAPI document, and no secret.
    """
    answered = answer.status_code < 400 and not g.get("turned_away")  # noqa: PLR2004  not an error
    answered = answered and request.method != "OPTIONS"
    if answered and not is_public() and actor() is None:
        current_app.logger.error("route %s answered without an actor", request.endpoint)
        answer = current_app.make_response(("", 500))
    return answer
