"""A form's parts as its editor shows them: a row for each, the open one's controls, what is wrong where."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from service.engine import form_conditions, form_editing
from service.engine.components import CHOICES, HOLDERS, SHOWN_ONLY, SUBTYPES, Type
from service.engine.form_conditions import ALWAYS, EXCEPT, ONLY, OWN
from service.engine.form_editing import Place, Property
from service.errors import Problem
from service.web import texts
from service.web.presentation import language, t
from service.web.workshop import findings

SHORT = 60  # characters of a text in its row
SECTIONS = (
    ("words", ("label", "label_en", "text", "text_en", "description", "description_en")),
    (
        "answer",
        (
            *("required", "anew", "not_past", "subtype", "min", "max", "decimals", "shortest", "longest"),
            *("validation", "check", "pattern", "example", "default", "default_number", "default_tick"),
        ),
    ),
    ("name", ("key", "path")),
)
CHOSEN: Mapping[str, tuple[str, ...]] = {
    "subtype": tuple(sorted(SUBTYPES)),
    "validation": ("", "email", "phone"),
    "check": ("", "personal_number"),
}
AREAS = frozenset({"text", "text_en", "description", "description_en", "hide"})
# the controls at which a broken rule is told; the first that the part has
AT: Mapping[str, tuple[str, ...]] = {
    "unique-key": ("key", "path"),
    "key": ("key", "path"),
    "limits": ("min", "shortest"),
    "minLength": ("shortest",),
    "maxLength": ("longest",),
    "decimalDigits": ("decimals",),
    "defaultValue": ("default", "default_number", "default_tick"),
    "condition": ("hide",),
    "conditional": ("hide",),
    "component-type": ("type",),
    "form-title": ("title",),
}
OF_FORM = frozenset({"form-id", "form-file", "form-type", "form-title", "json", "size", "title_en"})


@dataclass(frozen=True)
class Control:
    """One control: text, area, tick, choice, number or feel."""

    name: str
    kind: str
    value: str
    choices: tuple[tuple[str, str], ...] = ()
    errors: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The id of the control on the page."""
        return f"e-{self.name}"

    @property
    def label(self) -> str:
        """What it asks for."""
        return t(f"form_editor.p_{self.name}")

    @property
    def hint(self) -> str:
        """What helps to answer; empty where nothing needs to be said."""
        key = f"form_editor.h_{self.name}"
        return t(key) if texts.known(key) else ""

    @property
    def described_by(self) -> str:
        """The ids of what describes it."""
        ids = [f"{self.id}-hint"] if self.hint else []
        return " ".join([*ids, f"{self.id}-error"] if self.errors else ids)


@dataclass(frozen=True)
class Row:
    """One part in the list."""

    path: str
    depth: int
    type: str
    label: str
    key: str
    facts: tuple[str, ...]
    errors: int
    is_first: bool
    is_last: bool


@dataclass(frozen=True)
class Open:
    """The open part, or the form itself (`path` is "form")."""

    path: str
    id: str = ""
    is_plain: bool = True
    sections: tuple[tuple[str, tuple[Control, ...]], ...] = ()
    answers: tuple[dict[str, str], ...] | None = None
    when: tuple[Control, ...] = ()
    holder: Control | None = None
    errors: tuple[str, ...] = ()
    answer_errors: tuple[str, ...] = ()
    key: str = ""


@dataclass(frozen=True)
class Typed:
    """What stands in the controls though the draft does not say so."""

    given: Mapping[str, str] = field(default_factory=dict)
    answers: list[dict[str, str]] | None = None


def rows(form: Mapping[str, Any], problems: Iterable[Problem]) -> tuple[Row, ...]:
    """Give a row for each part of a form."""
    wrong = _by_part(form, problems)
    return tuple(_row(each, len(wrong.get(each.path, ()))) for each in form_editing.places(form))


