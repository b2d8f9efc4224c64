"""The inbox and the task page: find work, take it, do it, hand it on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from service.commands import tasks
from service.engine import layouts
from service.engine.expressions import Moment
from service.engine.forms import initial
from service.errors import Conflict, Invalid, Problem, Stale
from service.queries import people, worklist
from service.queries.people import Person
from service.queries.worklist import Counts, LeftBehind, TaskPage, TaskRow
from service.rules.permissions import Permission, Role
from service.web import auth, forms, steps
from service.web.auth import begin
from service.web.presentation import (
    clock,
    days_between,
    language,
    moment,
    names,
    say,
    t,
    working_days_between,
)

blueprint = Blueprint("tasks", __name__)

FILTERS: dict[str, tuple[dict[str, Any], Callable[[Counts], int]]] = {
    "mine-and-free": ({"assignee": "mine"}, lambda counts: counts.mine + counts.unassigned),
    "mine": ({"assignee": "me"}, lambda counts: counts.mine),
    "unassigned": ({"assignee": "none"}, lambda counts: counts.unassigned),
    "all": ({}, lambda counts: counts.all),
    "overdue": ({"overdue": True}, lambda counts: counts.overdue),
    "today": ({}, lambda counts: counts.today),
}


@dataclass(frozen=True)
class Shown:
    """What the task page needs, read in one unit of work."""

    page: TaskPage
    moment: Moment
    units: dict[str, str]
    colleagues: tuple[Person, ...]
    left_behind: tuple[LeftBehind, ...]


@blueprint.get("/tasks")
def show_inbox() -> ResponseReturnValue:
    """List the tasks that the reader may act on, the most urgent first."""
    shown = request.args.get("show", "")
    shown = shown if shown in FILTERS else "mine-and-free"
    narrowed = {
        **FILTERS[shown][0],
        "unit": request.args.get("unit") or None,
        "q": request.args.get("q") or None,
    }
    with begin() as work:
        if shown == "today":
            narrowed["due_before"] = worklist.tomorrow(work)
        page = worklist.tasks(work, worklist.Wanted(**narrowed), cursor=request.args.get("cursor"))
        counts = worklist.counts(work)
        units = dict(names(people.units(work)))
        me = work.actor
    mine = me.units(Role.CASEWORKER, Role.TEAM_LEADER, Role.AUDITOR)
    return render_template(
        "tasks/inbox.html",
        page=page,
        shown=shown,
        filters=[(key, count(counts)) for key, (_, count) in FILTERS.items()],
        units={key: name for key, name in units.items() if key in mine},
        unit_names=units,
        unit=request.args.get("unit", ""),
        q=request.args.get("q", ""),
        me=me,
        may_start=bool(me.units(Role.CASEWORKER, Role.TEAM_LEADER)),
        takes=_looks_takeable,
    )


@blueprint.get("/tasks/<uuid:task_id>")
def show_task(task_id: UUID) -> ResponseReturnValue:
    """Show one task: its form beside its place in the diagram."""
    return _page(_read(task_id))


@blueprint.post("/tasks/<uuid:task_id>/claim")
def claim(task_id: UUID) -> ResponseReturnValue:
    """Take a task; who comes second sees who has it."""
    try:
        with begin() as work:
            tasks.claim(work, task_id)
    except Conflict as error:
        return _page(_read(task_id), conflict=error.message), 409
    return redirect(url_for("tasks.show_task", task_id=task_id, said="claimed"), 303)


@blueprint.post("/tasks/<uuid:task_id>/release")
def release(task_id: UUID) -> ResponseReturnValue:
    """Give a task back to the unit."""
    with begin() as work:
        tasks.release(work, task_id, note=_note())
    return redirect(url_for("tasks.show_inbox", said="released"), 303)


@blueprint.post("/tasks/<uuid:task_id>/assign")
def assign(task_id: UUID) -> ResponseReturnValue:
    """Hand a task to a colleague."""
    with begin() as work:
        tasks.assign(work, task_id, username=request.form.get("username", ""), note=_note())
    return redirect(url_for("tasks.show_task", task_id=task_id, said="assigned"), 303)


@blueprint.post("/tasks/<uuid:task_id>/draft")
def save_draft(task_id: UUID) -> ResponseReturnValue:
    """Keep what is typed; a newer draft of another window is not written over unseen."""
    given = request.form.get("_draft_revision", "")
    try:
        with begin() as work:
            page = worklist.task(work, task_id)
            answers = _answers(page, moment=None)
            revision = tasks.save_draft(
                work, task_id, data=answers, revision=int(given) if given.isdigit() else None
            )
            at = work.now
    except Stale:
        return _other_draft(task_id)
    return jsonify(revision=revision, time=clock(at), seconds=auth.seconds_left())


@blueprint.post("/tasks/<uuid:task_id>/fields")
def show_fields(task_id: UUID) -> ResponseReturnValue:
    """Show the form's fields again as the answers so far make them: conditions and rows, nothing is kept."""
    shown = _read(task_id)
    answers = _answers(shown.page, moment=None)
    return render_template("tasks/fields.html", parts=_parts(shown, answers, {}))


