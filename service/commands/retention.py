"""Retention: which closed cases the law says must be destroyed, and destroying what is personal in them.

A case's key goes, and with it every value behind its history; what it sealed goes as well, and the code by
which its person was found. The chain, the checkpoints and the figures stay as they were. The history tells
of it, and a list outside the database, so that a backup from before does not bring anybody back.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from service import disk, verifier
from service.commands import deployments
from service.commands.cases import require_reason
from service.engine import decisions, workflow
from service.errors import Conflict, NotFound, Unavailable
from service.models.cases import Answers, Case, CaseAccess, CaseStatus, Draft, ProcessInstance, Task
from service.models.documents import Document, DocumentContent
from service.models.history import HistoryEvent
from service.models.jobs import Incident
from service.models.notices import Mail, Notice
from service.rules import identifiers
from service.rules import retention as rules
from service.rules.permissions import Actor, Facts, Permission, require
from service.rules.retention import File, State, Verdict
from service.work import Platform, UnitOfWork

TABLE = "retention"
BATCH = 100
ENDED = (CaseStatus.CLOSED, CaseStatus.CANCELLED)
HOUSING = "housing"
LISTED = ("case", "at", "ground", "by", "second")


@dataclass(frozen=True)
class Weighed:
    """A closed case and what the law says of it: nothing personal."""

    case_id: UUID
    reference: str
    unit: str
    verdict: Verdict


def closed(work: UnitOfWork, *, after: UUID | None = None) -> tuple[UUID, ...]:
    """Some of the closed cases that hold something personal, in order of their ids."""
    _may_look(work)
    rows = sa.select(Case.id).where(Case.status.in_(ENDED), Case.wrapped_key.is_not(None))
    if after is not None:
        rows = rows.where(Case.id > after)
    return tuple(work.session.scalars(rows.order_by(Case.id).limit(BATCH)))


def how_many(work: UnitOfWork) -> int:
    """How many closed cases hold something personal."""
    _may_look(work)
    counting = sa.select(sa.func.count()).where(Case.status.in_(ENDED), Case.wrapped_key.is_not(None))
    return work.session.scalar(counting) or 0


def weigh(work: UnitOfWork, case_id: UUID) -> Weighed:
    """Tell what the law says of a closed case today, by the table in force. Nobody is shown what it reads."""
    _may_look(work)
    case = work.session.get(Case, case_id)
    if case is None or not _holds_something(case):
        raise NotFound
    weighed = _weighed(work, case)
    if weighed.verdict.state is State.DUE:
        work.looked("list", case_id=case.id, subject="retention")
    return weighed


def destroy(work: UnitOfWork, case_id: UUID, *, reason: str, second: Actor) -> tuple[Weighed, ...]:
    """Destroy what is personal in a case that is due, decided by the actor and by a second person.

    With it go the other cases of the same person in the unit that are due, so that the figures can still tell
    that they were one person's. The reason stands in the history in clear. Raises `Conflict` when the law
    does not say so (yet).
    """
    require_reason(reason)
    case, _ = work.lock(case_id)
    for one, other in ((work.actor, second), (second, work.actor)):
        require(one, Permission.CASE_DESTROY, Facts(unit=case.unit_key, not_by=other.id))
    if not _holds_something(case):
        raise Conflict("The case is open, or has been destroyed already.")
    due: dict[UUID, tuple[Case, list[ProcessInstance], Weighed]] = {}
    for each in sorted({case.id, *_of_same_person(work, case)}):
        locked, instances = work.lock(each)
        weighed = _weighed(work, locked)
        if _holds_something(locked) and weighed.verdict.state is State.DUE:
            due[each] = (locked, instances, weighed)
        elif each == case.id:
            raise Conflict(f"{case.reference} is not due: {weighed.verdict.state.value}.")
    code = None if case.person_index is None else f"destroyed:{case.reference}"
    for locked, instances, weighed in due.values():
        details = {"ground": weighed.verdict.legal_basis, "since": f"{weighed.verdict.due_on}"}
        _destroy(work, locked, instances, code, details | {"second": second.username, "reason": reason})
    return tuple(weighed for _, _, weighed in due.values())


def again(work: UnitOfWork, listed: Mapping[str, str]) -> bool:
    """Destroy anew what a restored backup has brought back; False when there is nothing of it."""
    require(work.actor, Permission.BACKUP_RESTORE)
    try:
        case, instances = work.lock(UUID(listed["case"]))
    except NotFound:
        return False
    if case.wrapped_key is None:
        return False
    details = {
        "ground": listed["ground"],
        "second": listed["second"],
        "by": listed["by"],
        "first": listed["at"],
    }
    _destroy(work, case, instances, None, details)
    return True


def publish(platform: Platform, work: UnitOfWork) -> int:
    """Write the list of what has been destroyed to the file outside the database; gives how many.

    What stands in the file stays: after a restore the database may know less.
    """
    path = platform.settings.destroyed
    known = {each["case"]: each for each in listed(platform)}
    rows = sa.select(HistoryEvent).where(HistoryEvent.type == verifier.DESTROYED).order_by(HistoryEvent.at)
    for event in work.session.scalars(rows):
        told = {
            "case": str(event.case_id),
            "at": event.at.isoformat(),
            "ground": event.details["ground"],
            "by": event.details.get("by", event.actor),
            "second": event.details["second"],
        }
        known.setdefault(told["case"], told)
    if known:
        text = "".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in known.values())
        disk.write(path, text.encode())
    return len(known)


def listed(platform: Platform) -> Iterator[dict[str, str]]:
    """What the file outside says has been destroyed."""
    path = platform.settings.destroyed
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        yield {name: str(value) for name, value in json.loads(line).items() if name in LISTED}


def _may_look(work: UnitOfWork) -> None:
    unit = next(iter(sorted(work.actor.units())), None)
    require(work.actor, Permission.RETENTION_LOOK, Facts(unit=unit))


def _holds_something(case: Case) -> bool:
    return case.status in ENDED and case.wrapped_key is not None


def _of_same_person(work: UnitOfWork, case: Case) -> set[UUID]:
    """The other closed cases of the person in the same unit, as far as the service knows who that is."""
    rows = sa.select(Case.id).where(Case.person_index == case.person_index, Case.unit_key == case.unit_key)
    mine = sa.and_(Case.status.in_(ENDED), Case.wrapped_key.is_not(None))
    return set(work.session.scalars(rows.where(mine))) if case.person_index is not None else set()


def _weighed(work: UnitOfWork, case: Case) -> Weighed:
    file = _file(work, case)
    tables = work.definition(deployments.in_force(work)).decisions
    if TABLE not in tables:
        raise Unavailable(
            f"The decision table “{TABLE}” is not in force: a process owner must deploy it first."
        )
    data = rules.facts(file, on=work.today)
    answer = decisions.decide(tables, TABLE, data, moment=work.moment).outcome
    return Weighed(case.id, case.reference, case.unit_key, rules.judge(file, answer, today=work.today))


def _file(work: UnitOfWork, case: Case) -> File:
    """Read what the rules need of a case, out of what was answered in it."""
    answers = _answered(work, case)
    born, is_exact = _born(work, answers)
    mine = Case.id == case.id if case.person_index is None else Case.person_index == case.person_index
    last = sa.select(sa.func.max(HistoryEvent.at)).join(Case, Case.id == HistoryEvent.case_id).where(mine)
    still = sa.select(sa.func.count()).select_from(Case).where(mine, Case.status.not_in(ENDED))
    placed = sa.select(sa.func.count()).where(
        HistoryEvent.case_id == case.id,
        HistoryEvent.type == "milestone.reached",
        HistoryEvent.details["name"].as_string() == "right-started",
        HistoryEvent.details["right"].as_string() == HOUSING,
    )
    last_entry = work.session.scalars(last).one()
    return File(
        last_entry=(last_entry or case.opened_at).astimezone(work.zone).date(),
        is_open=bool(work.session.scalar(still)),
        opened_on=case.opened_at.astimezone(work.zone).date(),
        is_child=answers.get("is_child") is True,
        placed=bool(work.session.scalar(placed)),
        born=born,
        birth_day=born.day if born is not None and is_exact else None,
    )


def _answered(work: UnitOfWork, case: Case) -> dict[str, Any]:
    """All that was ever answered in a case, what came later over what came before."""
    key, found = work.key(case), dict[str, Any]()
    for instance in work.session.scalars(
        sa.select(ProcessInstance).where(ProcessInstance.case_id == case.id)
    ):
        definition = work.definition(instance.deployment_id)
        found |= workflow.view(definition, work.snapshot(case, instance)).data
    rows = (
        sa.select(Answers)
        .join(Task, Task.id == Answers.task_id)
        .where(Task.case_id == case.id)
        .order_by(Task.closed_at, Task.id, Answers.version)
    )
    for each in work.session.scalars(rows):
        found |= key.open_json(each.data, f"answers.data:{each.task_id}:{each.version}")
    return found


def _born(work: UnitOfWork, answers: Mapping[str, Any]) -> tuple[date | None, bool]:
    """When the person was born, and whether the day is known; of a year alone its last day counts."""
    number = identifiers.personal_number(str(answers.get("personal_number") or ""), today=work.today)
    if number is not None:
        return identifiers.born_on(number), True
    day, year = answers.get("birth_date"), answers.get("birth_year")
    if isinstance(day, str) and day:
        return date.fromisoformat(day[:10]), True
    if isinstance(year, int | float) and date.min.year <= year < date.max.year:
        return date(int(year), 12, 31), False
    return None, False


def _destroy(
    work: UnitOfWork,
    case: Case,
    instances: list[ProcessInstance],
    code: str | None,
    details: Mapping[str, str],
) -> None:
    """Let go of all that is personal; `code` tells the figures which cases were one person's, not whose."""
    tasks = sa.select(Task.id).where(Task.case_id == case.id)
    papers = sa.select(Document.id).where(Document.case_id == case.id)
    gone = (
        sa.delete(Answers).where(Answers.task_id.in_(tasks)),
        sa.delete(Draft).where(Draft.task_id.in_(tasks)),
        sa.delete(DocumentContent).where(DocumentContent.document_id.in_(papers)),
        sa.update(Document).where(Document.case_id == case.id).values(label=b""),  # that there was one stays
        sa.delete(Notice).where(Notice.case_id == case.id),
        sa.delete(Mail).where(Mail.case_id == case.id),
        sa.delete(Incident).where(Incident.case_id == case.id),  # their causes and reasons are people's words
        sa.delete(CaseAccess).where(CaseAccess.case_id == case.id),
    )
    for each in gone:
        work.session.execute(each, execution_options={"synchronize_session": False})
    for instance in instances:
        instance.snapshot, instance.before_move = b"", None
    case.person_index, case.wrapped_key = code, None
    work.stands(case, instances)
    work.record(case, verifier.DESTROYED, details=details)
