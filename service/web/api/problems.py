"""Every error as a problem document (RFC 9457): what is wrong, where, and nothing of the inside."""

import json
from typing import Any

from flask import Response, g
from werkzeug.exceptions import HTTPException

from service.errors import Problem, ServiceError

TITLES = {
    400: "The request could not be read",
    401: "Log in first",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible here",
    406: "No such form of the answer",
    409: "Conflict",
    412: "Changed since",
    413: "Too large",
    415: "Wrong type",
    422: "Not valid",
    429: "Too many attempts",
    500: "Something went wrong",
    503: "Not ready",
}
DETAILS = {
    405: "This address does not take that method.",
    413: "That is larger than the service takes.",
    500: "The service failed; nothing was changed. Quote the request's id when you report it.",
}
CODES = {
    400: "malformed",
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
}  # of what HTTP itself refuses
RETRY_AFTER = {429: "600", 503: "2"}  # seconds
TYPE = "application/problem+json"


def problem(error: ServiceError | HTTPException, status: int) -> Response:
    """Answer an error as a problem document."""
    code = error.code if isinstance(error, ServiceError) else CODES.get(status, f"http-{status}")
    told: dict[str, Any] = {
        "type": f"urn:andrum:problem:{code}",
        "title": TITLES.get(status, "Not possible"),
        "status": status,
        "detail": _detail(error, status),
        "errors": [_one(each) for each in error.problems] if isinstance(error, ServiceError) else [],
        "request": g.get("request_id", ""),
    }
    answer = Response(json.dumps(told, ensure_ascii=False), status, content_type=TYPE)
    if isinstance(error, HTTPException):
        answer.headers.extend([(name, value) for name, value in error.get_headers() if name == "Allow"])
    if status == 401:  # noqa: PLR2004  RFC 9110 section 15.5.2 asks for it
        answer.headers["WWW-Authenticate"] = "Bearer"
    if status in RETRY_AFTER:
        answer.headers["Retry-After"] = RETRY_AFTER[status]
    return answer


def _detail(error: ServiceError | HTTPException, status: int) -> str:
    if isinstance(error, ServiceError) and status != 500:  # noqa: PLR2004  what failed inside stays there
        return error.message
    return DETAILS.get(status, TITLES.get(status, "Not possible") + ".")


def _one(problem: Problem) -> dict[str, str]:
    """Give one problem; a parameter of the query (`?limit`) is named apart, since a pointer is for a body."""
    told = {
        "pointer": problem.pointer,
        "element": problem.element,
        "file": problem.file,
        "rule": problem.rule,
        "message": problem.message,
    }
    if problem.pointer is not None and problem.pointer.startswith("?"):
        told["parameter"], told["pointer"] = problem.pointer[1:], None
    return {name: value for name, value in told.items() if value is not None}
