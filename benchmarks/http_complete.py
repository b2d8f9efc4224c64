"""What completing a task costs over HTTP: one client, gunicorn, SQLite with every commit on disk.

Run `python benchmarks/http_complete.py`. It starts `andrum serve` on an empty folder, opens cases of the
service's own process `case`, and completes their first tasks as a caseworker would by token, with every form
filled. Beside it stand the same tasks completed in this process, and a bare commit of the same rows: the very
statements that change something, sent again to a copy of the database without any service around them. The
best of several rounds counts, since others may use the machine. Ends with status 1 when the bound is broken.
"""

import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import sqlalchemy as sa
from filling import filled

from service.commands import cases, people, tasks
from service.config import Settings
from service.engine import workflow
from service.models.base import connect
from service.models.cases import ProcessInstance, Task
from service.rules.permissions import SYSTEM
from service.work import Platform, UnitOfWork, open_platform

ROOT = Path(__file__).parents[1]
BOUND = 12.0  # ms, p50
ROUNDS, CASES = 5, 8  # cases in a round
TASKS = 6  # that one caseworker can do in the beginning of a case
PASSWORD = "en lång mening om havet"  # noqa: S105
ANDRUM = Path(sys.executable).parent / "andrum"
Rows = list[tuple[str, Any]]  # statements with their parameters


def main() -> int:
    with TemporaryDirectory(prefix="andrum-bench-") as folder:
        settings = Settings(data_dir=folder, bind=f"127.0.0.1:{free_port()}")
        secret = prepare(settings)
        platform = open_platform(settings)
        opened = open_cases(platform, 2 * ROUNDS * CASES)
        ours, theirs = opened[: ROUNDS * CASES], opened[ROUNDS * CASES :]
        copy = copied(settings)
        inside, written = in_process(platform, ours)
        over_http, bare = [], []
        with serving(settings, secret) as client:
            walk(platform, client, [open_cases(platform, 1)[0]])  # the server parses its definitions once
            for number in range(ROUNDS):
                part = slice(number * CASES, (number + 1) * CASES)
                over_http.append(walk(platform, client, theirs[part]))
                bare.append(replayed(copy, [rows for case in ours[part] for rows in written[case]]))
        platform.engine.dispose()
        return told(over_http, inside, bare)


def told(over_http: list[list[float]], inside: list[float], bare: list[list[float]]) -> int:
    """Print the table; give the exit status."""
    best, floor = min(over_http, key=median), min(bare, key=median)
    load = ", ".join(f"{each:.2f}" for each in os.getloadavg())
    print(f"{len(best)} tasks a round, best of {ROUNDS} rounds; {os.cpu_count()} cores, load {load}")
    print(f"{'':50}{'p50':>9}{'p95':>9}{'ratio':>8}")
    for what, costs in (
        ("a bare commit of the same rows", floor),
        ("completing a task, in this process", inside),
        ("completing a task, over HTTP", best),
    ):
        ratio = median(costs) / median(floor)
        print(f"{what:50}{median(costs):7.2f}ms{quantiles(costs, n=20)[-1]:7.2f}ms{ratio:8.2f}")
    rounds = ", ".join(f"{median(each):.2f}" for each in over_http)
    holds = median(best) <= BOUND
    print(f"over HTTP, p50 of each round: {rounds} ms; bound: {BOUND:g} ms{'' if holds else '  BROKEN'}")
    return 0 if holds else 1


def prepare(settings: Settings) -> str:
    """Set an installation up as an operator does; give a token of its caseworker."""
    grants = ["--role", "caseworker:norrmalm", "--role", "team_leader:norrmalm"]
    run(settings, "user", "add", "anna", "--name", "Anna Ek", *grants, "--password", PASSWORD)
    return run(settings, "token", "anna").strip()


def open_cases(platform: Platform, number: int) -> list[UUID]:
    """Open cases as the caseworker."""
    found = []
    for _ in range(number):
        with acting(platform) as work:
            found.append(cases.start(work, "case", unit="norrmalm", data={}))
    return found


@dataclass(frozen=True)
class Next:
    """A task that is ready to be completed, with the answers for its form."""

    id: UUID
    answers: Mapping[str, Any]


def ready(platform: Platform, case_id: UUID) -> Next:
    """Find the case's first open task and fill its form: not part of what is measured."""
    with acting(platform) as work:
        task = work.session.scalars(
            sa.select(Task)
            .where(Task.case_id == case_id, Task.closed_at.is_(None))
            .order_by(Task.opened_at, Task.element)
        ).first()
        assert task is not None
        return Next(task.id, answers(work, task))


def answers(work: UnitOfWork, task: Task) -> Mapping[str, Any]:
    """Fill the form of a task."""
    case, instances = work.lock(task.case_id)
    instance: ProcessInstance = next(each for each in instances if each.id == task.instance_id)
    definition = work.definition(instance.deployment_id)
    element = definition.processes[task.process].elements[task.element]
    assert element.form is not None
    data = workflow.task_data(definition, work.snapshot(case, instance), task=task.id)
    return filled(definition.forms[element.form], moment=work.moment, data=data)


