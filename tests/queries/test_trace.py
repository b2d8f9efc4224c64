"""Rewinding a case: what the events alone give is what the tables said at the time, at every step."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
import time_machine
from filling import filled

from service.commands import cases, deployments, tasks
from service.engine import workflow
from service.errors import Forbidden, Invalid, NotFound
from service.models.cases import Case, ProcessInstance, Task
from service.models.jobs import AwaitedMessage, Job
from service.models.people import User
from service.queries import trace
from service.scheduler import tick

ROOT = Path(__file__).parents[2]
START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def stood(desk, case):
    """What the tables say: the last event's number, open tasks, running timers, awaited messages."""
    with desk.begin("system") as work:
        names = dict(work.session.execute(sa.select(User.id, User.username)).all())
        open_tasks = work.session.scalars(
            sa.select(Task).where(Task.case_id == case, Task.closed_at.is_(None))
        )
        timers = work.session.scalars(sa.select(Job).where(Job.case_id == case))
        awaited = work.session.scalars(sa.select(AwaitedMessage).where(AwaitedMessage.case_id == case))
        return (
            work.session.get_one(Case, case).sequence,
            {(str(t.id), t.element, t.right, t.due_at, names.get(t.assignee_id)) for t in open_tasks},
            {(str(t.id), t.element, t.right, t.due_at) for t in timers},
            {(m.name, m.process, m.element) for m in awaited},
        )


def folded(desk, case, at):
    with desk.begin("greta") as work:
        found = trace.trace(work, case, at=at).standing
    return (
        at,
        {(t.id, t.place.element, t.place.right, t.due_at, t.assignee) for t in found.tasks},
        {(t.id, t.place.element, t.place.right, t.due_at) for t in found.timers},
        {(name, place.process, place.element) for name, place in found.messages},
    )


def one(found, outcome):
    """The first timer with this outcome."""
    timers = [e for e in found.standing.deadlines if (e.kind, e.outcome) == ("timer", outcome)]
    return timers[0]


def step(desk, case, element, definition):
    for who in ("anna", "kim", "bo"):
        try:
            task = desk.claim(case, element, who)
            break
        except Forbidden:
            continue
    with desk.begin("system") as work:
        process = work.session.get_one(Task, task).process
        form = definition.forms[definition.processes[process].elements[element].form]
        answers = filled(form, moment=work.moment)
    yield
    with suppress(Invalid), desk.begin(who) as work:  # some forms ask for more than a filler knows
        tasks.complete(work, task, answers=answers)
    yield


KINDS = {"userTask", "intermediateCatchEvent", "callActivity", "receiveTask"}


def kind(definition, place):
    return definition.processes[place.process].elements[place.element].kind


REAL = {"case": {}, "right": {"right": "housing"}, "application": {}, "rights_package": {}}


LONG = [pytest.param(name, marks=pytest.mark.slow) for name in ("application", "rights_package")]


@pytest.mark.parametrize("process", ["case", "right", "reminded", "rhythm", "waiting", *LONG])
def test_every_moment_of_a_case_can_be_seen_again(desk, process):
    with desk.begin("system") as work:
        deployments.deploy(work, files=deployments.read_folder(ROOT), note="Alla egna processer")
        definition = work.definition(deployments.in_force(work))
    seen = []
    with time_machine.travel(START, tick=False) as clock:
        case = desk.start(process, **REAL.get(process, {}))
        seen.append(stood(desk, case))
        for _ in range(6):
            if not desk.open(case):
                break
            seen.extend(stood(desk, case) for _ in step(desk, case, min(desk.open(case)), definition))
            clock.shift(timedelta(hours=30))
            tick(desk.platform)
            seen.append(stood(desk, case))
    assert process in {"case", "waiting"} or any(timers for _, _, timers, _ in seen)
    for moment in seen:
        assert folded(desk, case, moment[0]) == moment
    with desk.begin("system") as work:
        row = work.session.get_one(Case, case)
        instance = work.session.scalar(sa.select(ProcessInstance).where(ProcessInstance.case_id == case))
        active = set(workflow.view(definition, work.snapshot(row, instance)).active)
        told = set(trace.trace(work, case).active)
    assert told <= active
    assert {each for each in active if kind(definition, each) in KINDS} <= told


def test_deadlines_are_told_as_kept_or_missed_and_by_how_much(desk):
    with time_machine.travel(START, tick=False) as clock:
        case = desk.start("reminded")
        with desk.begin("greta") as work:
            running = one(trace.trace(work, case), "waiting")
        assert (running.kind, running.outcome, running.by) == ("timer", "waiting", running.due_at - START)
        clock.move_to(running.due_at + timedelta(hours=2))
        tick(desk.platform)
        with desk.begin("greta") as work:
            found = trace.trace(work, case)
        fired = one(found, "fired")
        assert (fired.due_at, fired.by) == (running.due_at, timedelta(hours=2))
        assert found.events[fired.sequence - 1].type == "timer.fired"
        with desk.begin("greta") as work:
            before = trace.trace(work, case, at=fired.sequence - 1)
        assert one(before, "waiting").due_at == fired.due_at


@pytest.mark.parametrize(("hours", "outcome"), [(1, "kept"), (24 * 60, "missed")])
def test_a_task_done_in_time_is_kept_and_one_done_late_is_missed(desk, hours, outcome):
    with time_machine.travel(START, tick=False) as clock:
        case = desk.start("overdue")
        (element,) = desk.open(case)
        with desk.begin("greta") as work:
            (task,) = trace.trace(work, case).standing.tasks
        assert task.due_at is not None
        clock.shift(timedelta(hours=hours))
        desk.do(case, element)
        with desk.begin("greta") as work:
            found = [each for each in trace.trace(work, case).standing.deadlines if each.kind == "task"]
    assert [(each.outcome, each.by) for each in found[:1]] == [
        (outcome, abs(START + timedelta(hours=hours) - task.due_at))
    ]


def test_a_cancelled_case_waits_for_nothing(desk):
    case = desk.start("reminded")
    with desk.begin("bo") as work:
        cases.cancel(work, case, reason="fel person")
    assert folded(desk, case, stood(desk, case)[0])[1:] == (set(), set(), set())


@pytest.mark.parametrize("at", [0, -1, 10_000])
def test_an_event_that_there_is_not_cannot_be_looked_at(desk, at):
    case = desk.start()
    with pytest.raises(NotFound), desk.begin("greta") as work:
        trace.trace(work, case, at=at)


def test_nobody_rewinds_another_units_case(desk):
    case = desk.start()
    with pytest.raises(NotFound), desk.begin("elin") as work:
        trace.trace(work, case)
