"""Run migrations on the connection that `service.models.schema` hands over, inside its transaction."""

from alembic import context

from service.models import (
    backups,
    cases,
    checkpoints,
    definitions,
    documents,
    drafts,
    history,
    jobs,
    notices,
    people,
)
from service.models.base import Base

# imported, so that Base knows them all
TABLES = (backups, cases, checkpoints, definitions, documents, drafts, history, jobs, notices, people)

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=False,  # the transaction is the caller's
    render_as_batch=True,
)
context.run_migrations()
