"""The form editor of a draft: parts come, go, move and change by posts, beside the form as it will look.

Every change is saved in the draft at once, also what is wrong: the page tells of it where it belongs. Nothing
that is tried in the preview is kept.
"""

import copy
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from service.commands import drafts as commands
from service.engine import form_conditions, form_editing, form_source, forms, uses
from service.engine.components import Type
from service.engine.expressions import Moment
from service.engine.form_conditions import EXCEPT, ONLY, OWN, Condition
from service.engine.forms import Form
from service.engine.uses import Use
from service.errors import Invalid, Malformed, NotFound, Problem, Refused, Stale
from service.queries import drafts
from service.queries.drafts import DraftRow, FileInDraft, Present
from service.web import forms as filled
from service.web import texts
from service.web.auth import begin
from service.web.presentation import language, t
from service.web.workshop import drafting, form_view
from service.web.workshop.form_view import Typed
from service.work import UnitOfWork

blueprint = Blueprint("form_editor", __name__)

ENDING = ".form.json"
MOST_ANSWERS = 300  # that a question offers
ON_PARTS = frozenset({"open", "up", "down", "remove"})
OF_ANSWERS = frozenset({"answer_add", "answer_up", "answer_down", "answer_remove"})
_PATH = re.compile(r"\d{1,6}(-\d{1,6}){0,20}", re.ASCII)
_ANSWER = re.compile(r"o:(\d{1,3}):was", re.ASCII)


@dataclass(frozen=True)
class Seen:
    """A form in a draft, and all that it stands among, read in one unit of work."""

    row: DraftRow
    file: FileInDraft
    form: dict[str, Any]
    files: Mapping[str, bytes]  # everything in force with the draft's files in place of theirs
    moment: Moment
    me: UUID | None
    company: tuple[Present, ...]  # who else has the draft open


@dataclass(frozen=True)
class Wanted:
    """What was posted: the verb and what it is about, the open part and what stands in its controls."""

    verb: str
    about: str
    revision: int
    open: str  # a path, "form", or nothing
    id: str  # of the open part
    typed: Typed
    add: Mapping[str, str]


@dataclass(frozen=True)
class Told:
    """What the page says beyond the draft itself."""

    open: str = ""
    focus: str = ""
    typed: Typed = field(default_factory=Typed)
    add: Mapping[str, str] = field(default_factory=dict)
    wrong: Mapping[str, str] = field(default_factory=dict)  # words by the control they belong to
    removed: str = ""
    undo: str | None = None  # the file as it was
    conflict: str = ""
    differing: Sequence[tuple[str, str, str]] = ()
    answers: Mapping[str, Any] | None = None  # in the preview
    errors: Mapping[str, str] = field(default_factory=dict)
    is_accepted: bool = False
    shown_in: str = ""  # the language of the preview


def page(draft_id: UUID, file: str) -> str | None:
    """Show a form part by part; None when it is written so that it can only be changed as text."""
    with begin() as work:
        seen = _see(work, draft_id, file)
    if seen is None:
        return None
    asked = request.args.get("part", "")
    known = asked == "form" or asked in [each.path for each in form_editing.places(seen.form)]
    return _page(seen, Told(open=asked if known else "", focus=request.args.get("focus", "")))


def names(content: bytes) -> dict[str, str]:
    """What the parts of a form are called, by id; nothing when it cannot be read."""
    try:
        parts = [each.part for each in form_editing.places(form_source.read(content))]
    except ValueError:
        return {}
    return {str(each.get("id")): form_view.name_of(each) for each in parts if isinstance(each, Mapping)}


@blueprint.post("/drafts/<uuid:draft_id>/files/<file>/form")
def change(draft_id: UUID, file: str) -> ResponseReturnValue:
    """Keep what stands in the open part's controls, then add, remove, move or open a part."""
    try:
        with begin() as work:
            wanted = _wanted()
            commands.seen(work, draft_id, revision=wanted.revision)
            seen = _see(work, draft_id, file)
            if seen is None:
                raise NotFound
            content, told = _changed(seen, wanted)
            if content != seen.file.content:
                commands.save(work, draft_id, file=file, content=content, revision=wanted.revision)
            now = _see(work, draft_id, file)
    except Stale as error:
        return _overtaken(draft_id, file, wanted, error.message), 412
    except Invalid as error:
        return _again(draft_id, file, wanted, error), 422
    if now is not None and (told.undo is not None or "X-Kept" in request.headers):
        return _page(now, told)
    anchor = f"part-{told.open}" if told.open else "parts"
    part, focus = told.open or None, told.focus or None
    address = url_for("drafts.edit", draft_id=draft_id, file=file, part=part, focus=focus, _anchor=anchor)
    return redirect(address, 303)


