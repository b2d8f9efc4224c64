"""The unit of work: what stands or falls together, and what the history is tied to, on both databases."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
import time_machine
from sqlalchemy.exc import OperationalError

from service.commands import tasks
from service.errors import Conflict, NotFound, Unavailable
from service.models.base import Base
from service.models.cases import Case, ProcessInstance
from service.models.history import AccessEvent, HistoryEvent
from service.queries import history
from service.rules.permissions import SYSTEM
from service.vault import Vault


def everything(desk):
    """All rows of all tables."""
    with desk.platform.engine.connect() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(sa.select(table))))
            for table in Base.metadata.sorted_tables
        }


def verdict(desk, case):
    with desk.begin("system") as work:
        return history.verify(work, case)


class Stumble(Exception):
    pass


def test_a_failure_after_everything_was_done_leaves_nothing_behind(desk):
    case = desk.start("reminded")
    task = desk.claim(case, "do")
    before = everything(desk)

    def complete_and_stumble(work):
        tasks.complete(work, task, answers={"what": "sten"})
        list(work.session.scalars(sa.select(HistoryEvent)))  # sends all of it to the database
        raise Stumble

    with pytest.raises(Stumble), desk.begin() as work:
        complete_and_stumble(work)
    assert everything(desk) == before
    with desk.begin() as work:
        tasks.complete(work, task, answers={"what": "sten"})
    desk.story(case)


def statements_of(desk, task):
    """How many statements completing this task takes, without completing it."""
    counted = []

    def count(*told):
        counted.append(told[2])

    def complete_and_stumble(work):
        tasks.complete(work, task, answers={"what": "sten"})
        work.session.scalar(sa.select(sa.literal(1)))  # sends the rest
        raise Stumble

    sa.event.listen(desk.platform.engine, "before_cursor_execute", count)
    with pytest.raises(Stumble), desk.begin() as work:
        complete_and_stumble(work)
    sa.event.remove(desk.platform.engine, "before_cursor_execute", count)
    return len(counted) - 1


@pytest.mark.parametrize("when", ["before_cursor_execute", "after_cursor_execute"])
def test_a_database_that_fails_at_any_statement_leaves_nothing_behind(desk, when):
    case = desk.start("reminded")
    task = desk.claim(case, "do")
    with desk.begin() as work:
        tasks.save_draft(work, task, data={"what": "st"})
    before, total = everything(desk), statements_of(desk, task)
    assert total > 8
    for number in range(1, total + 1):
        left = [number]

        def fail(*_, left=left):
            left[0] -= 1
            if left[0] == 0:
                raise OperationalError("", {}, Exception("the connection is gone"))

        sa.event.listen(desk.platform.engine, when, fail)
        with pytest.raises(Unavailable), desk.begin() as work:
            tasks.complete(work, task, answers={"what": "sten"})
        sa.event.remove(desk.platform.engine, when, fail)
        assert everything(desk) == before, number
    with desk.begin() as work:
        tasks.complete(work, task, answers={"what": "sten"})
    assert desk.open(case) == {}


def tamper(desk, statement):
    """Change what is stored behind the service's back, as someone with the database's keys could."""
    with desk.platform.engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            for (name,) in connection.exec_driver_sql(
                "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            ).fetchall():
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
        else:
            connection.exec_driver_sql("ALTER TABLE history_event DISABLE TRIGGER USER")
        connection.execute(statement)


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        (sa.update(HistoryEvent).where(HistoryEvent.sequence == 3).values(actor="someone"), "seal"),
        (sa.update(HistoryEvent).where(HistoryEvent.sequence == 3).values(details={}), "seal"),
        (sa.update(HistoryEvent).where(HistoryEvent.sequence == 2).values(values=None), "values"),
        (sa.delete(HistoryEvent).where(HistoryEvent.sequence == 3), "missing"),
        (sa.delete(HistoryEvent).where(HistoryEvent.sequence > 4), "missing"),
        (sa.update(ProcessInstance).values(snapshot=b"something else"), "state"),
    ],
)
def test_tampering_shows(desk, statement, why):
    case = desk.start()
    desk.claim(case, "ask")
    assert verdict(desk, case).ok
    tamper(desk, statement)
    found = verdict(desk, case)
    assert (found.ok, found.why) == (False, why)


def test_a_state_saved_without_the_history_shows(desk):
    case = desk.start()
    with desk.begin("system") as work:
        row, (instance,) = work.lock(case)
        work.save(row, instance, work.snapshot(row, instance))
    assert verdict(desk, case).why == "state"


def test_the_database_refuses_to_change_or_remove_what_happened(desk):
    case = desk.start()
    with desk.begin() as work:
        work.looked("case.read", case_id=case)
    for statement in (
        sa.update(HistoryEvent).values(actor="someone"),
        sa.delete(HistoryEvent),
        sa.update(AccessEvent).values(actor="someone"),
        sa.delete(AccessEvent),
    ):
        with pytest.raises(Conflict), desk.begin("system") as work:
            work.session.execute(statement)
    assert verdict(desk, case).ok


@pytest.mark.parametrize("kind", ["postgresql"])  # SQLite has no TRUNCATE
@pytest.mark.usefixtures("kind")
def test_the_history_cannot_be_emptied_at_once(desk):
    with pytest.raises(Conflict), desk.begin("system") as work:
        work.session.execute(sa.text("TRUNCATE history_event"))


def test_what_is_stored_opens_only_with_its_key_and_in_its_place(desk, tmp_path):
    one, other = desk.start(), desk.start()
    with desk.begin("system") as work:
        instances = work.session.scalars(sa.select(ProcessInstance)).all()
        first, second = (next(i for i in instances if i.case_id == case) for case in (one, other))
        moved, second.snapshot = first.snapshot, first.snapshot
        assert moved
    with desk.begin("system") as work:
        row = work.session.get_one(Case, other)
        stored = work.session.get_one(ProcessInstance, second.id)
        with pytest.raises(Unavailable):
            work.snapshot(row, stored)
    stranger = Vault.at(tmp_path / "other.json")
    with desk.begin("system") as work, pytest.raises(Unavailable):
        stranger.case_key(work.session.get_one(Case, one).wrapped_key, str(one))


def test_a_case_whose_key_is_destroyed_keeps_a_whole_chain(desk):
    case = desk.start()
    desk.do(case, "ask")
    with desk.begin("system") as work:
        row, _ = work.lock(case)
        row.wrapped_key = None
        work.record(row, "case.destroyed", details={"ground": "påhittad"})
    assert verdict(desk, case).ok
    task = desk.claim(case, "check", "kim")
    with desk.begin("kim") as work, pytest.raises(NotFound):
        tasks.complete(work, task, answers={"what": "sten"})


def test_references_between_rows_are_checked_at_the_commit(desk):
    case = desk.start()
    with desk.begin("system") as work:
        row = work.session.get_one(Case, case)
    row.unit_key = "nowhere"
    with pytest.raises(Conflict), desk.begin("system") as work:
        work.session.add(row)
    assert verdict(desk, case).ok


@pytest.mark.parametrize(
    ("instant", "day"), [("2027-03-01T22:59", 1), ("2027-03-01T23:00", 2), ("2027-07-01T22:00", 2)]
)
def test_today_is_the_legal_day(platform, instant, day):
    moment = datetime.fromisoformat(instant).replace(tzinfo=UTC)
    with time_machine.travel(moment, tick=False), platform.begin(SYSTEM) as work:
        assert work.today.day == day
