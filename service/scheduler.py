"""The clock's hand: lets due jobs of the job table go off. APScheduler only ticks; it holds no deadline.

Beside it, in threads of their own so that no timer waits for them: warnings and daily lists, and the e-mail.
"""

import logging
import math
import os
import secrets
import socket
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from time import monotonic
from uuid import UUID

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from service import post as post_office
from service.commands import checkpoints, digests, jobs, mail, stuck, upkeep, warnings
from service.commands.jobs import Lease
from service.commands.mail import Outgoing
from service.config import Settings
from service.errors import Conflict, Invalid, ServiceError, Unavailable
from service.models.jobs import LEASE
from service.rules.permissions import SYSTEM
from service.work import Platform

EVERY = 1.0  # seconds between polls
RESTS = 5  # ticks without a poll that are too many
BEAT = 10.0  # seconds between heartbeats
LOOK = 300.0  # seconds between looks for cases that stand still
SWEEP = 3600.0  # seconds between sweeps
WARN = 5.0  # seconds between looks for people to warn, and for letters to send
GOODBYE = 25.0  # seconds that a letter under way may take when told to stop
SIGN = 3600.0  # seconds between signed checkpoints
BREATH = 0.2  # of the time that a job took: left to people before the next one
LONGEST = 0.02  # seconds of such a rest
USABLE = LEASE.total_seconds() / 2  # seconds of a lease before what is left of it is given back
AWAY = (1.0, 2.0, 5.0, 10.0)  # seconds to leave a database alone that does not answer, again and again

log = structlog.get_logger(__name__)


def run(platform: Platform, stop: threading.Event) -> None:
    """Poll until `stop` is set. Any number of workers may, on one database: each timer goes off once."""
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # that a long poll skips ticks is no news
    hand, ticker = _Hand(platform, stop), BackgroundScheduler(timezone=UTC)
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
    beside = [_start(platform, stop, each) for each in (warn, send)]
    try:
        while not stop.wait(EVERY):
            if (
                hand.rests()
            ):  # the computer's clock was put back, and the ticker waits for what it said before
                ticker.reschedule_job("tick", trigger="interval", seconds=EVERY)
    finally:
        stop.set()
        ticker.shutdown(wait=True)
        for each in beside:
            each.join(GOODBYE)


def tick(platform: Platform) -> int:
    """Run all that is due, the oldest first, each job in a unit of work of its own; gives how many went off.

    A job that fails leaves nothing behind but a counted attempt. Raises `Unavailable` when the database is
    away.
    """
    return _Hand(platform, threading.Event(), keeps_house=False).work()


def warn(platform: Platform, stop: threading.Event | None = None) -> int:
    """Give all warnings that are due, then the daily lists, one by one; gives how many of both."""
    done = 0
    while not _stops(stop):
        began = monotonic()
        if not _warn_one(platform):
            break
        done += 1
        if stop is not None:  # many warnings take at most half of the time: the rest is for timers
            stop.wait(monotonic() - began)
    while not _stops(stop) and _list_one(platform):
        done += 1
    return done


def send(platform: Platform, stop: threading.Event | None = None) -> int:
    """Send the letters that wait, the oldest first, with no transaction open; gives how many left.

    Does nothing while no mail server is set.
    """
    left, server = 0, _server(platform.settings)
    while server is not None and not _stops(stop):
        with platform.begin(SYSTEM) as work:
            settled = mail.settle(work)
            letter = None if settled else mail.take(work)
        if letter is not None:
            left += _send_one(platform, server, letter)
        elif not settled:
            break
    return left


