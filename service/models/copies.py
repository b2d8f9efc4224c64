"""The whole database copied as it is at one moment, and put into an empty one; no tool of the database's.

SQLite: VACUUM INTO, which leaves out what was deleted; a copied file without its WAL would be torn or old.
PostgreSQL: COPY of every table inside one REPEATABLE READ transaction, so that all show the same moment.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

FILE = "andrum.db"  # what a copy of SQLite is called
CHUNK = 1 << 20  # bytes
REVISION = "alembic_version"  # the revision is told beside, and made by it
GUARD = "only_add"  # the function behind the tables that only grow


@dataclass(frozen=True)
class Part:
    """A piece of a copy: a file, or the rows of a table with the columns in their order."""

    name: str
    content: Iterable[bytes]
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Copy:
    """The database at one moment: a connection that sees that moment and nothing later, and its pieces."""

    connection: sa.Connection
    parts: Iterator[Part]


@contextmanager
def copied(engine: sa.Engine, scratch: Path) -> Iterator[Copy]:
    """Copy the database while others go on working; `scratch` is an empty folder of the caller's."""
    if engine.dialect.name == "sqlite":
        path = scratch / FILE
        _vacuum_into(engine, path)
        reader = sa.create_engine(f"sqlite:///file:{path}?mode=ro&uri=true", hide_parameters=True)
        with reader.connect() as connection:
            yield Copy(connection, iter([Part(FILE, _chunks(path))]))
        reader.dispose()
        return
    how: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with engine.connect().execution_options(**how) as connection:
        take_time(connection)
        yield Copy(connection, _tables(connection))


def is_empty(connection: sa.Connection) -> bool:
    """Tell whether there is not a single table."""
    return not sa.inspect(connection).get_table_names()


def size(connection: sa.Connection) -> int:
    """How many bytes the database takes, about."""
    asked = {
        "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
        "postgresql": "SELECT pg_database_size(current_database())",
    }
    return int(connection.exec_driver_sql(asked[connection.dialect.name]).scalar() or 0)


def take_time(connection: sa.Connection) -> None:
    """Let what follows in this transaction take as long as it needs: PostgreSQL would break it off."""
    if connection.dialect.name == "postgresql":
        for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
            connection.exec_driver_sql(f"SET LOCAL {limit} = 0")


def fill(connection: sa.Connection, table: str, columns: Sequence[str], rows: Iterable[bytes]) -> None:
    """Put rows that `copied` gave into a table of PostgreSQL."""
    quoted = _quoted(connection, table, columns)
    with _cursor(connection) as cursor, cursor.copy(f"COPY {quoted} FROM STDIN") as copy:
        for chunk in rows:
            copy.write(chunk)


def clear(connection: sa.Connection) -> None:
    """Take every table out of a database of PostgreSQL that was empty before."""
    names = sa.inspect(connection).get_table_names()
    quote = connection.dialect.identifier_preparer.quote
    if names:
        connection.exec_driver_sql(f"DROP TABLE {', '.join(map(quote, names))} CASCADE")
    connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {GUARD}()")


def scrub(engine: sa.Engine) -> None:
    """Empty SQLite's log of changes into its file; clear old versions of rows away in PostgreSQL."""
    borrowed = engine.raw_connection()
    try:
        driver: Any = borrowed.driver_connection
        if engine.dialect.name == "sqlite":
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            driver.autocommit = True
            driver.execute("SET statement_timeout = 0")
            driver.execute("VACUUM ANALYZE")
    finally:
        borrowed.detach()
        borrowed.close()


def is_sound(path: Path) -> bool:
    """Tell whether SQLite finds its own file in order."""
    engine = sa.create_engine(f"sqlite:///file:{path}?mode=ro&uri=true", hide_parameters=True)
    try:
        with engine.connect() as connection:
            return bool(connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok")
    except sa.exc.DatabaseError:
        return False
    finally:
        engine.dispose()


def _vacuum_into(engine: sa.Engine, path: Path) -> None:
    """Outside any transaction, as VACUUM must be; it reads one moment and keeps no writer waiting."""
    borrowed = engine.raw_connection()
    try:
        driver: Any = borrowed.driver_connection
        driver.execute("VACUUM INTO ?", (str(path),))
    finally:
        borrowed.close()


def _tables(connection: sa.Connection) -> Iterator[Part]:
    inspector = sa.inspect(connection)
    for table in sorted(set(inspector.get_table_names()) - {REVISION}):
        columns = tuple(each["name"] for each in inspector.get_columns(table))
        yield Part(table, _rows(connection, table, columns), columns)


def _rows(connection: sa.Connection, table: str, columns: Sequence[str]) -> Iterator[bytes]:
    with (
        _cursor(connection) as cursor,
        cursor.copy(f"COPY {_quoted(connection, table, columns)} TO STDOUT") as copy,
    ):
        yield from map(bytes, copy)


def _quoted(connection: sa.Connection, table: str, columns: Sequence[str]) -> str:
    quote = connection.dialect.identifier_preparer.quote
    return f"{quote(table)} ({', '.join(map(quote, columns))})"


def _cursor(connection: sa.Connection) -> Any:
    driver: Any = connection.connection.driver_connection
    return driver.cursor()


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
