"""The shapes of the API: what comes in is strict, what goes out is listed field by field."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from service.rules.permissions import Protection, Role
from service.web import presentation

MOST = 200  # rows of a page
YEARS = range(1900, 3000)
REASON = validate.Length(1, 500)


class Strict(ma.Schema):
    """A body or a query: what it does not name is refused."""

    class Meta:
        """Marshmallow's settings."""

        unknown = ma.RAISE


class Shown(ma.Schema):
    """Part of an answer: exactly the fields listed."""

    class Meta:
        """Marshmallow's settings."""

        unknown = ma.RAISE


class Instant(fields.AwareDateTime):
    """An instant: RFC 3339, in UTC when it goes out."""

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        del attr, obj, kwargs
        return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> datetime:
        read = super()._deserialize(value, attr, data, **kwargs)
        if read.year not in YEARS:
            raise ma.ValidationError("Not a valid datetime.")
        return read


class Bound(Instant):
    """An end of a period that is asked for: an instant, or a day, of which `to` takes in the whole."""

    def __init__(self, *, takes_in: bool, **more: Any) -> None:
        says = "Or a day (YYYY-MM-DD): " + ("to its end." if takes_in else "from its beginning.")
        super().__init__(format="iso", metadata={"description": says}, **more)
        self.takes_in = takes_in

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> datetime:
        try:
            day = date.fromisoformat(value) if len(value) == len("2027-01-31") else None
        except ValueError:
            day = None
        if day is None or day.year not in YEARS:
            return super()._deserialize(value, attr, data, **kwargs)
        day += timedelta(days=1) if self.takes_in else timedelta()
        return datetime.combine(day, time(), presentation.zone())


class Words(fields.String):
    """Words that an owner wrote, in the reader's language."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        del attr, obj, kwargs
        return None if value is None else value.in_(presentation.language())


def text(*, longest: int = 500, required: bool = False, **more: Any) -> fields.String:
    """Declare text that comes in."""
    return fields.String(required=required, validate=validate.Length(1 if required else 0, longest), **more)


def instant(**more: Any) -> Instant:
    """Declare an instant; one that comes in carries its offset."""
    return Instant(format="iso", **more)


def since() -> Bound:
    """Declare the beginning of a period that is asked for."""
    return Bound(takes_in=False)


def until() -> Bound:
    """Declare the end of a period that is asked for."""
    return Bound(takes_in=True)


def whole(**more: Any) -> fields.Integer:
    """Declare a whole number in a body: a number, no text."""
    return fields.Integer(strict=True, **more)


def flag(**more: Any) -> fields.Boolean:
    """Declare a truth in a body: true or false, no words."""
    return fields.Boolean(truthy={True}, falsy={False}, **more)


def maybe(field: type[fields.Field[Any]], **more: Any) -> fields.Field[Any]:
    """Declare a value that may be null."""
    return field(allow_none=True, **more)


class Page(Strict):
    """Which page of a list."""

    limit = fields.Integer(
        load_default=50, validate=validate.Range(1, MOST), metadata={"description": "Rows."}
    )
    cursor = fields.String(metadata={"description": "`next` of the page before; opaque."})


class Reason(Strict):
    """Why something is done; it stays in the history."""

    reason = fields.String(required=True, validate=REASON)


class ProblemItem(Shown):
    """One thing that is wrong, and where."""

    pointer = fields.String(metadata={"description": "RFC 6901, into the body."})
    parameter = fields.String(metadata={"description": "Of the query."})
    element = fields.String(metadata={"description": "Id in a diagram, table or form."})
    file = fields.String()
    rule = fields.String()
    message = fields.String(required=True)


class ProblemDocument(Shown):
    """RFC 9457."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    errors = fields.List(fields.Nested(ProblemItem), required=True)
    request = fields.String(required=True, metadata={"description": "The request's id."})


class Place(Shown):
    """An element of a diagram."""

    process = fields.String(required=True)
    element = fields.String(required=True)
    name = Words(required=True)
    kind = fields.String(required=True)
    right = maybe(fields.String)


def page_of(row: type[ma.Schema], name: str) -> ma.Schema:
    """Give the schema of a page of these rows."""
    made: type[ma.Schema] = type(
        f"{name}Page",
        (Shown,),
        {
            "items": fields.List(fields.Nested(row), required=True),
            "next": maybe(fields.String, required=True),
            "total": maybe(fields.Integer),
        },
    )
    return made()


PROTECTIONS = [each.value for each in Protection]
ROLES = [each.value for each in Role if each is not Role.SYSTEM]
