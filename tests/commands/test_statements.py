"""What a step asks the database does not cost more as cases become many: every row is found by an index."""

from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from crowd import crowd

from service import scheduler
from service.commands import cases, documents, tasks, upkeep
from service.models.documents import DocumentKind
from service.models.jobs import Job
from service.queries import casefile, worklist
from service.queries import documents as papers

pytestmark = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)  # which tells its plan in words
GROWS = {
    "task", "job", "case_file", "case_access", "process_instance", "history_event", "awaited_message",
    "answers", "draft", "access_event", "notice", "mail", "incident", "idempotent_answer", "trail_leaf",
    "trail_node", "login", "login_attempt", "document", "document_content",
}  # fmt: skip
ALL_OPEN = "ix_task_open (closed_at=?)"


@contextmanager
def scans(engine):
    """Collect which of the tables that grow a statement read from one end to the other."""
    found, asked = [], []

    def executed(_connection, _cursor, statement, parameters, *_):
        if statement.split()[0] in {"SELECT", "UPDATE", "DELETE"}:
            asked.append((statement, parameters[0] if isinstance(parameters, list) else parameters))

    sa.event.listen(engine, "before_cursor_execute", executed)
    try:
        yield found
    finally:
        sa.event.remove(engine, "before_cursor_execute", executed)
        with engine.connect() as connection:
            for statement, parameters in asked:
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
                found += [f"{row[3]}: {' '.join(statement.split())[:300]}" for row in plan if whole(row[3])]
        assert asked


def whole(step):
    """Tell whether a step of a plan goes through a whole table that grows, or all tasks that are open."""
    words = step.split()
    return (words[0] == "SCAN" and words[1] in GROWS) or ALL_OPEN in step


def test_no_step_of_a_case_reads_other_cases_rows(desk, platform):
    case = desk.start("reminded")
    task = desk.claim(case, next(iter(desk.open(case))))
    with scans(platform.engine) as found:
        with desk.begin("anna") as work:
            tasks.save_draft(work, task, data={"what": "st"})
        with desk.begin("anna") as work:
            worklist.task(work, task)
            worklist.left_behind(work, task)
        with desk.begin("anna") as work:
            casefile.case(work, case)
        with desk.begin("anna") as work:
            document = documents.add(work, case, kind=DocumentKind.OTHER, content=b"Hej")
        with desk.begin("anna") as work:
            papers.documents(work, case)
            papers.opened(work, document)
        with desk.begin("anna") as work:
            documents.withdraw(work, document, reason="Fel person")
        with desk.begin("anna") as work:
            tasks.complete(work, task, answers={"what": "sten"})
        desk.start("reminded")
    assert found == [], "\n".join(found)


def test_no_timer_that_goes_off_reads_other_cases_rows(desk, platform):
    desk.start("rhythm")
    with desk.begin("system") as work:
        work.session.execute(sa.update(Job).values(run_at=work.now))
    with scans(platform.engine) as found:
        assert scheduler.tick(platform) == 1
    assert found == [], "\n".join(found)


def test_a_case_that_is_cancelled_or_paused_reads_only_its_own_rows(desk, platform):
    case = desk.start("reminded")
    with scans(platform.engine) as found:
        with desk.begin("bo") as work:
            cases.suspend(work, case, reason="Paus")
        with desk.begin("bo") as work:
            cases.resume(work, case, reason="Vidare")
        with desk.begin("bo") as work:
            cases.cancel(work, case, reason="Fel person")
    assert found == [], "\n".join(found)


def test_an_inbox_does_not_go_through_all_that_is_open_elsewhere_once_the_database_has_learnt(desk, platform):
    crowd(platform, desk.start("rhythm", who="elin", unit="farsta"), 1000)
    desk.start("two_steps")

    def inbox():
        with scans(platform.engine) as found, desk.begin("anna") as work:
            assert len(worklist.tasks(work, worklist.Wanted()).items) == 1
        return any(ALL_OPEN in each for each in found)

    assert inbox()
    with desk.begin("system") as work:
        upkeep.sweep(work)
    platform.engine.dispose()
    assert not inbox()


def test_a_scan_would_be_noticed(desk, platform):
    with scans(platform.engine) as found, desk.begin("system") as work:
        work.session.scalar(sa.select(Job.id).where(Job.instance_id == work.actor.id))
    assert len(found) == 1
