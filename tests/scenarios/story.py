"""A whole case as people live it: each step a command of the right person, the scheduler ticking."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import time_machine
from journey import filled

from service import scheduler
from service.commands import cases, messages, tasks
from service.models.cases import Case, CaseStatus, Task
from service.models.jobs import AwaitedMessage, Incident, IncidentState, Job
from service.queries import casefile, history, worklist
from service.queries.casefile import CaseFile
from service.rules.permissions import SYSTEM, Actor
from service.work import Platform

ZONE = ZoneInfo("Europe/Stockholm")


class Story:
    """One case, and the clock that it lives by."""

    def __init__(self, platform: Platform, crew: SimpleNamespace, clock: time_machine.Traveller) -> None:
        self.platform, self.crew, self.clock = platform, crew, clock
        self.fired: list[str] = []
        with platform.begin(crew.anna) as work:
            self.id = cases.start(work, "case", unit="norrmalm")
        self._holds()

    def do(
        self, element: str, *, right: str | None = None, who: str | None = None, **answers: Any
    ) -> "Story":
        """Take an open task and complete it; what the form requires and nobody answered is filled in."""
        task = self.task(element, right=right)
        actor = getattr(self.crew, who or ("bo" if task.role == "team_leader" else "anna"))
        with self.platform.begin(actor) as work:
            if task.assignee_id is None:
                tasks.claim(work, task.id)
        with self.platform.begin(actor) as work:
            page = worklist.task(work, task.id)
            given = filled(page.form, answers, data=page.data, moment=work.moment)
        with self.platform.begin(actor) as work:
            tasks.complete(work, task.id, answers=given)
        return self._holds()

    def say(self, message: str, **data: Any) -> "Story":
        """Register that something has happened."""
        with self.platform.begin(self.crew.anna) as work:
            messages.deliver(work, message, case_id=self.id, data=data)
        return self._holds()

    def wait_until(self, moment: str) -> "Story":
        """Let time pass to a local moment; each timer goes off by the scheduler, at its instant."""
        until = datetime.fromisoformat(moment).replace(tzinfo=ZONE).astimezone(UTC)
        while (due := self._next_due()) is not None and due <= until:
            self.clock.move_to(max(due, self.now))
            assert scheduler.tick(self.platform) >= 1, "a due timer did not go off"
            self._holds()
        self.clock.move_to(until)
        assert scheduler.tick(self.platform) == 0
        return self

    def wait(self, *, days: int) -> "Story":
        """Let whole days pass."""
        return self.wait_until(f"{(self.now + timedelta(days=days)).astimezone(ZONE):%Y-%m-%dT%H:%M}")

    def finish(self, answers: dict[str, dict[str, Any]], *, most: int = 60) -> "Story":
        """Do what is open, the next timer when nothing is, until the case is closed."""
        for _ in range(most):
            open_tasks = self.open()
            if open_tasks:
                task = min(open_tasks, key=lambda each: (each.element == "close_case", each.element))
                self.do(task.element, right=task.right, **answers.get(task.element, {}))
            elif (due := self._next_due()) is not None:
                self.wait_until(f"{due.astimezone(ZONE) + timedelta(minutes=1):%Y-%m-%dT%H:%M}")
            else:
                break
        self.closed()
        return self

    def closed(self) -> None:
        """See that the case has ended and that its history holds."""
        with self.platform.begin(SYSTEM) as work:
            case = work.session.get_one(Case, self.id)
            assert case.status is CaseStatus.CLOSED, (case.status, self.elements())
            verdict = history.verify(work, self.id)
            assert verdict.ok, verdict
            assert work.session.scalar(sa.select(sa.func.count()).where(Job.case_id == self.id)) == 0

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    def open(self) -> list[Task]:
        with self.platform.begin(SYSTEM) as work:
            found = sa.select(Task).where(Task.case_id == self.id, Task.closed_at.is_(None)).order_by(Task.id)
            return list(work.session.scalars(found))

    def elements(self) -> set[str]:
        return {task.element for task in self.open()}

    def task(self, element: str, *, right: str | None = None) -> Task:
        for task in self.open():
            if task.element == element and right in (None, task.right):
                return task
        raise AssertionError(f"{element} is not open; open are {sorted(self.elements())}")

    def due(self, element: str) -> str:
        """The local moment when an open task is due."""
        due = self.task(element).due_at
        assert due is not None
        return f"{due.astimezone(ZONE):%Y-%m-%d %H:%M}"

    def file(self, actor: Actor | None = None) -> CaseFile:
        with self.platform.begin(actor or self.crew.anna) as work:
            return casefile.case(work, self.id)

    def milestones(self) -> list[str]:
        return [each.details["name"] for each in self.file().events if each.type == "milestone.reached"]

    def processes(self) -> set[str]:
        """The diagrams that the case has been in."""
        return {place.process for place in self.file().passed}

    def gone_off(self) -> list[tuple[str, str]]:
        """Each timer that went off: the local day it was due, and its element."""
        return [
            (f"{datetime.fromisoformat(each.details['due']).astimezone(ZONE):%Y-%m-%d}", each.element or "")
            for each in self.file().events
            if each.type == "timer.fired"
        ]

    def who_did(self, element: str) -> set[str]:
        return {e.actor for e in self.file().events if e.type == "task.completed" and e.element == element}

    def _next_due(self) -> datetime | None:
        with self.platform.begin(SYSTEM) as work:
            return work.session.scalar(sa.select(sa.func.min(Job.due_at)).where(Job.case_id == self.id))

    def _holds(self) -> "Story":
        """No open case is left without an open task, a future timer, an awaited message or an incident."""
        with self.platform.begin(SYSTEM) as work:
            case = work.session.get_one(Case, self.id)
            if case.status is CaseStatus.OPEN:
                assert self._lives(work.session, self.id), "the case stands still"
            incidents = sa.select(sa.func.count()).where(
                Incident.case_id == self.id, Incident.state == IncidentState.OPEN
            )
            assert work.session.scalar(incidents) == 0
        return self

    @staticmethod
    def _lives(session: Any, case_id: UUID) -> bool:
        signs = (
            sa.select(Task.id).where(Task.case_id == case_id, Task.closed_at.is_(None)),
            sa.select(Job.id).where(Job.case_id == case_id, Job.run_at.is_not(None)),
            sa.select(AwaitedMessage.id).where(AwaitedMessage.case_id == case_id),
        )
        return any(session.scalar(each.limit(1)) is not None for each in signs)
