"""Tampering behind the service's back, as a database's administrator could: each kind is found, and where."""

import json
from dataclasses import dataclass
from hashlib import sha256
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from service import verifier
from service.commands import cases, checkpoints
from service.errors import Conflict, Forbidden
from service.models.cases import Case, ProcessInstance
from service.models.checkpoints import Checkpoint, TrailLeaf, TrailNode
from service.models.history import HistoryEvent
from service.queries import history

TABLES = ("history_event", "trail_leaf", "trail_node", "checkpoint")
EVENT, LEAF = HistoryEvent.__table__, TrailLeaf.__table__


@dataclass
class Administrator:
    """Someone with all rights in the database and none in the service: no key file."""

    platform: Any
    case: UUID
    other: UUID

    def do(self, *statements: Any) -> None:
        with self.platform.engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                triggers = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'")
                for (name,) in triggers.fetchall():
                    connection.exec_driver_sql(f"DROP TRIGGER {name}")
            else:
                for table in TABLES:
                    connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            for statement in statements:
                connection.execute(statement)

    def event(self, sequence: int, case: UUID | None = None) -> dict[str, Any]:
        with self.platform.engine.connect() as connection:
            found = connection.execute(sa.select(EVENT).where(self.at(sequence, case))).one()
            return dict(found._mapping)

    def at(self, sequence: int, case: UUID | None = None) -> Any:
        return sa.and_(EVENT.c.case_id == (case or self.case), EVENT.c.sequence == sequence)

    def change(self, number: int, /, **values: Any) -> Any:
        return sa.update(EVENT).where(self.at(number)).values(values)

    def forged(self, event: dict[str, Any], **changed: Any) -> dict[str, Any]:
        """The event with changes, and the seal that belongs to it: anyone can compute one."""
        told = event | changed
        return told | {"seal": HistoryEvent(**told).sealed()}

    def rewrite(self, start: int, **changed: Any) -> list[Any]:
        """Change one event and compute the rest of the chain and the case's head anew."""
        last = self.head().sequence
        statements, previous = [], self.event(start)["previous"]
        for sequence in range(start, last + 1):
            told = self.forged(
                self.event(sequence), previous=previous, **(changed if sequence == start else {})
            )
            statements.append(
                sa.update(EVENT).where(self.at(sequence)).values(**told | {"values": told["values"]})
            )
            previous = told["seal"]
        return [*statements, self.set_head(last, previous)]

    def head(self) -> Any:
        with self.platform.engine.connect() as connection:
            return connection.execute(sa.select(Case.sequence, Case.seal).where(Case.id == self.case)).one()

    def set_head(self, sequence: int, seal: str) -> Any:
        return sa.update(Case).where(Case.id == self.case).values(sequence=sequence, seal=seal)


@pytest.fixture
def trail(desk):
    """Two cases with a few events each, covered by a checkpoint, and an administrator of the database."""
    case, other = desk.start(), desk.start("reminded")
    desk.do(case, "ask")
    with desk.begin("greta") as work:
        signed = checkpoints.take(work)
    checkpoints.publish(desk.platform, signed)
    assert everything(desk).findings == []
    return Administrator(desk.platform, case, other)


def everything(desk, who="greta"):
    return history.verify_everything(lambda: desk.begin(who))


def edited(admin):
    event = admin.event(3)
    admin.do(admin.change(3, details={**event["details"], "task": "another"}))
    return admin.case, 3, "seal"


def missing(admin):
    admin.do(sa.delete(EVENT).where(admin.at(3)))
    return admin.case, 3, "missing"


def swapped(admin):
    one, two = admin.event(3), admin.event(4)
    admin.do(admin.change(3, sequence=1003), admin.change(4, **two | {"sequence": 3}))
    admin.do(admin.change(1003, **one | {"sequence": 4}))
    return admin.case, 3, "link"


def rewritten(admin):
    admin.do(*admin.rewrite(3, actor="kim"))
    return admin.case, 3, "stamp"


def rewritten_with_its_leaves(admin):
    admin.do(*admin.rewrite(3, actor="kim"))
    last = admin.head().sequence
    admin.do(
        *(
            sa.update(LEAF)
            .where(LEAF.c.case_id == admin.case, LEAF.c.sequence == each)
            .values(seal=admin.event(each)["seal"])
            for each in range(3, last + 1)
        )
    )
    return admin.case, 3, "stamp"


def truncated(admin):
    last = admin.head().sequence
    admin.do(
        sa.delete(EVENT).where(EVENT.c.case_id == admin.case, EVENT.c.sequence > last - 2),
        admin.set_head(last - 2, admin.event(last - 2)["seal"]),
    )
    return admin.case, last - 1, {"missing", "state"}


