"""Works on diagrams as drawings: what could be misread, a layout where there is none, what has changed.

Nothing here decides whether a diagram runs; `service.engine.definition` does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lxml import etree

from service.engine import xml
from service.engine.isolate import Isolate
from service.errors import Malformed

SECONDS = 15.0
LINT_SECONDS = 1.5  # for one diagram; nobody waits longer for advice
MEGABYTES = 300

_ISOLATE = Isolate("tooling", seconds=SECONDS, megabytes=MEGABYTES)
_DI = "http://www.omg.org/spec/BPMN/20100524/DI"
_CONTAINERS = frozenset(
    [
        "adHocSubProcess",
        "childLaneSet",
        "collaboration",
        "definitions",
        "lane",
        "laneSet",
        "process",
        "subProcess",
        "transaction",
    ]
)
_TOLD_BY_FLOWS = frozenset(["incoming", "outgoing"])


@dataclass(frozen=True)
class Finding:
    """Something in a diagram that a reader could misunderstand, by the name of bpmnlint's rule.

    Rule "readable" is of the reading itself: what an editor would lose.
    """

    rule: str
    element: str | None
    message: str


@dataclass(frozen=True)
class Change:
    """One thing that an element says differently: "name", "property due", "conditionExpression"."""

    element: str
    what: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class Difference:
    """What has become of a diagram's elements, by id, each tuple sorted."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    moved: tuple[str, ...]
    changed: tuple[Change, ...]


def lint(diagram: bytes) -> tuple[Finding, ...]:
    """Look for what a reader could misunderstand, with the rules in frontend/src/engine/lint_rules.js.

    Raises `Refused` for XML that is not taken, `Malformed` when it is no BPMN, `StepFailed` at a limit.
    """
    return tuple(Finding(**each) for each in _work("lint", diagram, seconds=LINT_SECONDS))


def layout(diagram: bytes) -> bytes:
    """Draw a diagram that comes without a drawing (or draw it anew); what it says stays as it is.

    Only the first pool is drawn, and sub-processes are drawn closed.
    Raises `Refused` for XML that is not taken, `Malformed` when it is no BPMN, `StepFailed` at a limit.
    """
    return str(_work("layout", diagram)).encode()


def diff(before: bytes, after: bytes) -> Difference:
    """Compare two versions of a diagram, element by element, with everything that they say.

    Extension properties and expressions count too: a form, a deadline, a legal basis, a condition.
    Raises `Refused` for XML that is not taken.
    """
    old_root, new_root = xml.root(before, "before"), xml.root(after, "after")
    old, new = _facts(old_root), _facts(new_root)
    old_places, new_places = _places(old_root), _places(new_root)
    both = sorted(old.keys() & new.keys())
    return Difference(
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - new.keys())),
        moved=tuple(id for id in both if old_places.get(id) != new_places.get(id)),
        changed=tuple(change for id in both for change in _changes(id, old[id], new[id])),
    )


def _work(kind: str, diagram: bytes, *, seconds: float | None = None) -> Any:
    xml.root(diagram, "diagram")  # refuses what V8 need not see
    text = diagram.decode("utf-8-sig")
    answer = _ISOLATE.call_later("tooling.begin", "tooling.answer", kind, text, seconds=seconds)
    if "problem" in answer:
        raise Malformed(f"The diagram cannot be read as BPMN: {answer['problem']}")
    return answer["value"]


def _changes(element: str, old: dict[str, str], new: dict[str, str]) -> Iterator[Change]:
    for what in sorted(old.keys() | new.keys()):
        if old.get(what) != new.get(what):
            yield Change(element, what, old.get(what), new.get(what))


def _facts(root: Any) -> dict[str, dict[str, str]]:
    """What every element with an id says, without what is told by elements inside it."""
    return {element.get("id"): dict(_joined(element)) for element in _units(root)}


def _units(element: Any) -> Iterator[Any]:
    """Elements that stand for themselves: event definitions and the like belong to what they stand in."""
    for each in element:
        if etree.QName(each).namespace == _DI:
            continue
        if each.get("id"):
            yield each
        if etree.QName(each).localname in _CONTAINERS or not each.get("id"):
            yield from _units(each)


def _joined(unit: Any) -> Iterator[tuple[str, str]]:
    gathered: dict[str, list[str]] = {"kind": [etree.QName(unit).localname]}
    for what, value in _said(unit, ""):
        gathered.setdefault(what, []).append(value)
    for what, values in gathered.items():
        yield what, "\n".join(sorted(values))


def _said(element: Any, path: str) -> Iterator[tuple[str, str]]:
    for name, value in element.attrib.items():
        if name != "id":
            yield f"{path}{etree.QName(name).localname}", value
    for child in element:
        yield from _said_by_part(element, child, path)


def _said_by_part(element: Any, child: Any, path: str) -> Iterator[tuple[str, str]]:
    kind = etree.QName(child).localname
    if kind in _TOLD_BY_FLOWS:
        return
    if kind == "property" and child.get("name") is not None:
        yield f"property {child.get('name')}", child.get("value") or (child.text or "").strip()
        return
    if child.get("id") and etree.QName(element).localname in _CONTAINERS:
        return
    plain = kind in {"extensionElements", "properties"}
    if not plain:
        yield f"{path}{kind}", (child.text or "").strip()
    yield from _said(child, path if plain else f"{path}{kind}/")


def _places(root: Any) -> dict[str, tuple[str, ...]]:
    """Where each element is drawn."""
    found: dict[str, tuple[str, ...]] = {}
    for shape in root.iter(f"{{{_DI}}}BPMNShape", f"{{{_DI}}}BPMNEdge"):
        points = [each for each in shape if etree.QName(each).localname in {"Bounds", "waypoint"}]
        found[shape.get("bpmnElement") or ""] = tuple(
            str(sorted((name, _number(value)) for name, value in each.attrib.items())) for each in points
        )
    return found


def _number(text: str) -> str:
    """Write a coordinate in one way: "10" and "10.0" are the same place."""
    try:
        return str(float(text))
    except ValueError:
        return text
