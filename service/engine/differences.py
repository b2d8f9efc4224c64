"""What has become different between two deployments: diagrams, tables by cell, forms by field, in words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from difflib import SequenceMatcher
from typing import Any

from service.engine import tooling
from service.engine.components import Component
from service.engine.decisions import Decision, DecisionTable, Input, Output, Rule
from service.engine.definition import Definition, Process
from service.engine.forms import Form
from service.engine.text import Text
from service.engine.tooling import Change

LONGEST = 200  # characters of a value in words


@dataclass(frozen=True)
class Difference:
    """What is different in one diagram, table or form, by element, row, column or field, and in words."""

    kind: str  # process, decision, form
    key: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    moved: tuple[str, ...]
    changed: tuple[Change, ...]
    words: tuple[Text, ...]


def between(old: Definition, new: Definition, process: str) -> tuple[Difference, ...]:
    """Compare a process with its tables and forms in two deployments; what is the same is left out."""
    found = [_of_process(old.processes.get(process), new.processes.get(process), process)]
    tables = _asked(old, process) | _asked(new, process)
    found += [
        _of_parts("decision", key, _rows(old.decisions.get(key)), _rows(new.decisions.get(key)))
        for key in sorted(tables)
    ]
    forms = _shown(old, process) | _shown(new, process)
    found += [
        _of_parts("form", key, _questions(old.forms.get(key)), _questions(new.forms.get(key)))
        for key in sorted(forms)
    ]
    return tuple(each for each in found if each.added or each.removed or each.moved or each.changed)


Parts = Mapping[str, tuple[Text, dict[str, str]]]  # by id: what it is called, and what it says


def _of_process(old: Process | None, new: Process | None, key: str) -> Difference:
    names = {**_names(old), **_names(new)}
    if old is None or new is None:
        return _told("process", key, names, tooling.Difference(
            tuple(sorted(_names(new))), tuple(sorted(_names(old))), (), ()
        ))  # fmt: skip
    return _told("process", key, names, tooling.diff(old.xml, new.xml))


def _of_parts(kind: str, key: str, old: Parts, new: Parts) -> Difference:
    names = {id: name for id, (name, _) in {**old, **new}.items()}
    both = [id for id in old if id in new]
    changed = tuple(
        Change(id, what, old[id][1].get(what), new[id][1].get(what))
        for id in both
        for what in sorted(old[id][1].keys() | new[id][1].keys())
        if old[id][1].get(what) != new[id][1].get(what)
    )
    return _told(kind, key, names, tooling.Difference(
        tuple(id for id in new if id not in old),
        tuple(id for id in old if id not in new),
        _moved(both, [id for id in new if id in old]),
        changed,
    ))  # fmt: skip


def _moved(before: list[str], after: list[str]) -> tuple[str, ...]:
    """Tell which stand before or after others than they did."""
    blocks = SequenceMatcher(a=before, b=after, autojunk=False).get_matching_blocks()
    stayed = {id for block in blocks for id in before[block.a : block.a + block.size]}
    return tuple(id for id in before if id not in stayed)


def _told(kind: str, key: str, names: Mapping[str, Text], found: tooling.Difference) -> Difference:
    words = tuple(_words(found, names))
    return Difference(kind, key, found.added, found.removed, found.moved, found.changed, words)


def _words(found: tooling.Difference, names: Mapping[str, Text]) -> Iterator[Text]:
    for id in found.added:
        yield Text(f"“{_name(names, id, 'sv')}” är ny.", f"“{_name(names, id, 'en')}” is new.")
    for id in found.removed:
        yield Text(f"“{_name(names, id, 'sv')}” är borta.", f"“{_name(names, id, 'en')}” is gone.")
    for each in found.changed:
        sv, en = _name(names, each.element, "sv"), _name(names, each.element, "en")
        yield Text(
            f"“{sv}”: {each.what} var {_value(each.old, 'tomt')}, är {_value(each.new, 'tomt')}.",
            f"“{en}”: {each.what} was {_value(each.old, 'empty')}, is {_value(each.new, 'empty')}.",
        )
    for id in found.moved:
        yield Text(f"“{_name(names, id, 'sv')}” är flyttad.", f"“{_name(names, id, 'en')}” is moved.")


def _name(names: Mapping[str, Text], id: str, language: str) -> str:
    known = names.get(id)
    return (known.in_(language) if known else "") or id


def _value(value: str | None, empty: str) -> str:
    if not value:
        return empty
    return f"“{value if len(value) <= LONGEST else value[: LONGEST - 1] + '…'}”"


def _names(process: Process | None) -> dict[str, Text]:
    return {} if process is None else {id: each.name for id, each in process.elements.items()}


def _asked(found: Definition, key: str) -> set[str]:
    process = found.processes.get(key)
    if process is None:
        return set()
    nodes = (node for level in process.levels for node in level.nodes.values())
    return {node.decision for node in nodes if node.decision}


def _shown(found: Definition, key: str) -> set[str]:
    process = found.processes.get(key)
    return set() if process is None else {each.form for each in process.elements.values() if each.form}


def _rows(decision: Decision | None) -> Parts:
    if decision is None:
        return {}
    if not isinstance(decision, DecisionTable):
        return {decision.key: (Text(decision.name), {"expression": decision.expression})}
    said = {"hit policy": str(decision.hit_policy), "aggregation": str(decision.aggregation or "")}
    found: dict[str, tuple[Text, dict[str, str]]] = {decision.key: (Text(decision.name), said)}
    columns: list[Input | Output] = [*decision.inputs, *decision.outputs]
    for each in columns:
        found[each.id] = (Text(each.label), {k: v for k, v in vars(each).items() if k != "id"})
    for number, rule in enumerate(decision.rules, 1):
        found[rule.id] = (Text(f"Rad {number}", f"Row {number}"), _cells(decision, rule))
    return found


def _cells(table: DecisionTable, rule: Rule) -> dict[str, str]:
    told = {each.label: cell for each, cell in zip(table.inputs, rule.tests, strict=True)}
    told |= {each.label: cell for each, cell in zip(table.outputs, rule.outputs, strict=True)}
    return told | {"annotation": rule.annotation}


def _questions(form: Form | None) -> Parts:
    if form is None:
        return {}
    found: dict[str, tuple[Text, dict[str, str]]] = {form.key: (form.title, dict(_said(form.title, "title")))}
    for each in (inner for top in form.components for inner in top.each()):
        found[each.name] = (each.label, dict(_of_component(each)))
    return found


def _of_component(component: Component) -> Iterator[tuple[str, str]]:
    for each in fields(component):
        yield from _said(getattr(component, each.name), each.name)


def _said(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """Flatten a value to what each part of it says."""
    if isinstance(value, Component):
        return  # a field of its own
    if is_dataclass(value):
        for each in fields(value):
            yield from _said(getattr(value, each.name), f"{name} {each.name}")
    elif isinstance(value, tuple):
        for number, each in enumerate(value, 1):
            yield from _said(each, f"{name} {number}")
    elif value not in (None, ""):
        yield name, str(value)