@blueprint.post("/drafts/<uuid:draft_id>/files/<file>/preview")
def preview(draft_id: UUID, file: str) -> ResponseReturnValue:
    """Show the form with these answers, as whoever has the task will see it; nothing is kept."""
    with begin() as work:
        wanted = _wanted()
        seen = _see(work, draft_id, file)
    if seen is None:
        raise NotFound
    form, problems = _compiled(seen)
    answers = filled.read(form, request.form) if form else {}
    shown_in = wanted.about or request.form.get("e:language", "")
    told = Told(open=wanted.open, typed=wanted.typed, add=wanted.add, answers=answers, shown_in=shown_in)
    if "HX-Request" in request.headers:
        return render_template("drafts/preview.html", preview=_preview(seen, told, form, problems))
    if form is None or wanted.verb != "try":
        return _page(seen, told)
    asked = filled.read(form, request.form, data={}, moment=seen.moment)
    try:
        forms.check(form, asked, data={}, moment=seen.moment, language=_language(shown_in))
    except Invalid as error:
        return _page(seen, replace(told, errors=filled.by_place(error.problems))), 422
    return _page(seen, replace(told, is_accepted=True))


@blueprint.post("/drafts/<uuid:draft_id>/forms")
def add_form(draft_id: UUID) -> ResponseReturnValue:
    """Put a new form without any part into the draft."""
    title, title_en, key = (request.form.get(name, "").strip() for name in ("title", "title_en", "key"))
    with begin() as work:
        known = {
            name.removesuffix(ENDING) for name in drafts.laid_over(work, draft_id) if name.endswith(ENDING)
        }
        key = key or form_editing.proposed(title, known, otherwise="form")
        wrong = _unfit(title, key, known)
        if not wrong:
            made = form_editing.empty(key, title=title, title_en=title_en)
            content = f"{json.dumps(made, ensure_ascii=False, indent=2)}\n".encode()
            commands.save(
                work, draft_id, file=f"{key}{ENDING}", content=content, revision=drafting.revision()
            )
    if wrong:
        return render_template(
            "drafts/new_form.html", draft_id=draft_id, wrong=wrong, problems=list(wrong.items())
        ), 422
    return redirect(url_for("drafts.edit", draft_id=draft_id, file=f"{key}{ENDING}"), 303)


def _unfit(title: str, key: str, known: Collection[str]) -> dict[str, str]:
    """What keeps a form from being added, by control."""
    if not title:
        return {"title": t("draft.new_form_no_title")}
    if not forms.KEY.fullmatch(key):
        return {"key": t("draft.new_form_bad_key")}
    return {"key": t("draft.new_form_taken", name=key)} if key in known else {}


def _see(work: UnitOfWork, draft_id: UUID, file: str) -> Seen | None:
    """Read a form in a draft; None when it cannot be changed part by part."""
    one = drafts.one(work, draft_id)
    found = drafting.file_of(one, file)
    try:
        form = form_source.read(found.content)
    except ValueError:
        return None
    if not file.endswith(ENDING) or not form_editing.is_plain(form):
        return None
    files, company = drafts.laid_over(work, draft_id), drafts.company(work, draft_id)
    return Seen(one.row, found, form, files, work.moment, work.actor.id, company)


def _wanted() -> Wanted:
    """Read what was posted; raises `Malformed` for what no page of ours sends."""
    posted = request.form
    verb, _, about = posted.get("e:do", "save").partition(":")
    part = posted.get("e:part", "")
    if part not in {"", "form"} and not _PATH.fullmatch(part):
        raise Malformed
    given = {name[2:]: value for name, value in posted.items() if name.startswith("p:")}
    given = {name: value for name, value in given.items() if not name.endswith(":asked")} | {
        name[2:-6]: posted.get(name[:-6], "")
        for name in posted
        if name.startswith("p:") and name.endswith(":asked")
    }
    if "hide" in given:
        given["hide"] = _condition(given)
    add = {name: posted.get(f"e:{name}", "") for name in ("type", "words", "to")}
    answers = _answers(verb, about) if "o:asked" in posted else None
    return Wanted(verb, about, drafting.revision(), part, posted.get("e:id", ""), Typed(given, answers), add)