def in_process(platform: Platform, every: Sequence[UUID]) -> tuple[list[float], dict[UUID, list[Rows]]]:
    """Complete tasks without HTTP; give what each cost, and what each wrote, by case."""
    costs: list[float] = []
    written: dict[UUID, list[Rows]] = {case_id: [] for case_id in every}
    for case_id in every:
        for _ in range(TASKS):
            with heard(platform.engine) as between:
                found = ready(platform, case_id)
                with acting(platform) as work:
                    tasks.claim(work, found.id)
            with heard(platform.engine) as rows:
                begun = time.perf_counter()
                with acting(platform) as work:
                    tasks.complete(work, found.id, answers=found.answers)
                costs.append((time.perf_counter() - begun) * 1e3)
            written[case_id] += [between, rows]
    return costs, written


def replayed(path: Path, every: Sequence[Rows]) -> list[float]:
    """Send what was written again, to a copy; give what each completion's commit cost."""
    costs = []
    engine = connect(f"sqlite:///{path}")
    with engine.connect() as connection, closing(sqlite3.connect(path, isolation_level=None)) as bare:
        driver = connection.connection.driver_connection
        assert driver is not None
        for pragma in ("journal_mode", "synchronous", "secure_delete", "foreign_keys"):
            bare.execute(f"PRAGMA {pragma}={driver.execute(f'PRAGMA {pragma}').fetchone()[0]}")
        connection.rollback()
        for number, rows in enumerate(every):
            begun = time.perf_counter()
            bare.execute("BEGIN IMMEDIATE")
            for statement, parameters in rows:
                bare.execute(statement, parameters)
            bare.execute("COMMIT")
            if number % 2:  # the others only take the task
                costs.append((time.perf_counter() - begun) * 1e3)
    engine.dispose()
    return costs


@dataclass
class Client:
    """One program that keeps its connection."""

    connection: HTTPConnection
    secret: str
    headers: dict[str, str] = field(default_factory=dict)

    def post(self, path: str, body: Any) -> float:
        """Send a change; give what it cost in ms."""
        told = json.dumps(body, ensure_ascii=False).encode()
        headers = {"Authorization": f"Bearer {self.secret}", "Content-Type": "application/json"}
        begun = time.perf_counter()
        self.connection.request("POST", f"/api/v1{path}", told, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        cost = (time.perf_counter() - begun) * 1e3
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {text.decode()}")
        return cost


def walk(platform: Platform, client: Client, every: Sequence[UUID]) -> list[float]:
    """Take and complete the first tasks of some cases over HTTP; give what each completion cost."""
    costs = []
    for case_id in every:
        for _ in range(TASKS):
            found = ready(platform, case_id)
            client.post(f"/tasks/{found.id}/claim", {})
            costs.append(client.post(f"/tasks/{found.id}/complete", {"data": found.answers}))
    return costs


@contextmanager
def serving(settings: Settings, secret: str) -> Iterator[Client]:
    """Run the service as an operator does."""
    host, _, port = settings.bind.partition(":")
    with subprocess.Popen([ANDRUM, "serve"], env=environment(settings), cwd=ROOT) as server:
        try:
            connection = HTTPConnection(host, int(port), timeout=30)
            for _ in range(300):
                try:
                    connection.connect()
                    break
                except OSError:
                    time.sleep(0.1)
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield Client(connection, secret)
            connection.close()
        finally:
            server.terminate()


@contextmanager
def acting(platform: Platform) -> Iterator[UnitOfWork]:
    """Act as the caseworker."""
    with platform.begin(SYSTEM) as work:
        work.actor = people.actor(work, username="anna")
        yield work


@contextmanager
def heard(engine: sa.Engine) -> Iterator[Rows]:
    """Write down the statements that change something, as they go to the database."""
    rows: Rows = []

    def listen(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: Any) -> None:
        if statement.split(None, 1)[0] in {"INSERT", "UPDATE", "DELETE"}:
            rows.extend((statement, each) for each in (parameters if many else [parameters]))

    sa.event.listen(engine, "before_cursor_execute", listen)
    try:
        yield rows
    finally:
        sa.event.remove(engine, "before_cursor_execute", listen)


def copied(settings: Settings) -> Path:
    """Copy the database as it is now."""
    path = settings.folder / "copy.db"
    with (
        closing(sqlite3.connect(settings.folder / "andrum.db")) as source,
        closing(sqlite3.connect(path)) as copy,
    ):
        source.backup(copy)
    return path


def run(settings: Settings, *arguments: str) -> str:
    command = [ANDRUM, *arguments]
    done = subprocess.run(command, env=environment(settings), check=True, capture_output=True, text=True)
    return done.stdout


def environment(settings: Settings) -> dict[str, str]:
    return {
        **os.environ,
        "ANDRUM_DATA_DIR": settings.data_dir,
        "ANDRUM_BIND": settings.bind,
        "ANDRUM_DEMO": "0",
    }


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())
