"""The tables' revisions (in migrations/): bring a database to the newest, tell whether it is there."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

MIGRATIONS = Path(__file__).parents[2] / "migrations"


def upgrade(engine: sa.Engine) -> None:
    """Bring the database to the newest revision; does nothing when it is there already."""
    config = _config()
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def is_current(connection: sa.Connection) -> bool:
    """Tell whether the database stands at the newest revision."""
    return (
        MigrationContext.configure(connection).get_current_revision()
        == ScriptDirectory.from_config(_config()).get_current_head()
    )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config
