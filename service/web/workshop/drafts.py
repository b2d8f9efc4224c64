"""Drafts on pages: begin one, the editors, the live check, what it changes, submit, approve, send back."""

import difflib
from collections.abc import Mapping, Sequence
from uuid import UUID

from flask import Blueprint, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from service.commands import deployments, readiness
from service.commands import drafts as commands
from service.engine import layouts, tooling, xml
from service.engine.tooling import Change
from service.errors import Conflict, Invalid, NotFound, Problem, Refused, Stale
from service.queries import drafts
from service.queries.drafts import FileInDraft
from service.rules.permissions import Permission, may
from service.web import auth, texts
from service.web.auth import begin
from service.web.presentation import clock, language, t
from service.web.workshop import drafting, findings, form_editor

blueprint = Blueprint("drafts", __name__)
CELLS = (
    ("-", "cell.any"),
    ('"beviljad"', "cell.text"),
    ('"bifall", "avslag"', "cell.one_of"),
    ('not("avslag")', "cell.not"),
    ("> 30", "cell.more"),
    ("[1..5]", "cell.between"),
    ("[1..5)", "cell.below"),
    ("true", "cell.true"),
    ("null", "cell.null"),
    ("not(null)", "cell.some"),
    ('date(?) < date("2027-01-01")', "cell.date"),
    ("is working day(?)", "cell.function"),
)  # examples of what a cell tests, each with what it means
SHOWN = 400  # changed lines of a text before a page stops helping


@blueprint.get("/definitions/<key>/edit")
def show_start(key: str) -> ResponseReturnValue:
    """Offer the drafts that hold this process already, and to begin a new one."""
    file = f"{key}.bpmn"
    with begin() as work:
        if file not in drafts.in_force(work):
            raise NotFound
        rows = drafts.current(work, file=file)
        may_draft = may(work.actor, Permission.DEFINITION_DRAFT)
    return render_template("drafts/start.html", key=key, file=file, rows=rows, may_draft=may_draft)


@blueprint.post("/definitions/<key>/edit")
def create(key: str) -> ResponseReturnValue:
    """Begin a draft with the process as it is in force."""
    file = f"{key}.bpmn"
    with begin() as work:
        before = drafts.in_force(work)
        if file not in before:
            raise NotFound
        draft_id = commands.create(work, files={file: before[file]})
    return redirect(url_for("drafts.edit", draft_id=draft_id, file=file), 303)


@blueprint.get("/drafts/<uuid:draft_id>")
def show(draft_id: UUID) -> ResponseReturnValue:
    """Show a draft: its files, what they change, and what can be done with it."""
    return _page(draft_id)


@blueprint.get("/drafts/<uuid:draft_id>/files/<file>")
def edit(draft_id: UUID, file: str) -> ResponseReturnValue:
    """Open one file of a draft in its editor; only to read when the draft is closed."""
    kind = _kind(file, request.args.get("as"))
    page = form_editor.page(draft_id, file) if kind == "form" else None
    if page is not None:
        return page
    with begin() as work:
        one = drafts.one(work, draft_id)
        everything = drafts.in_force(work) | {each.name: each.content for each in one.files}
        me, company = work.actor.id, drafts.company(work, draft_id)
    found = drafting.file_of(one, file)
    return render_template(
        "drafts/editor.html",
        row=one.row,
        file=file,
        text=found.content.decode(),
        drawn=layouts.shown(found.content) if file.endswith(".bpmn") else None,
        kind="text" if kind == "form" else kind,
        words={
            name: t(f"draft.live_{name}") for name in ("saved", "saving", "failed", "fine", "wrong", "advice")
        },
        choices=_choices(everything),
        cells=CELLS,
        other=drafting.other(one.row, me),
        company=company,
    )


@blueprint.post("/drafts/<uuid:draft_id>/files/<file>")
def save(draft_id: UUID, file: str) -> ResponseReturnValue:
    """Keep a file as the editor has it; tells who was first when somebody else saved since."""
    try:
        with begin() as work:
            revision = commands.save(
                work, draft_id, file=file, content=drafting.content(), revision=drafting.revision()
            )
            now = work.now
    except Stale as error:
        return jsonify(words=error.message), 412
    return jsonify(revision=revision, time=clock(now), seconds=auth.seconds_left())