def moved_between_cases(admin):
    last = admin.head().sequence
    with admin.platform.engine.connect() as connection:
        top = connection.scalar(sa.select(Case.sequence).where(Case.id == admin.other))
    event = admin.event(last)
    admin.do(admin.change(last, case_id=admin.other, sequence=top + 1))
    assert event["case_id"] == admin.case
    return admin.case, last, "missing"


def state_changed(admin):
    admin.do(
        sa.update(ProcessInstance)
        .where(ProcessInstance.case_id == admin.case)
        .values(
            snapshot=sa.select(ProcessInstance.snapshot)
            .where(ProcessInstance.case_id == admin.other)
            .scalar_subquery()
        )
    )
    return admin.case, admin.head().sequence, "state"


def values_swapped(admin):
    with admin.platform.engine.connect() as connection:
        one, two = connection.scalars(
            sa.select(EVENT.c.sequence)
            .where(EVENT.c.case_id == admin.case, EVENT.c.commitment.is_not(None))
            .order_by(EVENT.c.sequence)
            .limit(2)
        )
    first, second = admin.event(one), admin.event(two)
    admin.do(admin.change(one, values=second["values"]), admin.change(two, values=first["values"]))
    return admin.case, one, "values"


def timestamp_changed(admin):
    event = admin.event(4)
    admin.do(admin.change(4, at=event["at"].replace(year=2020)))
    return admin.case, 4, "seal"


def actor_changed(admin):
    admin.do(admin.change(2, actor="kim"))
    return admin.case, 2, "seal"


def event_inserted(admin):
    head = admin.head()
    told = admin.forged(
        admin.event(head.sequence), sequence=head.sequence + 1, previous=head.seal, type="case.resumed",
        commitment=None, values=None, details={},
    )  # fmt: skip
    admin.do(sa.insert(EVENT).values(told), admin.set_head(head.sequence + 1, told["seal"]))
    return admin.case, head.sequence + 1, "stamp"


def seal_changed(admin):
    admin.do(admin.change(3, seal=sha256(b"x").hexdigest()))
    return admin.case, 3, "seal"


IN_A_CASE = [
    edited, missing, swapped, rewritten, rewritten_with_its_leaves, truncated, moved_between_cases,
    state_changed, values_swapped, timestamp_changed, actor_changed, event_inserted, seal_changed,
]  # fmt: skip


@pytest.mark.parametrize("tampering", IN_A_CASE, ids=lambda each: each.__name__)
def test_tampering_is_found_with_its_case_and_event(desk, trail, tampering):
    case, sequence, why = tampering(trail)
    with desk.begin("greta") as work:
        verdict = history.verify(work, case)
    assert not verdict.ok
    assert verdict.first_bad == sequence
    assert verdict.why in (why if isinstance(why, set) else {why})
    found = [each for each in everything(desk).findings if each.case_id == case]
    assert [(each.sequence, each.why) for each in found] == [(verdict.first_bad, verdict.why)]
    with desk.begin("system") as work:
        assert found[0].reference == work.session.get_one(Case, case).reference


def forged_checkpoint(admin):
    with admin.platform.engine.connect() as connection:
        row = connection.execute(sa.select(Checkpoint.__table__)).one()
    note = verifier.read_note(row.note)
    text = verifier.checkpoint_text(note.origin, note.size, sha256(b"x").digest())
    forged = verifier.signed(text, note.origin, b"k" * 32, b"s" * 64)
    admin.do(sa.update(Checkpoint).values(note=forged))
    return {("signature", row.size), ("checkpoint", row.size)}


def removed_checkpoint(admin):
    with admin.platform.engine.connect() as connection:
        size = connection.scalar(sa.select(Checkpoint.size))
    admin.do(sa.delete(Checkpoint.__table__))
    return {("checkpoint-missing", size)}


def changed_leaf(admin):
    with admin.platform.engine.connect() as connection:
        size = connection.scalar(sa.select(Checkpoint.size))
    admin.do(sa.update(LEAF).where(LEAF.c.case_id == admin.case, LEAF.c.sequence == 3).values(seal="0" * 64))
    return {("rewritten", None), ("root", size)}


def removed_leaves(admin):
    with admin.platform.engine.connect() as connection:
        size = connection.scalar(sa.select(Checkpoint.size))
    admin.do(sa.delete(LEAF))
    return {("root", size)}


@pytest.mark.parametrize(
    "tampering",
    [forged_checkpoint, removed_checkpoint, changed_leaf, removed_leaves],
    ids=lambda each: each.__name__,
)
def test_tampering_with_the_tree_or_its_checkpoints_is_found(desk, trail, tampering):
    expected = tampering(trail)
    assert {(each.why, each.size) for each in everything(desk).findings} == expected


