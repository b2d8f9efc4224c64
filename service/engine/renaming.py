"""An older version told in the ids of a newer one, so that cases can follow elements that were given new ids.

What is renamed is the drawing and what stands on it; the files as deployed stay as they are.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from service.engine import assembly, state
from service.engine.definition import Definition
from service.engine.drawing import PERSONAL, Element, Level, Node, Process

Names = Mapping[str, Mapping[str, str]]  # by process: old id -> new id
STOOD_ON = PERSONAL | {
    "subProcess",
    "callActivity",
    "receiveTask",
    "intermediateCatchEvent",
    "boundaryEvent",
}  # where tokens wait, and so what is worth following


@dataclass(frozen=True)
class Gone:
    """An element that the new version does not have, and those that could be the same one with a new id."""

    process: str
    element: Element
    choices: tuple[Element, ...]
    proposed: str | None  # the one choice that has its name too


def gone(old: Definition, new: Definition, process: str) -> tuple[Gone, ...]:
    """Find what a process, and those that it calls, have lost in the new version and a case may wait on."""
    found = []
    for key in old.reached(process):
        before, after = old.processes[key].elements, new.processes.get(key)
        fresh = [each for each in after.elements.values() if each.id not in before] if after else []
        for each in before.values():
            if after is None or each.id in after.elements or each.kind not in STOOD_ON:
                continue
            choices = tuple(one for one in fresh if _alike(each, one))
            named = [one.id for one in choices if one.name == each.name and each.name]
            found.append(Gone(key, each, choices, named[0] if len(named) == 1 else None))
    return tuple(found)


@dataclass(frozen=True)
class Signature:
    """A step that somebody else must do than the one who did the step that it checks; ids of its version."""

    process: str
    element: str


def unsigned(old: Definition, new: Definition, names: Names) -> tuple[Signature, ...]:
    """Find the steps that a second person must do in the old version, and need not in the new one.

    A step is the same one under its new id, and so is the step that it checks.
    """
    found = []
    for key, process in old.processes.items():
        ids, after = names.get(key, {}), new.processes.get(key)
        for each in process.elements.values():
            now = after.elements.get(ids.get(each.id, each.id)) if after is not None else None
            if each.four_eyes and (now is None or now.four_eyes != _new(each.four_eyes, ids)):
                found.append(Signature(key, each.id))
    return tuple(found)


@dataclass(frozen=True)
class Wrong:
    """What is wrong with one entry of a mapping."""

    process: str
    element: str
    rule: str
    message: str


def problems(olds: Collection[Definition], new: Definition, names: Names) -> Iterator[Wrong]:
    """Find what is wrong with a mapping, by its entries; the old versions are those that cases run on."""
    if not olds:
        return
    for process, ids in names.items():
        after = new.processes[process].elements if process in new.processes else {}
        for one, other in ids.items():
            before = [each.processes[process].elements for each in olds if process in each.processes]
            told = _wrong(one, other, [each for each in before if one in each], after, ids)
            if told is not None:
                yield Wrong(process, one, *told)


def renamed(definition: Definition, names: Names) -> Definition:
    """Give a definition with elements under their new ids; ids that it does not have are passed over."""
    changed = {
        key: _process(definition.processes[key], ids)
        for key, ids in names.items()
        if key in definition.processes
    }
    kept = {key: spec for key, spec in definition.specs.items() if key.partition("/")[0] not in changed}
    told = json.dumps([definition.digest, {key: dict(ids) for key, ids in names.items()}], sort_keys=True)
    return replace(
        definition,
        digest=hashlib.sha256(told.encode()).hexdigest(),
        processes={**definition.processes, **changed},
        specs={**kept, **assembly.assemble(changed.values())},
    )


def carried(snapshot: bytes, definition: Definition, names: Names) -> bytes:
    """Give a snapshot that stands under the new ids, bound to the renamed definition."""
    return state.rebound(
        snapshot, definition, named=lambda process, name: _spec(name, names.get(process, {}))
    )


def _spec(name: str, ids: Mapping[str, str]) -> str:
    """The new name of a spec: that of its element, or of what stands around it."""
    for suffix in ("", *assembly.AROUND):
        if name.endswith(suffix) and name.removesuffix(suffix) in ids:
            return ids[name.removesuffix(suffix)] + suffix
    return name


def _wrong(
    one: str,
    other: str,
    before: list[Mapping[str, Element]],
    after: Mapping[str, Element],
    ids: Mapping[str, str],
) -> tuple[str, str] | None:
    """Tell the first thing that is wrong with one entry."""
    if not before:
        return (
            "mapping-old",
            f"There is no element “{one}” in the old version; give the id that it has there.",
        )
    if other not in after:
        return (
            "mapping-new",
            f"There is no element “{other}” in the new version; give the id that it has there.",
        )
    if Counter(ids.values())[other] > 1 or any(other in each and other not in ids for each in before):
        return (
            "mapping-twice",
            f"Two elements of the old version would become “{other}”; let only one become it.",
        )
    if not all(_alike(each[one], after[other]) for each in before):
        kinds = f"“{one}” is a {before[0][one].kind}, “{other}” a {after[other].kind}"
        return "mapping-kind", f"{kinds}; choose an element of the same kind."
    if any(_new(each[one].parent, ids) != after[other].parent for each in before):
        return (
            "mapping-level",
            f"“{one}” and “{other}” do not lie in the same sub-process; map that one as well.",
        )
    return None


def _alike(one: Element, other: Element) -> bool:
    return one.kind == other.kind or {one.kind, other.kind} <= PERSONAL


def _process(process: Process, ids: Mapping[str, str]) -> Process:
    levels = tuple(_level(each, ids) for each in process.levels)
    elements = {node.id: node.element for level in levels for node in level.nodes.values()}
    return replace(process, levels=levels, elements=elements)


def _level(level: Level, ids: Mapping[str, str]) -> Level:
    nodes = [_node(each, ids) for each in level.nodes.values()]
    return replace(
        level,
        key=f"{level.process}/{_new(level.element, ids)}" if level.element else level.key,
        element=_new(level.element, ids),
        nodes={each.id: each for each in nodes},
    )


def _node(node: Node, ids: Mapping[str, str]) -> Node:
    element = node.element
    return replace(
        node,
        element=replace(
            element,
            id=ids.get(element.id, element.id),
            parent=_new(element.parent, ids),
            next=tuple(ids.get(each, each) for each in element.next),
            four_eyes=_new(element.four_eyes, ids),
        ),
        flows=tuple(
            replace(each, source=ids.get(each.source, each.source), target=ids.get(each.target, each.target))
            for each in node.flows
        ),
        triggers=tuple(
            replace(each, name=_new(each.name, ids)) if each.kind == "compensate" else each
            for each in node.triggers
        ),
        attached_to=_new(node.attached_to, ids),
        handler=_new(node.handler, ids),
    )


def _new(id: str | None, ids: Mapping[str, str]) -> str | None:
    return ids.get(id, id) if id is not None else None
