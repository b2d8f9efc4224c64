"""Moving, pausing and resuming deadlines from the case page."""

from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from service.commands import deadlines
from service.errors import Conflict, Invalid, Problem
from service.web import cases
from service.web.auth import begin
from service.web.presentation import END_OF_DAY, t, zone
from service.work import UnitOfWork

blueprint = Blueprint("moves", __name__)


@blueprint.post("/cases/<uuid:case_id>/timers/<uuid:timer_id>/move")
def move(case_id: UUID, timer_id: UUID) -> ResponseReturnValue:
    """Let a timer of the case go off on another day."""
    return _change(
        case_id, timer_id, "move", lambda work: deadlines.move(work, timer_id, due=_when(), **_why())
    )


@blueprint.post("/cases/<uuid:case_id>/timers/<uuid:timer_id>/pause")
def pause(case_id: UUID, timer_id: UUID) -> ResponseReturnValue:
    """Let the clock of a timer stand still."""
    return _change(case_id, timer_id, "pause", lambda work: deadlines.pause(work, timer_id, **_why()))


@blueprint.post("/cases/<uuid:case_id>/timers/<uuid:timer_id>/resume")
def resume(case_id: UUID, timer_id: UUID) -> ResponseReturnValue:
    """Let a paused timer run on."""
    reason = request.form.get("reason", "")

    def act(work: UnitOfWork) -> None:
        due = _when() if request.form.get("day") else None
        deadlines.resume(work, timer_id, due=due, reason=reason)

    return _change(case_id, timer_id, "resume", act)


@blueprint.post("/cases/<uuid:case_id>/tasks/<uuid:task_id>/due")
def set_due(case_id: UUID, task_id: UUID) -> ResponseReturnValue:
    """Let a task of the case be due on another day."""
    return _change(
        case_id, task_id, "move", lambda work: deadlines.set_due(work, task_id, due=_when(), **_why())
    )


def _change(
    case_id: UUID, deadline_id: UUID, action: str, act: Callable[[UnitOfWork], object]
) -> ResponseReturnValue:
    """Change a deadline and show the case; with what is wrong and what was typed when that cannot be."""
    try:
        with begin() as work:
            act(work)
    except (Invalid, Conflict) as error:
        return _again(case_id, deadline_id, error)
    return redirect(url_for("cases.show_case", case_id=case_id, said=f"deadline_{action}"), 303)


def _why() -> dict[str, str]:
    return {name: request.form.get(name, "") for name in ("reason", "legal_basis")}


def _when() -> datetime:
    """Read the day and the time of day; without a time, and at 23:59, the whole day is left."""
    try:
        day = date.fromisoformat(request.form.get("day", ""))
        at = time.fromisoformat(request.form.get("time") or "23:59")
    except ValueError as error:
        raise Invalid(problems=[Problem(t("change.no_day"), pointer="/due_at")]) from error
    at = at.replace(second=59) if at >= END_OF_DAY else at
    return datetime.combine(day, at.replace(tzinfo=None), zone())


def _again(case_id: UUID, deadline_id: UUID, error: Invalid | Conflict) -> tuple[str, int]:
    """Show the page again with what is wrong, and with what was typed."""
    pointer = error.problems[0].pointer if error.problems else None
    words = error.problems[0].message if error.problems else error.message
    field = {"/due_at": "day", "/legal_basis": "basis", "/reason": "reason"}.get(pointer or "")
    if field == "reason":
        words = t("manage.reason_missing")
    typed = {name: request.form.get(name, "") for name in ("day", "time", "reason")}
    wrong: dict[str, Any] = {
        "action": str(deadline_id),
        "words": words,
        "basis": request.form.get("legal_basis", ""),
        **typed,
    }
    problems = [(f"{deadline_id}-{field}" if field else None, words)]
    return cases.case_page(case_id, problems=problems, wrong=wrong), 409 if isinstance(
        error, Conflict
    ) else 422