def opened(
    form: Mapping[str, Any],
    path: str,
    problems: Iterable[Problem],
    typed: Typed,
    refused: Mapping[str, str],
) -> Open:
    """Give the controls of a part with what it says now, or what was typed; `refused` by control."""
    if path == "form":
        title, title_en = form_editing.titles(form)
        said = {"title": title, "title_en": title_en} | dict(typed.given)
        wrong = _at_controls([each for each in problems if _is_of_form(each, form)], tuple(said))
        controls = tuple(Control(name, "text", said[name], errors=wrong.get(name, ())) for name in said)
        return Open("form", sections=(("form", controls),), errors=wrong.get("", ()))
    part, found = form_editing.part_at(form, path), _by_part(form, problems).get(path, [])
    id = str(part.get("id") or "") if isinstance(part, Mapping) else ""
    if not form_editing.is_plain_part(part):
        return Open(path, id, is_plain=False, errors=tuple(findings.told(each) for each in found))
    return _opened(form, part, path, found, typed, refused)


def name_of(part: Any) -> str:
    """What a part is called in a list: its question, its first words, or its kind."""
    if not isinstance(part, Mapping):
        return t("form_editor.unreadable")
    english = part.get("properties")
    said = [part.get(name) for name in ("label", "text")]
    if language() == "en" and isinstance(english, Mapping):
        said = [*(english.get(f"{name}_en") for name in ("label", "text")), *said]
    words = next((" ".join(each.split()) for each in said if isinstance(each, str) and each.strip()), "")
    if len(words) > SHORT:
        words = f"{words[:SHORT].rpartition(' ')[0] or words[:SHORT]} …"
    return words or str(part.get("key") or part.get("id") or type_of(part))


def type_of(part: Any) -> str:
    """What kind of part it is, in words."""
    kind = part.get("type") if isinstance(part, Mapping) else None
    return t(f"form_editor.type_{kind}") if kind in list(Type) else str(kind or "?")


def types() -> list[tuple[str, str]]:
    """The kinds of part, in words."""
    return [(each.value, t(f"form_editor.type_{each}")) for each in Type]


def holders(form: Mapping[str, Any], *, but: str | None = None) -> list[tuple[str, str]]:
    """What a part can lie in: the form itself, a group or a list; not in itself."""
    found = [("form", t("form_editor.in_form"))]
    for each in form_editing.places(form):
        inside = but is not None and f"{each.path}-".startswith(f"{but}-")
        if isinstance(each.part, Mapping) and each.part.get("type") in HOLDERS and not inside:
            found.append((each.path, name_of(each.part)))
    return found


def _row(place: Place, errors: int) -> Row:
    part = place.part if isinstance(place.part, Mapping) else {}
    validate, english = part.get("validate"), part.get("properties")
    is_required = isinstance(validate, Mapping) and validate.get("required") is True
    facts = []
    if is_required:
        facts.append(t("form_editor.fact_required"))
    if part.get("conditional"):
        facts.append(t("form_editor.fact_condition"))
    if isinstance(english, Mapping) and english.get("anew") == "yes":
        facts.append(t("form_editor.fact_anew"))
    return Row(
        path=place.path,
        depth=min(place.depth, 5),
        type=type_of(place.part),
        label=name_of(place.part),
        key=str(part.get("key") or part.get("path") or ""),
        facts=tuple(facts),
        errors=errors,
        is_first=place.number == 0,
        is_last=place.number == place.siblings - 1,
    )


def _opened(
    form: Mapping[str, Any],
    part: Mapping[str, Any],
    path: str,
    problems: list[Problem],
    typed: Typed,
    refused: Mapping[str, str],
) -> Open:
    of_type = {each.name: each for each in form_editing.properties(part)}
    said = form_editing.said(part) | {"type": str(part["type"])} | dict(typed.given)
    wrong = _at_controls(problems, ("type", *of_type, "options"))
    wrong |= {name: (words,) for name, words in refused.items()}
    kind = Control("type", "choice", said["type"], tuple(types()), wrong.get("type", ()))
    sections = []
    for title, names in SECTIONS:
        found = [
            _control(of_type[name], part, said[name], wrong.get(name, ()))
            for name in names
            if name in of_type
        ]
        if title == "words":
            found.insert(0, kind)
        if found:
            sections.append((title, tuple(found)))
    around = said.get("holder", path.rpartition("-")[0] or "form")
    answers = form_editing.options(part) if typed.answers is None else typed.answers
    return Open(
        path=path,
        id=str(part.get("id") or ""),
        sections=tuple(sections),
        answers=_numbered(answers) if part["type"] in CHOICES else None,
        when=_when(form, path, said, wrong),
        holder=Control("holder", "choice", around, tuple(holders(form, but=path))),
        errors=wrong.get("", ()),
        answer_errors=wrong.get("options", ()),
        key="" if part["type"] in SHOWN_ONLY else str(part.get("key") or part.get("path") or ""),
    )