@blueprint.post("/drafts/<uuid:draft_id>/check")
def check(draft_id: UUID) -> ResponseReturnValue:
    """Tell what keeps what is drawn now, laid over all that is in force, from being deployed; and advice."""
    file, content = request.form.get("file", ""), drafting.content()
    with begin() as work:
        one = drafts.one(work, draft_id)
        files = drafts.laid_over(work, draft_id) | {file: content}
        before, zone, me = deployments.definition_in_force(work), work.zone, work.actor.id
    found = readiness.look(files, before, zone)  # a second of thinking, with no transaction open
    newer = one.row.revision > drafting.revision()
    return jsonify(
        problems=findings.listed(found.problems, _names(content, file)),
        warnings=findings.listed(found.warnings, _names(content, file)),
        other=drafting.other(one.row, me) if newer else None,
    )


@blueprint.post("/drafts/<uuid:draft_id>/files")
def add(draft_id: UUID) -> ResponseReturnValue:
    """Take one more file that is in force into the draft."""
    file = request.form.get("file", "")
    with begin() as work:
        before, row = drafts.in_force(work), drafts.one(work, draft_id).row
        if file not in before:
            raise NotFound
        if file not in row.files:
            commands.save(work, draft_id, file=file, content=before[file], revision=row.revision)
    return redirect(url_for("drafts.edit", draft_id=draft_id, file=file), 303)


@blueprint.post("/drafts/<uuid:draft_id>/presence")
def attend(draft_id: UUID) -> ResponseReturnValue:
    """Note that the reader has the draft open, and tell who else has; asked by the page itself."""
    with begin(uses=False) as work:
        commands.attend(work, draft_id)
        company = drafts.company(work, draft_id)
    return render_template("drafts/present.html", company=company)


@blueprint.post("/drafts/<uuid:draft_id>/submit")
def submit(draft_id: UUID) -> ResponseReturnValue:
    """Hand the draft over for approval."""
    note = request.form.get("note", "")
    if not note.strip():
        return _page(draft_id, problems=[("note", t("draft.note_missing"))], note=note), 422
    try:
        with begin() as work:
            commands.submit(work, draft_id, note=note, revision=drafting.revision())
    except Refused as error:
        told = [
            (None, f"{each.file or ''} {each.element or ''}: {findings.told(each)}")
            for each in error.problems
        ]
        return _page(draft_id, problems=told, note=note), 422
    except Invalid as error:
        return _page(draft_id, problems=_plain(error.problems), note=note), 422
    except Stale as error:
        return _page(draft_id, problems=[(None, error.message)], note=note), 412
    return redirect(url_for("drafts.show", draft_id=draft_id, said="draft_submitted"), 303)


@blueprint.post("/drafts/<uuid:draft_id>/approve")
def approve(draft_id: UUID) -> ResponseReturnValue:
    """Let the draft take effect."""
    try:
        with begin() as work:
            commands.approve(work, draft_id)
    except Conflict:
        return _page(draft_id, problems=[(None, t("draft.overtaken"))]), 409
    return redirect(url_for("drafts.show", draft_id=draft_id, said="draft_approved"), 303)


@blueprint.post("/drafts/<uuid:draft_id>/send-back")
def send_back(draft_id: UUID) -> ResponseReturnValue:
    """Open the draft again, with the reason."""
    try:
        with begin() as work:
            commands.send_back(work, draft_id, reason=request.form.get("reason", ""))
    except Invalid as error:
        return _page(draft_id, problems=[("reason", each.message) for each in error.problems]), 422
    return redirect(url_for("drafts.show", draft_id=draft_id, said="draft_sent_back"), 303)


@blueprint.post("/drafts/<uuid:draft_id>/discard")
def discard(draft_id: UUID) -> ResponseReturnValue:
    """Throw the draft away."""
    with begin() as work:
        commands.discard(work, draft_id)
    return redirect("/definitions?said=draft_discarded", 303)


def _page(draft_id: UUID, *, problems: Sequence[tuple[str | None, str]] = (), note: str | None = None) -> str:
    with begin() as work:
        one = drafts.one(work, draft_id)
        others = sorted(drafts.in_force(work).keys() - set(one.row.files))
        is_author = work.actor.id == one.row.saved_by.id
        tries = one.row.state != "discarded" and may(work.actor, Permission.DEFINITION_DEPLOY)
        files = drafts.laid_over(work, draft_id) if one.row.state in {"open", "submitted"} else {}
        before, zone = deployments.definition_in_force(work), work.zone
        may_try = may(work.actor, Permission.DEFINITION_DEPLOY)
    found = readiness.look(files, before, zone) if one.files and files else None
    names: dict[str, str] = {}
    for each in one.files:
        names |= _names(each.content, each.name)
    stops = findings.listed(found.problems, names) if found else []
    advice = findings.listed(found.warnings, names) if found else []
    told_of = {each["file"] for each in (*stops, *advice) if each["element"]}
    return render_template(
        "drafts/draft.html",
        row=one.row,
        problems=list(problems),
        note=one.row.note if note is None else note,
        changes={each.name: _changes(each) for each in one.files},
        stops=stops,
        advice=advice,
        drawings={
            each.name: layouts.shown(each.content)
            for each in one.files
            if each.name in told_of and each.name.endswith(".bpmn")
        },
        checked=found is not None,
        may_try=may_try and found is not None,
        others=others,
        is_author=is_author,
        tries=tries,
    )


