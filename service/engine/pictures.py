"""Draws a process as its file lays it out, as SVG for print: in parts that can be read on a page each.

For screens there is an editor's viewer; here nothing runs. What is drawn nowhere has no picture.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from xml.sax.saxutils import escape

from lxml import etree

from service.engine import layouts, xml
from service.engine.definition import Process
from service.engine.drawing import ACTIVITIES, BPMN, DC, DD, DI, EVENTS, GATEWAYS, SPIFF
from service.errors import Refused

FONT = "Libertinus Serif"
SIZE, LABEL, SMALLEST = 14.0, 13.0, 10.5  # of letters: inside, beside, at least; in units of the drawing
LETTER = 0.5  # width of a letter, as part of its size
MARGIN = 16.0
NARROW = 0.6  # a part is cut at most so much before its page is full, to leave a shape whole
AIR = 6.0  # between a shape and a cut
STEP = 4.0  # between places that are tried for a cut
INK, SOFT, PAPER = "#1c2426", "#515e63", "#ffffff"

_AROUND = frozenset({"participant", "lane", "subProcess", "group"})  # what others lie in


@dataclass(frozen=True)
class Picture:
    """A part of a drawing: its SVG and size, and the named steps that it shows, from left to right."""

    svg: str
    width: float
    height: float
    names: tuple[str, ...]
    inside: str = ""  # the sub-process that is drawn for itself


@dataclass(frozen=True)
class _Box:
    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def middle(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2

    def meets(self, other: "_Box") -> bool:
        return (
            self.x < other.right and other.x < self.right and self.y < other.bottom and other.y < self.bottom
        )


@dataclass(frozen=True)
class _Mark:
    """Something that is drawn: where, and how."""

    box: _Box
    svg: str
    name: str = ""  # of a step
    keeps: bool = False  # is not to be cut through


@dataclass
class _Sheet:
    """One drawing of a file."""

    inside: str = ""
    marks: list[_Mark] = field(default_factory=list)


def pictures(process: Process, *, language: str, width: float, height: float) -> tuple[Picture, ...]:
    """Draw a process and the sub-processes with a drawing of their own, cut to parts of at most this size.

    Nothing when the file does not say how it looks and it cannot be laid out.
    """
    try:
        root = xml.root(layouts.shown(process.xml, process.key).encode(), process.file)
    except Refused:
        return ()
    found = []
    for sheet in _sheets(root, process, language):
        found += list(_cut(sheet, width, height))
    return tuple(found)


def _sheets(root: Any, process: Process, language: str) -> Iterator[_Sheet]:
    known = {each.get("id"): each for each in root.iter(f"{BPMN}*") if each.get("id")}
    own = {process.key, *process.elements}
    for diagram in root.iter(f"{DI}BPMNDiagram"):
        plane = diagram.find(f"{DI}BPMNPlane")
        of = plane.get("bpmnElement") if plane is not None else None
        shapes = [each for each in diagram.iter(f"{DI}BPMNShape") if each.get("bpmnElement") in known]
        if not any(each.get("bpmnElement") in own for each in shapes):
            continue
        inside = _name(known[of], language) if of in process.elements and of in known else ""
        sheet = _Sheet(inside)
        for each in sorted(shapes, key=_depth(known)):
            sheet.marks += _shape(each, known[each.get("bpmnElement")], language)
        for each in diagram.iter(f"{DI}BPMNEdge"):
            if each.get("bpmnElement") in known:
                sheet.marks += _edge(each, known[each.get("bpmnElement")], known, language)
        if sheet.marks:
            yield sheet


def _depth(known: Mapping[str, Any]) -> Any:
    """What lies around others is drawn before them, events on edges last."""

    def depth(shape: Any) -> tuple[int, int]:
        element = known[shape.get("bpmnElement")]
        kind = _kind(element)
        order = {"participant": 0, "lane": 1}.get(kind, 3 if kind == "boundaryEvent" else 2)
        return order, sum(1 for _ in element.iterancestors())

    return depth


def _cut(sheet: _Sheet, width: float, height: float) -> Iterator[Picture]:
    left = min(each.box.x for each in sheet.marks) - MARGIN
    top = min(each.box.y for each in sheet.marks) - MARGIN
    right = max(each.box.right for each in sheet.marks) + MARGIN
    bottom = max(each.box.bottom for each in sheet.marks) + MARGIN
    whole = [each.box for each in sheet.marks if each.keeps]
    columns = _cuts(left, right, width, [(each.x - AIR, each.right + AIR) for each in whole])
    rows = _cuts(top, bottom, height, [(each.y - AIR, each.bottom + AIR) for each in whole])
    for y, below in pairwise(rows):
        for x, beside in pairwise(columns):
            part = _Box(x, y, beside - x, below - y)
            seen = [each for each in sheet.marks if each.box.meets(part)]
            if any(each.keeps for each in seen):
                yield _picture(seen, part, sheet.inside)


def _cuts(begin: float, end: float, most: float, whole: Sequence[tuple[float, float]]) -> list[float]:
    """Where to cut: in as few parts as go, each at the place that goes through the fewest shapes."""
    cuts = [begin]
    while end - cuts[-1] > most:
        parts = math.ceil((end - cuts[-1]) / most)
        wanted = cuts[-1] + (end - cuts[-1]) / parts
        tried = [cuts[-1] + most - STEP * number for number in range(int(most * (1 - NARROW) / STEP))]
        cuts.append(min(tried, key=lambda x: (sum(a < x < b for a, b in whole), abs(x - wanted))))
    return [*cuts, end]


def _picture(marks: Iterable[_Mark], part: _Box, inside: str) -> Picture:
    marks = list(marks)
    named = sorted((each for each in marks if each.name), key=lambda each: (each.box.x, each.box.y))
    box = f'x="{part.x:g}" y="{part.y:g}" width="{part.width:g}" height="{part.height:g}"'
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" '
        f'width="{part.width:g}" height="{part.height:g}" '
        f'viewBox="{part.x:g} {part.y:g} {part.width:g} {part.height:g}" '
        f'font-family="{FONT}" font-size="{SIZE:g}" fill="{PAPER}" stroke="{INK}" stroke-width="1.5">'
        f'<clipPath id="part"><rect {box}/></clipPath><g clip-path="url(#part)">'
        f"{''.join(each.svg for each in marks)}</g></svg>"
    )
    return Picture(svg, part.width, part.height, tuple(dict.fromkeys(each.name for each in named)), inside)


def _shape(shape: Any, element: Any, language: str) -> Iterator[_Mark]:
    box, kind = _bounds(shape), _kind(element)
    if box is None:
        return
    name = _name(element, language)
    if kind in EVENTS:
        yield _Mark(box, _event(box, element, kind), name, keeps=True)
        yield from _label(shape, name, box)
    elif kind in GATEWAYS:
        yield _Mark(box, _gateway(box, kind), name, keeps=True)
        yield from _label(shape, name, box)
    elif kind in ACTIVITIES:
        is_open = kind == "subProcess" and shape.get("isExpanded") == "true"
        yield _Mark(box, _activity(box, element, kind, name, is_open=is_open), name, keeps=not is_open)
    elif kind in {"participant", "lane"}:
        yield _Mark(box, _lane(box, name))
    elif kind == "textAnnotation":
        words = element.findtext(f"{BPMN}text") or ""
        line = f'<path d="M{box.x + 12:g} {box.y:g}h-12v{box.height:g}h12" fill="none" stroke="{SOFT}"/>'
        inner = _Box(box.x + 6, box.y, box.width - 6, box.height)
        yield _Mark(box, line + _words(words, inner, fill=SOFT), keeps=True)
    elif kind == "group":
        yield _Mark(box, _rect(box, 10, 'fill="none" stroke-dasharray="8 3 2 3"'))
    else:
        yield _Mark(box, _rect(box, 0), keeps=True)
        yield from _label(shape, name, box)


def _event(box: _Box, element: Any, kind: str) -> str:
    x, y = box.middle
    r = min(box.width, box.height) / 2
    dashed = element.get("cancelActivity", element.get("isInterrupting", "true")) == "false"
    dash = ' stroke-dasharray="5 3"' if dashed else ""
    heavy = ' stroke-width="4"' if kind == "endEvent" else ""
    drawn = f'<circle cx="{x:g}" cy="{y:g}" r="{r:g}"{heavy}{dash}/>'
    if kind in {"intermediateCatchEvent", "intermediateThrowEvent", "boundaryEvent"}:
        drawn += f'<circle cx="{x:g}" cy="{y:g}" r="{r - 4:g}"{dash}/>'
    trigger = next((each for each in map(_kind, element) if each.endswith("EventDefinition")), "")
    fill = INK if kind in {"endEvent", "intermediateThrowEvent"} else PAPER
    return drawn + _sign(trigger.removesuffix("EventDefinition"), x, y, fill)


def _sign(trigger: str, x: float, y: float, fill: str) -> str:
    """What an event waits for or does, as BPMN draws it, around a point."""
    line = INK if fill == PAPER else PAPER
    drawn = {
        "timer": f'<circle r="9" fill="{PAPER}"/><path d="M0-6v6l4 3" fill="none"/>',
        "message": f'<rect x="-8" y="-6" width="16" height="12" fill="{fill}"/>'
        f'<path d="M-8-6l8 7 8-7" fill="none" stroke="{line}"/>',
        "signal": f'<path d="M0-9l8 14h-16z" fill="{fill}"/>',
        "error": f'<path d="M-7 7l4-13 5 8 5-9-4 14-5-8z" fill="{fill}"/>',
        "escalation": f'<path d="M0-9l6 16-6-6-6 6z" fill="{fill}"/>',
        "conditional": '<rect x="-7" y="-8" width="14" height="16"/>'
        '<path d="M-4-4h8M-4 0h8M-4 4h8" fill="none"/>',
        "link": f'<path d="M-8-3h8v-4l8 7-8 7v-4h-8z" fill="{fill}"/>',
        "compensate": f'<path d="M0-6l-8 6 8 6zM8-6l-8 6 8 6z" fill="{fill}"/>',
        "terminate": f'<circle r="9" fill="{INK}"/>',
    }.get(trigger, "")
    return f'<g transform="translate({x:g} {y:g})">{drawn}</g>' if drawn else ""


def _gateway(box: _Box, kind: str) -> str:
    x, y = box.middle
    w, h = box.width / 2, box.height / 2
    diamond = f'<path d="M{x:g} {box.y:g}l{w:g} {h:g}l{-w:g} {h:g}l{-w:g} {-h:g}z"/>'
    sign = {
        "exclusiveGateway": '<path d="M-8-9l16 18M8-9l-16 18" fill="none" stroke-width="3.5"/>',
        "parallelGateway": '<path d="M-11 0h22M0-11v22" fill="none" stroke-width="3.5"/>',
        "inclusiveGateway": '<circle r="10" fill="none" stroke-width="3"/>',
        "eventBasedGateway": '<circle r="12" fill="none"/><circle r="9" fill="none"/>'
        '<path d="M0-6l6 4-2 7h-8l-2-7z" fill="none"/>',
    }[kind]
    return f'{diamond}<g transform="translate({x:g} {y:g})">{sign}</g>'


def _activity(box: _Box, element: Any, kind: str, name: str, *, is_open: bool) -> str:
    more = ' stroke-width="4"' if kind == "callActivity" else ""
    if element.get("triggeredByEvent") == "true":
        more += ' stroke-dasharray="2 4"'
    drawn = _rect(box, 10, more)
    if is_open:
        return drawn + _line(name, box.x + 12, box.y + 18, SIZE, bold=True, anchor="start")
    signs = {
        "userTask": '<circle cx="8" cy="5" r="4"/><path d="M1 18c0-5 3-8 7-8s7 3 7 8z"/>',
        "manualTask": '<path d="M1 8h9M1 8v8h11l3-8-3-3z"/>',
        "scriptTask": '<path d="M4 2h11l-3 7 3 8h-11l-3-8z"/><path d="M5 7h6M5 11h6" fill="none"/>',
        "businessRuleTask": '<rect x="1" y="2" width="15" height="13"/><path d="M1 6h15M6 6v9" fill="none"/>',
        "sendTask": f'<rect x="1" y="3" width="16" height="11" fill="{INK}"/>'
        f'<path d="M1 3l8 6 8-6" fill="none" stroke="{PAPER}"/>',
        "receiveTask": '<rect x="1" y="3" width="16" height="11"/><path d="M1 3l8 6 8-6" fill="none"/>',
    }
    if kind in signs:
        place = f'transform="translate({box.x + 5:g} {box.y + 4:g}) scale(.85)" stroke-width="1.2"'
        drawn += f"<g {place}>{signs[kind]}</g>"
    below = 0.0
    if kind in {"subProcess", "callActivity"}:
        x, y, below = box.x + box.width / 2, box.bottom - 16, 14.0
        drawn += (
            f'<path d="M{x - 7:g} {y:g}h14v14h-14zM{x - 4:g} {y + 7:g}h8M{x:g} {y + 3:g}v8" fill="none"/>'
        )
    if element.find(f"{BPMN}multiInstanceLoopCharacteristics") is not None:
        x, y, below = box.x + box.width / 2 + (16 if below else 0), box.bottom - 14, 14.0
        drawn += f'<path d="M{x - 4:g} {y:g}v10M{x:g} {y:g}v10M{x + 4:g} {y:g}v10" fill="none"/>'
    above = 12.0 if kind in signs else 0.0
    return drawn + _words(name, _Box(box.x + 3, box.y + above, box.width - 6, box.height - above - below))


def _lane(box: _Box, name: str) -> str:
    x, y = box.x + 15, box.y + box.height / 2
    words = _line(name, 0, 0, SIZE)
    return (
        _rect(box, 0, f'stroke="{SOFT}" stroke-width="1"')
        + f'<path d="M{box.x + 30:g} {box.y:g}v{box.height:g}" stroke="{SOFT}" stroke-width="1"/>'
        + f'<g transform="translate({x + 5:g} {y:g}) rotate(-90)">{words}</g>'
    )


def _edge(edge: Any, element: Any, known: Mapping[str, Any], language: str) -> Iterator[_Mark]:
    points = [(_number(each, "x"), _number(each, "y")) for each in edge.iterfind(f"{DD}waypoint")]
    if len(points) < 2:  # noqa: PLR2004  a line has two ends
        return
    box = _Box(
        min(x for x, _ in points),
        min(y for _, y in points),
        max(max(x for x, _ in points) - min(x for x, _ in points), 1),
        max(max(y for _, y in points) - min(y for _, y in points), 1),
    )
    way = "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
    if _kind(element) != "sequenceFlow":
        yield _Mark(box, f'<path d="{way}" fill="none" stroke="{SOFT}" stroke-dasharray="2 4"/>')
        return
    drawn = f'<path d="{way}" fill="none"/>{_arrow(points[-2], points[-1])}'
    source = known.get(element.get("sourceRef"))
    if source is not None and source.get("default") == element.get("id"):
        drawn += _slash(points[0], points[1])
    yield _Mark(box, drawn)
    yield from _label(edge, _name(element, language), None)


def _arrow(before: tuple[float, float], end: tuple[float, float]) -> str:
    angle = math.degrees(math.atan2(end[1] - before[1], end[0] - before[0]))
    turned = f"translate({end[0]:g} {end[1]:g}) rotate({angle:.1f})"
    return f'<path transform="{turned}" d="M0 0l-11-5v10z" fill="{INK}" stroke="none"/>'


def _slash(begin: tuple[float, float], after: tuple[float, float]) -> str:
    """The mark of the flow that is taken when no other is."""
    angle = math.degrees(math.atan2(after[1] - begin[1], after[0] - begin[0]))
    turned = f"translate({begin[0]:g} {begin[1]:g}) rotate({angle:.1f})"
    return f'<path transform="{turned}" d="M8 6l6-12" fill="none"/>'


def _label(drawn: Any, name: str, under: _Box | None) -> Iterator[_Mark]:
    """A name beside what it names: where the file puts it, else under it."""
    if not name:
        return
    place = drawn.find(f"{DI}BPMNLabel")
    box = _bounds(place) if place is not None else None
    if box is None and under is not None:
        box = _Box(under.middle[0] - 45, under.bottom + 3, 90, SIZE * 2)
    if box is None:
        return
    x, _ = box.middle
    wide = max(box.width, 90.0)
    lines = _wrapped(name, wide, LABEL)
    high = len(lines) * LABEL * 1.1
    is_above = under is not None and box.bottom <= under.middle[1]
    top = box.bottom - high if is_above else box.y
    words = "".join(
        _line(each, x, top + LABEL * (0.9 + 1.1 * number), LABEL) for number, each in enumerate(lines)
    )
    yield _Mark(_Box(x - wide / 2, top, wide, high), words, keeps=True)


def _words(text: str, box: _Box, *, fill: str = INK) -> str:
    """Write a text in the middle of a box, smaller when it would not fit."""
    size = SIZE
    lines = _wrapped(text, box.width, size)
    while size > SMALLEST and (
        len(lines) * size * 1.1 > box.height or any(len(each) * size * LETTER > box.width for each in lines)
    ):
        size -= 0.5
        lines = _wrapped(text, box.width, size)
    x, y = box.middle
    first = y - len(lines) * size * 1.1 / 2 + size * 0.85
    return "".join(
        _line(each, x, first + number * size * 1.1, size, fill=fill) for number, each in enumerate(lines)
    )


def _line(
    text: str,
    x: float,
    y: float,
    size: float,
    *,
    bold: bool = False,
    fill: str = INK,
    anchor: str = "middle",
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" text-anchor="{anchor}" fill="{fill}" '
        f'stroke="none"{weight}>{escape(text)}</text>'
    )


def _wrapped(text: str, width: float, size: float) -> list[str]:
    """Break a text into lines; a word that is wider than the box is broken with a hyphen."""
    most = max(int(width / (size * LETTER)), 4)
    lines: list[str] = []
    for word in text.split():
        left = word
        while len(left) > most and size <= SMALLEST:
            lines.append(left[: most - 1] + "-")
            left = left[most - 1 :]
        if lines and not lines[-1].endswith("-") and len(lines[-1]) + 1 + len(left) <= most:
            lines[-1] += f" {left}"
        else:
            lines.append(left)
    return lines


def _rect(box: _Box, radius: float, more: str = "") -> str:
    place = f'x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}" rx="{radius:g}"'
    return f"<rect {place} {more.strip()}/>"


def _bounds(shape: Any) -> _Box | None:
    found = shape.find(f"{DC}Bounds")
    if found is None:
        return None
    return _Box(*(_number(found, each) for each in ("x", "y", "width", "height")))


def _number(element: Any, name: str) -> float:
    try:
        found = float(element.get(name, "0"))
    except ValueError:
        return 0.0
    return found if math.isfinite(found) else 0.0


def _name(element: Any, language: str) -> str:
    if language == "en":
        for each in element.iterfind(f"{BPMN}extensionElements/{SPIFF}properties/{SPIFF}property"):
            if each.get("name") == "name_en" and each.get("value"):
                return str(each.get("value"))
    return str(element.get("name") or "")


def _kind(element: Any) -> str:
    return str(etree.QName(element).localname)