class _Hand:
    """One worker: its poll, the lease that it works on, and what it does now and then beside it."""

    def __init__(self, platform: Platform, stop: threading.Event, *, keeps_house: bool = True) -> None:
        self._platform = platform
        self._stop = stop
        self._worker = f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._lease: Lease | None = None
        self._left: deque[UUID] = deque()  # of the lease, not run yet
        self._leased = self._moved = monotonic()
        last = -math.inf if keeps_house else math.inf
        self._beaten = self._looked = self._swept = self._signed = last
        self._silent, self._again = 0, 0.0  # polls that the database did not answer; when to ask again

    def move(self) -> None:
        """Poll once. A database that is away is told in the log, once, and asked less and less often."""
        self._moved = monotonic()
        if self._moved < self._again:
            return
        try:
            if fired := self.work():
                log.info("timers went off", fired=fired)
        except Unavailable as error:
            self._rest(error)
        except ServiceError as error:
            log.warning("the scheduler could not poll", code=error.code, reason=error.message)
        except Exception:
            log.exception("the scheduler could not poll")
        self._moved = monotonic()

    def rests(self) -> bool:
        """Tell whether it has not moved for several ticks."""
        return monotonic() - self._moved > RESTS * EVERY

    def work(self) -> int:
        """Run what is due until nothing is, or until told to stop; gives how many went off."""
        fired = 0
        try:
            while self._has_some() and not self._stop.is_set():
                began = monotonic()
                fired += self._run(self._left[0])
                self._left.popleft()
                self._moved = monotonic()
                self._stop.wait(min(LONGEST, BREATH * (self._moved - began)))
        finally:
            if self._stop.is_set():
                self._give_back()
        return fired

    def _has_some(self) -> bool:
        """Have a job to run, of the lease in hand or of a new one."""
        if self._left and monotonic() - self._leased > USABLE:
            self._give_back()
        if self._left:
            return True
        with self._platform.begin(SYSTEM) as work:
            self._leased, beaten = monotonic(), self._beaten
            self._lease = jobs.lease(work, worker=self._worker)
            if monotonic() - self._beaten >= BEAT:
                upkeep.beat(work, worker=self._worker)
                beaten = monotonic()
        self._beaten = beaten
        if self._lease is not None:
            self._left.extend(self._lease.jobs)
        if self._silent:
            log.info("the database answers again", polls=self._silent)
            self._silent = 0
        self._now_and_then()
        return bool(self._left)

    def _run(self, job_id: UUID) -> bool:
        """Run one job of the lease; tells whether it went off."""
        if self._lease is None:
            return False
        try:
            with self._platform.begin(SYSTEM) as work:
                return jobs.fire(work, job_id, self._lease)
        except Exception as error:  # noqa: BLE001  whatever it is, it is counted and told
            with self._platform.begin(SYSTEM) as work:
                jobs.failed(work, job_id, error, lease=self._lease)
            _tell(job_id, error)
            return False

    def _give_back(self) -> None:
        if self._lease is not None and self._left:
            with self._platform.begin(SYSTEM) as work:
                jobs.give_back(work, replace(self._lease, jobs=tuple(self._left)))
        self._lease, self._left = None, deque()

    def _now_and_then(self) -> None:
        """Look after the rest; with a lease in hand, so that a backlog is not taken for standing still."""
        if monotonic() - self._looked >= LOOK:
            self._looked = monotonic()
            self._look()
        if monotonic() - self._swept >= SWEEP:
            self._swept = monotonic()
            with self._platform.begin(SYSTEM) as work:
                upkeep.sweep(work)
        if monotonic() - self._signed >= SIGN:
            self._signed = monotonic()
            self._sign()

    def _sign(self) -> None:
        """Sign a checkpoint over all that has happened, and write it outside the database."""
        try:
            with self._platform.begin(SYSTEM) as work:
                signed = checkpoints.take(work)
        except Conflict as error:
            log.warning("no checkpoint was signed", reason=error.message)
        else:
            checkpoints.publish(self._platform, signed)

    def _look(self) -> None:
        """Look for cases that stand still, and tell people of each."""
        with self._platform.begin(SYSTEM) as work:
            found = stuck.find(work)
        for case_id in found:
            log.error("a case stands still", case=str(case_id))
            with self._platform.begin(SYSTEM) as work:
                stuck.report(work, case_id)

    def _rest(self, error: Unavailable) -> None:
        pause = AWAY[min(self._silent, len(AWAY) - 1)]
        if not self._silent:
            log.warning("the database does not answer; it is asked again and again", reason=error.message)
        self._silent += 1
        self._again = monotonic() + pause


