"""The one table from our errors to HTTP, and the page that says what went wrong; nothing of the inside."""

from collections.abc import Callable
from urllib.parse import urlencode

from flask import Flask, current_app, g, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from service.commands import documents
from service.errors import (
    Conflict,
    Forbidden,
    Invalid,
    Malformed,
    NotFound,
    NotIdentified,
    ServiceError,
    Stale,
    StepFailed,
    TooLarge,
    TooMany,
    Unavailable,
    WrongType,
)
from service.web import auth, presentation, security

STATUS: dict[type[ServiceError], int] = {
    NotIdentified: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    Stale: 412,
    TooLarge: 413,
    WrongType: 415,
    Invalid: 422,
    Malformed: 400,
    TooMany: 429,
    StepFailed: 409,
    Unavailable: 503,
}
OURS: dict[int, type[ServiceError]] = {
    400: Malformed,
    401: NotIdentified,
    403: Forbidden,
    404: NotFound,
    413: TooLarge,
    429: TooMany,
    503: Unavailable,
}
Problem = Callable[[ServiceError | HTTPException, int], ResponseReturnValue]


def register(app: Flask, *, problem: Problem) -> None:
    """Answer every error: as a page, or through `problem` (error, status) where a program asks."""

    def ours(error: ServiceError) -> ResponseReturnValue:
        return _answer(error, status(error), problem)

    def http(error: HTTPException) -> ResponseReturnValue:
        if isinstance(error, RequestEntityTooLarge) and security.expects_documents():
            return ours(TooLarge(_largest_document()))
        return _answer(error, error.code or 500, problem)

    def unforeseen(error: Exception) -> ResponseReturnValue:
        current_app.logger.error("request %s failed", g.get("request_id"), exc_info=error)
        return _answer(ServiceError(), 500, problem)

    app.register_error_handler(ServiceError, ours)
    app.register_error_handler(HTTPException, http)
    app.register_error_handler(Exception, unforeseen)


def status(error: ServiceError) -> int:
    """The HTTP status of one of our errors: of its nearest class in the table."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def _largest_document() -> str:
    return documents.largest(auth.platform().settings.largest_document).in_(presentation.language())


def _answer(error: ServiceError | HTTPException, code: int, problem: Problem) -> ResponseReturnValue:
    if request.path.startswith("/api/"):
        return problem(error, code)
    if isinstance(error, HTTPException) and code < 400:  # noqa: PLR2004  a redirect
        return error
    if code == 401:  # noqa: PLR2004
        return _to_login()
    known = code in OURS or code in STATUS.values() or code == 405  # noqa: PLR2004
    page = render_template(
        "error.html",
        code=code,
        words=f"error.{code}" if known else "error.500",
        message=_own_words(error),
        details=_problems(error),
    )
    answer = make_response(page, code)
    if isinstance(error, HTTPException):
        answer.headers.extend([(k, v) for k, v in error.get_headers() if k in {"Allow", "Retry-After"}])
    return answer


def _own_words(error: ServiceError | HTTPException) -> str | None:
    """What the error says beyond its class; only our own words are for the user's eyes."""
    if isinstance(error, ServiceError) and error.message != (type(error).__doc__ or "").strip():
        return error.message
    return None


def _problems(error: ServiceError | HTTPException) -> list[str]:
    return (
        [each.message for each in error.problems if each.message] if isinstance(error, ServiceError) else []
    )


def _to_login() -> ResponseReturnValue:
    """Ask who is there, and come back to where the person was going."""
    g.turned_away = True
    changes_nothing = request.method in auth.SAFE
    wanted = request.full_path.rstrip("?") if changes_nothing else request.path.rpartition("/")[0]
    return redirect("/login?" + urlencode({"next": wanted}), 303)
