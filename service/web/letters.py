"""The documents that the service makes of a case, as plain data for the typesetter: words, never markup.

What the case does not know is a line to fill in, marked as missing. An application is in Swedish always, a
letter in the language that is asked for; numbers of the law come from the table `periods`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from service import documents
from service.commands import documents as papers
from service.engine.text import Text
from service.errors import Conflict
from service.models.documents import DocumentKind
from service.queries import letters
from service.queries.casefile import RightState
from service.queries.letters import Gathered, Sheet
from service.rules import calendar
from service.web import forms, texts
from service.work import UnitOfWork

MADE = (DocumentKind.APPLICATION.value, DocumentKind.RIGHTS_LETTER.value)
APPLICATION, SIGNATURE, STAY, DECISION = (
    "application_content",
    "signature",
    "stay_request",
    "agency_decision",
)
BEFORE = (  # what an application says first, form by form; of the application itself it says everything
    ("wish", "information_wish", ("informed_on", "interpreter_used", "wants_reflection_period", "stay")),
    ("grounds", "grounds", ("reason_to_assume", "crime")),
)
ASKED = ("stay_requested_on", "removal_earliest_on", "stay_reasons")  # of the request for a stay
SIGNED = ("signed_on", "signer_title", "delegation_item")
READ = {
    "application": (*(form for _, form, _ in BEFORE), APPLICATION, STAY, SIGNATURE),
    "rights_letter": (APPLICATION, DECISION),
}
ADVICE = ("call", "period", "removal", "after", "told", "help")  # sections of the letter that are words alone
Block = dict[str, Any]


@dataclass(frozen=True)
class Draft:
    """All words of a document that is to be typeset."""

    kind: str
    name: str
    made_from: datetime
    data: dict[str, Any]


@dataclass(frozen=True)
class Letter:
    """A document that has been typeset."""

    kind: str
    title: str
    name: str
    made_from: datetime
    content: bytes


def offered(forms_known: Iterable[str]) -> tuple[str, ...]:
    """Tell which documents can be made of a case whose deployment has these forms."""
    return MADE if APPLICATION in set(forms_known) else MADE[1:]


def gather(work: UnitOfWork, case_id: UUID, *, kind: str, language: str) -> Draft:
    """Read what a document needs and say it in words; the typesetting comes when nothing is locked.

    Raises `NotFound`, `Forbidden`, and `Conflict` when the case has nothing that such a document is made of.
    """
    found = letters.gather(work, case_id, sheets=READ[kind])
    if kind not in offered(found.sheets):
        told = Text(
            "Ärendets process har ingen ansökan att göra ett utkast av.",
            "The case's process has no application to draft.",
        )
        raise Conflict(told.in_(work.actor.language))
    spoken = _Spoken("sv" if kind == DocumentKind.APPLICATION else language, work.zone)
    words = _application(found, spoken) if kind == DocumentKind.APPLICATION else _letter(found, spoken)
    day = work.today
    frame = {
        "lang": spoken.language,
        "made": spoken.t("letter.made", at=spoken.moment(found.at), reference=found.file.row.reference),
        "page": spoken.t("reply.page"),
        "of": spoken.t("reply.of"),
        "lacking": spoken.t("letter.lacking"),
        "year": day.year,
        "month": day.month,
        "day": day.day,
    }
    if documents.lacks(words):
        words["notice"] = f"{words['notice']} {spoken.t('letter.unshown')}"
    return Draft(kind, spoken.t(f"letter.{kind}.file"), found.at, {**frame, **words})


def make(draft: Draft) -> Letter:
    """Typeset a document; takes a while, so that nothing must be locked."""
    content = documents.typeset("letter", draft.data)
    return Letter(draft.kind, str(draft.data["title"]), draft.name, draft.made_from, content)


def keep(work: UnitOfWork, case_id: UUID, letter: Letter, *, revision: int | None = None) -> UUID:
    """Add a made document to its case; gives its id."""
    return papers.add(
        work,
        case_id,
        kind=DocumentKind(letter.kind),
        content=letter.content,
        title=letter.title,
        name=letter.name,
        made_from=letter.made_from,
        revision=revision,
    )


@dataclass(frozen=True)
class _Spoken:
    """How a document speaks: its own language, whoever asked for it."""

    language: str
    zone: ZoneInfo

    def t(self, key: str, **values: object) -> str:
        return texts.text(key, self.language, **values)

    def say(self, text: Text) -> str:
        return text.in_(self.language)

    def day(self, at: datetime) -> str:
        return at.astimezone(self.zone).date().isoformat()

    def moment(self, at: datetime) -> str:
        return f"{at.astimezone(self.zone):%Y-%m-%d %H:%M}"


def _application(found: Gathered, spoken: _Spoken) -> dict[str, Any]:
    """The board's application for the first period; an extension is not the board's to ask for."""
    t = spoken.t
    lead = t("letter.application.lead", unit=found.unit)
    if found.period is not None:
        lead = t("letter.application.lead_period", unit=found.unit, **_period(found.period, spoken))
    return {
        "title": t("letter.application.title"),
        "notice": t(
            "letter.application.notice", at=spoken.moment(found.at), reference=found.file.row.reference
        ),
        "lead": [lead],
        "sections": [
            *(_section(found, spoken, name, form, only=only) for name, form, only in BEFORE),
            *_content(found, spoken),
            *([_section(found, spoken, "stay", STAY, only=ASKED)] if _is_to_be_removed(found) else []),
            {"title": t("letter.application.signature"), "blocks": list(_signature(found, spoken))},
        ],
    }


def _is_to_be_removed(found: Gathered) -> bool:
    """Tell whether there is a decision that the application does not stop by itself."""
    return bool(found.file.data.get("removal_order")) or found.file.data.get("removal_decision") == "yes"


def _section(
    found: Gathered, spoken: _Spoken, name: str, form: str, *, only: Sequence[str] | None = None
) -> Block:
    """One form's answers, or some of them, under a heading of ours."""
    sheet = found.sheets.get(form)
    blocks: list[Block] = []
    if sheet is not None:
        lines = [each for each in _lines(sheet, spoken) if only is None or each.key in only]
        blocks = [_answered(sheet, spoken), *(_fact(each, sheet, spoken) for each in lines)]
    return {"title": spoken.t(f"letter.application.{name}"), "blocks": blocks}


