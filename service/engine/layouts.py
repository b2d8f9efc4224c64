"""Draws a process whose file does not say how it looks. What is drawn here is shown and never kept.

Files stay as they were sent, byte for byte; an owner who changes one in the editor keeps the drawing.
"""

import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Any

from lxml import etree

from service.engine import tooling, xml
from service.engine.definition import Definition
from service.engine.drawing import BPMN, DC, DD, DI, EVENTS, RUNS
from service.errors import Malformed, Problem, Refused, StepFailed

NOTE_WIDTH, NOTE_GAP, NOTE_LINE = 200, 30, 30  # of a note in a layout; a line in characters
MOST_NODES = 1000  # that are laid out; a diagram of more is to be drawn by someone who knows what it means

_Box = tuple[float, float, float, float]  # x, y, width, height
_INNER = frozenset({"subProcess", "adHocSubProcess", "transaction"})
_PREFIXES = {
    "bpmn": BPMN.strip("{}"),
    "bpmndi": DI.strip("{}"),
    "dc": DC.strip("{}"),
    "di": DD.strip("{}"),
}
_UNUSUAL = re.compile(  # a space around =, a prefix in other letters
    rb"<[\w:.-]+(?:\s+[\w:.-]+=(?:\"[^\"]*\"|'[^']*'))*\s+[\w:.-]+(?:\s+=|=\s)|</?[\w.-]*[^\x00-\x7f]"
)
_BESIDE = frozenset({"dataObjectReference", "dataStoreReference", "group", "lane", "textAnnotation"})
_NODES = RUNS | _INNER | {"serviceTask", "complexGateway", "dataObjectReference", "dataStoreReference"}


def problems(found: Definition, files: Collection[str]) -> Iterator[Problem]:
    """Find processes in these files that neither are drawn nor can be laid out here."""
    for process in found.processes.values():
        if process.file in files and not is_drawn(process.xml, process.key):
            try:
                _laid_out(process.xml, process.key)
            except (Refused, Malformed, StepFailed) as error:
                message = (
                    "The file does not say how the process is drawn, and it cannot be laid out "
                    f"({error.message}); draw it in an editor."
                )
                yield Problem(message, element=process.key, file=process.file, rule="not-drawn")


def warnings(found: Definition, files: Collection[str]) -> Iterator[Problem]:
    """Tell of processes in these files that the service lays out, and of elements that are drawn nowhere."""
    for process in found.processes.values():
        if process.file not in files:
            continue
        if not is_drawn(process.xml, process.key):
            message = (
                "The file does not say how the process is drawn; it is laid out here. "
                "To draw it otherwise, open it in the editor."
            )
            yield Problem(message, element=process.key, file=process.file, rule="laid-out")
        root = xml.root(shown(process.xml, process.key).encode(), process.file)
        if _drawing_of(root, process.key) is None:
            continue  # it could not be laid out, which is told as one thing
        drawn = {id for diagram in _diagrams(root) for id in _shown(diagram)}
        for element in dict.fromkeys([*process.elements, *_beside(root, process.key)]):
            if element not in drawn:
                message = "The element is drawn nowhere, so nobody sees it; draw it."
                yield Problem(message, element=element, file=process.file, rule="element-not-drawn")


def _beside(root: Any, key: str) -> Iterator[str]:
    """Give what is drawn beside the flow: pools, lanes, groups, notes and data."""
    for each in root.iter(f"{BPMN}participant"):
        if each.get("id") and each.get("processRef") in {None, key}:
            yield each.get("id")
    for each in _process(root, key).iter(*(f"{BPMN}{kind}" for kind in _BESIDE)):
        if each.get("id"):
            yield each.get("id")


def is_drawn(content: bytes, process: str) -> bool:
    """Tell whether the file says how the process looks."""
    return _drawing_of(xml.root(content, "diagram"), process) is not None


