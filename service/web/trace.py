"""The trace: a case's history beside its diagram, rewound to any event by a link, a slider or a key."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from service.engine import layouts
from service.engine.step import Place
from service.errors import NotFound
from service.queries import people, trace
from service.queries.history import Event
from service.queries.people import Person
from service.queries.trace import Deadline, StandingTask, Trace
from service.web import drawings, steps, trail
from service.web.auth import begin
from service.web.presentation import t

blueprint = Blueprint("trace", __name__)

TONES = {"kept": "good", "missed": "late", "overdue": "late", "fired": "warn", "waiting": "here"}
ICONS = {"kept": "check", "missed": "alert", "overdue": "alert", "fired": "clock", "waiting": "here"}


@dataclass(frozen=True)
class Point:
    """An event in the timeline: what it tells, where, and the page as it was then."""

    told: trail.Told
    element: str | None
    drawing: str | None  # the diagram that the element is in
    href: str
    state: str  # past, now, later


@dataclass(frozen=True)
class Row:
    """A deadline in words."""

    name: str
    deadline: Deadline
    words: str
    tone: str
    icon: str
    href: str | None  # to the event that settled it


@blueprint.get("/cases/<uuid:case_id>/trace")
def show_trace(case_id: UUID) -> ResponseReturnValue:
    """Show a case as it stood after an event: diagram, open tasks, deadlines, and how it came there."""
    with begin() as work:
        found = trace.trace(work, case_id, at=_number(request.args.get("at")))
        who = people.by_username(work, {each.assignee for each in found.standing.tasks if each.assignee})
    over = found.standing.status in trace.ENDED
    drawn_of = drawings.of(
        found.definition, found.process, passed=found.standing.passed, active=found.active, over=over
    )
    event = found.events[found.at - 1]
    points = _points(found)
    now = points[found.at - 1]
    drawn = _drawn(request.args.get("process"), now.drawing, drawn_of)
    process = found.definition.processes[drawn.partition(":")[0]]
    opens = drawings.called(found.definition, drawn, drawn_of)
    return render_template(
        "cases/trace.html",
        case_id=case_id,
        trace=found,
        event=event,
        now=now,
        points=points,
        tasks=[
            (_place_name(found, each.place), each, _holder(who, each.assignee))
            for each in found.standing.tasks
        ],
        messages=[_place_name(found, place) for _, place in found.standing.messages],
        deadlines=_rows(found),
        counts=trace.counts(found.standing.deadlines),
        drawn=drawn,
        drawn_title=drawings.name(found.definition, drawn),
        drawings=drawings.choices(found.definition, drawn_of),
        way=[
            (drawings.name(found.definition, key), _href(found, found.at, key))
            for key in drawings.around(found.definition, found.process, drawn, drawn_of)
        ],
        opens={element: _href(found, found.at, key) for element, key in opens.items()},
        xml=layouts.shown(process.xml, process.key),
        steps=steps.table(process, drawn_of[drawn]),
        chosen=now.element if now.drawing == drawn else None,
        links=_links(found, drawn if request.args.get("process") else None),
        event_type=trail.event_type,
    )


def _number(given: str | None) -> int | None:
    if given is None or given == "":
        return None
    if not given.isascii() or not given.isdigit() or len(given) > len("1000000"):
        raise NotFound
    return int(given)


def _drawn(asked: str | None, of_event: str | None, known: dict[str, Any]) -> str:
    """The diagram to show: the one asked for, else the one in which the event was."""
    for each in (asked, of_event):
        if each in known and each is not None:
            return each
    return drawings.liveliest(known)


def _points(found: Trace) -> list[Point]:
    told = trail.tell(found.events, found.definition, whole=True)
    return [_point(found, event, words) for event, words in zip(found.events, told, strict=True)]


def _point(found: Trace, event: Event, told: trail.Told) -> Point:
    place = _place_of(event)
    state = "now" if event.sequence == found.at else "past" if event.sequence < found.at else "later"
    return Point(
        told=told,
        element=place.element if place else None,
        drawing=drawings.key_of(found.definition, place) if place else None,
        href=_href(found, event.sequence),
        state=state,
    )


def _place_of(event: Event) -> Place | None:
    """Where an event was: its own element, or the last one that it passed."""
    if event.process and event.element:
        return Place(event.process, event.element, event.details.get("right"))
    passed = event.details.get("passed")
    return Place(*passed[-1]) if passed else None


def _href(found: Trace, at: int, drawing: str | None = None) -> str:
    return url_for("trace.show_trace", case_id=found.case_id, at=at, process=drawing)


def _links(found: Trace, drawing: str | None) -> dict[str, str | None]:
    last = len(found.events)
    return {
        "first": _href(found, 1, drawing) if found.at > 1 else None,
        "before": _href(found, found.at - 1, drawing) if found.at > 1 else None,
        "after": _href(found, found.at + 1, drawing) if found.at < last else None,
        "last": _href(found, last, drawing) if found.at < last else None,
    }


def _tasks(found: Trace, who: dict[str, Person]) -> list[tuple[str, StandingTask, str | None]]:
    tasks = found.standing.tasks
    return [(_place_name(found, each.place), each, _holder(who, each.assignee)) for each in tasks]


def _holder(who: dict[str, Person], username: str | None) -> str | None:
    return who[username].name if username in who and username is not None else username


def _place_name(found: Trace, place: Place) -> str:
    return trail.at_element(found.definition, place.process, place.element, place.right)


def _rows(found: Trace) -> list[Row]:
    return [
        Row(
            name=_place_name(found, each.place),
            deadline=each,
            words=t(f"outcome.{each.outcome}", by=span(each.by)),
            tone=TONES.get(each.outcome, "cannot"),
            icon=ICONS.get(each.outcome, "skipped"),
            href=_href(found, each.sequence) if each.sequence else None,
        )
        for each in found.standing.deadlines
    ]


def span(by: timedelta) -> str:
    """Say how long, in the two largest units that matter."""
    minutes = max(0, round(by.total_seconds() / 60))
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts: Sequence[tuple[str, int]] = [("days", days), ("hours", hours), ("minutes", minutes)]
    said = [t(f"span.{unit}", n=n) for unit, n in parts if n][:2]
    return " ".join(said) if said else t("span.minutes", n=0)
