"""What the service does for itself: the worker's heartbeat, and sweeping away what is no longer needed."""

from datetime import timedelta

import sqlalchemy as sa

from service.models.base import learn
from service.models.jobs import Heartbeat, IdempotentAnswer
from service.models.people import Login, LoginAttempt
from service.work import UnitOfWork

SILENT = timedelta(days=1)  # after which a worker's heartbeat is forgotten
ANSWERS = timedelta(days=7)  # how long the first answer to a request is kept
ATTEMPTS = timedelta(days=1)  # how long a failed login is remembered
LOGINS = timedelta(days=30)  # how long an ended login is shown


def beat(work: UnitOfWork, *, worker: str) -> None:
    """Say that this worker polls; readiness and the watchdog ask."""
    found = work.session.get(Heartbeat, worker)
    if found is None:
        work.session.add(Heartbeat(worker=worker, at=work.now))
    else:
        found.at = work.now


def sweep(work: UnitOfWork) -> None:
    """Remove what has served its purpose, and let the database learn how the rest is spread."""
    old = (
        sa.delete(Heartbeat).where(Heartbeat.at < work.now - SILENT),
        sa.delete(IdempotentAnswer).where(IdempotentAnswer.at < work.now - ANSWERS),
        sa.delete(LoginAttempt).where(LoginAttempt.at < work.now - ATTEMPTS),
        sa.delete(Login).where(Login.ends_at < work.now - LOGINS),
    )
    for each in old:
        work.session.execute(each, execution_options={"synchronize_session": False})
    learn(work.session.connection())
