"""Many timers: how late they go off, how long a poll takes, and what a backlog does to people at work."""

import json
import threading
import time
from dataclasses import dataclass, field
from datetime import timedelta
from http.client import HTTPConnection
from itertools import cycle

import pytest
import sqlalchemy as sa
from crowd import crowd
from workers import due_soon, free_port, health, lateness, load, outcome, percentile, settled, wait_until

from service.commands import jobs, people
from service.models.cases import Task
from service.models.jobs import Job

pytestmark = pytest.mark.slow

LIVE = 100_000
BACKLOG = 10_000
RATE = 100  # timers a second at least
MOST = timedelta(days=300)


@pytest.fixture
def tell(capsys, kind):
    """Print a result, whether or not the test is asked to be quiet."""

    def say(**numbers):
        with capsys.disabled():
            print(f"\n{kind}: {numbers}, {load()}")  # noqa: T201

    return say


def far_away(desk, size):
    """So many timers that are due some day: 30 days ahead and later."""
    case = due_soon(desk, seconds=timedelta(days=30).total_seconds())
    crowd(desk.platform, case, size, later=lambda number: timedelta(seconds=number % 20_000_000))


@pytest.mark.parametrize(("live", "bound"), [(0, 2.0), (LIVE, 5.0)])
def test_timers_go_off_in_time_on_an_idle_service(desk, start, tell, live, bound):
    if live:
        far_away(desk, live)
    worker, size = start(), 300
    case = due_soon(desk, seconds=15)  # what the worker does first when it starts is done by then
    crowd(desk.platform, case, size, later=lambda number: timedelta(milliseconds=200 * number))
    assert settled(desk, timers=size + 1, seconds=150)
    assert worker.alive
    late = lateness(desk)
    assert len(late) == size + 1
    p99 = percentile(late, 0.99)
    tell(live=live, timers=len(late), p50=round(percentile(late, 0.5), 2), p99=round(p99, 2), most=late[-1])
    assert late[0] >= 0
    assert p99 <= bound


def test_a_poll_is_quick_among_a_hundred_thousand_timers(desk, tell):
    far_away(desk, LIVE)
    with desk.begin("system") as work:
        work.session.execute(sa.text("ANALYZE"))
    idle = [_poll(desk) for _ in range(50)]
    with desk.begin("system") as work:  # and now half of them are due
        half = sa.select(Job.id).order_by(Job.id).limit(LIVE // 2).scalar_subquery()
        work.session.execute(
            sa.update(Job).where(Job.id.in_(half)).values(run_at=work.now),
            execution_options={"synchronize_session": False},
        )
    busy = [_poll(desk) for _ in range(50)]
    tell(idle_p95_ms=_ms(idle), busy_p95_ms=_ms(busy))
    assert percentile(idle, 0.95) <= 0.020
    assert percentile(busy, 0.95) <= 0.020


def _poll(desk):
    with desk.begin("system") as work:
        began = time.perf_counter()
        jobs.lease(work, worker="w")
        return time.perf_counter() - began


def _ms(seconds):
    return round(percentile(seconds, 0.95) * 1000, 1)


@dataclass
class People:
    """People at work over HTTP: lists, cases, drafts, one request after another with a pause between them."""

    port: int
    secret: str
    tasks: list[str]
    pause: float = 0.35  # three of them ask seven times a second: a hundred people at work
    took: list[tuple[float, float]] = field(default_factory=list)  # when, seconds
    wrong: list[int] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def work(self):
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        head = {"Authorization": f"Bearer {self.secret}", "Content-Type": "application/json"}
        for number, task in enumerate(cycle(self.tasks)):
            if self.stop.wait(self.pause):
                return
            path = f"/api/v1/tasks/{task}"
            method, path, body = (
                ("GET", "/api/v1/tasks?limit=50", None),
                ("GET", path, None),
                ("PUT", f"{path}/draft", json.dumps({"data": {"what": str(number)}})),
            )[number % 3]
            began = time.perf_counter()
            connection.request(method, path, body=body, headers=head)
            answer = connection.getresponse()
            answer.read()
            self.took.append((began, time.perf_counter() - began))
            if answer.status >= 400:
                self.wrong.append(answer.status)

    def p95(self, since, until):
        return percentile([took for at, took in self.took if since <= at < until], 0.95)


@pytest.mark.parametrize("how", ["serve", "web and worker"])
def test_a_backlog_is_worked_off_and_people_hardly_notice(desk, start, tell, how):
    case = due_soon(desk, seconds=-3600)
    crowd(desk.platform, case, BACKLOG - 1)
    hold(desk)
    tasks = [str(desk.claim(desk.start("two_steps"), "ask")) for _ in range(30)]
    with desk.begin("anna") as work:
        secret = people.token(work, username="anna")
    port = free_port()
    address = {"ANDRUM_BIND": f"127.0.0.1:{port}"}
    processes = [start("serve", **address)] if how == "serve" else [start("web", **address), start("worker")]
    assert wait_until(lambda: health(port), seconds=60)
    everyone = [People(port, secret, tasks[part::3]) for part in range(3)]
    threads = [threading.Thread(target=each.work) for each in everyone]
    for each in threads:
        each.start()
    time.sleep(20)
    released = time.perf_counter()
    release(desk)
    assert settled(desk, timers=BACKLOG, seconds=400)
    done = time.perf_counter()
    for each in everyone:
        each.stop.set()
    for each in threads:
        each.join()
    together = People(port, "", [], took=[each for one in everyone for each in one.took])
    before = together.p95(released - 15, released)
    during = together.p95(released + 1, done)
    rate = BACKLOG / (done - released)
    tell(
        how=how, rate=round(rate), p95_before_ms=round(before * 1000), p95_during_ms=round(during * 1000),
        times=round(during / before, 2), requests=len(together.took),
    )  # fmt: skip
    assert all(each.alive for each in processes)
    assert [status for each in everyone for status in each.wrong] == []
    assert outcome(desk) == {1: BACKLOG}
    assert rate >= RATE
    assert during <= 2 * before


def hold(desk):
    """Let the backlog wait until people have been measured without it."""
    with desk.begin("system") as work:
        work.session.execute(sa.update(Job).values(run_at=None, paused_at=work.now))
        work.session.execute(sa.update(Task).values(warn_at=None))  # people have been warned before


def release(desk):
    with desk.begin("system") as work:
        work.session.execute(sa.update(Job).values(run_at=Job.due_at, paused_at=None))
        assert work.session.scalar(sa.select(sa.func.count()).select_from(Task))
