"""Cases that stand still are found by what is stored, told of in words, and can be set going again."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
import structlog
import time_machine

from service import scheduler
from service.commands import incidents, jobs, stuck
from service.engine import workflow
from service.engine.definition import parse
from service.errors import Conflict
from service.models.cases import Case, CaseStatus, ProcessInstance, Task
from service.models.jobs import AwaitedMessage, Incident, IncidentState, Job

DIAGRAMS = Path(__file__).parents[1] / "diagrams"
BORN = datetime(2030, 1, 7, 8, tzinfo=UTC)


def at(**later):
    return time_machine.travel(BORN + timedelta(**later), tick=False)


def deleted(table):
    waits = table.closed_at.is_(None) if table is Task else sa.true()
    return lambda work, case: work.session.execute(sa.delete(table).where(table.case_id == case, waits))


def changed(table, **values):
    return lambda work, case: work.session.execute(
        sa.update(table).where(table.case_id == case).values(values)
    )


def all_of(*faults):
    def fault(work, case):
        for each in faults:
            each(work, case)

    return fault


def lost(work, case):
    """The lease of a worker that died, or of a clock that has been put back since."""
    values = {"leased_by": "gone:1", "leased_until": work.now + timedelta(days=30), "run_at": work.now}
    changed(Job, **values)(work, case)


def waiting_for_a_timer(desk):
    case = desk.start("overdue")
    desk.do(case, "a")
    return case


def given_up(desk):
    case = waiting_for_a_timer(desk)
    with desk.begin("system") as work:
        job = work.session.scalars(sa.select(Job.id).where(Job.case_id == case)).one()
    for _ in range(jobs.ATTEMPTS):
        with desk.begin("system") as work:
            jobs.failed(work, job, RuntimeError())
    return case


def two_steps(desk):
    return desk.start("two_steps")


def waiting_for_a_message(desk):
    case = desk.start("waiting")
    desk.do(case, "work")
    return case


def suspended(desk):
    case = desk.start("two_steps")
    with desk.begin("system") as work:
        work.session.execute(sa.update(Case).where(Case.id == case).values(status=CaseStatus.SUSPENDED))
    return case


NOTHING = all_of(deleted(Task), deleted(Job), deleted(AwaitedMessage))
BESIDE = all_of(deleted(Task), deleted(Job), changed(AwaitedMessage, on_the_way=False))
KINDS = {
    "a task's row was deleted": (two_steps, deleted(Task)),
    "a task was closed and the engine not told": (two_steps, changed(Task, closed_at=BORN)),
    "a timer's row was deleted": (waiting_for_a_timer, deleted(Job)),
    "a timer has no instant and no incident": (waiting_for_a_timer, changed(Job, run_at=None)),
    "the incident of a failed timer was removed": (given_up, deleted(Incident)),
    "the incident was marked as dealt with": (given_up, changed(Incident, state=IncidentState.RESOLVED)),
    "a message's row was deleted": (waiting_for_a_message, deleted(AwaitedMessage)),
    "only a message beside is left": (waiting_for_a_message, BESIDE),
    "the instance ended and the case did not": (two_steps, changed(ProcessInstance, finished_at=BORN)),
    "the instance has not ended and nothing is left": (waiting_for_a_timer, NOTHING),
    "a suspended case has nothing left": (suspended, NOTHING),
    "a worker died with the lease of a timer": (waiting_for_a_timer, lost),
}  # fmt: skip


def healthy(desk):
    """Cases that wait for a person, a timer, a message, an incident, or nothing any more."""
    done = two_steps(desk)
    desk.do(done, "ask")
    desk.do(done, "check", who="bo")
    return [two_steps(desk), waiting_for_a_timer(desk), waiting_for_a_message(desk), given_up(desk), done,
            suspended(desk), desk.start("reminded"), desk.start("rhythm")]  # fmt: skip


def look(desk):
    with desk.begin("system") as work:
        return stuck.find(work)


def reported(desk, case):
    with desk.begin("system") as work:
        stuck.report(work, case)
    with desk.begin("system") as work:
        found = sa.select(Incident).where(Incident.case_id == case, Incident.state == IncidentState.OPEN)
        return list(work.session.scalars(found))


def broken(desk):
    """One case of each kind that stands still."""
    cases = {}
    for kind, (start, fault) in KINDS.items():
        cases[kind] = start(desk)
        with desk.begin("system") as work:
            fault(work, cases[kind])
    return cases


def test_every_kind_of_case_that_stands_still_is_found_told_and_told_once(desk):
    with at():
        healthy(desk)
        cases = broken(desk)
    with at(minutes=6):
        found = look(desk)
        assert {kind for kind, case in cases.items() if case not in found} == set()
        assert set(found) == set(cases.values())  # and no healthy one
        for kind, case in cases.items():
            (incident,) = reported(desk, case)
            words = "En tidsfrist har gått ut" if "lease" in kind else "Ärendet står stilla"
            assert incident.cause.startswith(words), kind
            assert desk.told(case, "incident.raised")[-1].details["incident"] == str(incident.id)
        assert look(desk) == ()
        assert [len(reported(desk, case)) for case in cases.values()] == [1] * len(cases)


def test_what_can_be_restored_goes_on_when_a_person_retries(desk):
    with at():
        cases = broken(desk)
    with at(minutes=6):
        for kind, case in cases.items():
            (incident,) = reported(desk, case)
            with desk.begin("bo") as work:
                incidents.retry(work, incident.id)
            assert ("incident.retried", "bo", incident.element) in desk.story(case), kind
        assert look(desk) == ()
    task = cases["a task was closed and the engine not told"]
    desk.do(task, "ask")
    assert set(desk.open(task)) == {"check"}
    with at(days=31):
        scheduler.tick(desk.platform)
    for kind in ("a timer's row was deleted", "a timer has no instant and no incident"):
        assert set(desk.open(cases[kind])) == {"b"}, kind


def begun(work, diagram):
    files = {diagram: (DIAGRAMS / diagram).read_bytes()}
    return workflow.start(parse(files), "p", data={}, moment=work.moment)


def test_a_case_whose_state_can_go_nowhere_is_said_to_be_beyond_repair(desk):
    case = two_steps(desk)
    with desk.begin("system") as work:
        deleted(Task)(work, case)
        instance = work.session.scalars(sa.select(ProcessInstance)).one()
        of_another = begun(work, "user_task.bpmn").snapshot
        work.save(work.session.get_one(Case, case), instance, of_another)
    (incident,) = reported(desk, case)
    with desk.begin("bo") as work, pytest.raises(Conflict, match="Avbryt det"):
        incidents.retry(work, incident.id)


@pytest.mark.parametrize(
    ("diagram", "on_the_way"),
    [
        ("message_catch", True),
        ("boundary_message_interrupting", False),
        ("boundary_message_stays_armed", False),
    ],
)
def test_a_message_that_is_only_listened_for_beside_work_moves_nothing_on(desk, diagram, on_the_way):
    with desk.begin("system") as work:
        (awaited,) = begun(work, f"{diagram}.bpmn").awaited
    assert awaited.on_the_way is on_the_way


def test_timers_that_wait_their_turn_in_a_backlog_are_not_stuck(desk):
    with at():
        every = [waiting_for_a_timer(desk) for _ in range(4)]
    with at(days=31), desk.begin("system") as work:
        due = sa.select(Job).order_by(Job.run_at, Job.id)
        first = work.session.scalars(due).first()
        first.leased_by, first.leased_until = "here:1", work.now + timedelta(seconds=20)
    with at(days=31):
        assert look(desk) == ()
    with at(days=31, seconds=21):
        assert len(look(desk)) == len(every)


def test_one_timer_that_the_workers_are_past_is_stuck(desk):
    with at():
        old = waiting_for_a_timer(desk)
    with at(hours=1):
        waiting_for_a_timer(desk)
    with at(days=31), desk.begin("system") as work:
        newest = work.session.scalars(sa.select(Job).order_by(Job.run_at.desc())).first()
        newest.leased_by, newest.leased_until = "here:1", work.now + timedelta(seconds=20)
    with at(days=31):
        assert look(desk) == (old,)


def test_the_scheduler_looks_by_itself(desk, monkeypatch):
    monkeypatch.setattr(scheduler, "EVERY", 0.02)
    case = two_steps(desk)
    with desk.begin("system") as work:
        deleted(Task)(work, case)
    stop = threading.Event()
    with structlog.testing.capture_logs() as logs:
        thread = threading.Thread(target=scheduler.run, args=(desk.platform, stop))
        thread.start()
        pause = threading.Event()
        assert any(desk.told(case, "incident.raised") or pause.wait(0.01) for _ in range(1000))
        stop.set()
        thread.join(timeout=10)
    assert [line["case"] for line in logs if line["event"] == "a case stands still"] == [str(case)]