def _start(
    platform: Platform, stop: threading.Event, work: Callable[[Platform, threading.Event], int]
) -> threading.Thread:
    """Do something again and again, in a thread of its own, until told to stop."""

    def again() -> None:
        waits = ""  # what it waits for is told once
        while not stop.wait(WARN):
            try:
                work(platform, stop)
                waits = ""
            except ServiceError as error:
                if error.message != waits:
                    log.warning("the work beside the clock waits", code=error.code, reason=error.message)
                waits = error.message
            except Exception:
                log.exception("the work beside the clock failed")

    thread = threading.Thread(target=again, name=work.__name__, daemon=True)
    thread.start()
    return thread


def _stops(stop: threading.Event | None) -> bool:
    return stop is not None and stop.is_set()


def _warn_one(platform: Platform) -> bool:
    """Warn about one deadline; False when none is left. One that fails is put off and told."""
    due: warnings.Due | None = None
    try:
        with platform.begin(SYSTEM) as work:
            due = warnings.take(work)
            if due is None:
                return False
            warnings.give(work, due)
    except Exception as error:
        if due is None or isinstance(error, Unavailable | Conflict):
            raise
        with platform.begin(SYSTEM) as work:
            warnings.failed(work, due, error)
        log.exception("a warning failed", case=str(due.case_id), error=type(error).__name__)
    return True


def _list_one(platform: Platform) -> bool:
    """Make one person's daily list; False when all have theirs. One that fails is left out for today."""
    user_id: UUID | None = None
    try:
        with platform.begin(SYSTEM) as work:
            user_id = digests.take(work)
            if user_id is None:
                return False
            digests.make(work, user_id)
    except Exception as error:
        if user_id is None or isinstance(error, Unavailable | Conflict):
            raise
        with platform.begin(SYSTEM) as work:
            digests.skip(work, user_id)
        log.exception("a daily list failed", user=str(user_id), error=type(error).__name__)
    return True


def _send_one(platform: Platform, server: post_office.Server, letter: Outgoing) -> bool:
    told = post_office.Letter(str(letter.id), letter.to, letter.subject, letter.text, letter.at)
    try:
        post_office.send(server, told)
    except ServiceError as error:
        for_good = isinstance(error, Invalid)
        log.warning("a letter did not leave", letter=str(letter.id), reason=error.message, for_good=for_good)
        with platform.begin(SYSTEM) as work:
            mail.failed(work, letter.id, letter.lease, trouble=error.message, for_good=for_good)
        return False
    with platform.begin(SYSTEM) as work:
        if not mail.sent(work, letter.id, letter.lease):
            log.warning("a letter left after its lease had run out; it may go again", letter=str(letter.id))
    return True


def _server(settings: Settings) -> post_office.Server | None:
    """The mail server that the settings name; its password is read anew, so that it can be changed."""
    if not settings.smtp_host:
        return None
    password = ""
    if settings.smtp_password_file:
        try:
            password = Path(settings.smtp_password_file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise Unavailable(f"ANDRUM_SMTP_PASSWORD_FILE cannot be read: {type(error).__name__}.") from error
    return post_office.Server(
        host=settings.smtp_host,
        port=int(settings.smtp_port),
        sender=settings.smtp_from,
        tls=settings.smtp_tls,
        user=settings.smtp_user,
        password=password,
    )


def _tell(job_id: UUID, error: Exception) -> None:
    """Log that a job failed: what we have words for in words, the rest with its trace."""
    if isinstance(error, ServiceError):
        log.warning("a job failed", job=str(job_id), code=error.code)
    else:
        log.error("a job failed", job=str(job_id), error=type(error).__name__, exc_info=error)
