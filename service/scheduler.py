"""The clock's hand: lets due jobs of the job table go off. APScheduler only ticks; it holds no deadline."""

import os
import socket
import threading
from datetime import UTC
from time import monotonic
from uuid import UUID

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from service.commands import jobs, upkeep
from service.errors import ServiceError
from service.rules.permissions import SYSTEM
from service.work import Platform

EVERY = 1.0  # seconds between polls
RESTS = 5  # ticks without a poll that are too many
BEAT = 10.0  # seconds between heartbeats
SWEEP = 3600.0  # seconds between sweeps

log = structlog.get_logger(__name__)


def run(platform: Platform, stop: threading.Event) -> None:
    """Poll until `stop` is set. Any number of workers may, on one PostgreSQL: each timer goes off once."""
    hand, ticker = _Hand(platform), BackgroundScheduler(timezone=UTC)
    ticker.add_job(
        hand.move,
        "interval",
        id="tick",
        seconds=EVERY,
        coalesce=True,
        max_instances=1,
        misfire_grace_time=None,
    )
    ticker.start()
    try:
        while not stop.wait(EVERY):
            if (
                hand.rests()
            ):  # the computer's clock was put back, and the ticker waits for what it said before
                ticker.reschedule_job("tick", trigger="interval", seconds=EVERY)
    finally:
        ticker.shutdown(wait=True)


def tick(platform: Platform) -> int:
    """Run all that is due, the oldest first, each job in a unit of work of its own; gives how many went off.

    A job that fails leaves nothing behind but a counted attempt. Raises `Unavailable` when the database is
    away.
    """
    fired = 0
    while (done := _one(platform)) is not None:
        fired += done
    return fired


class _Hand:
    """One worker's poll, and what it does now and then beside it."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._worker = f"{socket.gethostname()}:{os.getpid()}"[:64]
        self._beaten = self._swept = -SWEEP
        self._moved = monotonic()

    def move(self) -> None:
        """Poll once; a database that is away is told in the log, and asked again at the next tick."""
        try:
            self._now_and_then()
            while _one(self._platform) is not None:
                self._now_and_then()  # a long backlog is no silence
        except ServiceError as error:
            log.warning("the scheduler could not poll", code=error.code, reason=error.message)
        except Exception:
            log.exception("the scheduler could not poll")
        self._moved = monotonic()

    def rests(self) -> bool:
        """Tell whether it has not moved for several ticks."""
        return monotonic() - self._moved > RESTS * EVERY

    def _now_and_then(self) -> None:
        if monotonic() - self._beaten >= BEAT:
            with self._platform.begin(SYSTEM) as work:
                upkeep.beat(work, worker=self._worker)
            self._beaten = monotonic()
        if monotonic() - self._swept >= SWEEP:
            with self._platform.begin(SYSTEM) as work:
                upkeep.sweep(work)
            self._swept = monotonic()


def _one(platform: Platform) -> bool | None:
    """Run the job that has waited longest: True when it went off, False when not, None when none is due."""
    job_id: UUID | None = None
    try:
        with platform.begin(SYSTEM) as work:
            job_id = jobs.take(work)
            if job_id is None:
                return None
            jobs.fire(work, job_id)
    except Exception as error:
        if job_id is None:
            raise
        _tell(job_id, error)
        with platform.begin(SYSTEM) as work:
            jobs.failed(work, job_id, error)
        return False
    return True


def _tell(job_id: UUID, error: Exception) -> None:
    """Log that a job failed: what we have words for in words, the rest with its trace."""
    if isinstance(error, ServiceError):
        log.warning("a job failed", job=str(job_id), code=error.code)
    else:
        log.error("a job failed", job=str(job_id), error=type(error).__name__, exc_info=error)
