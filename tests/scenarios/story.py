"""A whole case as people live it: each step by the right person, time passing, the scheduler ticking.

After every step a case that is open must hold something that can move it, and nothing may be overdue for the
scheduler; at the end its history must verify.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import time_machine
from hands import Hands, Row, Sheet
from journey import filled, moment

from service import scheduler
from service.commands import people, stuck, tasks
from service.errors import ServiceError
from service.models.cases import Case, CaseStatus, ProcessInstance, Task
from service.models.history import HistoryEvent
from service.models.jobs import AwaitedMessage, Incident, IncidentState, Job
from service.queries import casefile, history, worklist
from service.queries.casefile import CaseFile
from service.rules.permissions import SYSTEM, Actor
from service.work import Platform

ZONE = ZoneInfo("Europe/Stockholm")
DOES = {"caseworker": "anna", "team_leader": "bo"}
LAST_RESORT = 9  # ticks at one instant, each letting go off what the one before set going


def local(instant: datetime) -> str:
    """The minute on the legal clock."""
    return f"{instant.astimezone(ZONE):%Y-%m-%d %H:%M}"


@dataclass
class Story:
    """One case, who works with it and how, and the clock that it lives by."""

    platform: Platform
    hands: Hands
    clock: time_machine.Traveller
    id: UUID = field(init=False)
    fired: list[tuple[str, str]] = field(init=False, default_factory=list)  # when it was due, which timer
    steps: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.id = self.hands.start("anna")
        self._holds()

    def do(
        self, element: str, *, right: str | None = None, who: str | None = None, **answers: Any
    ) -> "Story":
        """Take an open task and complete it; what the form requires and nobody answered is filled in."""
        row = self.row(element, right=right)
        who = who or DOES[row.role]
        if row.assignee is None:
            self.hands.claim(who, row.id)
        sheet = self.hands.sheet(who, row.id)
        unknown = set(answers) - set(sheet.form.fields)
        assert not unknown, f"{element} does not ask {unknown}"
        given = filled(sheet.form, answers, data=sheet.data, moment=moment(self.now))
        self.hands.complete(who, row.id, answers=given, seen=sheet.seen)
        return self._holds()

    def save(self, who: str, task: UUID, **data: Any) -> None:
        """Keep a draft of a task."""
        with self.platform.begin(self._reader(who)) as work:
            tasks.save_draft(work, task, data=data)

    def left_behind(self, who: str, element: str) -> tuple[worklist.LeftBehind, ...]:
        """What had been typed in tasks that ended when this one opened, as this person sees it."""
        task = self.row(element).id
        with self.platform.begin(self._reader(who)) as work:
            return worklist.left_behind(work, task)

    def say(self, message: str, **data: Any) -> "Story":
        """Register that something has happened."""
        self.hands.say("anna", self.id, message=message, data=data)
        return self._holds()

    def refuses(self, element: str, who: str) -> str:
        """See that this person may not take the task, and that trying changes nothing; gives the words."""
        task, before = self.row(element), self._revision()
        try:
            self.hands.claim(who, task.id)
        except ServiceError as error:
            assert self._revision() == before
            return error.message
        raise AssertionError(f"{who} may take {element}")

    def until(self, minute: str) -> "Story":
        """Let time pass to a minute of the legal clock; each timer goes off at its instant."""
        end = datetime.fromisoformat(minute).replace(tzinfo=ZONE).astimezone(UTC)
        assert end >= self.now, "time does not go back"
        while (due := self._next()) is not None and due <= end:
            self.clock.move_to(due)
            self._tick(late=timedelta())
            self._holds()
        self.clock.move_to(end)
        return self._holds()

    def wait(self, **time: float) -> "Story":
        """Let time pass by the legal clock."""
        return self.until(f"{self.now.astimezone(ZONE) + timedelta(**time):%Y-%m-%d %H:%M}")

    def finish(self, answers: dict[str, dict[str, Any]], *, most: int = 90) -> "Story":
        """Do all that is open, then let time pass, until the case is closed; it must come to that."""
        for _ in range(most):
            rows = self.hands.inbox("anna", self.id)
            if rows:
                row = min(rows, key=lambda each: (each.element == "close_case", each.element, each.id))
                self.do(row.element, right=row.right, **answers.get(row.element, {}))
            elif (due := self._next()) is not None:
                self.until(local(due + timedelta(minutes=1)))
            else:
                break
        self.ended()
        return self

    def ended(self) -> None:
        """See that the case is closed, that nothing of it is left behind, and that its history is whole."""
        open_tasks = self.elements()
        with self.platform.begin(SYSTEM) as work:
            assert work.session.get_one(Case, self.id).status is CaseStatus.CLOSED, open_tasks
            left = (
                sa.select(Job.id).where(Job.case_id == self.id),
                sa.select(AwaitedMessage.id).where(AwaitedMessage.case_id == self.id),
                sa.select(Task.id).where(Task.case_id == self.id, Task.closed_at.is_(None)),
                sa.select(ProcessInstance.id).where(
                    ProcessInstance.case_id == self.id, ProcessInstance.finished_at.is_(None)
                ),
            )
            assert [work.session.scalars(each).all() for each in left] == [[], [], [], []]
        self.verified()

    def verified(self) -> None:
        """See that what is stored is what was recorded."""
        with self.platform.begin(SYSTEM) as work:
            verdict = history.verify(work, self.id)
            assert verdict.ok, verdict

    @property
    def closed(self) -> bool:
        with self.platform.begin(SYSTEM) as work:
            return work.session.get_one(Case, self.id).status is CaseStatus.CLOSED

    def awaited(self) -> list[str]:
        """The names of the messages that the case waits for, each in one place."""
        with self.platform.begin(SYSTEM) as work:
            found = sa.select(AwaitedMessage.name).where(AwaitedMessage.case_id == self.id)
            return sorted(set(work.session.scalars(found)))

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    @property
    def today(self) -> str:
        return f"{self.now.astimezone(ZONE):%Y-%m-%d}"

    def row(self, element: str, *, right: str | None = None) -> Row:
        """The first open task of an element, as it stands in the inbox."""
        rows = self.hands.inbox("anna", self.id)
        for row in rows:
            if row.element == element and right in (None, row.right):
                return row
        raise AssertionError(f"{element} is not open; open are {sorted({row.element for row in rows})}")

    def sheet(self, element: str, *, right: str | None = None) -> Sheet:
        """An open task as its page shows it to the person whose it is."""
        row = self.row(element, right=right)
        return self.hands.sheet(DOES[row.role], row.id)

    def elements(self) -> list[str]:
        """The elements of the open tasks."""
        return sorted(row.element for row in self.hands.inbox("anna", self.id))

    def due(self, element: str, *, right: str | None = None) -> str:
        """The minute when an open task is due."""
        wanted = [Task.case_id == self.id, Task.closed_at.is_(None), Task.element == element]
        if right is not None:
            wanted.append(Task.right == right)
        with self.platform.begin(SYSTEM) as work:
            due = work.session.scalars(sa.select(Task.due_at).where(*wanted)).one()
        assert due is not None
        return local(due)

    def timers(self) -> dict[str, str]:
        """The minutes when the waiting timers go off."""
        with self.platform.begin(SYSTEM) as work:
            rows = work.session.execute(sa.select(Job.element, Job.due_at).where(Job.case_id == self.id))
            return {element: local(due) for element, due in rows}

    def file(self, who: str = "anna") -> CaseFile:
        """The case as its page shows it to this person."""
        with self.platform.begin(self._reader(who)) as work:
            return casefile.case(work, self.id)

    def milestones(self) -> list[str]:
        return [each.details["name"] for each in self._events("milestone.reached")]

    def who_did(self, element: str) -> set[str]:
        return {each.actor for each in self._events("task.completed") if each.element == element}

    def processes(self) -> set[str]:
        """The diagrams that the case has been in."""
        passed = [each.details["passed"] for each in self._events("elements.passed")]
        return {process for places in passed for process, *_ in places}

    def _events(self, type: str, *, after: int = 0) -> list[HistoryEvent]:
        wanted = (HistoryEvent.case_id == self.id, HistoryEvent.type == type, HistoryEvent.sequence > after)
        with self.platform.begin(SYSTEM) as work:
            found = sa.select(HistoryEvent).where(*wanted).order_by(HistoryEvent.sequence)
            return list(work.session.scalars(found))

    def _reader(self, who: str) -> Actor:
        with self.platform.begin(SYSTEM) as work:
            return people.actor(work, username=who)

    def _revision(self) -> int:
        with self.platform.begin(SYSTEM) as work:
            return work.session.get_one(Case, self.id).revision

    def _next(self) -> datetime | None:
        with self.platform.begin(SYSTEM) as work:
            return work.session.scalar(sa.select(sa.func.min(Job.run_at)).where(Job.case_id == self.id))

    def _tick(self, *, late: timedelta | None) -> None:
        """Let the scheduler poll once; `late` is how late it may be, None right after a timer was set."""
        with self.platform.begin(SYSTEM) as work:
            before = work.session.get_one(Case, self.id).sequence
        scheduler.tick(self.platform)
        for event in self._events("timer.fired", after=before):
            due = datetime.fromisoformat(event.details["due"])
            assert due <= self.now, f"{event.element} went off before its time"
            assert late is None or self.now - due <= late, f"{event.element} went off late"
            self.fired.append((local(due), str(event.element)))

    def _holds(self) -> "Story":
        """See that an open case is held by something, once the scheduler has polled."""
        self.steps += 1
        for _ in range(LAST_RESORT):
            due = self._next()
            if due is None or due > self.now:
                break
            self._tick(late=None)
        with self.platform.begin(SYSTEM) as work:
            if work.session.get_one(Case, self.id).status is CaseStatus.OPEN:
                holds = self._holding(work.session)
                assert any(holds.values()), "the case stands still"
                assert not holds["incident"], "an incident was raised"
                assert self.id not in stuck.find(work)
        due = self._next()
        assert due is None or due > self.now, "a timer was not let go off"
        return self

    def _holding(self, session: sa.orm.Session) -> dict[str, int]:
        signs = {
            "task": (Task.case_id == self.id, Task.closed_at.is_(None)),
            "timer": (Job.case_id == self.id, Job.run_at > self.now),
            "message": (AwaitedMessage.case_id == self.id, AwaitedMessage.on_the_way),
            "incident": (Incident.case_id == self.id, Incident.state == IncidentState.OPEN),
        }
        return {
            sign: session.scalar(sa.select(sa.func.count()).where(*wanted)) or 0
            for sign, wanted in signs.items()
        }
