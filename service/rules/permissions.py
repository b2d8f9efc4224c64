"""Who may do what: one table from a permission to the predicates that allow it. Facts in, yes or no out.

Read it from PERMISSIONS: a permission is given when every predicate of at least one of its lines holds.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from service.errors import Forbidden, NotFound


class Role(StrEnum):
    """What a person is employed to do, in a unit."""

    CASEWORKER = "caseworker"
    TEAM_LEADER = "team_leader"
    PROCESS_OWNER = "process_owner"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"
    SYSTEM = "system"


class Protection(StrEnum):
    """How far a case is hidden; the Swedish marks are told apart on the case itself."""

    NORMAL = "normal"
    PROTECTED = "protected"


class Permission(StrEnum):
    """Something that one may or may not do."""

    CASE_START = "case.start"
    CASE_READ = "case.read"
    CASE_MANAGE = "case.manage"  # suspend, resume, cancel, transfer
    CASE_DESTROY = "case.destroy"  # what is personal in it, when the law says so; two people
    CASE_OPEN_PROTECTED = "case.open-protected"  # break the glass, with a reason
    TASK_CLAIM = "task.claim"
    TASK_RELEASE = "task.release"
    TASK_ASSIGN = "task.assign"
    TASK_DRAFT = "task.draft"
    TASK_COMPLETE = "task.complete"
    MESSAGE_DELIVER = "message.deliver"
    DOCUMENT_READ = (
        "document.read"  # the content, the title and the file's name; that there is one: case.read
    )
    DOCUMENT_ADD = "document.add"  # upload one, or have one made
    DOCUMENT_WITHDRAW = "document.withdraw"
    HISTORY_READ = "history.read"
    HISTORY_VALUES = "history.values"  # the personal values behind the commitments
    ACCESS_LOG_READ = "access-log.read"
    TRAIL_CHECK = "trail.check"  # verify the whole trail, take and read signed checkpoints
    DEFINITION_READ = "definition.read"
    DEFINITION_DRAFT = "definition.draft"
    DEFINITION_DEPLOY = "definition.deploy"
    DEFINITION_APPROVE = "definition.approve"
    CASES_MOVE_BACK = "cases.move-back"  # to the version that they ran on, until somebody acts on them
    TIMER_READ = "timer.read"
    DEADLINE_MOVE = "deadline.move"  # another day, with a reason and its legal basis
    DEADLINE_PAUSE = "deadline.pause"  # let the clock stand still, and run again
    INCIDENT_READ = "incident.read"
    INCIDENT_HANDLE = "incident.handle"
    PEOPLE_ADMINISTER = "people.administer"
    TRAINING_READ = "training.read"  # who has been trained in what, by name
    TRAINING_REGISTER = "training.register"
    RETENTION_LOOK = "retention.look"  # which cases are due, nothing personal
    KEYS_ROTATE = "keys.rotate"  # at the terminal only, as the next two
    BACKUP_TAKE = "backup.take"
    BACKUP_RESTORE = "backup.restore"
    BACKUP_RELEASE = "backup.release"  # let timers go off and letters leave after a restore
    STATISTICS_READ = "statistics.read"
    STATISTICS_EXACT = "statistics.exact"  # counts of people so small that they are hidden from others


@dataclass(frozen=True)
class Actor:
    """Who acts: a person or SYSTEM, with the roles held in each unit."""

    id: UUID | None
    username: str
    grants: frozenset[tuple[Role, str]] = frozenset()
    delegations: frozenset[tuple[str, str]] = frozenset()  # in force now: code, and the unit it is given for
    language: str = "sv"
    name: str = ""
    shortcuts: bool = True  # single keys act on pages
    until: datetime | None = None  # when the login that speaks for them ends, unless it is used

    @property
    def roles(self) -> frozenset[Role]:
        """The roles held in any unit."""
        return frozenset(role for role, _ in self.grants)

    def units(self, *roles: Role) -> frozenset[str]:
        """The units in which one of these roles is held; all units when no role is named."""
        return frozenset(unit for role, unit in self.grants if not roles or role in roles)


SYSTEM = Actor(None, "system", frozenset({(Role.SYSTEM, "")}), name="Andrum")


@dataclass(frozen=True)
class Facts:
    """What the rules need to know of the thing acted on."""

    unit: str | None = None
    owner: UUID | None = None
    protection: Protection = Protection.NORMAL
    named: frozenset[UUID] = field(
        default_factory=frozenset
    )  # given access to this protected case by name, for now
    assignee: UUID | None = None
    role: str | None = None  # the role that the diagram asks for
    delegation: str | None = None  # the delegation that the diagram asks for
    not_by: UUID | None = None  # who did the step that a second person must check
    author: UUID | None = None  # who made what is to be approved


Predicate = Callable[[Actor, Facts], bool]


def is_system(actor: Actor, facts: Facts) -> bool:
    """The service itself acts."""
    del facts
    return Role.SYSTEM in actor.roles


def works_in_unit(actor: Actor, facts: Facts) -> bool:
    """A caseworker or team leader of the case's unit."""
    return facts.unit in actor.units(Role.CASEWORKER, Role.TEAM_LEADER)


