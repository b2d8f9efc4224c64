"""How requests are read and answered: strict JSON within limits, one transaction, each request done once.

A view gets its unit of work first, then path, query or body as plain values, and gives what the schema dumps.
"""

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import marshmallow as ma
from flask import Response, request
from flask_smorest import Blueprint as DocumentedBlueprint

from service.commands import idempotency
from service.errors import Invalid, Malformed, Problem, Stale, TooLarge, WrongType
from service.web import auth
from service.work import UnitOfWork

LARGEST_BODY = 1024 * 1024  # bytes
DEEPEST, MOST_DIGITS = 32, 20
PARTS = "multipart/form-data"
TAG = re.compile(r'"[0-9]{1,18}(\.[0-9]{1,18})?"')
View = Callable[..., Any]


@dataclass(frozen=True)
class Answer:
    """What a view answers when it is more than a value: headers, another status."""

    value: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int | None = None


class _Unread:
    """Stands where flask-smorest reads arguments: it documents them, we read them when we know who asks."""

    DEFAULT_VALIDATION_STATUS = 422

    def use_args(self, schema: object, **told: object) -> Callable[[View], View]:
        """Leave the view as it is."""
        del schema, told
        return lambda view: view


class Blueprint(DocumentedBlueprint):  # type: ignore[misc]  # flask-smorest is not typed
    """Routes of one noun, and what the OpenAPI document says of them."""

    ARGUMENTS_PARSER = _Unread()


def reads(
    blueprint: Blueprint, rule: str, answer: ma.Schema, *, query: ma.Schema | None = None
) -> Callable[[View], View]:
    """Make a view that changes nothing: `view(work, **query)`."""

    def decorate(view: View) -> View:
        @wraps(view)
        def answered(**path: Any) -> Response:
            with auth.begin() as work:
                asked = _load(query, _query(query), "parameter") if query else {}
                return _respond(view(work, **path, **asked), answer, 200)

        documented = blueprint.response(200, answer)(answered)
        if query is not None:
            documented = blueprint.arguments(query, location="query")(documented)
        blueprint.route(rule, methods=["GET"])(documented)
        return view

    return decorate


def works_alone(
    blueprint: Blueprint, rule: str, answer: ma.Schema, *, body: ma.Schema | None = None
) -> Callable[[View], View]:
    """Make a view that opens its units of work itself: `view()`, or `view(**body)` for a POST with a body."""

    def decorate(view: View) -> View:
        @wraps(view)
        def answered(**path: Any) -> Response:
            if body is None:
                return _respond(view(**path), answer, 200)
            raw = _received()
            with auth.begin() as work:  # who asks comes before what is asked
                given = _body(body, raw)
                first = _first(work, raw)
            return first or _kept_apart(lambda: _respond(view(**path, **given), answer, 200))

        documented = blueprint.response(200, answer)(answered)
        if body is not None:
            documented = blueprint.arguments(body, location="json")(documented)
        blueprint.route(rule, methods=["GET" if body is None else "POST"])(documented)
        return view

    return decorate


_FILES: Mapping[str, dict[str, str]] = {
    "application/json": {"type": "object"}
}  # what a file holds, as a schema


def files(
    blueprint: Blueprint, rule: str, types: str | Sequence[str], *, query: ma.Schema | None = None
) -> Callable[[View], View]:
    """Make a view that answers with a file and opens its units of work itself: `view(**query)`.

    `types` are the kinds of file that it may be.
    """
    first, *others = [types] if isinstance(types, str) else types

    def decorate(view: View) -> View:
        @wraps(view)
        def answered(**path: Any) -> Response:
            found: Response = view(**path, **(_asked(query) if query else {}))
            return found

        content = _FILES.get(first, {"type": "string", "format": "binary"})
        documented = blueprint.response(200, content, content_type=first)(answered)
        if others:
            more = {each: {"schema": content} for each in others}
            documented = blueprint.doc(responses={200: {"content": more}})(documented)
        if query is not None:
            documented = blueprint.arguments(query, location="query")(documented)
        blueprint.route(rule, methods=["GET"])(documented)
        return view

    return decorate


