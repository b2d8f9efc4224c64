"""Pages of a list: sorted the same way every time, continued where an opaque cursor says."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Sequence
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
MARK = 22  # hexadecimal digits
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
    place, order_of = sa.tuple_(*by), ", ".join(map(str, by))
    if cursor:
        last = sa.tuple_(
            *(
                sa.literal(value, column.type)
                for value, column in zip(_read(work, cursor, order_of), by, strict=True)
            )
        )
        rows = rows.where(place < last if newest_first else place > last)
    order = [column.desc() if newest_first else column.asc() for column in by]
    found = work.session.execute(
        rows.add_columns(*(c.label(f"by_{i}") for i, c in enumerate(by))).order_by(*order).limit(limit + 1)
    ).all()
    shown = found[:limit]
    following = _write(work, shown[-1][-len(by) :], order_of) if len(found) > limit else None
    return Page(tuple(make(row) for row in shown), following, total)


def part(
    work: UnitOfWork,
    rows: Iterable[T],
    *,
    by: Sequence[str],
    limit: int = DEFAULT,
    cursor: str | None = None,
    newest_first: bool = False,
) -> Page[T]:
    """Give one page of rows that are all here already, sorted by attributes that together are unique.

    Raises `Malformed` for a cursor that this list did not give.
    """

    def place(row: T) -> tuple[Any, ...]:
        return tuple(getattr(row, name) for name in by)

    every, order_of = sorted(rows, key=place, reverse=newest_first), ", ".join(by)
    following = every
    if cursor:
        last = tuple(_read(work, cursor, order_of))
        following = [row for row in every if (place(row) < last if newest_first else place(row) > last)]
    shown = following[:limit]
    more = _write(work, place(shown[-1]), order_of) if len(following) > limit else None
    return Page(tuple(shown), more, len(every))


def _write(work: UnitOfWork, values: Sequence[Any], order: str) -> str:
    told = urlsafe_b64encode(json.dumps([_tagged(value) for value in values]).encode()).decode().rstrip("=")
    return f"{told}.{_mark(work, told, order)}"


def _read(work: UnitOfWork, cursor: str, order: str) -> list[Any]:
    """Give back what `_write` took, for the same order: nothing that others made up is looked at."""
    told, _, mark = cursor.partition(".")
    if not hmac.compare_digest(mark.encode(), _mark(work, told, order).encode()):
        raise Malformed("The cursor is not one that this list gave.")
    return [_value(each) for each in json.loads(urlsafe_b64decode(told + "=" * (-len(told) % 4)))]


def _mark(work: UnitOfWork, told: str, order: str) -> str:
    """What shows that a cursor is ours."""
    return work.vault.blind_index("cursor", f"{order}:{told}")[:MARK]


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


def _value(tagged: Any) -> Any:
    if not isinstance(tagged, dict):
        return tagged
    if "on" in tagged:
        return date.fromisoformat(tagged["on"])
    return datetime.fromisoformat(tagged["at"]) if "at" in tagged else UUID(tagged["id"])
