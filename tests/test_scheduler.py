"""The clock's hand: what is due goes off once, the oldest first, also after downtime; what fails is told."""

import threading
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
import structlog
import time_machine

from service import scheduler
from service.commands import cases, incidents, jobs, upkeep
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


def waiting_in(desk, case):
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
    assert waiting_in(desk, case) == []


def test_a_completed_task_takes_its_timers_with_it(desk):
    case = started(desk, "reminded")
    with at(hours=1):
        desk.do(case, "do")
    with at(days=9):
        assert scheduler.tick(desk.platform) == 0
    assert waiting_in(desk, case) == []


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
    (waiting,) = waiting_in(desk, case)
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
    ((element, due, again, attempts),) = waiting_in(desk, case)
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
    ((_, _, again, _),) = waiting_in(desk, case)
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


def leased(desk, worker):
    with desk.begin("system") as work:
        return jobs.lease(work, worker=worker)


def test_two_workers_share_what_is_due_and_neither_runs_the_others(desk):
    every = [started(desk, "reminded") for _ in range(3)]
    with at(hours=24):
        mine = leased(desk, "mine")
        assert len(mine.jobs) == len(every)
        assert leased(desk, "other") is None
        with desk.begin("system") as work:
            assert not jobs.fire(work, mine.jobs[0], replace(mine, worker="other"))
            assert jobs.fire(work, mine.jobs[0], mine)
        with desk.begin("system") as work:
            assert not jobs.fire(work, mine.jobs[0], mine)
        with desk.begin("system") as work:
            jobs.give_back(work, mine)
        assert len(leased(desk, "other").jobs) == 2


def test_what_a_dead_worker_had_is_run_by_another_when_its_lease_has_ended(desk):
    case = started(desk, "reminded")
    with at(hours=24):
        gone = leased(desk, "gone")
        assert scheduler.tick(desk.platform) == 0
    with at(hours=24, seconds=31):
        assert scheduler.tick(desk.platform) == 1
        with desk.begin("system") as work:  # it was only slow, and comes back
            assert not jobs.fire(work, gone.jobs[0], gone)
            jobs.failed(work, gone.jobs[0], RuntimeError(), lease=gone)
    assert [each for each, *_ in desk.story(case)].count("timer.fired") == 1


def test_a_worker_that_comes_back_late_does_not_run_what_another_has_taken(desk):
    """The lease alone keeps it away here: the other has it, and has not run it yet."""
    case = started(desk, "reminded")
    with at(hours=24):
        slow = leased(desk, "slow")
    with at(hours=24, seconds=31):
        quick = leased(desk, "quick")
        with desk.begin("system") as work:
            assert not jobs.fire(work, slow.jobs[0], slow)
            jobs.failed(work, slow.jobs[0], RuntimeError(), lease=slow)
        with desk.begin("system") as work:
            assert jobs.fire(work, quick.jobs[0], quick)
    assert [each for each, *_ in desk.story(case)].count("timer.fired") == 1


def test_a_lease_from_before_the_clock_was_put_back_keeps_nobody_away(desk):
    started(desk, "reminded")
    with at(hours=26):
        leased(desk, "gone")
    with at(hours=24):
        assert scheduler.tick(desk.platform) == 1


def test_a_timer_that_is_not_due_any_more_is_left_alone(desk):
    """The clock was put back, or somebody moved it, after it had been leased."""
    case = started(desk, "reminded")
    with at(hours=24):
        mine = leased(desk, "mine")
    with at(hours=23), desk.begin("system") as work:
        assert not jobs.fire(work, mine.jobs[0], mine)
    assert "remind" not in desk.open(case)
    with at(hours=24):
        assert scheduler.tick(desk.platform) == 1


