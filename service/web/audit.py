"""The trail for those who check: find events, verify, sign checkpoints, see who looked at what and why."""

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from service.commands import checkpoints
from service.errors import Conflict, Invalid, Malformed
from service.queries import definitions, history, people
from service.queries.history import Access
from service.rules.permissions import Permission, may
from service.web import auth, texts, trail
from service.web.auth import begin
from service.web.presentation import names, t, zone

blueprint = Blueprint("audit", __name__)
YEARS = range(1900, 3000)
NARROWS = ("actor", "type", "unit", "process", "since", "until", "person")
LISTED = (
    "case.opened", "task.opened", "task.claimed", "task.completed", "task.cancelled", "timer.fired",
    "deadline.moved", "message.delivered", "decision.made", "milestone.reached", "case.transferred",
    "case.suspended", "case.cancelled", "case.closed", "case.destroyed", "access.granted", "incident.raised",
    "document.added", "document.withdrawn",
)  # fmt: skip


@blueprint.get("/audit")
def show_events() -> ResponseReturnValue:
    """Search what happened across the cases that the reader checks."""
    return _events_page()


@blueprint.post("/audit/person")
def find_person() -> ResponseReturnValue:
    """Search by personal number: posted, so that no address and no log ever holds it."""
    try:
        with begin() as work:
            code = history.person_code(work, request.form.get("person", ""))
    except Invalid as error:
        return _events_page(wrong=error.problems[0].message), 422
    return redirect(url_for("audit.show_events", person=code), 303)


@blueprint.get("/audit/proof")
def show_proof() -> ResponseReturnValue:
    """Show the signed checkpoints and the key; verify the whole trail when asked."""
    return _proof_page()


@blueprint.post("/audit/proof")
def sign() -> ResponseReturnValue:
    """Sign a checkpoint now."""
    try:
        with begin() as work:
            signed = checkpoints.take(work)
    except Conflict as error:
        return _proof_page([(None, error.message)]), 409
    checkpoints.publish(auth.platform(), signed)
    return redirect(url_for("audit.show_proof", said="signed"), 303)


@blueprint.get("/access-log")
def show_access_log() -> ResponseReturnValue:
    """List who looked at what in the units that the reader checks (lagen 2001:454, 10 §)."""
    case = _case(request.args.get("case"))
    since, until = _day(request.args.get("since")), _day(request.args.get("until"))
    with begin() as work:
        page = history.access_log(
            work,
            case=case,
            actor=request.args.get("actor", "").strip().lower() or None,
            action=request.args.get("action") or None,
            since=_midnight(since),
            until=_midnight(until + timedelta(days=1)) if until else None,
            cursor=request.args.get("cursor"),
        )
        reference = history.references(work, [case]).get(case) if case else None
        audits = may(work.actor, Permission.TRAIL_CHECK)
    return render_template(
        "audit/access_log.html",
        page=page,
        case=case,
        reference=reference,
        wanted={
            "actor": request.args.get("actor", ""),
            "action": request.args.get("action", ""),
            "since": since or "",
            "until": until or "",
        },
        actions=_actions(),
        audits=audits,
        about=REGISTERS,
        access_words=access_words,
    )


def access_words(access: Access) -> str:
    """Say what somebody did."""
    key = f"access_action.{access.action}"
    words = t(key) if texts.known(key) else access.action
    list_key = f"access_list.{access.subject}"
    return f"{words}: {t(list_key)}" if access.action in LISTS and texts.known(list_key) else words


LISTS = frozenset({"list", "export", "search"})
REGISTERS = frozenset({  # changes of who may do what: their subject says whom and where
    "user.added", "user.disabled", "unit.added", "unit.head", "role.granted", "role.revoked",
    "delegation.added", "training.registered", "training.withdrawn",
})  # fmt: skip


def _events_page(wrong: str | None = None) -> str:
    given = {name: request.args.get(name, "").strip() for name in NARROWS}
    since, until = _day(given["since"]), _day(given["until"])
    sought = history.Sought(
        actor=given["actor"].lower() or None,
        type=given["type"] or None,
        unit=given["unit"] or None,
        process=given["process"] or None,
        person=given["person"] or None,
        since=_midnight(since),
        until=_midnight(until + timedelta(days=1)) if until else None,
    )
    with begin() as work:
        page = history.changes(work, sought, cursor=request.args.get("cursor"))
        references = history.references(work, (event.case_id for event in page.items))
        units = dict(names(people.units(work)))
        processes = {row.key: row for row in definitions.newest(work)}
    mine = auth.actor()
    return render_template(
        "audit/events.html",
        page=page,
        references=references,
        given=given | {"since": since or "", "until": until or ""},
        narrowed=any(given.values()),
        units={key: name for key, name in units.items() if mine is not None and key in mine.units()},
        processes={key: row.name for key, row in processes.items()},
        types={type: trail.event_type(type) for type in LISTED},
        event_type=trail.event_type,
        problems=[("person", wrong)] if wrong else [],
        wrong=wrong,
    )


def _proof_page(problems: list[tuple[str | None, str]] | None = None) -> str:
    checked = history.verify_everything(begin) if request.args.get("verify") else None
    with begin() as work:
        page = history.checkpoints(work, cursor=request.args.get("cursor"))
        key = history.public_key(work)
    return render_template(
        "audit/proof.html",
        page=page,
        key=key,
        checked=checked,
        found=[_found(each) for each in checked.findings] if checked else [],
        problems=problems or [],
    )


def _found(finding: Any) -> dict[str, Any]:
    """Something that is wrong, in words and with a way to it."""
    address = None
    if finding.case_id and finding.seen and finding.reference:
        address = url_for("cases.show_history", case_id=finding.case_id)
    return {
        "reference": finding.reference or (t("proof.hidden") if finding.case_id else ""),
        "sequence": finding.sequence,
        "size": finding.size,
        "why": f"{trail.why(finding.why)}: {finding.document}"
        if finding.document
        else trail.why(finding.why),
        "href": f"{address}#event-{finding.sequence}" if address else None,
    }


def _actions() -> dict[str, str]:
    start = "access_action."
    return {key.removeprefix(start): t(key) for key in texts.catalogue("sv") if key.startswith(start)}


def _case(given: str | None) -> UUID | None:
    try:
        return UUID(given) if given else None
    except ValueError as error:
        raise Malformed from error


def _day(given: str | None) -> date | None:
    """Read a day; one that is none, or that no clock reaches, does not narrow."""
    try:
        day = date.fromisoformat(given) if given else None
    except ValueError:
        return None
    return day if day is not None and day.year in YEARS else None


def _midnight(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), zone()) if day else None