def leads_unit(actor: Actor, facts: Facts) -> bool:
    """A team leader of the case's unit."""
    return facts.unit in actor.units(Role.TEAM_LEADER)


def audits_unit(actor: Actor, facts: Facts) -> bool:
    """An auditor of the case's unit, or of the whole service when no unit is asked about."""
    units = actor.units(Role.AUDITOR)
    return bool(units) if facts.unit is None else facts.unit in units


def may_know(actor: Actor, facts: Facts) -> bool:
    """The case is not protected, or the actor owns it or was given access by name."""
    return facts.protection is Protection.NORMAL or (
        actor.id is not None and (actor.id == facts.owner or actor.id in facts.named)
    )


def has_the_role(actor: Actor, facts: Facts) -> bool:
    """Holds the role that the task asks for, in its unit; a team leader may stand in for a caseworker."""
    wanted = facts.role or Role.CASEWORKER
    held = {role for role, unit in actor.grants if unit == facts.unit}
    return wanted in held or (wanted == Role.CASEWORKER and Role.TEAM_LEADER in held)


def has_the_delegation(actor: Actor, facts: Facts) -> bool:
    """Holds the delegation that the task asks for (KL 6:37, 7:5) in the case's unit, or none is asked for."""
    return facts.delegation is None or (facts.delegation, facts.unit) in actor.delegations


def is_second_person(actor: Actor, facts: Facts) -> bool:
    """Did not do the step that this one checks."""
    return facts.not_by is None or facts.not_by != actor.id


def is_assignee(actor: Actor, facts: Facts) -> bool:
    """The task is this actor's."""
    return actor.id is not None and facts.assignee == actor.id


def is_not_author(actor: Actor, facts: Facts) -> bool:
    """Did not make what is to be approved."""
    return actor.id is not None and facts.author != actor.id


def owns_processes(actor: Actor, facts: Facts) -> bool:
    """A process owner."""
    del facts
    return Role.PROCESS_OWNER in actor.roles


def administers(actor: Actor, facts: Facts) -> bool:
    """An administrator."""
    del facts
    return Role.ADMINISTRATOR in actor.roles


def belongs_to_unit(actor: Actor, facts: Facts) -> bool:
    """Has any role in the unit."""
    return facts.unit in actor.units()


def is_staff(actor: Actor, facts: Facts) -> bool:
    """Has any role at all."""
    del facts
    return bool(actor.roles)


