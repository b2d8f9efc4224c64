"""The migrations lead to the tables that the service works with, on both databases."""

import threading

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from service.models import schema
from service.models.base import Base, check, connect


def test_the_migrations_and_the_tables_agree(platform):
    with platform.engine.connect() as connection:
        assert schema.is_current(connection)
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_the_database_keeps_what_it_acknowledges(platform):
    check(platform.engine)


def test_several_processes_may_migrate_at_the_same_time(request, kind, tmp_path):
    if kind == "postgresql":
        server = request.getfixturevalue("postgresql")
        server.tell("CREATE DATABASE empty_one")
        url = server.url("empty_one").replace("postgresql://", "postgresql+psycopg://")
    else:
        url = f"sqlite:///{tmp_path}/empty.db"
    engines, ready, wrong = [connect(url) for _ in range(3)], threading.Barrier(3), []

    def migrate(engine):
        try:
            ready.wait()
            schema.upgrade(engine)
        except sa.exc.SQLAlchemyError as error:
            wrong.append(error)

    threads = [threading.Thread(target=migrate, args=(engine,)) for engine in engines]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    with engines[0].connect() as connection:
        assert schema.is_current(connection)
    for engine in engines:
        engine.dispose()
    if kind == "postgresql":
        server.drop("empty_one")
    assert wrong == []


@pytest.mark.parametrize("table", ["history_event", "access_event"])
def test_what_only_grows_is_guarded_by_the_database(platform, kind, table):
    asked = {
        "sqlite": "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table",
        "postgresql": "SELECT count(*) FROM pg_trigger"
        " WHERE NOT tgisinternal AND tgrelid = CAST(:table AS regclass)",
    }
    with platform.engine.connect() as connection:
        assert connection.scalar(sa.text(asked[kind]), {"table": table}) == 2
