"""A crowd of cases for load: copies of one real case, each with its own key, snapshot, rows and history.

Copied row by row in SQL, since opening a hundred thousand cases through the commands would take an hour; what
a copy does from then on is real work of the real engine, and its history verifies.
"""

import hashlib
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from service.models.cases import Case, ProcessInstance, Task
from service.models.history import HistoryEvent
from service.models.jobs import AwaitedMessage, Job
from service.rules.permissions import SYSTEM
from service.work import Platform, UnitOfWork

AT_ONCE = 1000  # copies in one transaction
OWN = (Task, Job, AwaitedMessage)  # rows whose id is the engine's id of a token
Row = dict[str, Any]


@dataclass
class Template:
    """One real case as rows."""

    case: Row
    instance: Row
    snapshot: bytes  # open
    rows: dict[type, list[Row]]
    history: list[Row]


@dataclass
class Copy:
    """One copy's rows, by table, and the ids that it has instead of the template's."""

    ids: dict[UUID, UUID] = field(default_factory=dict)
    rows: dict[type, list[Row]] = field(default_factory=dict)

    def of(self, id: UUID) -> UUID:
        return self.ids.setdefault(id, uuid4())


def crowd(
    platform: Platform, case_id: UUID, size: int, *, later: Callable[[int], timedelta] = lambda _: timedelta()
) -> list[UUID]:
    """Copy this case so many times; gives the copies' ids. Nobody must have answered a task in it.

    `later` tells by how much the timers of each copy are due later than the template's: whole milliseconds,
    so that an instant is written with as many digits as before.
    """
    with platform.begin(SYSTEM) as work:
        template = _read(work, case_id)
    made: list[UUID] = []
    copies = (_copy(platform, template, number, later(number)) for number in range(size))
    while some := list(islice(copies, AT_ONCE)):
        with platform.begin(SYSTEM) as work:
            for table in (Case, ProcessInstance, *OWN, HistoryEvent):
                rows = [row for each in some for row in each.rows.get(table, ())]
                if rows:
                    work.session.execute(sa.insert(table), rows)
        made += [each.rows[Case][0]["id"] for each in some]
    return made


def _read(work: UnitOfWork, case_id: UUID) -> Template:
    case, (instance,) = work.lock(case_id)

    def rows(table: type) -> list[Row]:
        found = work.session.scalars(sa.select(table).where(table.case_id == case_id))
        return [_row(each) for each in found]

    history = sorted(rows(HistoryEvent), key=lambda row: row["sequence"])
    return Template(
        _row(case), _row(instance), work.snapshot(case, instance), {each: rows(each) for each in OWN}, history
    )


def _row(value: Any) -> Row:
    return {each.key: getattr(value, each.key) for each in sa.inspect(type(value)).column_attrs}


def _copy(platform: Platform, template: Template, number: int, later: timedelta) -> Copy:
    copy, old = Copy(), template
    case_id, instance_id = copy.of(old.case["id"]), copy.of(old.instance["id"])
    key, wrapped = platform.vault.new_case_key(str(case_id))
    ours = {"case_id": case_id, "instance_id": instance_id}
    for table, rows in old.rows.items():
        copy.rows[table] = [{**row, **ours, "id": copy.of(row["id"])} for row in rows]
    moved = {row["due_at"].isoformat(): (row["due_at"] + later).isoformat() for row in old.rows[Job]}
    for row in copy.rows[Job]:
        row["due_at"] += later
        row["run_at"] = row["due_at"]
    snapshot = key.seal(_renamed(old.snapshot, copy, moved), f"process_instance.snapshot:{instance_id}")
    copy.rows[ProcessInstance] = [
        {**old.instance, "id": instance_id, "case_id": case_id, "snapshot": snapshot}
    ]
    digest = hashlib.sha256(hashlib.sha256(snapshot).digest()).hexdigest()
    copy.rows[HistoryEvent] = list(_history(platform, old, case_id, digest))
    seal = copy.rows[HistoryEvent][-1]["seal"]
    new = {
        "id": case_id,
        "reference": f"K-{number:06}-{case_id.hex[:8]}",
        "wrapped_key": wrapped,
        "seal": seal,
    }
    copy.rows[Case] = [old.case | new]
    return copy


def _renamed(snapshot: bytes, copy: Copy, moved: dict[str, str]) -> bytes:
    """Give the tokens that rows stand for their new ids and instants; the rest may be as in the template."""
    head, body = snapshot[:2], snapshot[2:]
    packed = head[1] == 1
    body = zlib.decompress(body) if packed else body
    for old, new in copy.ids.items():
        body = body.replace(old.bytes, new.bytes).replace(str(old).encode(), str(new).encode())
    for before, after in moved.items():
        if before not in body.decode("latin-1") or len(before) != len(after):
            raise ValueError(f"the snapshot does not hold {before}, or not in as many digits as {after}")
        body = body.replace(before.encode(), after.encode())
    return head + (zlib.compress(body, 1) if packed else body)


def _history(platform: Platform, template: Template, case_id: UUID, digest: str) -> Iterator[Row]:
    previous = ""
    for row in template.history:
        new = {"case_id": case_id, "commitment": None, "values": None, "previous": previous}
        event = HistoryEvent(**row | new | {"state_digest": digest})
        event.seal = previous = event.sealed()
        event.stamp = platform.vault.stamp(event.seal)
        yield _row(event)