@lru_cache(maxsize=32)
def shown(content: bytes, process: str | None = None) -> str:
    """Give a diagram's text for a page: with a drawing of this process (or the first) as the first in it.

    As it is when it cannot be read or drawn.
    """
    try:
        root = xml.root(content, "diagram")
        key = process or _first(root)
        drawing = _drawing_of(root, key)
        if drawing is None:
            return _laid_out(content, key).decode()
        first = _diagrams(root)[0]
        if drawing is first and not _UNUSUAL.search(content):
            return content.decode("utf-8-sig")
        if drawing is not first:
            first.addprevious(drawing)
        return _usual(root).decode()
    except (Refused, Malformed, StepFailed):
        return content.decode("utf-8-sig", errors="replace")


def _laid_out(content: bytes, process: str) -> bytes:
    """Add a drawing of the process to its file.

    Raises `Malformed` when it cannot be read as BPMN, `StepFailed` when it is too much.
    """
    root = xml.root(content, "diagram")
    bare = _bare(root, process)
    drawn = xml.root(tooling.layout(etree.tostring(bare)), "diagram")
    for each in _diagrams(root):
        root.remove(each)
    root.extend(_diagrams(drawn))
    _add_notes(root, process)
    return _usual(root)


def _usual(root: Any) -> bytes:
    """Write a diagram as browsers' readers of BPMN know it: some trip over other prefixes and spaces."""
    if all((prefix or "").isascii() for prefix in root.nsmap):
        return bytes(etree.tostring(root, encoding="utf-8"))
    names = {prefix: name for prefix, name in root.nsmap.items() if (prefix or "").isascii()}
    made = etree.Element(root.tag, dict(root.attrib), nsmap=names | _PREFIXES)
    made.extend(list(root))
    return bytes(etree.tostring(made, encoding="utf-8"))


def _first(root: Any) -> str:
    processes = root.findall(f"{BPMN}process")
    runs = [each for each in processes if each.get("isExecutable", "true") in {"true", "1"}]
    return next((each.get("id") or "" for each in [*runs, *processes]), "")


def _process(root: Any, key: str) -> Any:
    return next((each for each in root.findall(f"{BPMN}process") if each.get("id") == key), None)


def _diagrams(root: Any) -> list[Any]:
    return list(root.findall(f"{DI}BPMNDiagram"))


def _shown(diagram: Any) -> set[str]:
    return {each.get("bpmnElement") or "" for each in diagram.iter(f"{DI}BPMNShape")}


def _drawing_of(root: Any, key: str) -> Any:
    process = _process(root, key)
    own = set() if process is None else {each.get("id") for each in process if each.get("id")}
    return next((each for each in _diagrams(root) if own & _shown(each)), None)


def _add_notes(root: Any, key: str) -> None:
    """Draw what the layout leaves out: notes, in a row over the rest, and the associations between shapes."""
    diagram, process = _drawing_of(root, key), _process(root, key)
    if diagram is None:
        return
    plane = diagram.find(f"{DI}BPMNPlane")
    boxes = {each.get("bpmnElement"): _box(each) for each in plane.iter(f"{DI}BPMNShape")}
    links = [
        (each.get("id"), each.get("sourceRef"), each.get("targetRef"))
        for each in process.iter(f"{BPMN}association")
    ]
    top, free = min(y for _, y, _, _ in boxes.values()), min(x for x, _, _, _ in boxes.values())
    for note, left in _notes(process, links, boxes):
        id, lines = note.get("id"), 1 + len("".join(note.itertext())) // NOTE_LINE
        height = 16 + 14 * lines
        boxes[id] = max(left, free), top - NOTE_GAP - height, NOTE_WIDTH, height
        free = boxes[id][0] + NOTE_WIDTH + NOTE_GAP
        shape = etree.SubElement(plane, f"{DI}BPMNShape", id=f"{id}_di", bpmnElement=id)
        bounds = zip(("x", "y", "width", "height"), boxes[id], strict=True)
        etree.SubElement(shape, f"{DC}Bounds", {side: f"{value:g}" for side, value in bounds})
    for id, source, target in links:
        if id and source in boxes and target in boxes and source != target:
            edge = etree.SubElement(plane, f"{DI}BPMNEdge", id=f"{id}_di", bpmnElement=id)
            for here, there in ((source, target), (target, source)):
                x, y = _border(boxes[here], boxes[there])
                etree.SubElement(edge, f"{DD}waypoint", x=f"{x:g}", y=f"{y:g}")