def _condition(given: Mapping[str, str]) -> str:
    """The expression that hides the part: its own words, unless other choices have been made."""
    chosen = Condition(given.get("when", OWN), given.get("when_answer", ""))
    if f"{chosen.when} {chosen.answer}" == request.form.get("e:when", ""):
        return given["hide"]
    return form_conditions.written(chosen, given["hide"])


def _answers(verb: str, about: str) -> list[dict[str, str]]:
    """The answers that the open question offers, with one more or less, or in another order."""
    posted = request.form
    numbers = sorted(int(found[1]) for found in map(_ANSWER.fullmatch, posted) if found)[:MOST_ANSWERS]
    rows = [
        {name: posted.get(f"o:{number}:{name}", "") for name in ("was", "label", "label_en", "value")}
        for number in numbers
    ]
    if verb == "answer_add":
        return [*rows, {"was": "", "label": "", "label_en": "", "value": ""}]
    at = int(about) if verb.startswith("answer_") and re.fullmatch(r"\d{1,3}", about, re.ASCII) else -1
    if not 0 <= at < len(rows):
        return rows
    to = at + {"answer_up": -1, "answer_down": 1}.get(verb, 0)
    row = rows.pop(at)
    if verb != "answer_remove":
        rows.insert(max(0, to), row)
    return rows


def _changed(seen: Seen, wanted: Wanted) -> tuple[bytes, Told]:
    """Give the file as it will be, and what the page is to say then."""
    if wanted.verb == "undo":
        return _before(), Told(open=wanted.open)
    form = copy.deepcopy(seen.form)
    part = form_editing.part_at(form, wanted.open) if wanted.open not in {"", "form"} else None
    about = None
    if wanted.verb in ON_PARTS and (wanted.verb, wanted.about) != ("open", "form"):
        about = form_editing.part_at(form, _path(wanted.about))
    _say(form, wanted, part)
    told = _done(form, wanted, part, about, seen)
    return form_source.written(seen.file.content, form), told


def _before() -> bytes:
    """The file to go back to."""
    try:
        found = json.loads(request.form.get("e:before", ""))
    except ValueError:
        raise Malformed from None
    if not isinstance(found, str):
        raise Malformed
    return found.encode("utf-8", "replace")


def _say(form: dict[str, Any], wanted: Wanted, part: Any) -> None:
    """Let the open part say what stands in its controls, and lie where they say."""
    given, answers = wanted.typed.given, wanted.typed.answers
    if wanted.open == "form" and "title" in given:
        form_editing.entitle(form, title=given["title"], title_en=given.get("title_en", ""))
    if part is None:
        return
    known = len(part.get("values") or ()) if form_editing.is_plain_part(part) else 0
    for each in answers or ():
        if each["was"] and not (re.fullmatch(r"\d{1,3}", each["was"], re.ASCII) and int(each["was"]) < known):
            raise Malformed
    form_editing.say(form, wanted.open, given, answers)
    if "holder" in given:
        form_editing.put_into(form, wanted.open, _holder(given["holder"]))
    if given.get("when") in {ONLY, EXCEPT} and not given.get("when_answer") and wanted.verb != "keep":
        raise Invalid(problems=[Problem(t("form_editor.answer_missing"), pointer="/when_answer")])


def _done(form: dict[str, Any], wanted: Wanted, part: Any, about: Any, seen: Seen) -> Told:
    """Do what the pressed button says; gives what the page is to say then."""
    if wanted.verb in {"up", "down"}:
        form_editing.move(form, _path_of(form, about), -1 if wanted.verb == "up" else 1)
        return Told(open=_stays(form, wanted, part), focus=f"{wanted.verb}-{_path_of(form, about)}")
    if wanted.verb == "remove":
        form_editing.remove(form, _path_of(form, about))
        name, undo = form_view.name_of(about), seen.file.content.decode()
        return Told(open=_stays(form, wanted, part), focus="undo", removed=name, undo=undo)
    if wanted.verb == "add":
        return Told(open=_path_of(form, _add(form, wanted, seen)), focus="opened")
    if wanted.verb == "open":
        return Told(open="form" if about is None else _path_of(form, about), focus="opened")
    stays = _stays(form, wanted, part)
    focus = {"close": f"open-{stays}", "save": "saved", "keep": "saved"} | dict.fromkeys(
        OF_ANSWERS, _of_answer(wanted)
    )
    if wanted.verb not in focus:
        raise Malformed
    return Told(open="" if wanted.verb == "close" else stays, focus=focus[wanted.verb])