def _content(found: Gathered, spoken: _Spoken) -> Iterator[Block]:
    """The application's own form, a section for each of its groups, in the owner's order and words."""
    sheet = found.sheets[APPLICATION]
    by_group: dict[str, list[Block]] = {}
    for line in _lines(sheet, spoken):
        by_group.setdefault(line.heading, []).append(_fact(line, sheet, spoken))
    said = [_answered(sheet, spoken)]
    for heading, facts in by_group.items():
        yield {"title": heading or spoken.say(sheet.form.title), "blocks": [*said, *facts]}
        said = []


def _signature(found: Gathered, spoken: _Spoken) -> Iterator[Block]:
    """Who signs, as far as somebody with the delegation has approved; the line itself is for a pen."""
    sheet = found.sheets.get(SIGNATURE)
    approved = sheet is not None and sheet.answers.get("approval") == "approve"
    name = sheet.by.name if sheet is not None and sheet.by is not None and approved else None
    if sheet is not None and approved:
        yield _answered(sheet, spoken)
    yield _known(spoken.t("letter.application.signer"), name)
    for key in SIGNED:
        each = sheet.form.fields.get(key) if sheet is not None else None
        if sheet is not None and each is not None:
            given = forms.answer_in_words(each, sheet.answers.get(key), spoken.language) if approved else None
            yield _known(spoken.say(each.label), given)
    yield {"kind": "note", "text": spoken.t("letter.application.signs")}
    yield {"kind": "signature", "text": spoken.t("letter.application.pen")}


