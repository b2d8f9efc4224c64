"""A case's history in words: each sealed event as a sentence, who, when, and the note that went with it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service import verifier
from service.engine.definition import Definition
from service.queries.history import Event
from service.web import forms, texts
from service.web.presentation import language, moment, say, t

QUIET = frozenset(
    {
        "elements.passed",
        "instance.started",
        "instance.finished",
        "decision.made",
        "task.claimed",
        "task.opened",
        "deadline.warned",
        "waiting.changed",
    }
)
NOTES = ("reason", "note")
MOVES = frozenset({"instance.migrated", "instance.moved-back"})
MARKS = {"milestone.reached": "milestone", "incident.raised": "bad", "case.cancelled": "bad"}


@dataclass(frozen=True)
class Told:
    """An event for people."""

    sequence: int
    at: datetime
    who: str
    type: str
    words: str
    note: str | None
    mark: str | None
    deployment: int | None
    seal: str
    given: tuple[tuple[str, str], ...]  # the personal values behind it, for those who may see them
    passed: tuple[str, ...]  # the steps that were passed, by name


def tell(events: Iterable[Event], definition: Definition, *, whole: bool = False) -> list[Told]:
    """Say what happened; without `whole` only what people did and what moved the case on."""
    return [_told(event, definition) for event in events if whole or event.type not in QUIET]


def event_type(type: str) -> str:
    """Say what kind of event it is."""
    key = f"event_type.{type}"
    return t(key) if texts.known(key) else type


def why(code: str) -> str:
    """Say what is wrong with an event or a checkpoint, in the words of the verifier."""
    return verifier.WORDS[code][0 if language() == "sv" else 1]


def milestone(name: str) -> str:
    """Say a milestone."""
    key = f"milestone.{name}"
    return t(key) if texts.known(key) else name


def document_kind(kind: str) -> str:
    """Say what kind of document it is."""
    key = f"document_kind.{kind}"
    return t(key) if texts.known(key) else kind


def at_element(definition: Definition, process: str | None, element: str | None, right: str | None) -> str:
    """Say where in the diagrams something happened: the step's name, and the right that it serves."""
    found = definition.processes.get(process or "")
    step = found.elements.get(element or "") if found is not None else None
    name = say(step.name) if step is not None and step.name else say(found.title) if found is not None else ""
    return f"{name}: {t(f'right.{right}')}" if right and texts.known(f"right.{right}") else name


def _told(event: Event, definition: Definition) -> Told:
    values = event.values or {}
    note = next((str(values[each]) for each in NOTES if values.get(each)), None)
    # in clear: of those who moved the case to a new version, or destroyed what was personal in it
    note = note or next((str(event.details[each]) for each in NOTES if event.details.get(each)), None)
    return Told(
        sequence=event.sequence,
        at=event.at,
        who=event.person.name if event.person else t("system.name"),
        type=event.type,
        words=_words(event, definition),
        note=note,
        mark=MARKS.get(event.type),
        deployment=event.deployment,
        seal=event.seal,
        given=() if values and note else tuple(_given(event, values, definition)),
        passed=_passed(event.details.get("passed"), definition),
    )


def _words(event: Event, definition: Definition) -> str:
    details = event.details
    key = f"event.{event.type}"
    if not texts.known(key):
        return event.type
    place = at_element(definition, event.process, event.element, details.get("right"))
    late = details.get("late_seconds", 0) >= 60 * 60
    name = milestone(str(details.get("name", "")))
    right = details.get("right")
    more = "late" if late else "owner" if details.get("owner") else ""
    return t(
        f"{key}.{more}" if texts.known(f"{key}.{more}") else key,
        n=len(details.get("passed", ())),
        place=place,
        name=f"{name}: {t(f'right.{right}')}" if right else name,
        to=details.get("to") or "",
        owner=details.get("owner") or "",
        unit=details.get("unit") or details.get("to") or "",
        reference=details.get("reference") or "",
        due=_at(details.get("due")),
        until=_at(details.get("until")),
        was=_at(details.get("from")),
        new=_at(details.get("to")),
        level=details.get("level") or "",
        document=document_kind(str(details.get("kind", ""))),
        whom=", ".join(details["to"]) if isinstance(details.get("to"), list) else "",
    )


def _at(iso: Any) -> str:
    return moment(datetime.fromisoformat(iso)) if isinstance(iso, str) and iso[:1].isdigit() else ""


def _passed(places: Any, definition: Definition) -> tuple[str, ...]:
    """Say which steps were passed, without those that have no name."""
    named = []
    for process, element, right in places or ():
        found = definition.processes.get(process)
        step = found.elements.get(element) if found is not None else None
        if step is not None and step.name:
            named.append(at_element(definition, process, element, right))
    return tuple(named)


def _given(event: Event, values: Mapping[str, Any], definition: Definition) -> Iterable[tuple[str, str]]:
    process = definition.processes.get(event.process or "")
    element = process.elements.get(event.element or "") if process is not None else None
    form = definition.forms.get(element.form) if element is not None and element.form else None
    if event.type in MOVES:
        return _moved(event.details, definition)
    if event.type == "document.added":
        return [(t("documents.fingerprint"), str(values["content"]))] if values else ()
    if form is not None and event.type == "task.completed":
        return forms.given(form, values, language())
    return flat(values, "")


def _moved(details: Mapping[str, Any], definition: Definition) -> Iterable[tuple[str, str]]:
    """Say which steps a moved case stands on under another id, and which a second person was asked for."""
    for process, one, other in details.get("renamed", ()):
        name = at_element(definition, process, other, None)
        yield t("event.renamed", old=one), f"{name} ({other})" if name else other
    for _, element in details.get("waived", ()):
        yield t("event.waived"), element


def flat(values: Any, name: str) -> Iterable[tuple[str, str]]:
    """Say data that no form knows: each value with its path."""
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield from flat(value, f"{name}.{key}" if name else str(key))
    elif isinstance(values, list):
        yield name, ", ".join(str(each) for each in values)
    elif isinstance(values, bool):
        yield name, t("yes") if values else t("no")
    elif values is not None:
        yield name, str(values)