def changes(
    blueprint: Blueprint,
    rule: str,
    answer: ma.Schema | None,
    *,
    body: ma.Schema | None = None,
    status: int = 200,
    method: str = "POST",
    document: Mapping[str, Any] | None = None,
    beforehand: Callable[..., Any] | None = None,
) -> Callable[[View], View]:
    """Make a view that changes something: `view(work, **body)`; without an answer it gives 204.

    A `document` describes a body that the view reads itself. What takes long is done `beforehand(**path)`,
    while nothing is locked; the view gets what it gives as `ready`.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def answered(**path: Any) -> Response:
            raw = _received()  # all of it, before anything is locked
            ready = {} if beforehand is None else {"ready": beforehand(**path)}
            with auth.begin() as work:

                def act() -> Response:
                    given = ready if document else _body(body, raw)
                    return _respond(view(work, **path, **given), answer, status)

                return _once(work, raw, act)

        documented = blueprint.response(status, answer)(answered)
        if body is not None:
            documented = blueprint.arguments(body, location="json")(documented)
        if document is not None:
            documented = blueprint.doc(**document)(documented)
        blueprint.route(rule, methods=[method])(documented)
        return view

    return decorate


def opens(
    blueprint: Blueprint, rule: str, answer: ma.Schema, *, body: ma.Schema, status: int
) -> Callable[[View], View]:
    """Make a view for those not known yet: `view(work, **body)` gives a value and its finisher."""

    def decorate(view: View) -> View:
        @wraps(view)
        def answered() -> Response:
            given = _body(body, _received())
            with auth.begin_unidentified() as work:
                value, finish = view(work, **given)
            made = _respond(value, answer, status)
            finish(made)
            return made

        documented = blueprint.response(status, answer)(auth.public(answered))
        documented = blueprint.arguments(body, location="json")(documented)
        blueprint.route(rule, methods=["POST"])(documented)
        return view

    return decorate


def seen_revisions() -> tuple[int, ...]:
    """Give the revisions that the tag in `If-Match` is made of, none when it does not matter.

    Raises `Stale` for nonsense.
    """
    given = request.headers.get("If-Match", "").strip()
    if given in {"", "*"}:
        return ()
    if TAG.fullmatch(given) is None:
        raise Stale
    return tuple(int(each) for each in given.strip('"').split("."))


def seen_revision() -> int | None:
    """Give the case's revision that `If-Match` names, None when it does not matter; raises `Stale`."""
    return next(iter(seen_revisions()), None)


def etag(*revisions: int) -> dict[str, str]:
    """Give the header that names what was seen: a case, or a task by its case and its draft."""
    return {"ETag": f'"{".".join(map(str, revisions))}"'}


def read_json(raw: bytes) -> Any:
    """Read JSON within limits of depth and digits, without what JSON does not have; raises `Malformed`."""
    try:
        value = json.loads(
            raw.decode("utf-8"),
            parse_int=_whole,
            parse_float=_decimal,
            parse_constant=_constant,
            object_pairs_hook=_object,
        )
    except (ValueError, RecursionError) as error:
        raise Malformed(f"The body is not JSON as this service reads it: {_told(error)}") from error
    _measure(value)
    return value


def load(schema: ma.Schema, value: Any, *, at: str = "pointer") -> dict[str, Any]:
    """Load with a schema; raises `Invalid` with a problem for each field."""
    return _load(schema, value, at)


def _once(work: UnitOfWork, raw: bytes, act: Callable[[], Response]) -> Response:
    """Do it, or give the first answer again when this Idempotency-Key was seen before."""
    first = _first(work, raw)
    return first or _keep(work, act())


def _kept_apart(act: Callable[[], Response]) -> Response:
    """Do it in units of work of its own; the key is free again when it fails."""
    try:
        made = act()
    except BaseException:
        with auth.begin() as work:
            idempotency.release(work, key=request.headers.get("Idempotency-Key", ""))
        raise
    with auth.begin() as work:
        return _keep(work, made)


def _first(work: UnitOfWork, raw: bytes) -> Response | None:
    """Give the first answer again when this Idempotency-Key was seen before, else take the key."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    asked = f"{request.method} {request.full_path}\n{request.headers.get('If-Match', '')}\n".encode() + raw
    first = idempotency.recall(work, key=key, digest=hashlib.sha256(asked).hexdigest())
    if first is None:
        return None
    headers, _, body = first.body.partition(b"\n")
    return Response(body, first.status, json.loads(headers) | {"Idempotent-Replayed": "true"})


def _keep(work: UnitOfWork, made: Response) -> Response:
    """Keep an answer for the next request with the same Idempotency-Key."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return made
    kept = {name: made.headers[name] for name in ("Content-Type", "ETag", "Location") if name in made.headers}
    idempotency.keep(
        work, key=key, status=made.status_code, body=json.dumps(kept).encode() + b"\n" + made.get_data()
    )
    return made


def _respond(found: Any, schema: ma.Schema | None, status: int) -> Response:
    if isinstance(found, Response):
        return found
    answer = found if isinstance(found, Answer) else Answer(found)
    if schema is None:
        return Response(status=204, headers=dict(answer.headers))
    text = json.dumps(schema.dump(answer.value), ensure_ascii=False, allow_nan=False)
    return Response(text, answer.status or status, dict(answer.headers), content_type="application/json")


