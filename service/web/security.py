"""What every answer carries, also errors and static files: the policy for content, other headers, an id."""

from uuid import uuid4

from flask import Flask, Response, g, request

from service.web.auth import is_secure

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
LARGEST_HEARD = 64 * 1024 * 1024  # bytes of a request that is too large
TOO_LARGE = 413


def register(app: Flask) -> None:
    """Bound the size of requests, name each one, and put the headers on every answer."""
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_REQUEST
    app.config["MAX_FORM_MEMORY_SIZE"] = LARGEST_REQUEST
    app.before_request(_name_the_request)
    app.after_request(_protect)
    app.after_request(_hear_out)


def _name_the_request() -> None:
    g.request_id = uuid4().hex[:12]


def _hear_out(answer: Response) -> Response:
    """Read what is too large to its end: most programs listen only when they have sent all."""
    if answer.status_code == TOO_LARGE:
        sent, heard = request.environ["wsgi.input"], 0
        while heard < LARGEST_HEARD and (part := sent.read(65536)):
            heard += len(part)
    return answer


def _protect(answer: Response) -> Response:
    answer.headers.update(HEADERS)
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