def _notes(
    process: Any, links: list[tuple[str, str, str]], boxes: dict[str, _Box]
) -> list[tuple[Any, float]]:
    """Give the notes, each with where what it is about begins, from left to right."""
    found = []
    for note in process.iter(f"{BPMN}textAnnotation"):
        id = note.get("id")
        about = [boxes[b if a == id else a] for _, a, b in links if id in (a, b) and {a, b} & boxes.keys()]
        if id and id not in boxes:
            found.append((note, min((left for left, _, _, _ in about), default=0.0)))
    return sorted(found, key=lambda each: each[1])


def _box(shape: Any) -> _Box:
    bounds = shape.find(f"{DC}Bounds")
    x, y, width, height = (float(bounds.get(side)) for side in ("x", "y", "width", "height"))
    return x, y, width, height


def _border(box: _Box, other: _Box) -> tuple[float, float]:
    """Give where a line between the middles of two boxes leaves the first."""
    (x, y, width, height), (left, top, wide, high) = box, other
    across, down = left + wide / 2 - x - width / 2, top + high / 2 - y - height / 2
    share = min([width / 2 / abs(across)] * bool(across) + [height / 2 / abs(down)] * bool(down), default=0)
    return round(x + width / 2 + across * share), round(y + height / 2 + down * share)


def _bare(root: Any, key: str) -> Any:
    """Give the process alone, with nothing but what is to be drawn; flows are told at both their ends."""
    bare = etree.Element(f"{BPMN}definitions", nsmap={"bpmn": BPMN.strip("{}")}, targetNamespace="andrum")
    process = _process(root, key)
    if process is None:
        raise Malformed("There is no process in the file.")
    made = etree.SubElement(bare, f"{BPMN}process", id=key)
    inner = _fill(made, process)
    if sum(1 for _ in made.iter(*(f"{BPMN}{kind}" for kind in _NODES))) > MOST_NODES:
        raise StepFailed(f"it has more than {MOST_NODES} elements")
    _open(bare, key, inner)
    return bare


def _fill(made: Any, level: Any) -> list[str]:
    """Copy one level into `made`; give the ids of the sub-processes in it, outer ones first."""
    nodes, inner = dict[str, Any](), list[str]()
    for each in level:
        kind, id = etree.QName(each).localname, each.get("id")
        if not each.tag.startswith(BPMN) or kind not in _NODES or not id or id in nodes:
            continue
        nodes[id] = etree.SubElement(made, each.tag, id=id)
        if kind in _INNER:
            inner += [id, *_fill(nodes[id], each)]
    _attach(level, nodes)
    for each in level.findall(f"{BPMN}sequenceFlow"):
        id, source, target = each.get("id"), each.get("sourceRef"), each.get("targetRef")
        if id and source in nodes and target in nodes:
            etree.SubElement(made, each.tag, id=id, sourceRef=source, targetRef=target)
            etree.SubElement(nodes[source], f"{BPMN}outgoing").text = id
            etree.SubElement(nodes[target], f"{BPMN}incoming").text = id
    return inner


def _attach(level: Any, nodes: dict[str, Any]) -> None:
    """Say on which edge an event sits; one that sits nowhere is drawn by itself."""
    for each in level.findall(f"{BPMN}boundaryEvent"):
        event, host = nodes.get(each.get("id")), each.get("attachedToRef")
        if event is not None and host in nodes and _is_activity(nodes[host]):
            event.set("attachedToRef", host)
        elif event is not None:
            event.tag = f"{BPMN}intermediateCatchEvent"


def _is_activity(node: Any) -> bool:
    kind = etree.QName(node).localname
    return kind not in EVENTS and not kind.endswith(("Gateway", "Reference"))


def _open(bare: Any, key: str, inner: list[str]) -> None:
    """Ask for sub-processes to be drawn open, so that all of a process is seen at once."""
    diagram = etree.SubElement(bare, f"{DI}BPMNDiagram")
    plane = etree.SubElement(diagram, f"{DI}BPMNPlane", bpmnElement=key)
    for each in inner:
        shape = etree.SubElement(
            plane, f"{DI}BPMNShape", id=f"{each}_open", bpmnElement=each, isExpanded="true"
        )
        etree.SubElement(shape, f"{DC}Bounds", x="0", y="0", width="100", height="80")