def _received() -> bytes:
    """Take the body in, and give what tells it from another one; raises `TooLarge`."""
    if request.mimetype == PARTS:
        return _parts_received()  # within the application's own limit
    if (request.content_length or 0) > LARGEST_BODY:
        raise TooLarge(f"A body has at most {LARGEST_BODY // 1024} kB.")
    raw = request.get_data()
    if len(raw) > LARGEST_BODY:
        raise TooLarge(f"A body has at most {LARGEST_BODY // 1024} kB.")
    return raw


def _parts_received() -> bytes:
    # a part may lack a name
    parts = [each.encode() for each in sorted(map(repr, request.form.items(multi=True)))]
    for name, file in request.files.items(multi=True):
        content = file.read()
        file.seek(0)
        parts.append(repr((name, file.filename, hashlib.sha256(content).hexdigest())).encode())
    return b"\n".join(parts)


def _body(schema: ma.Schema | None, raw: bytes) -> dict[str, Any]:
    if schema is None:
        if raw.strip() not in {b"", b"{}"}:
            raise Invalid(problems=[Problem("Send nothing with this request.", pointer="", rule="unknown")])
        return {}
    if not request.is_json and (raw or request.mimetype == PARTS):
        raise WrongType("Send the body as application/json.")
    return _load(schema, read_json(raw) if raw else {}, "pointer")


def _asked(query: ma.Schema) -> dict[str, Any]:
    """Read what the address asks for; who asks comes before what is wrong with it."""
    try:
        return _load(query, _query(query), "parameter")
    except Invalid:
        with auth.begin():
            raise


def _query(schema: ma.Schema) -> dict[str, str]:
    """What the address asks for; a free text that is empty asks for nothing."""
    given = request.args.to_dict(flat=False)
    for name, values in given.items():
        if len(values) > 1 or "\x00" in values[0]:
            raise Invalid(problems=[Problem("Give this once, as text.", pointer=f"?{name}", rule="once")])
    free = {
        name
        for name, each in schema.fields.items()
        if type(each) is ma.fields.String
        and not any(isinstance(rule, ma.validate.OneOf) for rule in each.validators)
    }
    return {name: values[0] for name, values in given.items() if values[0] != "" or name not in free}


def _load(schema: ma.Schema, value: Any, at: str) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = schema.load(value)
    except ma.ValidationError as error:
        start = "?" if at == "parameter" else "/"
        raise Invalid(problems=list(_problems(error.messages, start))) from error
    return loaded


def _problems(messages: Any, place: str) -> Any:
    """Flatten marshmallow's messages to one problem for each place."""
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            name = str(key).replace("~", "~0").replace("/", "~1")
            at = place if key == "_schema" else place + name if place in {"/", "?"} else f"{place}/{name}"
            yield from _problems(inner if place in {"/", "?"} else _of_entry(inner), at)
    else:
        for message in messages:
            yield Problem(
                str(message), pointer="" if place == "/" else place, rule=RULES.get(message, "invalid")
            )


def _of_entry(messages: Any) -> Any:
    """Give what is wrong with an entry of a mapping; marshmallow tells its key and its value apart."""
    is_entry = isinstance(messages, Mapping) and messages.keys() <= {"key", "value"}
    return [each for told in messages.values() for each in told] if is_entry else messages


RULES = {
    "Missing data for required field.": "required",
    "Unknown field.": "unknown",
    "Field may not be null.": "required",
}


def _whole(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a number has at most {MOST_DIGITS} digits")
    return int(digits)


def _decimal(digits: str) -> float:
    number = float(digits)
    if len(digits) > 2 * MOST_DIGITS or not math.isfinite(number):
        raise ValueError("a number is too long or too large")
    return number


def _constant(name: str) -> float:
    raise ValueError(f"there is no {name} in JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _told(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    if isinstance(error, RecursionError):
        return "it is too deep"
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} (line {error.lineno}, column {error.colno})"
    return str(error)


def _measure(value: Any) -> None:
    """Refuse what is too deep, and text that cannot be stored as UTF-8."""
    level = [value]
    for _ in range(DEEPEST + 1):
        below: list[Any] = []
        for each in level:
            if isinstance(each, Mapping):
                below += [*each.keys(), *each.values()]
            elif isinstance(each, list):
                below += each
            elif isinstance(each, str) and not _is_storable(each):
                raise Malformed("A text has characters that cannot be stored.")
        if not below:
            return
        level = below
    raise Malformed(f"The body is nested more than {DEEPEST} levels deep.")


def _is_storable(text: str) -> bool:
    return "\x00" not in text and (text.isascii() or text.encode("utf-8", "replace").decode() == text)
