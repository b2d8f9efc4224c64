"""The real server under a clock that is wrong, is put back, or comes to the nights when it is changed.

libfaketime (Debian: faketime) gives the server another clock than the test has.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
import time_machine
from workers import due_soon, free_port, outcome, wait_until

from service.commands import deployments
from service.models.history import HistoryEvent
from service.models.jobs import Heartbeat, Job

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
STOCKHOLM = ZoneInfo("Europe/Stockholm")
LIBRARY = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)
PUNCTUAL = 2.0  # seconds


@pytest.fixture
def clock(tmp_path):
    """What libfaketime reads, again and again: by how much the server's clock goes wrong."""
    assert LIBRARY, "libfaketime is not installed: apt install faketime"
    return tmp_path / "clock"


@pytest.fixture(params=["worker", "serve"])
def serve(request, start, clock):
    """Start a process whose clock the file sets; what only measures how long things take is left alone."""

    def begin(offset: str):
        clock.write_text(f"{offset}\n")
        faked = {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "TZ": "UTC",
            "ANDRUM_BIND": f"127.0.0.1:{free_port()}",
        }
        return start(request.param, **faked)

    return begin


def fired(desk, case):
    with desk.begin("system") as work:
        mine = sa.select(HistoryEvent).where(HistoryEvent.case_id == case, HistoryEvent.type == "timer.fired")
        return list(work.session.scalars(mine.order_by(HistoryEvent.sequence)))


def late(event):
    return (event.at - datetime.fromisoformat(event.details["due"])).total_seconds()


def waiting(desk, case):
    with desk.begin("system") as work:
        return list(work.session.scalars(sa.select(Job.due_at).where(Job.case_id == case)))


def test_after_thirty_one_days_everything_goes_off_once_the_oldest_first_and_late(desk, serve):
    with desk.begin("system") as work:
        deployments.deploy(work, files=deployments.read_folder(ROOT), note="De riktiga processerna")
    today = datetime.now(STOCKHOLM).date()
    dates = {"valid_from": f"{today}", "valid_to": f"{today + timedelta(days=29)}", "crime": "trafficking"}
    period, rhythm = desk.start("reflection_period", **dates), desk.start("rhythm")
    worker = serve("+31d")
    expected = ["day_10", "day_20", "day_25", "day_28", "permit_ends"]
    assert wait_until(lambda: len(fired(desk, period)) >= 5 and fired(desk, rhythm), seconds=60)
    assert [each.element for each in fired(desk, period)] == expected
    assert "tell_what_applies" in desk.open(period)
    (caught_up,) = fired(desk, rhythm)
    assert caught_up.details["late_seconds"] >= 24 * 86_400 - 60
    assert waiting(desk, rhythm) == []  # its three turns have passed, and none is made up for
    assert worker.alive
    assert worker.errors() == []
    assert {type for type, *_ in desk.story(period)} >= {"timer.fired"}


def test_a_clock_that_is_put_back_two_hours_lets_nothing_go_off_twice_and_stops_nothing(desk, serve, clock):
    worker = serve("+0")
    before = due_soon(desk, seconds=3)
    assert wait_until(lambda: fired(desk, before), seconds=30)
    clock.write_text("-2h\n")
    after, then = due_soon(desk, seconds=-7200 + 5), due_soon(desk, seconds=-7200 + 3600)
    assert wait_until(lambda: fired(desk, after), seconds=40)
    (event,) = fired(desk, after)
    assert 0 <= late(event) <= 6 * PUNCTUAL  # the ticker is set anew after some rests
    assert fired(desk, then) == []
    clock.write_text("+0\n")
    assert wait_until(lambda: fired(desk, then), seconds=30)
    assert [len(fired(desk, each)) for each in (before, after, then)] == [1, 1, 1]
    assert outcome(desk) == {1: 3}
    with desk.begin("system") as work:
        assert work.session.scalar(sa.select(sa.func.count()).select_from(Heartbeat)) == 1
    assert worker.alive
    assert worker.errors() == []


@pytest.mark.parametrize(
    ("begun", "due"),
    [
        ("2027-03-21T03:00:05", "2027-03-28T01:00:05+00:00"),  # summer time begins at two: 167 hours
        ("2027-10-24T03:00:05", "2027-10-31T02:00:05+00:00"),  # it ends at three: 169 hours
    ],
    ids=["into summer", "into winter"],
)
def test_a_week_over_the_night_when_the_clocks_change_ends_at_the_same_hour(desk, serve, begun, due):
    moment, due = datetime.fromisoformat(begun).replace(tzinfo=STOCKHOLM), datetime.fromisoformat(due)
    with time_machine.travel(moment, tick=False):
        case = desk.start("rhythm")
    assert waiting(desk, case) == [due]
    began = due - timedelta(seconds=20)
    worker = serve(f"{(began - datetime.now(UTC)).total_seconds():+.0f}")
    assert fired(desk, case) == []
    assert wait_until(lambda: fired(desk, case), seconds=60)
    (event,) = fired(desk, case)
    assert 0 <= late(event) <= PUNCTUAL
    assert waiting(desk, case) == [due + timedelta(days=7)]
    assert worker.alive
    assert worker.errors() == []
