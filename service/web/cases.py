"""Cases: the list, starting one, the case page, its history, opening a protected one, managing it."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from service.commands import cases, deployments, messages
from service.engine import layouts
from service.errors import Conflict, Invalid, NotFound
from service.models.documents import DocumentKind
from service.queries import casefile, definitions, history, people
from service.queries.casefile import CaseFile
from service.queries.documents import DocumentRow
from service.queries.people import Person
from service.rules.permissions import Permission, Role
from service.web import auth, drawings, forms, letters, steps, trail
from service.web.auth import begin
from service.web.presentation import clock, day, language, moment, names, say, t
from service.web.steps import Standing
from service.work import UnitOfWork

blueprint = Blueprint("cases", __name__)

FILTERS: dict[str, dict[str, Any]] = {
    "open": {"status": "open"},
    "mine": {},
    "overdue": {"overdue": True},
    "suspended": {"status": "suspended"},
    "closed": {"status": "closed"},
    "cancelled": {"status": "cancelled"},
    "all": {},
}
ACTIONS: dict[str, Callable[..., None]] = {
    "suspend": cases.suspend,
    "resume": cases.resume,
    "cancel": cases.cancel,
    "transfer": cases.transfer,
}
OFFERED = {"open": ("transfer", "suspend", "cancel"), "suspended": ("resume", "transfer", "cancel")}
COMING = 5  # tasks that cannot start yet, before they hide what can
SAID = 3  # sentences about what comes next, before they stop helping


@blueprint.get("/cases")
def show_cases() -> ResponseReturnValue:
    """List the cases that the reader may see."""
    shown = request.args.get("show", "")
    shown = shown if shown in FILTERS else "open"
    narrowed = FILTERS[shown] | {"unit": request.args.get("unit") or None, "q": request.args.get("q") or None}
    with begin() as work:
        me = work.actor
        if shown == "mine":
            narrowed["owner"] = me.id
        page = casefile.cases(work, casefile.Wanted(**narrowed), cursor=request.args.get("cursor"))
        units = dict(names(people.units(work)))
    mine = me.units(Role.CASEWORKER, Role.TEAM_LEADER, Role.AUDITOR)
    return render_template(
        "cases/list.html",
        page=page,
        shown=shown,
        filters=list(FILTERS),
        units={key: name for key, name in units.items() if key in mine},
        unit_names=units,
        unit=request.args.get("unit", ""),
        q=request.args.get("q", ""),
        milestone=trail.milestone,
        may_start=bool(me.units(Role.CASEWORKER, Role.TEAM_LEADER)),
    )


@blueprint.get("/cases/new")
def show_start() -> ResponseReturnValue:
    """Offer the processes that a case can be started on."""
    return _start_page()


@blueprint.post("/cases")
def start() -> ResponseReturnValue:
    """Start a case and go to its first task, if it is one that the reader may do."""
    try:
        with begin() as work:
            case_id = cases.start(work, request.form.get("process", ""), unit=request.form.get("unit", ""))
    except Invalid as error:
        return _start_page([(None, each.message) for each in error.problems]), 422
    return redirect(url_for("cases.show_case", case_id=case_id, said="started"), 303)


@blueprint.get("/cases/<uuid:case_id>")
def show_case(case_id: UUID) -> ResponseReturnValue:
    """Show a case; a protected one asks for a reason first."""
    try:
        return case_page(case_id)
    except NotFound:
        with begin() as work:
            casefile.protected(work, case_id)
        return redirect(url_for("cases.show_protected", case_id=case_id), 303)


@blueprint.get("/cases/<uuid:case_id>/open")
def show_protected(case_id: UUID) -> ResponseReturnValue:
    """Ask for the reason to open a protected case."""
    return _protected_page(case_id)


@blueprint.post("/cases/<uuid:case_id>/open")
def open_protected(case_id: UUID) -> ResponseReturnValue:
    """Open a protected case, with a reason that is logged."""
    reason = request.form.get("reason", "")
    try:
        with begin() as work:
            cases.break_glass(work, case_id, reason=reason)
    except Invalid:
        return _protected_page(case_id, wrong=t("manage.reason_missing"), reason=reason), 422
    return redirect(url_for("cases.show_case", case_id=case_id, said="opened"), 303)


@blueprint.post("/cases/<uuid:case_id>/<any(suspend, resume, cancel, transfer):action>")
def manage(case_id: UUID, action: str) -> ResponseReturnValue:
    """Suspend, resume, cancel or transfer a case, with a reason."""
    reason = request.form.get("reason", "")
    told: dict[str, Any] = {"reason": reason}
    if action == "transfer":
        told |= {name: request.form.get(name) or None for name in ("unit", "owner")}
    try:
        with begin() as work:
            ACTIONS[action](work, case_id, **told)
    except Invalid as error:
        words = t("manage.reason_missing") if not reason.strip() else _first(error)
        field = f"{action}-reason" if not reason.strip() else None
        wrong = {"action": action, "words": words, "reason": reason}
        return case_page(case_id, problems=[(field, words)], wrong=wrong), 422
    except Conflict as error:
        return case_page(case_id, problems=[(None, error.message)]), 409
    return redirect(_after(case_id, action), 303)


@blueprint.post("/cases/<uuid:case_id>/messages")
def register_message(case_id: UUID) -> ResponseReturnValue:
    """Register that something has happened which the case waits for."""
    try:
        with begin() as work:
            messages.deliver(work, request.form.get("name", ""), case_id=case_id)
    except (Conflict, Invalid) as error:
        return case_page(case_id, problems=[(None, error.message)]), 409
    return redirect(url_for("cases.show_case", case_id=case_id, said="registered"), 303)


@blueprint.get("/cases/<uuid:case_id>/history")
def show_history(case_id: UUID) -> ResponseReturnValue:
    """Show every event of a case, and whether the chain is whole."""
    type = request.args.get("type", "")
    with begin() as work:
        file = casefile.case(work, case_id)
        events = history.timeline(work, case_id)
        verdict = history.verify(work, case_id)
    told = trail.tell(events, file.definition, whole=True)
    return render_template(
        "cases/history.html",
        case_id=case_id,
        reference=file.row.reference,
        protected=file.row.protection != "normal",
        destroyed=file.destroyed,
        verdict=verdict,
        timeline=[each for each in reversed(told) if not type or each.type == type],
        types=sorted({each.type for each in told}, key=trail.event_type),
        type=type,
        event_type=trail.event_type,
        why=trail.why,
        may_access_log=Permission.ACCESS_LOG_READ in file.may,
    )


def case_page(
    case_id: UUID,
    *,
    problems: list[tuple[str | None, str]] | None = None,
    wrong: dict[str, str] | None = None,
) -> str:
    """Show the case; with what is wrong in a form that was posted from it, and what was typed there."""
    with begin() as work:
        file = casefile.case(work, case_id)
        units = dict(names(people.units(work)))
        colleagues = _colleagues(work, file)
    drawn = request.args.get("process", "")
    drawn_of = _drawings(file)
    drawn = drawn if drawn in drawn_of else drawings.liveliest(drawn_of)
    process, _, right = drawn.partition(":")
    diagram = file.definition.processes[process]
    standing = drawn_of[drawn]
    told = trail.tell(file.events, file.definition)
    return render_template(
        "cases/case.html",
        row=file.row,
        destroyed=file.destroyed,
        unit_name=units.get(file.row.unit, file.row.unit),
        unit_names=units,
        colleagues=colleagues,
        incidents=[each for each in file.incidents if each.state == "open"],
        standing=_where(file, told),
        following=_what_next(file),
        tasks=file.tasks,
        closed=list(reversed(file.closed)),
        coming=_coming(file),
        drawings=drawings.choices(file.definition, drawn_of),
        drawn=drawn,
        drawn_title=drawings.name(file.definition, drawn),
        xml=layouts.shown(diagram.xml, diagram.key),
        steps=steps.table(diagram, standing),
        answers=_answers(file),
        deadlines=file.deadlines,
        grounds=file.grounds,
        moves=Permission.DEADLINE_MOVE in file.may and file.row.status in {"open", "suspended"},
        happenings=[each for each in file.awaited if each.consequence] if _registers(file) else [],
        awaited=[each for each in file.awaited if not each.consequence],
        rights=file.rights,
        documents=list(reversed(file.documents)),
        document_kinds=[each.value for each in DocumentKind],
        makes=letters.offered(file.definition.forms) if _adds(file) else (),
        adds=_adds(file),
        withdrawable=_withdrawable(file),
        reads=Permission.DOCUMENT_READ in file.may,
        reasons=_withdrawn(file),
        largest=auth.platform().settings.largest_document,
        timeline=list(reversed(told)),
        may_history=Permission.HISTORY_READ in file.may,
        manages=OFFERED.get(file.row.status, ()) if Permission.CASE_MANAGE in file.may else (),
        problems=problems or [],
        wrong=wrong or {},
        right=right,
    )


def _registers(file: CaseFile) -> bool:
    """Tell whether the reader may register what the case waits for."""
    return Permission.MESSAGE_DELIVER in file.may and file.row.status in {"open", "suspended"}


def _adds(file: CaseFile) -> bool:
    """Tell whether the reader may add documents to the case as it stands."""
    return Permission.DOCUMENT_ADD in file.may and file.row.status == "open"


def _withdrawable(file: CaseFile) -> list[DocumentRow]:
    """The documents that the reader may withdraw, the newest first."""
    if Permission.DOCUMENT_WITHDRAW not in file.may:
        return []
    return [each for each in reversed(file.documents) if each.withdrawn_at is None]


def _withdrawn(file: CaseFile) -> dict[str, str]:
    """Why documents were withdrawn, by their id, for those who may read it."""
    return {
        each.details["document"]: (each.values or {}).get("reason", "")
        for each in file.events
        if each.type == "document.withdrawn"
    }


def _colleagues(work: UnitOfWork, file: CaseFile) -> tuple[Person, ...]:
    return people.colleagues(work, file.row.unit) if Permission.CASE_MANAGE in file.may else ()


def _start_page(problems: list[tuple[str | None, str]] | None = None) -> str:
    with begin() as work:
        newest = {row.key: row for row in definitions.newest(work)}
        units = names(people.units(work))
        mine = work.actor.units(Role.CASEWORKER, Role.TEAM_LEADER)
        processes = work.definition(deployments.in_force(work)).processes if newest else {}
    called = {node.called for each in processes.values() for node in steps.nodes_of(each).values()}
    return render_template(
        "cases/start.html",
        processes=[
            {"key": key, "title": say(each.title), "version": newest[key].version}
            for key, each in processes.items()
            if key not in called and key in newest
        ],
        units={key: name for key, name in units.items() if key in mine},
        unit=request.form.get("unit", ""),
        chosen=request.form.get("process", ""),
        problems=problems or [],
    )


def _protected_page(case_id: UUID, *, wrong: str | None = None, reason: str = "") -> str:
    with begin() as work:
        stub = casefile.protected(work, case_id)
    problems = [("reason", wrong)] if wrong else []
    return render_template("cases/protected.html", stub=stub, wrong=wrong, reason=reason, problems=problems)


def _after(case_id: UUID, action: str) -> str:
    """Where to go after managing a case: a transferred one may be out of the reader's sight."""
    moved = action == "transfer" and request.form.get("unit")
    if moved:
        return url_for("cases.show_cases", said=action)
    return url_for("cases.show_case", case_id=case_id, said=action)


