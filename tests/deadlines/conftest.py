"""A unit with a head and addresses, cases whose times are counted, a mail server that tests can spoil."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from mailbox import Mailbox, open_mailbox
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
import structlog
from moments import at

from service import scheduler
from service.commands import deployments, people
from service.config import Settings
from service.models.cases import Task
from service.models.jobs import Job
from service.models.notices import Mail, Notice
from service.models.people import User
from service.rules.permissions import SYSTEM
from service.work import Platform, open_platform

ROOT = Path(__file__).parents[2]
TABLES = ("periods", "warnings", "days_off", "move_grounds")
DECIDED = {"decision_on": "2027-03-01", "valid_from": "2027-03-01", "valid_to": "2027-03-30"}


@pytest.fixture(autouse=True)
def logs() -> Iterator[Any]:
    """What the service says in its log."""
    with structlog.testing.capture_logs() as said:
        yield said


@dataclass(frozen=True)
class Office:
    """The unit at work: anna has the case, bo leads the team, petra is the unit's head."""

    desk: Any
    platform: Platform

    def open(self, when: str = "2027-03-01T09:00", **data: Any) -> UUID:
        """Anna opens a case whose times began on 2027-03-01: an appeal due on 22, a permit until 30."""
        with at(when):
            return self.desk.start("counted", **{**DECIDED, **data})

    def warn(self, when: str) -> int:
        """Let the service look for people to warn at a moment."""
        with at(when):
            return scheduler.warn(self.platform)

    def send(self, when: str) -> int:
        """Let the service send its letters at a moment."""
        with at(when):
            return scheduler.send(self.platform)

    def warned(self, case: UUID) -> list[tuple[str, int, list[str]]]:
        """What the history tells of warnings: element, level, to whom."""
        told = self.desk.told(case, "deadline.warned")
        return [(each.element, each.details["level"], each.details["to"]) for each in told]

    def notices(self, who: str) -> list[Notice]:
        """A person's notices, oldest first."""
        with self.desk.begin("system") as work:
            mine = sa.select(Notice).join(User, User.id == Notice.user_id).where(User.username == who)
            return list(work.session.scalars(mine.order_by(Notice.at, Notice.due_at)))

    def letters(self) -> list[Mail]:
        """The outbox, oldest first."""
        with self.desk.begin("system") as work:
            return list(work.session.scalars(sa.select(Mail).order_by(Mail.made_at, Mail.id)))

    def task(self, case: UUID, element: str = "write_appeal") -> Task:
        """An open task's row."""
        with self.desk.begin("system") as work:
            mine = sa.select(Task).where(
                Task.case_id == case, Task.element == element, Task.closed_at.is_(None)
            )
            return work.session.scalars(mine).one()

    def timer(self, case: UUID, element: str = "permit_ends") -> Job:
        """A waiting timer's row."""
        with self.desk.begin("system") as work:
            mine = sa.select(Job).where(Job.case_id == case, Job.element == element)
            return work.session.scalars(mine).one()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A mail server of this test's own."""
    with open_mailbox() as found:
        yield found


@pytest.fixture
def settings(settings: Settings, mailbox: Mailbox) -> Settings:
    """Settings that send e-mail to the test's server."""
    return replace(
        settings,
        smtp_host="127.0.0.1",
        smtp_port=str(mailbox.port),
        smtp_tls="none",
        smtp_from="andrum@example.se",
        public_url="https://andrum.example.se",
    )


@pytest.fixture
def office(desk: Any, platform: Platform) -> Office:
    """The unit at work, with the tables as they are delivered."""
    files = {f"{key}.dmn": (ROOT / "processes" / "case" / f"{key}.dmn").read_bytes() for key in TABLES}
    files["counted.bpmn"] = (Path(__file__).parent / "diagrams" / "counted.bpmn").read_bytes()
    with platform.begin(SYSTEM) as work:
        deployments.deploy(work, files=files, note="Räknade tider")
    with platform.begin(SYSTEM) as work:
        people.set_head(work, unit="norrmalm", username="petra")
        for name in ("anna", "bo", "petra"):
            people.set_address(work, username=name, email=f"{name}@example.se")
        work.session.execute(sa.update(User).values(digest=False))  # who wants the daily list says so
    return Office(desk, platform)


@pytest.fixture
def other_worker(office: Office) -> Iterator[Platform]:
    """A second process on the same database: nothing is shared but that."""
    platform = open_platform(office.platform.settings)
    try:
        yield platform
    finally:
        platform.engine.dispose()
