"""What every answer carries, also errors and static files: the policy for content, other headers, an id."""

from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from typing import IO, Any, TypeVar
from uuid import uuid4

from flask import Flask, Request, Response, current_app, g, request

from service.web.auth import is_secure, platform

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
LARGEST_REQUEST = 4 * 1024 * 1024  # bytes; a deployment of all files is a tenth of it
LARGEST_WASTE = 64 * 1024 * 1024  # bytes of a refused request that are taken in and forgotten
View = TypeVar("View", bound=Callable[..., Any])


class InMemory(Request):
    """A request whose files stay in memory: what is personal touches no disk in clear."""

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        del total_content_length, content_type, filename, content_length
        return BytesIO()


def register(app: Flask) -> None:
    """Bound the size of requests, name each one, and put the headers on every answer."""
    app.request_class = InMemory
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_REQUEST
    app.config["MAX_FORM_MEMORY_SIZE"] = LARGEST_REQUEST
    app.before_request(_name_the_request)
    app.before_request(_make_room_for_documents)
    app.after_request(_protect)


def takes_documents(view: View) -> View:
    """Mark a route that takes files as large as the settings say."""
    view.takes_documents = True  # type: ignore[attr-defined]
    return view


def expects_documents() -> bool:
    """Tell whether the requested route takes documents."""
    view = current_app.view_functions.get(request.endpoint or "")
    return bool(getattr(view, "takes_documents", False))


def _name_the_request() -> None:
    g.request_id = uuid4().hex[:12]


def _make_room_for_documents() -> None:
    """Take in somewhat more than a document may have: what was typed beside one that is too large stays."""
    if expects_documents():
        request.max_content_length = 2 * platform().settings.document_bytes + LARGEST_REQUEST


def _protect(answer: Response) -> Response:
    if answer.status_code >= 400:  # noqa: PLR2004  an error
        _take_in_the_rest()
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    answer.headers["X-Request-Id"] = g.get("request_id", "")
    if is_secure():
        answer.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    if request.endpoint == "static" and answer.status_code < 400:  # noqa: PLR2004  not an error
        # a stamped address changes with the file, so it can be kept for good
        stamped = "public, max-age=31536000, immutable" if request.args.get("v") else "no-cache"
        answer.headers["Cache-Control"] = stamped
    else:
        answer.headers["Cache-Control"] = "no-store"
    return answer


def _take_in_the_rest() -> None:
    """Read and forget what was refused unread, within bounds: who still sends would not see the answer."""
    if not (request.content_length or request.headers.get("Transfer-Encoding")):
        return
    if vars(request).keys() & {"form", "_cached_data"}:
        return  # it was read to its end; some servers would wait here for more
    left, taken = LARGEST_WASTE, b"-"
    with suppress(OSError):  # who has gone away, or fallen silent
        while taken and left > 0:
            taken = request.environ["wsgi.input"].read(min(left, LARGEST_REQUEST))
            left -= len(taken)
