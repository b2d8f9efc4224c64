"""The clock's hand: what is due goes off once, the oldest first, also after downtime; what fails is told."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
import structlog
import time_machine

from service import scheduler
from service.commands import cases, incidents, upkeep
from service.errors import Conflict, Forbidden, NotFound
from service.models.cases import Case
from service.models.history import HistoryEvent
from service.models.jobs import Heartbeat, IdempotentAnswer, Incident, IncidentState, Job

BORN = datetime(2030, 1, 7, 8, tzinfo=UTC)


@pytest.fixture(autouse=True)
def logs():
    """What the scheduler says in its log."""
    with structlog.testing.capture_logs() as said:
        yield said


def at(**later):
    return time_machine.travel(BORN + timedelta(**later), tick=False)


def started(desk, process, **data):
    with at():
        return desk.start(process, **data)


def jobs(desk, case):
    with desk.begin("system") as work:
        rows = work.session.scalars(sa.select(Job).where(Job.case_id == case).order_by(Job.due_at))
        return [(row.element, row.due_at - BORN, row.run_at, row.attempts) for row in rows]


def test_a_timer_goes_off_when_it_is_due_and_not_before(desk):
    case = started(desk, "reminded")
    with at(hours=23, minutes=59):
        assert scheduler.tick(desk.platform) == 0
    with at(hours=24):
        assert scheduler.tick(desk.platform) == 1
        assert scheduler.tick(desk.platform) == 0
    assert set(desk.open(case)) == {"do", "remind"}
    assert ("timer.fired", "system", "reminder") in desk.story(case)


def test_an_interrupting_timer_takes_the_task_away(desk):
    case = started(desk, "reminded")
    with at(hours=72):
        assert scheduler.tick(desk.platform) == 2
    assert set(desk.open(case)) == {"remind", "take_over"}
    assert ("task.cancelled", "system", "do") in desk.story(case)
    assert jobs(desk, case) == []


def test_a_completed_task_takes_its_timers_with_it(desk):
    case = started(desk, "reminded")
    with at(hours=1):
        desk.do(case, "do")
    with at(days=9):
        assert scheduler.tick(desk.platform) == 0
    assert jobs(desk, case) == []


def test_how_late_a_timer_was_is_told(desk):
    case = started(desk, "reminded")
    with at(hours=24, minutes=10):
        scheduler.tick(desk.platform)
    (told,) = desk.told(case, "timer.fired")
    assert told.details["late_seconds"] == 600
    assert datetime.fromisoformat(told.details["due"]) == BORN + timedelta(hours=24)


def test_after_downtime_each_timer_goes_off_once_the_oldest_first(desk):
    born = [desk.start("reminded") for _ in range(2)]
    late = [started(desk, "reminded") for _ in range(3)]
    with at(days=30):
        assert scheduler.tick(desk.platform) == 10
    told = [event for case in born + late for event in desk.told(case, "timer.fired")]
    assert Counter((event.case_id, event.element) for event in told).most_common(1)[0][1] == 1
    with desk.begin("system") as work:
        stored = work.session.scalars(
            sa.select(HistoryEvent).where(HistoryEvent.type == "timer.fired").order_by(HistoryEvent.at)
        ).all()
    assert len(stored) == 10


def test_a_timer_that_is_overdue_waits_for_the_scheduler_when_someone_else_moves_the_case(desk):
    case = started(desk, "overdue")
    with at(days=31):
        desk.do(case, "a")
        assert set(desk.open(case)) == set()
        assert [event for event in desk.story(case) if event[0] == "timer.fired"] == []
        assert scheduler.tick(desk.platform) == 1
    assert set(desk.open(case)) == {"b"}
    assert [e for e in desk.story(case) if e[0] == "timer.fired"] == [("timer.fired", "system", "month")]
    (told,) = desk.told(case, "timer.fired")
    assert told.details["late_seconds"] == 86_400


def test_a_cycle_keeps_its_rhythm(desk):
    case = started(desk, "rhythm")
    for day, fired in ((6, 0), (7, 1), (15, 1), (40, 1), (80, 0)):
        with at(days=day, seconds=1):
            assert scheduler.tick(desk.platform) == fired, day
    assert [e for e in desk.story(case) if e[0] == "timer.fired"] == [("timer.fired", "system", "weekly")] * 3
    assert desk.told(case, "timer.moved") == []


def test_a_cycle_catches_up_once_after_downtime_and_then_keeps_its_days(desk):
    case = started(desk, "rhythm")
    with at(days=10):
        assert scheduler.tick(desk.platform) == 1
    (waiting,) = jobs(desk, case)
    assert waiting[1] == timedelta(days=14)


def failing(desk):
    """A case whose timer fails: its diagram has no way on before a day in two weeks."""
    return started(desk, "failing", what="right")


def test_a_failing_job_leaves_nothing_but_a_counted_attempt(desk):
    case = failing(desk)
    before = desk.story(case)
    with at(hours=1):
        assert scheduler.tick(desk.platform) == 0
        assert scheduler.tick(desk.platform) == 0
    assert desk.story(case) == before
    ((element, due, again, attempts),) = jobs(desk, case)
    assert (element, due, attempts) == ("hour", timedelta(hours=1), 1)
    assert again == BORN + timedelta(hours=1, seconds=30)


def given_up(desk):
    case = failing(desk)
    for later in ({"hours": 1}, {"hours": 1, "seconds": 30}, {"hours": 1, "minutes": 6}):
        with at(**later):
            scheduler.tick(desk.platform)
    with desk.begin("system") as work:
        incident = work.session.scalars(sa.select(Incident).where(Incident.case_id == case)).one()
    return case, incident


def test_after_three_attempts_a_person_is_told_in_words(desk):
    case, incident = given_up(desk)
    assert (incident.state, incident.attempts, incident.element) == (IncidentState.OPEN, 3, "route")
    assert len(incident.cause) > 20
    assert ("incident.raised", "system", "route") in desk.story(case)
    ((_, _, again, _),) = jobs(desk, case)
    assert again is None
    with at(days=1):
        assert scheduler.tick(desk.platform) == 0


def test_a_job_that_gave_up_does_not_hold_up_the_others(desk):
    given_up(desk)
    other = started(desk, "reminded")
    with at(hours=24):
        assert scheduler.tick(desk.platform) == 1
    assert "remind" in desk.open(other)


def test_a_retried_incident_tries_again_and_is_raised_again_when_nothing_has_changed(desk):
    case, incident = given_up(desk)
    with at(hours=2), desk.begin("bo") as work:
        incidents.retry(work, incident.id)
    with at(hours=2), desk.begin("bo") as work, pytest.raises(Conflict):
        incidents.retry(work, incident.id)
    for later in ({"hours": 2}, {"hours": 2, "seconds": 30}, {"hours": 2, "minutes": 6}):
        with at(**later):
            scheduler.tick(desk.platform)
    with desk.begin("system") as work:
        states = Counter(work.session.scalars(sa.select(Incident.state)))
    assert states == {IncidentState.OPEN: 1, IncidentState.RESOLVED: 1}
    assert [kind for kind, *_ in desk.story(case)].count("incident.raised") == 2


def test_a_retried_incident_goes_through_when_its_cause_is_gone(desk):
    case, incident = given_up(desk)
    with at(days=14):  # from when on the diagram has a way
        with desk.begin("bo") as work:
            incidents.retry(work, incident.id)
        assert scheduler.tick(desk.platform) == 1
    assert set(desk.open(case)) == {"choose", "left"}
    assert ("incident.retried", "bo", "route") in desk.story(case)


def test_an_incident_is_resolved_only_while_something_else_can_move_the_case(desk):
    case, incident = given_up(desk)
    with desk.begin("anna") as work, pytest.raises(Forbidden):
        incidents.resolve(work, incident.id, reason="Ringde")
    with desk.begin("elin") as work, pytest.raises(NotFound):
        incidents.resolve(work, incident.id, reason="Ringde")
    with at(hours=2):
        desk.do(case, "choose", what="right")
    with desk.begin("bo") as work, pytest.raises(Conflict, match="Inget annat"):
        incidents.resolve(work, incident.id, reason="Ringde")
    other, second = given_up(desk)
    with desk.begin("bo") as work:
        incidents.resolve(work, second.id, reason="Sköttes för hand")
    assert ("incident.resolved", "bo", "route") in desk.story(other)


def test_cancelling_a_case_closes_its_incidents(desk):
    case, incident = given_up(desk)
    with desk.begin("bo") as work:
        cases.cancel(work, case, reason="Fel")
    with desk.begin("system") as work:
        assert work.session.get_one(Incident, incident.id).state is IncidentState.RESOLVED
    desk.story(case)


@pytest.mark.parametrize("workers", [2, 4])
def test_several_schedulers_at_once_fire_each_timer_once(desk, logs, workers):
    every = [started(desk, "rhythm") for _ in range(16)]
    ready, fired, wrong = threading.Barrier(workers), Counter(), []

    def work(name):
        try:
            ready.wait()
            fired[name] += scheduler.tick(desk.platform)
        except Exception as error:  # noqa: BLE001  told below
            wrong.append(error)

    with at(days=8):
        threads = [threading.Thread(target=work, args=(each,)) for each in range(workers)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert (wrong, logs) == ([], [])
    assert sum(fired.values()) == len(every)
    for case in every:
        assert len(desk.told(case, "timer.fired")) == 1
        desk.story(case)


def wait_until(true):
    """Look again and again, for at most some seconds; nothing else tells what another thread has done."""
    pause = threading.Event()
    return any(true() or pause.wait(0.01) for _ in range(1000))


def test_the_scheduler_polls_until_it_is_stopped_also_when_the_clock_is_put_back(desk, monkeypatch):
    monkeypatch.setattr(scheduler, "EVERY", 0.02)
    monkeypatch.setattr(scheduler, "BEAT", 0.0)
    case = started(desk, "reminded")
    stop = threading.Event()
    thread = threading.Thread(target=scheduler.run, args=(desk.platform, stop))

    def beaten(after, before):
        with desk.begin("system") as work:
            heard = work.session.scalar(sa.select(sa.func.max(Heartbeat.at)))
        return heard is not None and BORN + after < heard < BORN + before

    with time_machine.travel(BORN + timedelta(hours=30), tick=True):
        thread.start()
        assert wait_until(lambda: set(desk.open(case)) == {"do", "remind"})
    with time_machine.travel(BORN + timedelta(hours=28), tick=True):
        assert wait_until(lambda: beaten(timedelta(hours=28), timedelta(hours=29)))
        stop.set()
        thread.join(timeout=10)
    assert not thread.is_alive()


def test_what_has_served_its_purpose_is_swept_away(desk):
    with at(), desk.begin("system") as work:
        upkeep.beat(work, worker="gone")
        work.session.add(
            IdempotentAnswer(
                user_id=desk.crew.anna.id, key="k", request_digest="d", status=200, answer=b"", at=work.now
            )
        )
    with at(days=8), desk.begin("system") as work:
        upkeep.beat(work, worker="here")
        upkeep.sweep(work)
    with desk.begin("system") as work:
        assert work.session.scalars(sa.select(Heartbeat.worker)).all() == ["here"]
        assert work.session.scalars(sa.select(IdempotentAnswer)).all() == []


def test_no_open_case_stands_still(desk):
    case = started(desk, "overdue")
    with at(days=1):
        desk.do(case, "a")
    with desk.begin("system") as work:
        assert work.session.get_one(Case, case).closed_at is None
    assert jobs(desk, case)
