"""Base of all tables: column types, naming convention, the engine and its durable settings."""

import json
import sqlite3
from datetime import UTC, datetime
from enum import Enum
from time import monotonic
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase

from service.errors import Unavailable

PATIENCE = 10.0  # seconds that a writer waits for the others on SQLite
GLANCE = 5  # milliseconds between two looks whether it is its turn
SAMPLES = 1000  # rows of an index that SQLite looks at to learn how it is filled
RECYCLE = 3600  # seconds after which a connection is opened anew, with what has been learnt since

POSTGRESQL = {
    "synchronous_commit": "on",
    "lock_timeout": "8000",  # ms
    "statement_timeout": "15000",  # ms
    "idle_in_transaction_session_timeout": "30000",  # ms
    "timezone": "UTC",
}


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An instant: aware, UTC on both databases."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        """What its values are."""
        return datetime

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Store UTC; a naive datetime is a mistake."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored")
        return (
            value.astimezone(UTC).replace(tzinfo=None) if dialect.name == "sqlite" else value.astimezone(UTC)
        )

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Give back an aware instant in UTC."""
        del dialect
        return (
            value.replace(tzinfo=UTC) if value and value.tzinfo is None else value and value.astimezone(UTC)
        )


def words(enum: type[Enum]) -> sa.Enum:
    """Store an enum as its word."""
    return sa.Enum(
        enum,
        native_enum=False,
        create_constraint=False,
        length=32,
        values_callable=lambda each: [member.value for member in each],
    )


class Base(DeclarativeBase):
    """All tables."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  SQLAlchemy declares it so
        datetime: UtcDateTime,
        dict[str, Any]: sa.JSON,
        UUID: sa.Uuid,
    }


@sa.event.listens_for(sa.ForeignKeyConstraint, "after_parent_attach")
def _check_at_commit(constraint: sa.ForeignKeyConstraint, table: sa.Table) -> None:
    """Let the database check references at the commit, so that statements need no order."""
    if table.metadata is Base.metadata:
        constraint.deferrable, constraint.initially = True, "DEFERRED"


def connect(url: str, *, pool_size: int = 8) -> sa.Engine:
    """Open the database of this URL, with the settings that durability needs.

    SQLite: WAL, synchronous=FULL, foreign keys, BEGIN IMMEDIATE for every transaction (a deferred one that
    turns into a writer can fail at any statement). PostgreSQL: synchronous_commit, limits on waiting.
    """
    made = sa.make_url(url)
    if made.get_backend_name() == "sqlite":
        engine = sa.create_engine(
            made,
            hide_parameters=True,
            json_serializer=_json,
            connect_args={"timeout": 10},
            pool_size=pool_size,
            pool_recycle=RECYCLE,
        )
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_immediate)
        sa.event.listen(engine, "reset", _leave_nothing_open)
        return engine
    options = " ".join(f"-c {name}={value}" for name, value in POSTGRESQL.items())
    return sa.create_engine(
        made,
        hide_parameters=True,
        json_serializer=_json,
        pool_pre_ping=True,
        pool_size=pool_size,
        connect_args={"options": options},
    )


def check(engine: sa.Engine) -> None:
    """Make sure that the database keeps what it acknowledges; raises `Unavailable` naming the wrong setting.

    Reads the values in effect in a session of ours: a role or a database may override the server's file.
    """
    wanted = {
        "sqlite": {"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"},
        "postgresql": {"synchronous_commit": "on", "fsync": "on", "full_page_writes": "on"},
    }
    ask = {"sqlite": "PRAGMA {}", "postgresql": "SHOW {}"}[engine.dialect.name]
    with engine.connect() as connection:
        for name, value in wanted[engine.dialect.name].items():
            found = str(connection.exec_driver_sql(ask.format(name)).scalar())
            if found != value:
                raise Unavailable(
                    f"The database runs with {name}={found}; work could be lost. It must be {value}."
                )


def learn(connection: sa.Connection) -> None:
    """Let SQLite learn from samples how its tables are filled, so that it finds rows the shortest way.

    Other connections know when they are opened anew. PostgreSQL does all this by itself.
    """
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA analysis_limit={SAMPLES}")
        connection.exec_driver_sql("PRAGMA optimize=0x10002")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _prepare_sqlite(connection: Any, record: object) -> None:
    del record
    connection.isolation_level = None  # the driver begins nothing by itself; _begin_immediate does
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
        f"busy_timeout={GLANCE}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _leave_nothing_open(connection: Any, *_: object) -> None:
    """Roll back what a refused COMMIT left open: SQLite does not, and SQLAlchemy takes it for ended."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _begin_immediate(connection: sa.Connection) -> None:
    """Begin as a writer, waiting for others' turn to end.

    SQLite itself looks again after up to a tenth of a second: whoever has just committed begins anew in
    between, and the others starve. So it may wait only some milliseconds at a time, and is asked again.
    """
    until = monotonic() + PATIENCE
    while True:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        except sa.exc.OperationalError as error:
            code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
            if code != sqlite3.SQLITE_BUSY or monotonic() > until:
                raise
        else:
            return