def _stays(form: Mapping[str, Any], wanted: Wanted, part: Any) -> str:
    """Where the open part stands now."""
    return "form" if wanted.open == "form" else _path_of(form, part)


def _add(form: dict[str, Any], wanted: Wanted, seen: Seen) -> dict[str, Any]:
    """Add the part that the page's last row describes."""
    kind, words, where = (wanted.add[name] for name in ("type", "words", "to"))
    if kind not in list(Type):
        raise Malformed
    if not words.strip() and kind != Type.SEPARATOR:
        raise Invalid(problems=[Problem(t("form_editor.words_missing"), pointer="/add")])
    after: int | None = None
    if where.startswith("after:"):
        holder, _, number = _path(where.removeprefix("after:")).rpartition("-")
        after = int(number)
    else:
        holder = _holder(where.removeprefix("in:"))
    taken = {name for file, content in seen.files.items() if file.endswith(ENDING) for name in _keys(content)}
    return form_editing.add(
        form, holder=holder, after=after, type=Type(kind), words=words.strip(), taken=taken
    )


def _of_answer(wanted: Wanted) -> str:
    """The control to go on with when an answer has come, gone or moved."""
    last = len(wanted.typed.answers or ()) - 1
    if wanted.verb == "answer_add" or not wanted.about.isdigit() or last < 0:
        return f"o-{last}-label" if last >= 0 else "answer-add"
    to = int(wanted.about) + {"answer_up": -1, "answer_down": 1}.get(wanted.verb, 0)
    return f"o-{min(max(0, to), last)}-label"


def _path_of(form: Mapping[str, Any], part: Any) -> str:
    """Where a part stands now; nothing for one that is gone, or for none."""
    found = (each.path for each in form_editing.places(form) if each.part is part)
    return "" if part is None else next(found, "")


def _path(given: str) -> str:
    if not _PATH.fullmatch(given):
        raise Malformed
    return given


def _holder(given: str) -> str:
    return "" if given == "form" else _path(given)


def _keys(content: bytes) -> frozenset[str]:
    """The names of a form's answers; none when it cannot be read."""
    try:
        return form_editing.keys(form_source.read(content))
    except ValueError:
        return frozenset()


def _overtaken(draft_id: UUID, file: str, wanted: Wanted, words: str) -> str:
    """Show what another owner saved meanwhile, with what was typed here still in its controls."""
    with begin() as work:
        seen = _see(work, draft_id, file)
    if seen is None:
        raise Stale(words)
    at, there = _now(seen.form, wanted)
    given = wanted.typed.given
    answers = _matched(seen.form, at, wanted.typed.answers)
    differing = [
        (t(f"form_editor.p_{name}"), there.get(name, ""), value)
        for name, value in given.items()
        if (name in there or not at) and there.get(name, "") != value.replace("\r\n", "\n")
    ]
    told = Told(
        open=at,
        typed=Typed(given, answers) if at else Typed(),
        add=wanted.add,
        conflict=words,
        differing=[each for each in differing if any(each[1:])],
    )
    return _page(seen, told)


def _again(draft_id: UUID, file: str, wanted: Wanted, error: Invalid) -> str:
    """Show what was typed with what is wrong about it; nothing is saved."""
    with begin() as work:
        seen = _see(work, draft_id, file)
    if seen is None:
        raise error
    wrong = {(each.pointer or "/add").lstrip("/"): each.message for each in error.problems}
    return _page(seen, Told(open=wanted.open, typed=wanted.typed, add=wanted.add, wrong=wrong))


def _now(form: Mapping[str, Any], wanted: Wanted) -> tuple[str, dict[str, str]]:
    """Where the part that was open stands now, and what it says."""
    if wanted.open == "form":
        return "form", dict(zip(("title", "title_en"), form_editing.titles(form), strict=True))
    for each in form_editing.places(form):
        if wanted.open and form_editing.is_plain_part(each.part) and each.part.get("id") == wanted.id:
            return each.path, form_editing.said(each.part)
    return "", {}


def _matched(
    form: Mapping[str, Any], at: str, answers: list[dict[str, str]] | None
) -> list[dict[str, str]] | None:
    """Say of each typed answer which of the present ones it is, by its value."""
    if answers is None or at in {"", "form"}:
        return answers
    values = [each["value"] for each in form_editing.options(form_editing.part_at(form, at))]
    return [
        {**each, "was": str(values.index(each["value"])) if each["value"] in values else ""}
        for each in answers
    ]


