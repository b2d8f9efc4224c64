"""Several worker processes on one database: each timer goes off once, and all of them take part."""

import os
import signal

import pytest
import sqlalchemy as sa
from crowd import crowd
from workers import due_soon, free_port, load, outcome, settled, wait_until

from service.models.cases import Task
from service.models.jobs import Heartbeat, Job

WORKERS = {"postgresql": 4, "sqlite": 2}


def race(desk, kind, start, size):
    """Let workers race for so many timers that are due in the same second; gives how many each let go off."""
    workers = [start() for _ in range(WORKERS[kind])]
    case = due_soon(desk, seconds=4 + size / 60)
    crowd(desk.platform, case, size - 1)
    with desk.begin("system") as work:
        work.session.execute(sa.update(Task).values(warn_at=None))  # people have been warned before
        first, last, number = work.session.execute(
            sa.select(sa.func.min(Job.due_at), sa.func.max(Job.due_at), sa.func.count())
        ).one()
        assert work.now < first, "all timers must be there before they are due"
    assert (last, number) == (first, size)
    assert settled(desk, timers=size, seconds=60 + size / 20)
    alive = [each.alive for each in workers]
    codes = [each.stop() for each in workers]
    assert (alive, codes) == ([True] * len(workers), [0] * len(workers))
    assert [line for each in workers for line in each.errors()] == []
    assert outcome(desk) == {1: size}
    return [each.fired for each in workers]


@pytest.mark.parametrize("size", [200, pytest.param(10_000, marks=pytest.mark.slow)])
def test_of_several_workers_one_lets_each_timer_go_off_and_all_take_part(desk, kind, start, size, capsys):
    shares = race(desk, kind, start, size)
    with capsys.disabled():
        print(f"\n{kind}: {size} timers in one second, shares {shares}, {load()}")  # noqa: T201
    assert sum(shares) == size
    assert min(shares) >= size / 10


@pytest.mark.slow  # a lease lasts half a minute
def test_a_dead_workers_timers_are_run_by_another(desk, start):
    """One worker is killed with a lease in its hand; what it had goes off within the lease, once."""
    size = 400
    first, second = start(), start()
    crowd(desk.platform, due_soon(desk, seconds=6), size - 1)
    assert wait_until(lambda: leased(desk), seconds=30, every=0.01)
    first.kill()
    assert settled(desk, timers=size, seconds=60)
    assert second.alive
    assert outcome(desk) == {1: size}


@pytest.mark.slow
def test_a_dead_scheduler_of_the_served_application_comes_back(desk, start):
    serving = start("serve", ANDRUM_BIND=f"127.0.0.1:{free_port()}")
    assert wait_until(lambda: beating(desk), seconds=30)
    (first,) = beating(desk)
    os.kill(first, signal.SIGKILL)
    due_soon(desk, seconds=-1)
    assert settled(desk, timers=1, seconds=30)
    assert outcome(desk) == {1: 1}
    assert serving.stop() == 0


def beating(desk):
    """The processes whose scheduler has said that it lives."""
    with desk.begin("system") as work:
        return {int(each.worker.split(":")[1]) for each in work.session.scalars(sa.select(Heartbeat))}


def leased(desk):
    with desk.begin("system") as work:
        return work.session.scalar(sa.select(sa.func.count()).where(Job.leased_until.is_not(None)))