def test_a_case_that_is_gone_whole_leaves_its_places_in_the_tree(desk, trail):
    last = trail.head().sequence
    trail.do(sa.delete(EVENT).where(EVENT.c.case_id == trail.case))
    found = everything(desk).findings
    assert (found[0].case_id, found[0].sequence, found[0].why) == (trail.case, 1, "missing")
    assert last > 1


def test_what_another_unit_may_not_see_is_told_without_its_case(desk, trail):
    hidden = desk.start(who="elin", unit="farsta")
    with desk.begin("system") as work:
        checkpoints.take(work)
    trail.do(sa.delete(EVENT).where(EVENT.c.case_id == hidden, EVENT.c.sequence == 2))
    found = everything(desk).findings
    assert {(each.why, each.seen, each.reference) for each in found} == {("missing", False, None)}
    assert [each.seen for each in everything(desk, "system").findings] == [True]


def test_no_checkpoint_is_signed_over_what_was_lost(desk, trail):
    trail.do(sa.delete(Checkpoint.__table__), sa.delete(LEAF))
    with pytest.raises(Conflict), desk.begin("greta") as work:
        checkpoints.take(work)


@pytest.mark.usefixtures("trail")
def test_each_checkpoint_extends_the_one_before(desk):
    for _ in range(3):
        desk.start("reminded")
        with desk.begin("greta") as work:
            checkpoints.take(work)
    with desk.begin("greta") as work:
        newest_first = history.checkpoints(work).items
        key = verifier.read_key(history.public_key(work))
    notes = {row.size: verifier.read_note(row.note) for row in newest_first}
    assert len(notes) == 4
    for row in newest_first:
        assert verifier.is_signed(notes[row.size], *key)
        if row.before is not None:
            proof = [bytes.fromhex(each) for each in row.proof]
            assert verifier.extends(row.before, notes[row.before].root, row.size, notes[row.size].root, proof)
    assert [row.before for row in newest_first] == [*(row.size for row in newest_first[1:]), None]


@pytest.mark.usefixtures("trail")
def test_a_checkpoint_without_news_is_the_last_one_again(desk):
    with desk.begin("greta") as work:
        first = checkpoints.take(work)
    with desk.begin("sam") as work:
        assert checkpoints.take(work) == first
        assert work.session.scalar(sa.select(sa.func.count()).select_from(Checkpoint)) == 1


def test_a_tree_over_many_events_keeps_its_subtrees_and_proves_every_event(desk):
    case = desk.start()
    with desk.begin("bo") as work:
        for turn in range(300):
            (cases.suspend, cases.resume)[turn % 2](work, case, reason="många händelser")
    with desk.begin("greta") as work:
        size = checkpoints.take(work).size
    assert size > 300
    with desk.begin("greta") as work:
        assert work.session.scalar(sa.select(sa.func.count()).select_from(TrailNode)) == 1
        assert history.verify(work, case).ok
    assert everything(desk).findings == []
    admin = Administrator(desk.platform, case, case)
    admin.do(sa.update(TrailNode.__table__).values(hash="0" * 64))
    assert {(each.why, each.size) for each in everything(desk).findings} == {("root", 256)}


@pytest.mark.usefixtures("trail")
def test_the_published_checkpoint_is_the_signed_text_and_the_key_lies_beside_it(desk):
    folder = desk.platform.settings.checkpoints
    names = sorted(each.name for each in folder.iterdir())
    with desk.begin("greta") as work:
        (row,) = history.checkpoints(work).items
        assert (folder / f"{row.size:012}.txt").read_text() == row.note
        assert (folder / "public-key.txt").read_text().strip() == history.public_key(work)
    assert names == [f"{row.size:012}.txt", "public-key.txt"]


@pytest.mark.parametrize("who", ["anna", "bo", "petra"])
def test_only_those_who_check_take_checkpoints(desk, who):
    with pytest.raises(Forbidden), desk.begin(who) as work:
        checkpoints.take(work)
    with pytest.raises(Forbidden):
        everything(desk, who)


def test_the_fast_canonical_form_is_the_one_that_is_sealed(desk):
    case = desk.start(title='Å"\\\n\u2028 \x7f')
    desk.do(case, "ask")
    with desk.begin("system") as work:
        row, _ = work.lock(case)
        work.record(row, "case.note", details={"ö": [1, 2.5, None, True, {"b": "\"'\t", "a": {}}], "A": "é"})
    desk.story(case)
    event = desk.told(case, "case.note")[0]
    facts = json.loads(verifier.canonical({"details": event.details}))
    assert facts["details"] == event.details
    assert SimpleNamespace(seal=event.sealed()).seal == event.seal
