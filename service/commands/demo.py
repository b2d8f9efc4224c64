"""The demo: invented people who use the service and invented cases at every stage, made by the commands."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from service.commands import cases, documents, people, tasks, trainings
from service.models.cases import Case, Task
from service.models.documents import DocumentKind
from service.models.people import User
from service.rules.permissions import SYSTEM, Actor, Protection, Role
from service.work import Platform, UnitOfWork

PASSWORD = "andas ut i lugn och ro"  # noqa: S105  of the demo alone, and said in the README
UNITS = {"norrmalm": "Norrmalm", "farsta": "Farsta"}
USERS: tuple[tuple[str, str, Role, str], ...] = (
    ("anna", "Anna Demo", Role.CASEWORKER, "norrmalm"),
    ("bo", "Bo Demo", Role.TEAM_LEADER, "norrmalm"),
    ("petra", "Petra Demo", Role.PROCESS_OWNER, "norrmalm"),
    ("greta", "Greta Demo", Role.AUDITOR, "norrmalm"),
    ("sam", "Sam Demo", Role.ADMINISTRATOR, "norrmalm"),
    ("elin", "Elin Demo", Role.CASEWORKER, "farsta"),
)
DELEGATE = "bo"
DELEGATIONS = ("reflection-period-application", "reflection-period-appeal")
TRAININGS = (  # who, where, what, days ago, days it is valid
    ("anna", "norrmalm", "Grundutbildning om människohandel (påhittad)", 200, 730),
    ("bo", "norrmalm", "Grundutbildning om människohandel (påhittad)", 900, 730),
    ("bo", "norrmalm", "Betänketid för den som skriver under (påhittad)", 90, None),
    ("elin", "farsta", "Grundutbildning om människohandel (påhittad)", 30, 730),
)
LEADERS = {"norrmalm": "bo", "farsta": "elin"}
WORKERS = {"norrmalm": "anna", "farsta": "elin"}
CASES = Path(__file__).with_name("demo_cases.json")


@dataclass(frozen=True)
class Seeded:
    """How much of the demo there is now."""

    users: int
    cases: int


def seed(platform: Platform) -> Seeded:
    """Make the demo's people and cases, unless they are there already."""
    with platform.begin(SYSTEM) as work:
        known = work.session.scalar(sa.select(User.id).where(User.username == DELEGATE))
    if known is None:
        _people(platform)
        for told in json.loads(CASES.read_text(encoding="utf-8")):
            _case(platform, told)
    with platform.begin(SYSTEM) as work:
        count = work.session.scalar(sa.select(sa.func.count()).select_from(Case)) or 0
    return Seeded(len(USERS), count)


def _people(platform: Platform) -> None:
    with platform.begin(SYSTEM) as work:
        for key, name in UNITS.items():
            people.add_unit(work, key=key, name=name)
    with platform.begin(SYSTEM) as work:
        for username, name, role, unit in USERS:
            people.add_user(work, username=username, name=name, password=PASSWORD, grants=[(role, unit)])
    with platform.begin(SYSTEM) as work:
        for code in DELEGATIONS:
            people.delegate(
                work,
                username=DELEGATE,
                code=code,
                position="Gruppledare (påhittad)",
                unit="norrmalm",
                valid_from=work.today - timedelta(days=400),
                basis="Nämndens delegationsordning (påhittad)",
            )
    with platform.begin(SYSTEM) as work:
        for username, unit, course, ago, lasts in TRAININGS:
            given = work.today - timedelta(days=ago)
            until = given + timedelta(days=lasts) if lasts else None
            trainings.register(
                work, username=username, unit=unit, course=course, given_on=given, valid_until=until
            )


def _case(platform: Platform, told: Mapping[str, Any]) -> None:
    """Walk one case as far as its story goes; every step is a unit of work of the person whose task it is."""
    unit: str = told["unit"]
    actors = {"worker": _actor(platform, WORKERS[unit]), "leader": _actor(platform, LEADERS[unit])}
    worker = actors["worker"]
    with platform.begin(worker) as work:
        case_id = cases.start(work, "case", unit=unit)
    with platform.begin(SYSTEM) as work:
        cases.transfer(work, case_id, owner=worker.username, reason="Handläggare i demon")
    for step in told["steps"]:
        with platform.begin(actors[step["by"]]) as work:
            _do(work, case_id, step)
    for paper in told.get("documents", ()):
        with platform.begin(worker) as work:
            kind, content = DocumentKind(paper["kind"]), paper["text"].encode()
            documents.add(work, case_id, kind=kind, content=content, title=paper["title"])
    if told["protected"]:
        with platform.begin(SYSTEM) as work:
            cases.protect(
                work, case_id, protection=Protection.PROTECTED, reason="Skyddade personuppgifter (påhittat)"
            )


def _do(work: UnitOfWork, case_id: UUID, step: Mapping[str, Any]) -> None:
    wanted = [Task.case_id == case_id, Task.element == step["element"], Task.closed_at.is_(None)]
    if "right" in step:
        wanted.append(Task.right == step["right"])
    task_id = work.session.scalars(sa.select(Task.id).where(*wanted).order_by(Task.opened_at)).first()
    if task_id is None:
        raise LookupError(f"the demo wants to do {step['element']}, which is not open")
    tasks.claim(work, task_id)
    tasks.complete(work, task_id, answers=_dated(step["data"], work.today))


def _dated(value: Any, today: date) -> Any:
    """Turn the story's days (`@-17`: seventeen days ago) into dates."""
    if isinstance(value, str) and value.startswith("@"):
        return (today + timedelta(days=int(value[1:]))).isoformat()
    if isinstance(value, dict):
        return {key: _dated(each, today) for key, each in value.items()}
    if isinstance(value, list):
        return [_dated(each, today) for each in value]
    return value


def _actor(platform: Platform, username: str) -> Actor:
    with platform.begin(SYSTEM) as work:
        return people.actor(work, username=username)