def _letter(found: Gathered, spoken: _Spoken) -> dict[str, Any]:
    """To the person, in plain words: what the period is and is not, and which help there is."""
    t, key = spoken.t, "letter.rights_letter"
    advice = {name: t(f"{key}.{name}_text").split("\n") for name in ADVICE}
    if found.period is not None:
        advice["period"].append(t(f"{key}.lasts", **_period(found.period, spoken)))
    return {
        "title": t(f"{key}.title"),
        "notice": t(f"{key}.notice"),
        "lead": [],
        "sections": [
            {"title": "", "blocks": list(_addressed(found, spoken))},
            *(
                {"title": t(f"{key}.{name}"), "blocks": [_text(each) for each in words]}
                for name, words in advice.items()
            ),
            {"title": "", "blocks": [_rights(found, spoken)]},
            {"title": t(f"{key}.permit"), "blocks": list(_permit(found, spoken))},
        ],
    }


def _addressed(found: Gathered, spoken: _Spoken) -> Iterator[Block]:
    """To whom, from whom, and who to ask."""
    row, t = found.file.row, spoken.t
    answers = found.sheets[APPLICATION].answers if APPLICATION in found.sheets else {}
    yield _known(t("letter.rights_letter.to"), answers.get("person_name"))
    yield _known(t("letter.rights_letter.from"), t("letter.rights_letter.office", unit=found.unit))
    yield _known(t("letter.rights_letter.contact"), row.owner.name if row.owner else None)
    yield _known(t("letter.rights_letter.phone"), answers.get("board_phone"))
    yield _known(t("letter.rights_letter.number"), row.reference)


def _rights(found: Gathered, spoken: _Spoken) -> Block:
    """The six rights, each with how far it has come in this case."""
    rights = found.file.rights
    names = [f"{spoken.t(f'right.{each.right}')}." for each in rights]
    told = [f"{spoken.t(f'letter.right.{each.right}')} {_standing(each, spoken)}".strip() for each in rights]
    items = [{"name": name, "text": text} for name, text in zip(names, told, strict=True)]
    return {"kind": "list", "items": items}


def _standing(right: RightState, spoken: _Spoken) -> str:
    """How far a right has come, and since when; nothing where nothing has happened."""
    key = f"right_state.{right.state}"
    if right.since is None or not texts.known(key):
        return ""
    return spoken.t("letter.right_state", state=spoken.t(key).lower(), day=spoken.day(right.since))


def _permit(found: Gathered, spoken: _Spoken) -> Iterator[Block]:
    """What the agency has decided, by the dates of its decision and never by ours."""
    sheet = found.sheets.get(DECISION)
    if sheet is None or sheet.at is None:
        yield _text(spoken.t("letter.rights_letter.undecided"))
        return
    for line in _lines(sheet, spoken):
        if line.key in {"decision", "decision_on", "valid_from", "valid_to"}:
            yield _fact(line, sheet, spoken)


def _period(period: Mapping[str, Any], spoken: _Spoken) -> dict[str, str]:
    """How long the period is and where that stands, by the table."""
    length = calendar.length_in_words(period["amount"], period["unit"], language=spoken.language)
    return {"length": length, "basis": str(period["legal_basis"])}


def _lines(sheet: Sheet, spoken: _Spoken) -> list[forms.Line]:
    return list(forms.lines(sheet.form, sheet.answers, shown=sheet.shown, language=spoken.language))


def _fact(line: forms.Line, sheet: Sheet, spoken: _Spoken) -> Block:
    """A question and its answer; one that may be left out and was is not missing once the form is in."""
    answer = line.answer
    if answer is None and line.is_optional and sheet.at is not None:
        answer = forms.word("none", spoken.language)
    return _known(line.label, answer, long=line.is_long)


def _known(label: str, answer: str | None, *, long: bool = False) -> Block:
    """What stands on a line of the document; without an answer it is left to be filled in."""
    return {
        "kind": "fact",
        "label": label,
        "answer": [each for each in answer.splitlines() if each.strip()] if answer else [],
        "missing": not answer,
        "long": long,
    }


def _answered(sheet: Sheet, spoken: _Spoken) -> Block:
    """Say of which day the answers are, and whose."""
    if sheet.at is None:
        words = spoken.t("letter.unanswered")
    else:
        words = spoken.t("letter.answered", day=spoken.day(sheet.at), who=sheet.by.name if sheet.by else "")
    return {"kind": "note", "text": words}


def _text(words: str) -> Block:
    return {"kind": "text", "text": words}
