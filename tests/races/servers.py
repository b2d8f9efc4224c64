"""A real `andrum web` beside the tests, and clients that talk to it over HTTP and remember what they met."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from service.config import Settings

ANDRUM = Path(sys.executable).with_name("andrum")
STARTS = 60.0  # seconds that it may take on a busy machine
PATIENCE = 15.0  # seconds that a client waits for an answer


@dataclass(frozen=True)
class Answer:
    """What a request was answered; status 0 when nobody can know: the connection broke."""

    status: int
    body: dict[str, Any]
    replayed: bool
    began: float
    ended: float

    @property
    def is_unknown(self) -> bool:
        """Tell whether the request may have been done all the same."""
        return self.status == 0 or self.status >= 500


@dataclass
class Server:
    """A server with its worker processes."""

    process: subprocess.Popen[bytes]
    port: int

    def workers(self) -> list[int]:
        """The process ids of its workers."""
        told = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(each) for each in told.split()]

    def kill_a_worker(self, chance: random.Random) -> float:
        """Kill a worker in the middle of what it does; gives when."""
        pid, at = chance.choice(self.workers()), time.monotonic()
        os.kill(pid, signal.SIGKILL)
        return at


@dataclass
class Client:
    """One program that acts for one person and keeps its connection as long as it holds."""

    server: Server
    secret: str
    number: int = 0
    connection: HTTPConnection | None = None

    def post(self, path: str, body: Any = None, *, key: str | None = None) -> Answer:
        """Send a change, and give what is known of it."""
        headers = {"Authorization": f"Bearer {self.secret}", "Content-Type": "application/json"}
        headers |= {"Idempotency-Key": key} if key else {}
        told = json.dumps({} if body is None else body).encode()
        began = time.monotonic()
        try:
            if self.connection is None:
                self.connection = HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE)
                self.connection.connect()
                self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connection.request("POST", f"/api/v1/{path}", told, headers)
            answer = self.connection.getresponse()
            given = json.loads(answer.read() or b"{}")
            replayed = answer.headers.get("Idempotent-Replayed") == "true"
            return Answer(answer.status, given, replayed, began, time.monotonic())
        except (OSError, HTTPException):
            self.close()
            return Answer(0, {}, replayed=False, began=began, ended=time.monotonic())

    def close(self) -> None:
        """Let the connection go."""
        if self.connection is not None:
            self.connection.close()
        self.connection = None


@contextmanager
def serving(settings: Settings, folder: Path, *, workers: int = 1, threads: int = 8) -> Iterator[Server]:
    """Run the service's web processes on a database of a test's own until the block ends."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "ANDRUM_DATA_DIR": settings.data_dir,
        "ANDRUM_DATABASE_URL": settings.database_url,
        "ANDRUM_BIND": f"127.0.0.1:{port}",
        "ANDRUM_WORKERS": str(workers),
        "ANDRUM_THREADS": str(threads),
        "ANDRUM_DEMO": "0",
    }
    log = folder / "server.log"
    with (
        log.open("wb") as told,
        subprocess.Popen(
            [ANDRUM, "web"], env=environment, cwd=folder, stdout=told, stderr=subprocess.STDOUT
        ) as process,
    ):
        server = Server(process, port)
        try:
            wait_for_answers(server, log)
            yield server
        finally:
            process.terminate()


def wait_for_answers(server: Server, log: Path) -> None:
    """Wait until requests are answered."""
    until = time.monotonic() + STARTS
    while Client(server, "nobody").post("tasks").status == 0:
        assert server.process.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.05)  # a process of its own: there is nothing to wait on


def together(*verbs: Any) -> None:
    """Run each verb in a thread of its own; what one of them raises is raised here."""
    raised: list[BaseException] = []

    def run(verb: Any) -> None:
        try:
            verb()
        except BaseException as error:  # noqa: BLE001  told below, in the test's own thread
            raised.append(error)

    threads = [threading.Thread(target=run, args=(verb,)) for verb in verbs]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    if raised:
        raise raised[0]