def _numbered(answers: list[dict[str, str]]) -> tuple[dict[str, str], ...]:
    return tuple({"was": str(number)} | each for number, each in enumerate(answers))


def _control(property: Property, part: Mapping[str, Any], value: str, errors: tuple[str, ...]) -> Control:
    if property.name in CHOSEN:
        choices = [(each, t(f"form_editor.c_{each or 'none'}")) for each in CHOSEN[property.name]]
        return Control(property.name, "choice", value, _with(choices, value), errors)
    if property.name == "default" and part["type"] in {Type.RADIO, Type.SELECT}:
        offered = [(each["value"], each["label"]) for each in form_editing.options(part)]
        return Control(
            property.name, "choice", value, _with([("", t("form_editor.c_none")), *offered], value), errors
        )
    kind = "area" if property.name in AREAS or "\n" in value or "\r" in value else property.kind
    return Control(property.name, kind, value, errors=errors)


def _with(choices: list[tuple[str, str]], value: str) -> tuple[tuple[str, str], ...]:
    """What stands in the file is offered too."""
    known = value in [each for each, _ in choices]
    return tuple(choices if known else [*choices, (value, value)])


def _when(
    form: Mapping[str, Any], path: str, said: Mapping[str, str], wrong: Mapping[str, tuple[str, ...]]
) -> tuple[Control, ...]:
    """The controls that say when the part is shown."""
    now = form_conditions.read(said["hide"])
    when, answer = said.get("when", now.when), said.get("when_answer", now.answer)
    ways = [(each, t(f"form_editor.when_{each}")) for each in (ALWAYS, ONLY, EXCEPT, OWN)]
    ticked = t("form_editor.ticked")
    offered = [
        (each.answer, f"{each.question} – {each.option or ticked}")
        for each in form_conditions.offered(form, path)
    ]
    choices = _with([("", t("form_editor.choose")), *offered], answer)
    return (
        Control("when", "choice", when, tuple(ways)),
        Control("when_answer", "choice", answer, choices, wrong.get("when_answer", ())),
        Control("hide", "feel", said["hide"], errors=wrong.get("hide", ())),
    )


def _by_part(form: Mapping[str, Any], problems: Iterable[Problem]) -> dict[str, list[Problem]]:
    """What is wrong with which part, by its path; a problem names a part by its id, key or type."""
    places = [each for each in form_editing.places(form) if isinstance(each.part, Mapping)]
    found: dict[str, list[Problem]] = {}
    for problem in problems:
        for each in places:
            part = each.part
            if problem.element and problem.element == str(
                part.get("id") or part.get("key") or part.get("type") or ""
            ):
                found.setdefault(each.path, []).append(problem)
    return found


def wrong(form: Mapping[str, Any], problems: Iterable[Problem]) -> frozenset[str]:
    """The paths of parts that something is wrong with."""
    return frozenset(_by_part(form, problems))


def general(form: Mapping[str, Any], problems: Iterable[Problem]) -> tuple[str, ...]:
    """What is wrong with the form as a whole, or with what no row stands for."""
    problems = list(problems)
    placed = [id(each) for found in _by_part(form, problems).values() for each in found]
    return tuple(dict.fromkeys(findings.told(each) for each in problems if id(each) not in placed))


def _is_of_form(problem: Problem, form: Mapping[str, Any]) -> bool:
    return problem.rule in OF_FORM and not _by_part(form, [problem])


def _at_controls(problems: Iterable[Problem], names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """The words of problems by the control they belong to; under "" what belongs to none."""
    found: dict[str, tuple[str, ...]] = {}
    for each in problems:
        possible = (*AT.get(each.rule or "", ()), each.rule or "")
        name = next((one for one in possible if one in names), "")
        words = findings.told(each)
        if words not in found.get(name, ()):
            found[name] = (*found.get(name, ()), words)
    return found
