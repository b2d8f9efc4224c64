"""Real processes of the service beside a test, what they say, and what their timers came to."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen
from uuid import UUID

import sqlalchemy as sa
import time_machine

from service.models.history import HistoryEvent
from service.models.jobs import Job

ANDRUM = Path(sys.executable).parent / "andrum"
READY = re.compile(r"The scheduler is running|Andrum is running")
FIRED = re.compile(r"timers went off.*?fired=(\d+)")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Process:
    """One process of the service and what it says."""

    popen: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        for line in self.popen.stdout or ():
            self.said.append(COLOURS.sub("", line))

    @property
    def alive(self) -> bool:
        return self.popen.poll() is None

    @property
    def fired(self) -> int:
        """How many timers this process let go off, as its log says."""
        return sum(int(number) for line in self.said for number in FIRED.findall(line))

    def errors(self) -> list[str]:
        return [line for line in self.said if re.search(r"\[(error|warning|critical)|Traceback", line)]

    def stop(self) -> int:
        """Ask it to end, as an operator does; gives its exit code."""
        self.popen.terminate()
        code = self.popen.wait(timeout=60)
        self._close()
        return code

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait(timeout=60)
        self._close()

    def _close(self) -> None:
        self.reader.join(timeout=10)
        if self.popen.stdout:
            self.popen.stdout.close()


def wait_until(true: Callable[[], Any], *, seconds: float, every: float = 0.05) -> bool:
    """Look again and again for some seconds: nothing else tells what another process has done."""
    end, pause = time.monotonic() + seconds, threading.Event()
    while not true():
        if time.monotonic() > end:
            return False
        pause.wait(every)
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def health(port: int) -> dict[str, Any]:
    """What the watchdog says, also when it is alarmed."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/deadlines/health", timeout=30) as answer:
            return dict(json.load(answer))
    except URLError as error:
        read = getattr(error, "read", None)
        return dict(json.loads(read())) if read else {}


def due_soon(desk: Any, *, seconds: float) -> UUID:
    """Open a case whose timer, once a week, is due so many seconds from now."""
    here = datetime.now(UTC).astimezone(desk.platform.settings.zone) + timedelta(seconds=seconds)
    here = here.replace(
        microsecond=here.microsecond // 1000 * 1000 + 7
    )  # written with as many digits, always
    with time_machine.travel(here - timedelta(days=7), tick=False):
        return desk.start("rhythm", who="elin", unit="farsta")


def settled(desk: Any, *, timers: int, seconds: float) -> bool:
    """Wait until so many timers have gone off, and none is left that is due."""

    def done() -> bool:
        with desk.begin("system") as work:
            went_off = sa.select(sa.func.count()).where(HistoryEvent.type == "timer.fired")
            due = sa.select(sa.func.count()).where(Job.run_at <= work.now)
            return (work.session.scalar(went_off) or 0) >= timers and not work.session.scalar(due)

    return wait_until(done, seconds=seconds, every=0.5)


def outcome(desk: Any) -> Counter[int]:
    """How many cases have how many timers that went off."""
    went_off = (
        sa.select(sa.func.count().label("n"))
        .where(HistoryEvent.type == "timer.fired")
        .group_by(HistoryEvent.case_id)
        .subquery()
    )
    with desk.begin("system") as work:
        rows = work.session.execute(sa.select(went_off.c.n, sa.func.count()).group_by(went_off.c.n))
        return Counter(dict(map(tuple, rows)))


def lateness(desk: Any) -> list[float]:
    """How many seconds after its instant each timer's firing was written down, sorted."""
    with desk.begin("system") as work:
        rows = work.session.execute(
            sa.select(HistoryEvent.at, HistoryEvent.details).where(HistoryEvent.type == "timer.fired")
        )
        return sorted((at - datetime.fromisoformat(details["due"])).total_seconds() for at, details in rows)


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def load() -> str:
    return f"load {os.getloadavg()[0]:.1f}"