@blueprint.post("/tasks/<uuid:task_id>/complete")
def complete(task_id: UUID) -> ResponseReturnValue:
    """Submit the form; what is wrong is said beside what was typed, and nothing typed is lost."""
    if "_save" in request.form or forms.changes_rows(request.form):
        return _keep(task_id)
    try:
        with begin() as work:
            page = worklist.task(work, task_id)
            tasks.complete(work, task_id, answers=_answers(page, moment=page.moment))
    except Invalid as error:
        return _again(task_id, error), 422
    except Conflict as error:
        shown = _read(task_id)
        return _page(shown, conflict=error.message, typed=_words(shown.page)), 409
    return redirect(url_for("tasks.show_done", task_id=task_id), 303)


@blueprint.get("/tasks/<uuid:task_id>/done")
def show_done(task_id: UUID) -> ResponseReturnValue:
    """Say that the task is done and offer the case's next ones."""
    with begin() as work:
        page = worklist.task(work, task_id)
        following = worklist.following(work, page.row.case_id)
    return render_template("tasks/done.html", row=page.row, tasks=following)


def _read(task_id: UUID) -> Shown:
    with begin() as work:
        page = worklist.task(work, task_id)
        colleagues = people.colleagues(work, page.row.unit) if Permission.TASK_ASSIGN in page.may else ()
        left = worklist.left_behind(work, task_id)
        return Shown(page, page.moment, dict(names(people.units(work))), colleagues, left)


def _page(
    shown: Shown,
    *,
    answers: dict[str, Any] | None = None,
    problems: tuple[Problem, ...] = (),
    conflict: str | None = None,
    typed: list[tuple[str, str]] | None = None,
) -> str:
    page = shown.page
    if answers is None:
        answers = _standing(page)
    process = page.diagram
    return render_template(
        "tasks/task.html",
        page=page,
        row=page.row,
        element=page.element,
        form=page.form,
        parts=_parts(shown, answers, forms.by_place(problems)),
        conditional=page.form is not None and page.form.is_conditional,
        draft=page.draft,
        closing=page.closing,
        given=forms.given(page.form, page.answers, language()) if page.form and page.answers else [],
        kept=forms.given(page.form, page.draft.data, language()) if page.form and page.draft else [],
        left_behind=[
            (each, forms.given(each.form, each.draft.data, language()))
            for each in shown.left_behind
            if each.form
        ],
        typed=typed,
        problems=forms.summary(problems),
        conflict=conflict,
        me=auth.actor(),
        may={each.value for each in page.may},
        unit_name=shown.units.get(page.row.unit, page.row.unit),
        colleagues=shown.colleagues,
        arithmetic=_arithmetic(page.row),
        what_next=steps.what_next(process, page.element.id),
        steps=steps.table(process, steps.Standing(here=frozenset({page.element.id}), knows_past=False)),
        xml=layouts.shown(process.xml, process.key),
    )


