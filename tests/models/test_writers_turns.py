"""Writers on SQLite take turns: one that begins again and again leaves room for the others."""

import threading
import time

import pytest
import sqlalchemy as sa

from service.models import base
from service.models.base import connect

WORK = 0.004  # seconds that a greedy writer holds the lock, again and again


@pytest.fixture
def engines(tmp_path):
    """Two connections' worth of engines on one file."""
    made = [connect(f"sqlite:///{tmp_path}/turns.db") for _ in range(2)]
    yield made
    for each in made:
        each.dispose()


def test_a_greedy_writer_that_pauses_for_a_moment_lets_others_in(engines):
    greedy, other = engines
    stop, waits = threading.Event(), []

    def again_and_again():
        pause = threading.Event()
        while not stop.is_set():
            with greedy.begin():
                pause.wait(WORK)
            pause.wait(0.002)

    thread = threading.Thread(target=again_and_again)
    thread.start()
    for _ in range(40):
        began = time.perf_counter()
        with other.begin() as connection:
            connection.execute(sa.select(1))
        waits.append(time.perf_counter() - began)
    stop.set()
    thread.join()
    assert sorted(waits)[-2] < 0.5, sorted(waits)[-5:]


def test_who_waits_in_vain_is_told(engines, monkeypatch):
    monkeypatch.setattr(base, "PATIENCE", 0.05)
    first, second = engines
    with first.begin(), pytest.raises(sa.exc.OperationalError, match="locked"), second.begin():
        pytest.fail("two writers at once")
    with second.begin() as connection:
        assert connection.scalar(sa.select(1)) == 1
