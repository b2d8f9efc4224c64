"""Gunicorn with our settings: workers that answer requests and, for `andrum serve`, one with the scheduler.

That one is a process of its own, so that a backlog of timers and people at work do not wait for each other.
Gunicorn looks after it as after the others: whichever dies comes back.
"""

import gc
import socket
import struct
import threading
from typing import Any

from gunicorn import util
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.workers.gthread import ThreadWorker

from service import scheduler
from service.commands import deployments
from service.rules.permissions import SYSTEM
from service.work import Platform

BEAT = 1.0  # seconds between signs of life to gunicorn
SILENCE = 10  # seconds after which whoever neither sends nor takes in anything is left


class Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn for one platform; threads, since a request mostly waits for the database.

    All that takes time is done before workers fork, so that one that takes a killed one's place answers at
    once.
    """

    def __init__(self, platform: Platform, *, with_scheduler: bool) -> None:
        self.platform = platform
        self.settings = platform.settings
        self.with_scheduler = with_scheduler
        super().__init__()

    def load_config(self) -> None:
        """Give gunicorn its settings."""
        given: dict[str, Any] = {
            "bind": self.settings.bind,
            "workers": int(self.settings.workers) + self.with_scheduler,
            "threads": int(self.settings.threads),
            "worker_class": Worker,
            "preload_app": True,
            "graceful_timeout": 20,
            "keepalive": 5,
            "limit_request_line": 8190,
            "loglevel": "warning",
        }
        if self.with_scheduler:
            given["pre_fork"] = _give_scheduler
        for name, value in given.items():
            self.cfg.set(name, value)

    def run(self) -> None:
        """Serve until told to stop."""
        _Arbiter(self).run()

    def load(self) -> Any:
        """Make the application, with the definitions in force already read."""
        with self.platform.begin(SYSTEM) as work:
            work.definition(deployments.in_force(work))
        self.platform.engine.dispose()  # each worker opens its own connections
        app = util.import_app("service.app:create_app")(platform=self.platform)
        gc.collect()
        gc.freeze()  # all that is here stays: workers share it, and never look through it for garbage
        return app


class _Arbiter(Arbiter):  # type: ignore[misc]
    """The process that starts the others and looks after them."""

    def spawn_workers(self) -> None:
        """Start those that are missing at once: they are few, and made before they fork.

        Gunicorn rests in between, on a clock that libfaketime does not know how to fake.
        """
        for _ in range(self.num_workers - len(self.WORKERS)):
            self.spawn_worker()


class Worker(ThreadWorker):  # type: ignore[misc]
    """A process that answers requests, or the one that has the scheduler."""

    has_scheduler = False

    def run(self) -> None:
        """Work until told to stop."""
        if not self.has_scheduler:
            super().run()
            return
        stop = threading.Event()
        platform: Platform = self.wsgi.extensions["platform"]
        thread = threading.Thread(target=scheduler.run, args=(platform, stop), name="scheduler")
        thread.start()
        while self.alive and thread.is_alive() and self.is_parent_alive():
            self.notify()
            thread.join(BEAT)
        stop.set()  # it ends the job that it is at, and gives back those that it has leased
        while thread.is_alive():
            self.notify()
            thread.join(BEAT)

    def handle(self, conn: Any) -> Any:
        """Answer a request; who falls silent in the middle of it does not keep a thread from the others."""
        for way in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            conn.sock.setsockopt(socket.SOL_SOCKET, way, struct.pack("ll", SILENCE, 0))
        return super().handle(conn)


def _give_scheduler(server: Any, worker: Worker) -> None:
    """Let this worker have the scheduler, unless one that lives has it."""
    worker.has_scheduler = not any(each.has_scheduler for each in server.WORKERS.values())