def _keep(task_id: UUID) -> ResponseReturnValue:
    """Save the draft by the button, or with a row more or less, and show the page again."""
    with begin() as work:
        page = worklist.task(work, task_id)
        tasks.save_draft(work, task_id, data=_answers(page, moment=None))
    to = request.form.get(forms.ADD) or request.form.get(forms.REMOVE, "").rpartition("/")[0]
    anchor = forms.field_id(to) if to else None
    return redirect(url_for("tasks.show_task", task_id=task_id, _anchor=anchor), 303)


def _again(task_id: UUID, error: Invalid) -> str:
    """Show what was typed with what is wrong about it; kept as the draft, it outlives the page."""
    with begin() as work:
        answers = _answers(worklist.task(work, task_id), moment=None)
        tasks.save_draft(work, task_id, data=answers)
    # a problem that has no field of its own on the page is told without a link
    return _page(_read(task_id), answers=answers, problems=error.problems or (Problem(error.message),))


def _other_draft(task_id: UUID) -> tuple[Response, int]:
    """Tell what another window saved meanwhile, beside what stands in this one."""
    shown = _read(task_id)
    page = shown.page
    here = dict(_words(page))
    there = dict(forms.given(page.form, page.draft.data, language())) if page.form and page.draft else {}
    differing = [
        [label, there.get(label, ""), here.get(label, "")]
        for label in dict.fromkeys([*there, *here])
        if there.get(label, "") != here.get(label, "")
    ]
    draft = page.draft
    words = t("draft.conflict_by", who=draft.saved_by.name, time=clock(draft.saved_at)) if draft else ""
    told = jsonify(words=words, revision=draft.revision if draft else 0, differing=differing)
    return told, 412


def _answers(page: TaskPage, *, moment: Moment | None) -> dict[str, Any]:
    """Turn what was posted into answers; with a moment, answers to hidden questions are left behind."""
    if page.form is None:
        return {}
    return forms.read(page.form, request.form, data=page.data if moment else None, moment=moment)


def _standing(page: TaskPage) -> dict[str, Any]:
    """What stands in the form when the page is opened: the draft, else what is known already."""
    if page.draft is not None:
        return page.draft.data
    return initial(page.form, page.data) if page.form is not None else {}


def _parts(shown: Shown, answers: dict[str, Any], errors: dict[str, str]) -> tuple[forms.Part, ...]:
    if shown.page.form is None or shown.page.closing is not None:
        return ()
    return forms.parts(
        shown.page.form,
        answers,
        errors,
        data=shown.page.data,
        moment=shown.moment,
        language=language(),
    )


def _words(page: TaskPage) -> list[tuple[str, str]]:
    """What was posted, to be read."""
    return forms.given(page.form, _answers(page, moment=None), language()) if page.form else []


def _arithmetic(row: TaskRow) -> str:
    """Say how the due moment was counted: from when, how many days, how many of them working days."""
    if row.due_at is None:
        return ""
    if row.counted is not None:
        return say(row.counted.words)
    start, days = moment(row.opened_at), days_between(row.opened_at, row.due_at)
    if days < 1:
        hours = max(0, round((row.due_at - row.opened_at).total_seconds() / 3600))
        return t("task.arithmetic_hours", n=hours, start=start)
    return t(
        "task.arithmetic",
        n=days,
        start=start,
        working=working_days_between(row.opened_at, row.due_at),
    )


def _looks_takeable(row: TaskRow) -> bool:
    """Tell whether to offer the task in the list; the command has the last word."""
    me = auth.actor()
    if me is None:
        return False
    held = {role for role, unit in me.grants if unit == row.unit}
    return row.role in held or (row.role == Role.CASEWORKER and Role.TEAM_LEADER in held)


def _note() -> str | None:
    return request.form.get("note", "").strip() or None
