"""The tables' revisions (in migrations/): bring a database to the newest, tell whether it is there."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

MIGRATIONS = Path(__file__).parents[2] / "migrations"
LOCK = 8_017_263_401  # any number that nobody else uses on this database


def upgrade(engine: sa.Engine) -> None:
    """Bring the database to the newest revision; does nothing when it is there already.

    All in one transaction, and one process at a time: several may start at once.
    """
    with engine.begin() as connection:
        raise_to(connection, "head")


def raise_to(connection: sa.Connection, revision: str) -> None:
    """Bring the database to a revision, inside a transaction of the caller's."""
    config = _config()
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def revision_of(connection: sa.Connection) -> str | None:
    """The revision that the database stands at."""
    return MigrationContext.configure(connection).get_current_revision()


def is_known(revision: str) -> bool:
    """Tell whether this service knows the revision, and so can go on from it."""
    return revision in {each.revision for each in ScriptDirectory.from_config(_config()).walk_revisions()}


def is_current(connection: sa.Connection) -> bool:
    """Tell whether the database stands at the newest revision."""
    return revision_of(connection) == ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
