"""The outbox: e-mail that was written in the transaction of what it tells of, and leaves the building later.

A worker leases one letter, sends it with no transaction open, and tells how it went; only the holder of the
lease may. A worker that dies leaves a lease that runs out, and the letter goes again under the same
Message-ID: at least once, never silently not at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from service.commands import jobs
from service.engine.text import Text
from service.models.backups import held
from service.models.cases import CaseStatus
from service.models.notices import Mail
from service.models.people import User
from service.work import UnitOfWork

LEASE = timedelta(minutes=2)  # longer than the mail server may take
BACKOFF = tuple(timedelta(minutes=each) for each in (1, 5, 30, 120, 360))  # after each failed try
TRIES = len(BACKOFF) + 1
TROUBLE = 500  # characters
NO_ADDRESS = "The person has no address any more."
LOST = "The worker that sent it did not come back."

SUBJECTS = {
    "warning": Text("Tidsfrist närmar sig: {reference}", "A deadline comes near: {reference}"),
    "digest": Text("Dagens tidsfrister ({n})", "Today's deadlines ({n})"),
}
LATE = Text("Tidsfrist har passerats: {reference}", "A deadline has passed: {reference}")
PROTECTED = Text("Tidsfrist i ett skyddat ärende", "Deadline in a protected case")
WARNING = Text(
    "{name}\nÄrende: {reference}\nSista tid: {due}\n\n{link}\n",
    "{name}\nCase: {reference}\nDue: {due}\n\n{link}\n",
)
DIGEST = Text(
    "Tidsfrister som har passerats eller infaller inom sju dagar:\n\n{rows}\n\n{more}{link}\n",
    "Deadlines that have passed or come within seven days:\n\n{rows}\n\n{more}{link}\n",
)
MORE = Text("Och {n} till.\n\n", "And {n} more.\n\n")
FOOT = Text(
    "\nMeddelandet är skickat av Andrum och går inte att svara på. Det innehåller inga personuppgifter.\n",
    "\nSent by Andrum; it cannot be answered. It holds no personal data.\n",
)


@dataclass(frozen=True)
class Outgoing:
    """A leased letter: what to send to whom, and the lease by which its sender tells how it went."""

    id: UUID
    lease: UUID
    to: str
    subject: str
    text: str
    at: datetime


def take(work: UnitOfWork) -> Outgoing | None:
    """Lease the letter that has waited longest; None when there is none to send.

    The try is counted now, so that a letter that kills its sender is not sent for ever.
    """
    wanted = _waiting(work).where(Mail.attempts < TRIES, _reachable())
    found = work.session.execute(wanted.with_for_update(of=Mail, skip_locked=True)).first()
    if found is None:
        return None
    mail, person = found
    mail.lease, mail.lease_ends_at = uuid4(), work.now + LEASE
    mail.attempts += 1
    subject, text = _words(work, mail, person.language)
    return Outgoing(mail.id, mail.lease, person.email or "", subject, text, mail.made_at)


def settle(work: UnitOfWork) -> bool:
    """Give one letter up that can never leave: its senders did not come back, or its reader has gone.

    False when there is none.
    """
    wanted = _waiting(work).where(sa.or_(Mail.attempts >= TRIES, sa.not_(_reachable())))
    found = work.session.execute(wanted).first()
    if found is None:
        return False
    mail, person = found
    if mail.case_id is not None:
        work.lock(mail.case_id)  # the case first, always: an incident may be raised in it
    work.session.refresh(mail, with_for_update=True)
    if mail.send_at is not None and mail.attempts >= TRIES:
        _give_up(work, mail, mail.trouble or LOST)
    elif mail.send_at is not None and (person.email is None or person.disabled_at is not None):
        _give_up(work, mail, NO_ADDRESS)
    return True


def sent(work: UnitOfWork, mail_id: UUID, lease: UUID) -> bool:
    """Note that the letter has left. False, and nothing noted, when the lease has gone to someone else."""
    mail = _held(work, mail_id, lease)
    if mail is None:
        return False
    mail.sent_at, mail.send_at, mail.lease, mail.lease_ends_at = work.now, None, None, None
    mail.trouble = None
    return True


def failed(work: UnitOfWork, mail_id: UUID, lease: UUID, *, trouble: str, for_good: bool) -> bool:
    """Note that it has not left, and put the next try off; after the last one, tell people.

    False, and nothing noted, when the lease has gone to someone else.
    """
    case_id = work.session.scalar(sa.select(Mail.case_id).where(Mail.id == mail_id))
    if case_id is not None:
        work.lock(case_id)  # the case first, always: an incident may be raised in it
    mail = _held(work, mail_id, lease)
    if mail is None:
        return False
    mail.lease = mail.lease_ends_at = None
    if for_good or mail.attempts >= TRIES:
        _give_up(work, mail, trouble)
    else:
        mail.trouble = trouble[:TROUBLE]
        mail.send_at = work.now + BACKOFF[mail.attempts - 1]
    return True


def again(work: UnitOfWork, mail: Mail) -> None:
    """Let a letter that was given up go again, with all its tries."""
    mail.failed_at, mail.send_at, mail.attempts = None, work.now, 0


def _waiting(work: UnitOfWork) -> sa.Select[Mail, User]:
    """The letter that has waited longest and that nobody has leased, with its reader."""
    free = sa.or_(
        Mail.lease_ends_at.is_(None),
        Mail.lease_ends_at <= work.now,
        Mail.lease_ends_at > work.now + LEASE,  # taken before the clock was put back
    )
    return (
        sa.select(Mail, User)
        .join(User, User.id == Mail.user_id)
        .where(Mail.send_at <= work.now, free, ~held())
        .order_by(Mail.send_at, Mail.id)
        .limit(1)
        .execution_options(populate_existing=True)
    )


def _reachable() -> sa.ColumnElement[bool]:
    return sa.and_(User.email.is_not(None), User.disabled_at.is_(None))


def _held(work: UnitOfWork, mail_id: UUID, lease: UUID) -> Mail | None:
    mine = sa.select(Mail).where(Mail.id == mail_id, Mail.lease == lease).with_for_update()
    return work.session.scalar(mine.execution_options(populate_existing=True))


def _give_up(work: UnitOfWork, mail: Mail, trouble: str) -> None:
    """Try no more. The notice on screen stands; of a warning an incident in the case tells as well."""
    mail.failed_at, mail.send_at, mail.trouble = work.now, None, trouble[:TROUBLE]
    mail.lease = mail.lease_ends_at = None
    if mail.case_id is None:
        return
    with work.session.no_autoflush:
        case, instances = work.lock(mail.case_id)
    if case.status not in {CaseStatus.OPEN, CaseStatus.SUSPENDED}:
        return
    work.stands(case, instances)
    name = work.session.get_one(User, mail.user_id).username
    cause = Text(
        f"En varning kunde inte skickas som e-post till {name} ({trouble}). Den finns kvar i tjänsten.",
        f"A warning could not be sent as e-mail to {name} ({trouble}). It stands in the service.",
    )
    jobs.raise_incident(
        work,
        case,
        process=instances[0].process,
        element=None,
        cause=cause.in_(work.actor.language),
        code="mail-failed",
        subject=mail.id,
    )


def _words(work: UnitOfWork, mail: Mail, language: str) -> tuple[str, str]:
    """Say what the letter tells, in its reader's language: the subject and the text."""
    content, site = mail.content, work.platform.settings.public_url.rstrip("/")
    foot = FOOT.in_(language)
    if mail.kind == "digest":
        return _digest(work, content, language, f"{site}/tasks", foot)
    due = datetime.fromisoformat(content["due"])
    subject = LATE if due <= work.now else SUBJECTS["warning"]
    told = WARNING.in_(language).format(
        name=_name(content, language),
        reference=content["reference"],
        due=_at(work, due),
        link=f"{site}/cases/{content['case']}",
    )
    return subject.in_(language).format(reference=content["reference"]), told + foot


def _digest(
    work: UnitOfWork, content: Mapping[str, Any], language: str, link: str, foot: str
) -> tuple[str, str]:
    rows = "\n".join(
        f"{_at(work, datetime.fromisoformat(row['due']))}  {row['reference']}  {_name(row, language)}"
        for row in content["rows"]
    )
    more = MORE.in_(language).format(n=content["more"]) if content["more"] else ""
    subject = SUBJECTS["digest"].in_(language).format(n=len(content["rows"]) + content["more"])
    return subject, DIGEST.in_(language).format(rows=rows, more=more, link=link) + foot


def _name(content: Mapping[str, Any], language: str) -> str:
    return (
        PROTECTED.in_(language)
        if content["sv"] is None
        else Text(content["sv"], content["en"] or "").in_(language)
    )


def _at(work: UnitOfWork, instant: datetime) -> str:
    return f"{instant.astimezone(work.zone):%Y-%m-%d %H:%M}"