def _page(seen: Seen, told: Told) -> str:
    form, problems = _compiled(seen)
    opened = form_view.opened(seen.form, told.open, problems, told.typed, told.wrong) if told.open else None
    keys = form_editing.keys(seen.form)
    lost = (_keys(seen.file.before) if seen.file.before else frozenset()) - keys
    names = {*lost, *([opened.key] if opened and opened.key else [])}
    used = uses.of(names, {name: each for name, each in seen.files.items() if name != seen.file.name})
    return render_template(
        "drafts/form.html",
        row=seen.row,
        file=seen.file.name,
        title=form.title.in_(language()) if form else form_editing.titles(seen.form)[0],
        told=told,
        open=opened,
        rows=form_view.rows(seen.form, problems),
        general=form_view.general(seen.form, problems),
        count=len(problems),
        types=form_view.types(),
        places=_places(seen, told),
        lost=[(name, _used(used[name])) for name in sorted(lost) if name in used],
        used=_used(used.get(opened.key, ())) if opened else "",
        also=_also(seen, opened.key) if opened and opened.key else [],
        other=drafting.other(seen.row, seen.me),
        company=seen.company,
        undo=json.dumps(told.undo) if told.undo is not None else None,
        preview=_preview(seen, told, form, problems),
    )


def _compiled(seen: Seen) -> tuple[Form | None, tuple[Problem, ...]]:
    """The form as it would be in force, without the parts that could not be; and what is wrong with it."""
    try:
        return forms.parse(seen.file.content, seen.file.name), ()
    except Refused as refused:
        problems = refused.problems
    left = copy.deepcopy(seen.form)
    for path in sorted(form_view.wrong(left, problems), key=_numbers, reverse=True):
        form_editing.remove(left, path)
    left |= {"id": seen.file.name.removesuffix(ENDING), "type": "default"}
    left["title"] = form_editing.titles(left)[0].strip() or left["id"]
    try:
        return forms.parse(json.dumps(left).encode(), seen.file.name), problems
    except Refused:
        return None, problems


def _numbers(path: str) -> tuple[int, ...]:
    return tuple(int(each) for each in path.split("-"))


def _preview(seen: Seen, told: Told, form: Form | None, problems: Sequence[Problem]) -> dict[str, Any]:
    """What the preview shows: the parts as on the page of a task, in the wanted language."""
    shown_in = _language(told.shown_in)
    parts: Sequence[Any] = ()
    if form is not None:
        answers = forms.initial(form, {}) if told.answers is None else told.answers
        parts = filled.parts(form, answers, told.errors, data={}, moment=seen.moment, language=shown_in)
    return {
        "parts": parts,
        "language": shown_in,
        "title": form.title.in_(shown_in) if form else "",
        "is_whole": not problems,
        "is_accepted": told.is_accepted,
        "problems": list(dict.fromkeys(told.errors.values())),
    }


def _language(given: str) -> str:
    return given if given in texts.LANGUAGES else language()


def _places(seen: Seen, told: Told) -> list[tuple[str, str]]:
    """Where a new part can be put: after the open one first, then last in the form and in each group."""
    found = [
        (f"in:{path}", t("form_editor.last_in", where=name)) for path, name in form_view.holders(seen.form)
    ]
    if told.open in {"", "form"}:
        return found
    name = form_view.name_of(form_editing.part_at(seen.form, told.open))
    return [(f"after:{told.open}", t("form_editor.after", name=name)), *found]


def _also(seen: Seen, key: str) -> list[str]:
    """The other forms that ask under the same name."""
    return sorted(
        file
        for file, content in seen.files.items()
        if file.endswith(ENDING) and file != seen.file.name and key in _keys(content)
    )


def _used(found: Sequence[Use]) -> str:
    """Say where a name is used: the files with the steps in them, and how many examples."""
    by_file: dict[str, list[str]] = {}
    for each in found:
        by_file.setdefault(each.file, []).extend([each.where] if each.where else [])
    examples = [file for file in by_file if file.endswith(".example.json")]
    told = [
        f"{file} ({', '.join(where)})" if where else file
        for file, where in by_file.items()
        if file not in examples
    ]
    return ", ".join([*told, *([t("form_editor.examples", n=len(examples))] if examples else [])])
