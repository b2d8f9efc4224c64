"""The unit of work: one actor, one moment, one transaction. `Platform.begin` has the house's only commit."""

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.orm.exc import StaleDataError

from service import clock
from service.config import Settings
from service.engine import decisions, definition
from service.engine.expressions import Moment
from service.errors import Conflict, Invalid, NotFound, Unavailable
from service.models import schema
from service.models.base import check, connect
from service.models.cases import Case, CaseAccess, ProcessInstance
from service.models.definitions import Definition, Deployment, deployment_content
from service.models.history import AccessEvent, HistoryEvent
from service.rules import calendar
from service.rules.escalation import Level
from service.rules.permissions import Actor, Facts, Protection
from service.vault import CaseKey, Vault, commitment, new_salt

EMPTY = hashlib.sha256(b"").hexdigest()


@dataclass
class UnitOfWork:
    """One actor doing one thing at one moment; everything in it stands or falls together."""

    session: Session
    actor: Actor
    now: datetime
    platform: "Platform"
    _keys: dict[UUID, CaseKey] = field(default_factory=dict)
    _digests: dict[UUID, str] = field(default_factory=dict)
    _moments: dict[UUID, Moment] = field(default_factory=dict)

    @property
    def vault(self) -> Vault:
        """The service's keys."""
        return self.platform.vault

    @property
    def zone(self) -> ZoneInfo:
        """Where legal dates are counted."""
        return self.platform.settings.zone

    @property
    def today(self) -> date:
        """The legal date of this moment."""
        return self.now.astimezone(self.zone).date()

    @property
    def moment(self) -> Moment:
        """This moment as expressions see it that belong to no case."""
        return Moment(now=self.now, zone=self.zone, days_off=calendar.days_off_around(self.today))

    def moment_under(self, deployment_id: UUID) -> Moment:
        """This moment as the expressions of a deployment see it, with the days off that its table tells."""
        if deployment_id not in self._moments:
            days_off = self.days_off(deployment_id, self.today)
            self._moments[deployment_id] = Moment(now=self.now, zone=self.zone, days_off=days_off)
        return self._moments[deployment_id]

    def days_off(self, deployment_id: UUID, around: date) -> frozenset[date]:
        """Days off from Monday to Friday in the years around a day, by the deployment's table `days_off`.

        Without such a table those that the law knows. Kept, since neither a deployment nor a year changes.
        """
        return _days_off(self.definition(deployment_id), around, self.moment)

    def period_of(
        self, deployment_id: UUID, period: str | None, begins: datetime | None
    ) -> Mapping[str, Any] | None:
        """What the deployment's table `periods` says of a time that begins at an instant; None without rows.

        Kept, since neither a deployment nor the law of a day changes.
        """
        tables = self.definition(deployment_id).decisions
        if period is None or begins is None or "periods" not in tables:
            return None
        on, known = begins.astimezone(self.zone).date(), self.platform.periods
        if (deployment_id, period, on) not in known:
            data = {"period": period, "on": on.isoformat()}
            known[deployment_id, period, on] = decisions.decide(
                tables, "periods", data, moment=self.moment
            ).outcome
        return known[deployment_id, period, on]

    def grounds(self, deployment_id: UUID, period: str) -> list[Mapping[str, Any]]:
        """On what grounds a fixed time may be moved today, by the deployment's table `move_grounds`."""
        tables = self.definition(deployment_id).decisions
        if "move_grounds" not in tables:
            return []
        data = {"period": period, "on": self.today.isoformat()}
        return list(decisions.decide(tables, "move_grounds", data, moment=self.moment).outcome)

    def lock(self, case_id: UUID | sa.ScalarSelect[UUID]) -> tuple[Case, list[ProcessInstance]]:
        """Load a case with its instances and keep others out until the work is done: the case first, always.

        Raises `NotFound`.
        """
        case = self.session.scalar(
            sa.select(Case)
            .where(Case.id == case_id)
            .with_for_update(of=Case)
            .execution_options(populate_existing=True)
        )
        if case is None:
            raise NotFound
        found = self.session.scalars(
            _instances(), {"case": case.id}, execution_options={"populate_existing": True}
        )
        return case, list(found)

    def key(self, case: Case) -> CaseKey:
        """The key that opens what is personal in this case; raises `NotFound` when it has been destroyed."""
        if case.id not in self._keys:
            if case.wrapped_key is None:
                raise NotFound("What was personal in this case has been destroyed.")
            self._keys[case.id] = self.vault.case_key(case.wrapped_key, str(case.id))
        return self._keys[case.id]

    def snapshot(self, case: Case, instance: ProcessInstance) -> bytes:
        """The instance's state, opened with the case's key."""
        return self.key(case).open(instance.snapshot, f"process_instance.snapshot:{instance.id}")

    def save(self, case: Case, instance: ProcessInstance, snapshot: bytes) -> None:
        """Keep the instance's new state, sealed with the case's key; it has gone on since it was moved."""
        instance.snapshot = self.key(case).seal(snapshot, f"process_instance.snapshot:{instance.id}")
        instance.before_move = None

    def keep_before_move(self, case: Case, instance: ProcessInstance, snapshot: bytes, of: UUID) -> None:
        """Keep the state that an instance had on a deployment, until it goes on where it was moved to."""
        kept = {"deployment": str(of), "snapshot": b64encode(snapshot).decode()}
        instance.before_move = self.key(case).seal_json(kept, f"process_instance.before_move:{instance.id}")

    def before_move(self, case: Case, instance: ProcessInstance) -> tuple[UUID, bytes] | None:
        """The deployment that an instance was moved from and its state there; None once it has gone on."""
        if instance.before_move is None:
            return None
        kept = self.key(case).open_json(instance.before_move, f"process_instance.before_move:{instance.id}")
        return UUID(kept["deployment"]), b64decode(kept["snapshot"])

    def facts(
        self,
        case: Case,
        *,
        assignee: UUID | None = None,
        role: str | None = None,
        delegation: str | None = None,
        not_by: UUID | None = None,
    ) -> Facts:
        """What the rules need to know of this case, and of the task in it when one is acted on."""
        protection = Protection(case.protection)
        return Facts(
            unit=case.unit_key,
            owner=case.owner_id,
            protection=protection,
            named=self._named(case.id) if protection is not Protection.NORMAL else frozenset(),
            assignee=assignee,
            role=role,
            delegation=delegation,
            not_by=not_by,
        )

    def _named(self, case_id: UUID) -> frozenset[UUID]:
        """Who has been given access to this protected case, for now."""
        given = sa.select(CaseAccess.user_id).where(
            CaseAccess.case_id == case_id, CaseAccess.ends_at > self.now
        )
        return frozenset(self.session.scalars(given))

    def definition(self, deployment_id: UUID) -> definition.Definition:
        """Everything that this deployment put in force, parsed once and shared."""
        known = self.platform.parsed.get(deployment_id)
        if known is None:
            files = self.session.execute(
                sa.select(Definition.file, Definition.content)
                .join(deployment_content)
                .where(deployment_content.c.deployment_id == deployment_id)
            )
            known = self.platform.parsed[deployment_id] = definition.parse(
                {row.file: row.content for row in files}
            )
        return known

    def deployment_number(self, deployment_id: UUID) -> int:
        """The number by which people know this deployment."""
        numbers = self.platform.numbers
        if deployment_id not in numbers:
            numbers[deployment_id] = self.session.scalars(
                sa.select(Deployment.number).where(Deployment.id == deployment_id)
            ).one()
        return numbers[deployment_id]

    def stands(self, case: Case, instances: list[ProcessInstance]) -> None:
        """Tell the history what the case's stored state is from now on: a digest of sealed snapshots."""
        self._digests[case.id] = hashlib.sha256(
            b"".join(hashlib.sha256(each.snapshot).digest() for each in instances)
        ).hexdigest()

    def record(
        self,
        case: Case,
        type: str,
        *,
        actor: Actor | None = None,
        process: str | None = None,
        element: str | None = None,
        deployment_id: UUID | None = None,
        details: Mapping[str, Any] | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        """Add a fact to the case's history, in the same transaction as what it tells of.

        `details` are not personal and stand in clear; of `values` only a salted commitment goes into
        the chain, they themselves are sealed with the case's key. The case must be locked, and `stands`
        called when its state changed.
        """
        sequence = case.sequence + 1
        event = HistoryEvent(
            case_id=case.id,
            sequence=sequence,
            at=self.now,
            actor=(actor or self.actor).username,
            type=type,
            process=process,
            element=element,
            deployment=self.deployment_number(deployment_id) if deployment_id else None,
            details=dict(details or {}),
            state_digest=self._digest(case),
            previous=case.seal,
        )
        if values is not None:
            salt, plain = new_salt(), json.dumps(values, ensure_ascii=False, sort_keys=True).encode()
            event.commitment = commitment(salt, plain)
            event.values = self.key(case).seal(salt + plain, f"history_event.values:{case.id}:{sequence}")
        event.seal = event.sealed()
        event.stamp = self.vault.stamp(event.seal)
        case.sequence, case.seal = sequence, event.seal
        self.session.add(event)

    def looked(
        self,
        action: str,
        *,
        case_id: UUID | None = None,
        subject: str | None = None,
        reason: str | None = None,
    ) -> None:
        """Log that the actor looks at something, before the answer leaves (lagen 2001:454, 10 §)."""
        self.session.add(
            AccessEvent(
                at=self.now,
                actor=self.actor.username,
                action=action,
                case_id=case_id,
                subject=subject,
                reason=reason,
            )
        )

    def _digest(self, case: Case) -> str:
        if case.id not in self._digests:
            self.stands(case, list(self.session.scalars(_instances(), {"case": case.id})))
        return self._digests[case.id]


@cache
def _instances() -> sa.Select[ProcessInstance]:
    """A case's instances in the order they began; made once, since every verb asks."""
    return (
        sa.select(ProcessInstance)
        .where(ProcessInstance.case_id == sa.bindparam("case"))
        .order_by(ProcessInstance.started_at, ProcessInstance.id)
    )


def clock_of(found: definition.Definition, zone: ZoneInfo) -> Callable[[datetime], Moment]:
    """Tell how a definition sees any instant: with the days off that its table tells."""

    def seen(now: datetime) -> Moment:
        day = now.astimezone(zone).date()
        plain = Moment(now=now, zone=zone, days_off=calendar.days_off_around(day))
        return Moment(now=now, zone=zone, days_off=_days_off(found, day, plain))

    return seen


def _days_off(found: definition.Definition, around: date, moment: Moment) -> frozenset[date]:
    tables, of = found.decisions, (found.digest, around.year)
    if "days_off" not in tables:
        return calendar.days_off_around(around)
    if of not in _known_days_off:
        _known_days_off[of] = frozenset(
            day
            for year in calendar.years_around(around)
            for key, day in calendar.named_days(year).items()
            if day.weekday() <= calendar.FRIDAY and _is_off(tables, key, day, moment)
        )
    return _known_days_off[of]


_known_days_off: dict[tuple[str, int], frozenset[date]] = {}  # by definition and year, for ever


def _is_off(tables: Mapping[str, Any], key: str, day: date, moment: Moment) -> bool:
    """Ask the table `days_off` about a named day."""
    told = decisions.decide(tables, "days_off", {"day": key, "on": day.isoformat()}, moment=moment).outcome
    return told is not None and told["off"] is True


def open_platform(settings: Settings) -> "Platform":
    """Open the database and the keys that these settings name; makes folder and keys at first start.

    Raises `Invalid` for settings that name no folder, or no database that the service can use.
    """
    try:
        engine = connect(settings.url, pool_size=int(settings.threads) + 2)
    except (ArgumentError, ImportError, KeyError, ValueError) as error:
        told = "ANDRUM_DATABASE_URL begins with sqlite:/// or postgresql://, as SQLAlchemy writes addresses."
        raise Invalid(told) from error
    try:
        settings.folder.mkdir(parents=True, exist_ok=True)
        vault = Vault.at(settings.key_file)
    except OSError as error:
        told = f"ANDRUM_DATA_DIR: {settings.folder} cannot be used: {error.strerror}."
        raise Invalid(told) from error
    return Platform(sessionmaker(engine, expire_on_commit=False), vault, settings)


@dataclass
class Platform:
    """What lives as long as the process does: database, keys, settings, parsed definitions."""

    sessions: sessionmaker[Session]
    vault: Vault
    settings: Settings
    parsed: dict[UUID, definition.Definition] = field(default_factory=dict)
    numbers: dict[UUID, int] = field(default_factory=dict)
    periods: dict[tuple[UUID, str, date], Mapping[str, Any] | None] = field(default_factory=dict)
    levels: dict[tuple[UUID, str, date], tuple[Level, ...]] = field(default_factory=dict)

    @property
    def engine(self) -> sa.Engine:
        """The database."""
        engine: sa.Engine = self.sessions.kw["bind"]
        return engine

    def prepare(self) -> None:
        """Bring the tables to the newest revision, and make sure that the database keeps its word.

        Raises `Unavailable` for a database that cannot be reached, read or written.
        """
        with _told_why():
            schema.upgrade(self.engine)
            check(self.engine)

    def is_prepared(self) -> bool:
        """Tell whether the tables are the newest; raises `Unavailable` as `prepare` does."""
        with _told_why(), self.engine.connect() as connection:
            return schema.is_current(connection)

    @contextmanager
    def begin(self, actor: Actor) -> Iterator[UnitOfWork]:
        """Open a unit of work; leaving it commits, an exception rolls everything back.

        Raises `Conflict` when someone else changed the same rows first, `Unavailable` when the database is
        busy or away.
        """
        try:
            with self.sessions() as session:
                yield UnitOfWork(session, actor, clock.now(), self)
                session.commit()
        except (StaleDataError, IntegrityError) as error:
            raise Conflict from error
        except (OperationalError, DBAPIError) as error:
            if isinstance(error, OperationalError) or _is_damage(error) or error.connection_invalidated:
                raise Unavailable from error
            raise


@contextmanager
def _told_why() -> Iterator[None]:
    """Say in the database's own words why it cannot be used: whoever starts the service has to know."""
    try:
        yield
    except (OperationalError, DatabaseError) as error:
        why = str(error.orig).strip().partition("\n")[0]
        raise Unavailable(f"The database cannot be used: {why}.") from error


def _is_damage(error: DBAPIError) -> bool:
    """Tell whether the file is damaged, or no database at all: SQLite has no class of its own for that."""
    return type(error) is DatabaseError
