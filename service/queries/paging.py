"""Pages of a list: sorted the same way every time, continued where an opaque cursor says."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from service.errors import Malformed
from service.work import UnitOfWork

T = TypeVar("T")
DEFAULT, MOST = 50, 200
NEVER = datetime(9999, 1, 1, tzinfo=UTC)  # sorts what has no date behind what has one


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows of a list; `next` continues it, `total` counts all of it where counting is cheap."""

    items: tuple[T, ...]
    next: str | None = None
    total: int | None = None


def page(
    work: UnitOfWork,
    rows: sa.Select[*tuple[Any, ...]],
    *,
    by: Sequence[sa.ColumnElement[Any] | InstrumentedAttribute[Any]],
    make: Callable[[Any], T],
    limit: int = DEFAULT,
    cursor: str | None = None,
    newest_first: bool = False,
    counted: bool = True,
) -> Page[T]:
    """Give one page of these rows, sorted by columns that together are unique; `counted` gives the total too.

    Raises `Malformed` for a cursor that this list did not give.
    """
    limit = max(1, min(limit, MOST))
    every = sa.select(sa.func.count()).select_from(rows.order_by(None).subquery())
    total = work.session.scalar(every) if counted else None
    place = sa.tuple_(*by)
    if cursor:
        last = sa.tuple_(
            *(
                sa.literal(value, column.type)
                for value, column in zip(_read(cursor, [each.type for each in by]), by, strict=True)
            )
        )
        rows = rows.where(place < last if newest_first else place > last)
    order = [column.desc() if newest_first else column.asc() for column in by]
    found = work.session.execute(
        rows.add_columns(*(c.label(f"by_{i}") for i, c in enumerate(by))).order_by(*order).limit(limit + 1)
    ).all()
    shown = found[:limit]
    following = _write(shown[-1][-len(by) :]) if len(found) > limit else None
    return Page(tuple(make(row) for row in shown), following, total)


def _write(values: Sequence[Any]) -> str:
    tagged = [_tagged(value) for value in values]
    return urlsafe_b64encode(json.dumps(tagged).encode()).decode().rstrip("=")


def _tagged(value: Any) -> Any:
    match value:
        case datetime():
            return {"at": value.isoformat()}
        case date():
            return {"on": value.isoformat()}
        case UUID():
            return {"id": value.hex}
        case _:
            return value


def _read(cursor: str, types: Sequence[Any]) -> list[Any]:
    try:
        tagged = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        values = [_value(each) for each in tagged]
    except (ValueError, TypeError, KeyError) as error:
        raise Malformed("The cursor is not one that this list gave.") from error
    kinds = [each.python_type for each in types]
    if [type(value) for value in values] != kinds:
        raise Malformed("The cursor is not one that this list gave.")
    return values


def _value(tagged: Any) -> Any:
    if not isinstance(tagged, dict):
        return tagged
    if "on" in tagged:
        return date.fromisoformat(tagged["on"])
    return _instant(tagged["at"]) if "at" in tagged else UUID(tagged["id"])


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("an instant without a zone")
    return at