def _changes(file: FileInDraft) -> list[str]:
    """What a file does otherwise than the one in force, in words."""
    if file.before is None:
        return [t("draft.new_file")]
    if file.before == file.content:
        return []
    if not file.name.endswith(".bpmn"):
        return _lines(file.before, file.content)
    try:
        found = tooling.diff(file.before, file.content)
    except Refused:
        return [t("draft.unreadable")]
    names = _names(file.before, file.name) | _names(file.content, file.name)
    told = [t("draft.added", name=names.get(id, id)) for id in found.added]
    told += [t("draft.removed", name=names.get(id, id)) for id in found.removed]
    told += [_changed(each, names) for each in found.changed]
    return told + ([t("draft.moved", n=len(found.moved))] if found.moved else [])


def _changed(change: Change, names: Mapping[str, str]) -> str:
    what = change.what.removeprefix("property ")
    words = f"draft.what_{what}"
    return t(
        "draft.changed",
        name=names.get(change.element, change.element),
        what=t(words) if texts.known(words) else what,
        old=change.old or "–",
        new=change.new or "–",
    )


def _lines(before: bytes, after: bytes) -> list[str]:
    """The lines that differ, for files that are text."""
    found = difflib.unified_diff(
        before.decode(errors="replace").splitlines(),
        after.decode(errors="replace").splitlines(),
        n=0,
        lineterm="",
    )
    return [line for line in found if line[:1] in "+-" and line[:3] not in {"+++", "---"}][:SHOWN]


def _names(content: bytes, file: str) -> dict[str, str]:
    """What the parts of a diagram or table are called in the reader's language, by id."""
    if file.endswith(".dmn"):
        return _cells(content, file)
    if file.endswith(form_editor.ENDING):
        return form_editor.names(content)
    if not file.endswith(".bpmn"):
        return {}
    try:
        root = xml.root(content, file)
    except Refused:
        return {}
    found = {}
    for element in root.iter("{*}*"):
        if element.get("id"):
            english = [
                each.get("value")
                for each in element.iterfind(
                    "./{*}extensionElements/{*}properties/{*}property[@name='name_en']"
                )
            ]
            name = english[0] if english and language() == "en" else element.get("name")
            found[element.get("id")] = name or element.get("id")
    return found


def _cells(content: bytes, file: str) -> dict[str, str]:
    """What a table's rows and cells are called, by id: the number of the row, the heading of the column."""
    try:
        root = xml.root(content, file)
    except Refused:
        return {}
    found = {}
    for table in root.iter("{*}decisionTable"):
        columns = [*table.iterfind("{*}input"), *table.iterfind("{*}output")]
        headings = [each.get("label") or each.get("name") or "" for each in columns]
        for number, rule in enumerate(table.iterfind("{*}rule"), 1):
            found[rule.get("id")] = row = t("draft.row", n=number)
            cells = [*rule.iterfind("{*}inputEntry"), *rule.iterfind("{*}outputEntry")]
            found |= {
                cell.get("id"): f"{row}, {heading}" for cell, heading in zip(cells, headings, strict=False)
            }
    return found


def _choices(files: Mapping[str, bytes]) -> dict[str, list[str]]:
    """The keys that a property can name."""
    kinds = {"processes": ".bpmn", "decisions": ".dmn", "forms": ".form.json"}
    return {
        kind: sorted(name.removesuffix(ending) for name in files if name.endswith(ending))
        for kind, ending in kinds.items()
    }


def _kind(file: str, wanted: str | None) -> str:
    """The editor that a file opens in; every file but a diagram can be changed as text too."""
    if file.endswith(".bpmn"):
        return "diagram"
    endings = {".dmn": "table", form_editor.ENDING: "form"}
    found = next((endings[each] for each in endings if file.endswith(each)), "text")
    return "text" if wanted == "text" else found


def _plain(problems: tuple[Problem, ...]) -> list[tuple[str | None, str]]:
    return [(None, each.message) for each in problems]