PERMISSIONS: dict[Permission, list[list[Predicate]]] = {
    Permission.CASE_START: [[works_in_unit]],
    Permission.CASE_READ: [[works_in_unit, may_know], [audits_unit, may_know], [is_system]],
    Permission.CASE_MANAGE: [[leads_unit, may_know], [is_system]],
    Permission.CASE_DESTROY: [[leads_unit, is_second_person], [administers, is_second_person]],
    Permission.CASE_OPEN_PROTECTED: [[works_in_unit], [audits_unit]],
    Permission.TASK_CLAIM: [[works_in_unit, may_know, has_the_role, has_the_delegation, is_second_person]],
    Permission.TASK_RELEASE: [[is_assignee, works_in_unit, may_know], [leads_unit, may_know]],
    Permission.TASK_ASSIGN: [[leads_unit, may_know], [is_assignee, works_in_unit, may_know]],
    Permission.TASK_DRAFT: [[is_assignee, works_in_unit, may_know]],
    Permission.TASK_COMPLETE: [
        [is_assignee, works_in_unit, may_know, has_the_role, has_the_delegation, is_second_person]
    ],
    Permission.MESSAGE_DELIVER: [[works_in_unit, may_know], [is_system]],
    Permission.DOCUMENT_READ: [[works_in_unit, may_know]],
    Permission.DOCUMENT_ADD: [[works_in_unit, may_know]],
    Permission.DOCUMENT_WITHDRAW: [[works_in_unit, may_know]],
    Permission.HISTORY_READ: [[works_in_unit, may_know], [audits_unit, may_know], [is_system]],
    Permission.HISTORY_VALUES: [[works_in_unit, may_know]],
    Permission.ACCESS_LOG_READ: [[audits_unit], [leads_unit]],
    Permission.TRAIL_CHECK: [[audits_unit], [administers], [is_system]],
    Permission.DEFINITION_READ: [[is_staff]],
    Permission.DEFINITION_DRAFT: [[owns_processes]],
    Permission.DEFINITION_DEPLOY: [[owns_processes], [is_system]],
    Permission.DEFINITION_APPROVE: [[owns_processes, is_not_author], [administers, is_not_author]],
    Permission.CASES_MOVE_BACK: [[owns_processes], [is_system]],
    Permission.TIMER_READ: [[works_in_unit, may_know], [audits_unit, may_know]],
    Permission.DEADLINE_MOVE: [[leads_unit, may_know]],
    Permission.DEADLINE_PAUSE: [[leads_unit, may_know]],
    Permission.INCIDENT_READ: [[works_in_unit, may_know], [audits_unit, may_know], [administers]],
    Permission.INCIDENT_HANDLE: [[leads_unit, may_know], [administers], [is_system]],
    Permission.PEOPLE_ADMINISTER: [[administers], [is_system]],
    Permission.TRAINING_READ: [[leads_unit], [audits_unit], [administers], [is_system]],
    Permission.TRAINING_REGISTER: [[leads_unit], [administers], [is_system]],
    Permission.RETENTION_LOOK: [[leads_unit], [administers], [is_system]],
    Permission.KEYS_ROTATE: [[is_system]],
    Permission.BACKUP_TAKE: [[is_system]],
    Permission.BACKUP_RESTORE: [[is_system]],
    Permission.BACKUP_RELEASE: [[administers]],
    Permission.STATISTICS_READ: [[belongs_to_unit], [is_system]],
    Permission.STATISTICS_EXACT: [[leads_unit], [audits_unit], [is_system]],
}


def may(actor: Actor, permission: Permission, facts: Facts | None = None) -> bool:
    """Tell whether the actor has the permission on what the facts describe."""
    facts = facts or Facts()
    return any(all(holds(actor, facts) for holds in line) for line in PERMISSIONS[permission])


def require(actor: Actor, permission: Permission, facts: Facts | None = None) -> None:
    """Let the actor pass, or stop here.

    Raises `NotFound` when the actor may not even know that the case exists, `Forbidden` otherwise.
    """
    if may(actor, permission, facts):
        return
    if facts is not None and facts.unit is not None and not may(actor, Permission.CASE_READ, facts):
        raise NotFound
    raise Forbidden