def _first(error: Invalid) -> str:
    return error.problems[0].message if error.problems else error.message


def _drawings(file: CaseFile) -> dict[str, Standing]:
    """The diagrams that the case has been in, with what has happened there."""
    over = file.row.status in {"closed", "cancelled"}
    return drawings.of(file.definition, file.row.process, passed=file.passed, active=file.active, over=over)


def _where(file: CaseFile, told: list[trail.Told]) -> list[str]:
    """Say where the case stands and why."""
    row = file.row
    said = [t(f"stand.{row.status}", day=day(row.closed_at) if row.closed_at else "")]
    for task in file.tasks[:SAID]:
        name = f"{say(task.name)}: {t(f'right.{task.right}')}" if task.right else say(task.name)
        who = task.assignee.name if task.assignee else t(f"role.{task.role}")
        said.append(t("stand.task", task=name, who=who, since=moment(task.opened_at)))
    if len(file.tasks) > SAID:
        said.append(t("stand.more", n=len(file.tasks) - SAID))
    if not file.tasks and file.deadlines:
        first = file.deadlines[0]
        said.append(t("stand.timer", name=say(first.name), day=day(first.due_at), time=clock(first.due_at)))
    if told:
        last = told[-1]
        said.append(t("stand.last", what=last.words, who=last.who, at=moment(last.at)))
    return said


def _what_next(file: CaseFile) -> list[str]:
    """Say what comes after each open task."""
    if file.row.status not in {"open", "suspended"}:
        return []
    return list(
        dict.fromkeys(
            t(
                "next.after",
                task=say(task.name),
                then=steps.what_next(file.definition.processes[task.process], task.element),
            )
            for task in file.tasks[:SAID]
        )
    )


def _coming(file: CaseFile) -> list[str]:
    if file.row.status not in {"open", "suspended"}:
        return []
    found: dict[str, None] = {}
    for key, standing in _drawings(file).items():
        process, _, right = key.partition(":")
        for name in steps.coming(file.definition.processes[process], standing):
            found[f"{name}: {t(f'right.{right}')}" if right else name] = None
    return list(found)[:COMING]


def _answers(file: CaseFile) -> list[tuple[Any, list[tuple[str, str]]]]:
    """What people have answered, task by task, in words; the latest first."""
    return [
        (task, forms.given(task.form, task.answers, language()))
        for task in reversed(file.closed)
        if task.answers and task.form is not None
    ]
