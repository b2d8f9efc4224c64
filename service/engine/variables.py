"""Names that expressions read and nothing gives, or nothing before: spelled wrong, or read too early.

A process is looked at together with those that it calls and that call it, since they share a case's data.
What a program gives when it starts a case cannot be known, but an example that gives the same tells it. Where
no form is used at all, only what is nearly a known name is told.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import islice

from service.engine import choices, expressions, scripts, soundness, timing
from service.engine.components import CHOICES
from service.engine.decisions import Decision, DecisionTable
from service.engine.definition import Definition
from service.engine.drawing import Level, Node, Process
from service.engine.forms import PLACE, Form
from service.engine.knowledge import Knowledge
from service.errors import Problem, StepFailed

MOST_TOLD = 50  # in one answer
ALIKE = 0.75  # from when on one name is taken for another one spelled wrong
_ENTRY = re.compile(r'[{,]\s*"?([A-Za-z_]\w*)"?\s*:', re.ASCII)


@dataclass(frozen=True)
class _Read:
    """One expression and where it stands."""

    file: str
    element: str
    text: str
    unary: bool = False
    own: frozenset[str] = frozenset()  # names that are known only here
    place: tuple[Level, Node] | None = None  # whose it is; None of what several elements share
    when: str = "before"  # its element: "before", "after" or "set" (to wait)


@dataclass
class _Group:
    """Processes that share data, with what gives it and what reads it."""

    processes: list[Process]
    files: set[str] = field(default_factory=set)
    given: set[str] = field(default_factory=set)
    has_forms: bool = False
    is_open: bool = False
    begins: dict[str, frozenset[str] | None] = field(default_factory=dict)  # None: with anything
    reads: list[_Read] = field(default_factory=list)


def warnings(found: Definition, files: Collection[str]) -> Iterator[Problem]:
    """Warn of names that nothing gives, wherever these files have a part in it."""
    yield from islice(_warnings(found, files), MOST_TOLD)


def _warnings(found: Definition, files: Collection[str]) -> Iterator[Problem]:
    told = set[tuple[str, str, str]]()
    for group in _groups(found):
        if not group.files.intersection(files):
            continue
        for read in group.reads:
            for name in _unknown(read, group):
                if (read.file, read.element, name) not in told:
                    told.add((read.file, read.element, name))
                    yield from _told(read, name, group)
        yield from _answers(group, found)
        if group.has_forms:
            yield from _early(group, found)


def _told(read: _Read, name: str, group: _Group) -> Iterator[Problem]:
    near = get_close_matches(name, sorted(group.given | read.own), n=1, cutoff=ALIKE)
    if near:
        message = f"Nothing gives “{name}”, so it is always null. Did you mean “{near[0]}”?"
        yield Problem(message, element=read.element, file=read.file, rule="name-misspelled")
    elif group.has_forms and not group.is_open:
        message = (
            f"Nothing gives “{name}”, so it is always null. Ask for it in a form, assign it in a script, or "
            "let an example show that cases start with it."
        )
        yield Problem(message, element=read.element, file=read.file, rule="name-unknown")


def _unknown(read: _Read, group: _Group) -> list[str]:
    return sorted(_names(read) - group.given - read.own - {"?", "item", "partial"})


def _names(read: _Read) -> frozenset[str]:
    try:
        return expressions.survey(expressions.stripped(read.text), unary=read.unary).names
    except StepFailed:
        return frozenset()


def _answers(group: _Group, found: Definition) -> Iterator[Problem]:
    """Tell of answers that are compared with, but that none of the forms which ask for them offers."""
    offered = _offered(group, found)
    told = set[tuple[str, str, str, str]]()
    for file, element, name, value in [*_compared(group, found), *_tested(group, found)]:
        if value in offered.get(name, {value}) or (file, element, name, value) in told:
            continue
        told.add((file, element, name, value))
        message = (
            f"“{name}” is never “{value}”, as its answers are “{', '.join(sorted(offered[name]))}”. "
            "Compare with one of them, or let the form offer it."
        )
        yield Problem(message, element=element, file=file, rule="answer-unknown")


def _offered(group: _Group, found: Definition) -> dict[str, set[str]]:
    """Give the answers of each name that only choices in forms give."""
    offered: dict[str, set[str]] = {}
    others = {name for process in group.processes for node in _nodes(process) for name in _given(node)}
    others |= {name for names in group.begins.values() for name in names or ()}
    for form in _forms(group, found):
        for name, component in form.fields.items():
            if component.type in CHOICES:
                offered.setdefault(name, set()).update(each.value for each in component.options)
            else:
                others.add(name)
    return {} if group.is_open else {name: offered[name] for name in offered.keys() - others}


def _compared(group: _Group, found: Definition) -> Iterator[tuple[str, str, str, str]]:
    asked = {form.file: form.fields.keys() for form in found.forms.values()}
    for read in group.reads:
        inner = read.own - asked.get(read.file, frozenset())  # not the case's, though called the same
        for name, value in choices.compared(read.text) if not read.unary else ():
            if name in _names(read) - inner:
                yield read.file, read.element, name, value


def _tested(group: _Group, found: Definition) -> Iterator[tuple[str, str, str, str]]:
    for decision, own in _decisions(group, found):
        if isinstance(decision, DecisionTable):
            for rule in decision.rules:
                for column, test in zip(decision.inputs, rule.tests, strict=True):
                    name = expressions.stripped(column.expression)
                    for value in choices.tested(test) if name not in own else ():
                        yield decision.file, rule.id, name, value


def _early(group: _Group, found: Definition) -> Iterator[Problem]:
    """Tell of names that are given, but on no way to where they are read."""
    placed = [(read, read.place, _names(read) & group.given - read.own) for read in group.reads if read.place]
    knowledge = Knowledge(
        group.processes,
        {name for *_, names in placed for name in names},
        gives=lambda node: _given_with_form(node, found),
        begins=group.begins,
    )
    told = set[tuple[str, str, str]]()
    for read, (level, node), names in placed:
        for name in sorted(names):
            giver = knowledge.giver(name)
            if giver is None or knowledge.knows(name, level.key, node, read.when):
                continue
            if (read.file, read.element, name) not in told:
                told.add((read.file, read.element, name))
                path = " → ".join(soundness.way(level, node.id))
                message = (
                    f"“{name}” is not given on any way to here (“{path}”), so it is null; it is given by "
                    f"“{giver[1]}”. Read it after that, or ask for it before."
                )
                yield Problem(message, element=read.element, file=read.file, rule="name-early")


def _groups(found: Definition) -> Iterator[_Group]:
    """Give the processes by who calls whom, each with what it takes to judge its names."""
    left = dict(found.processes)
    beside: dict[str, set[str]] = {key: set() for key in left}
    for key, process in left.items():
        for node in _nodes(process):
            if node.called in left:
                beside[key].add(node.called)
                beside[node.called].add(key)
    while left:
        together, waiting = set[str](), [next(iter(left))]
        while waiting:
            key = waiting.pop()
            if key in left:
                together.add(key)
                waiting += beside[key]
                del left[key]
        group = _Group([found.processes[key] for key in sorted(together)])
        _fill(group, found)
        yield group


def _fill(group: _Group, found: Definition) -> None:
    for process in group.processes:
        group.files.add(process.file)
        for level in process.levels:
            for node in level.nodes.values():
                group.given |= set(_given(node))
                group.reads += _read(node, level, process.file)
                if level.element is None and node.kind == "startEvent" and node.triggers:
                    group.is_open = True
                    group.begins[process.key] = None
    _fill_from_examples(group, found)
    for form in _forms(group, found):
        group.has_forms = True
        group.files.add(form.file)
        group.given |= form.fields.keys()
        group.reads += _of_form(form)
    for decision, own in _decisions(group, found):
        group.files.add(decision.file)
        group.reads += _of_decision(decision, found.decisions, own)


def _fill_from_examples(group: _Group, found: Definition) -> None:
    keys = {each.key for each in group.processes}
    for example in found.examples.values():
        key, names = example.script.process, frozenset(example.script.data)
        if key in keys:
            group.files.add(example.file)
            group.given |= names
            before = group.begins.get(key, frozenset())
            group.begins[key] = None if before is None else before | names


def _nodes(process: Process) -> Iterator[Node]:
    return (node for level in process.levels for node in level.nodes.values())


def _given(node: Node) -> Iterator[str]:
    """Give the names that come into the data here."""
    own = node.properties
    for name in ("variable", "resultVariable", "result"):
        if name in own:
            yield own[name].partition(".")[0]
    for path, _ in scripts.read(node.script or ""):
        yield path[0]
    if node.called:
        yield from _entries(own.get("inputs", ""))
    if node.repeat:
        yield from filter(None, (node.repeat.item, node.repeat.output, node.repeat.output_item))


def _entries(context: str) -> frozenset[str]:
    """Give the keys of a context that is written out; rather too many than too few."""
    return frozenset(_ENTRY.findall(context))


def _given_with_form(node: Node, found: Definition) -> Iterator[str]:
    yield from _given(node)
    form = found.forms.get(node.element.form or "")
    if form is not None:
        yield from form.fields


def _read(node: Node, level: Level, file: str) -> Iterator[_Read]:
    """Give the expressions of an element and of the flows out of it."""
    for text, when in _texts(node):
        if text and timing.literal(text) is None:
            yield _Read(file, node.id, text, place=(level, node), when=when)
    known = frozenset[str]()
    for path, expression in scripts.read(node.script or ""):
        known |= {path[0]}  # its own name too: what is counted or kept is null at first
        yield _Read(file, node.id, expression, own=known, place=(level, node))
    for trigger in node.triggers:
        if trigger.kind == "conditional" and trigger.expression:  # sees what all branches know
            yield _Read(file, node.id, trigger.expression)
    for flow in node.flows:
        if flow.condition:
            yield _Read(file, flow.id, flow.condition, place=(level, node), when="after")


def _texts(node: Node) -> Iterator[tuple[str | None, str]]:
    own, repeat = node.properties, node.repeat
    set_when = "set" if node.kind in {"boundaryEvent", "startEvent"} else "before"
    yield own.get("inputs"), "before"
    yield own.get("payload"), "before"
    yield own.get("countsFrom"), set_when
    yield own.get("due"), "before"
    for trigger in node.triggers:
        if trigger.kind != "conditional":
            yield trigger.expression, set_when
    if repeat is not None:
        yield repeat.condition, "after"
        yield repeat.collection, "before"
        yield repeat.cardinality, "before"


def _forms(group: _Group, found: Definition) -> list[Form]:
    keys = {node.element.form for process in group.processes for node in _nodes(process)}
    return [found.forms[key] for key in sorted(each for each in keys if each) if key in found.forms]


def _of_form(form: Form) -> Iterator[_Read]:
    """Give a form's conditions and the places in its words; both see every answer of the form."""
    parts = [inner for each in form.components for inner in each.each()]
    own = frozenset(each.key for each in parts if each.key)
    for each in parts:
        if each.hide:
            yield _Read(form.file, each.id, each.hide, own=own)
        for place in (*PLACE.findall(each.text.sv), *PLACE.findall(each.text.en)):
            yield _Read(form.file, each.id, place.strip(), own=own)


def _decisions(group: _Group, found: Definition) -> Iterator[tuple[Decision, frozenset[str]]]:
    """Give the decisions that are asked here, with what is laid over the data when they are."""
    asked: dict[str, set[str]] = {}
    waiting = [
        (node.decision, _entries(node.properties.get("inputs", "")))
        for process in group.processes
        for node in _nodes(process)
        if node.decision in found.decisions
    ]
    while waiting:
        key, laid_over = waiting.pop()
        if key is None or key not in found.decisions or (key in asked and laid_over <= asked[key]):
            continue
        asked.setdefault(key, set()).update(laid_over)
        waiting += [(each, laid_over) for each in found.decisions[key].requires]
    for key in sorted(asked):
        yield found.decisions[key], frozenset(asked[key])


def _of_decision(
    decision: Decision, decisions: Mapping[str, Decision], laid_over: Iterable[str]
) -> Iterator[_Read]:
    required = {name for key in decision.requires for name in (key, decisions[key].variable)}
    own = frozenset({*laid_over, *required})
    for text, unary in decision.texts:
        yield _Read(decision.file, decision.table, text, unary, own)