def test_what_kills_its_worker_again_and_again_is_taken_alone_and_told(desk):
    deadly, others = started(desk, "rhythm"), [started(desk, "rhythm") for _ in range(3)]
    with desk.begin("system") as work:
        first = work.session.scalars(sa.select(Job).where(Job.case_id == deadly)).one()
        first.run_at -= timedelta(seconds=1)
    seconds = 1
    with at(days=7, seconds=seconds):
        assert len(leased(desk, "dies").jobs) == 4
    for _ in range(jobs.LOSSES):
        seconds += 31
        with at(days=7, seconds=seconds):
            assert leased(desk, "dies").jobs == (first.id,)
            assert scheduler.tick(desk.platform) in {0, len(others)}  # the rest goes on
    with at(days=7, seconds=seconds + 31):
        assert scheduler.tick(desk.platform) == 0
    (told,) = desk.told(deadly, "incident.raised")
    assert told.details["code"] == "step-failed"
    with desk.begin("system") as work:
        assert "dog eller hängde sig" in work.session.scalars(sa.select(Incident.cause)).one()
    assert [len(desk.told(case, "timer.fired")) for case in others] == [1, 1, 1]


def test_a_lease_is_as_large_as_lets_people_and_other_workers_in(desk, monkeypatch):
    monkeypatch.setattr(jobs, "BATCH", 2)
    every = [started(desk, "reminded") for _ in range(3)]
    with at(hours=24):
        first, second = leased(desk, "first"), leased(desk, "second")
        assert (len(first.jobs), len(second.jobs)) == (2, 1)
        with desk.begin("system") as work:
            jobs.give_back(work, first)
            jobs.give_back(work, second)
        assert scheduler.tick(desk.platform) == len(every)
    assert jobs.BATCH <= 100


def test_a_worker_that_is_told_to_stop_gives_back_what_it_has_not_run(desk):
    for _ in range(3):
        started(desk, "reminded")
    stop = threading.Event()
    with at(hours=24):
        hand = scheduler._Hand(desk.platform, stop, keeps_house=False)
        sa.event.listen(desk.platform.engine, "commit", lambda _: stop.set())  # after the lease's commit
        assert hand.work() == 0
        with desk.begin("system") as work:
            assert work.session.scalars(sa.select(Job.leased_by).distinct()).all() == [None]


@pytest.mark.parametrize("kind", ["postgresql"])  # an SQLite file does not go away while it is open
def test_a_database_that_goes_away_is_told_once_and_the_worker_comes_back(desk, request, logs, monkeypatch):
    monkeypatch.setattr(scheduler, "EVERY", 0.02)
    monkeypatch.setattr(scheduler, "AWAY", (0.02, 0.05))
    server, name = request.getfixturevalue("postgresql"), desk.platform.engine.url.database
    case, stop = started(desk, "reminded"), threading.Event()
    thread = threading.Thread(target=scheduler.run, args=(desk.platform, stop))
    with time_machine.travel(BORN + timedelta(hours=23), tick=True):
        thread.start()
        server.tell(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        server.tell(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")  # noqa: S608
        wait_until(lambda: any("does not answer" in line["event"] for line in logs))
        threading.Event().wait(0.3)
        server.tell(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    with time_machine.travel(BORN + timedelta(hours=25), tick=True):
        done = wait_until(lambda: "remind" in desk.open(case))
        alive = thread.is_alive()
        stop.set()
        thread.join(timeout=10)
    assert (done, alive) == (True, True)
    said = Counter(line["event"] for line in logs)
    assert said["the database does not answer; it is asked again and again"] == 1
    assert said["the database answers again"] == 1


def test_a_long_poll_is_no_news(desk, monkeypatch, caplog):
    """APScheduler would warn at every tick that the last one is still at work."""
    monkeypatch.setattr(scheduler, "EVERY", 0.02)
    monkeypatch.setattr(scheduler, "LONGEST", 0.2)
    monkeypatch.setattr(scheduler, "BREATH", 1000)
    case, stop = started(desk, "reminded"), threading.Event()
    thread = threading.Thread(target=scheduler.run, args=(desk.platform, stop))
    with time_machine.travel(BORN + timedelta(hours=72), tick=True):
        thread.start()
        done = wait_until(lambda: set(desk.open(case)) == {"remind", "take_over"})
        stop.set()
        thread.join(timeout=10)
    assert done
    assert [line for line in caplog.records if line.name.startswith("apscheduler")] == []


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
    assert waiting_in(desk, case)
