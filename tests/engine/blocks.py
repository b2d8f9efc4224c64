"""Random diagrams made of nested blocks, their BPMN, and what must be open in them by the blocks alone.

The expectation knows nothing of tokens, trees or joins: a block is rewritten by what is done in it until
nothing is left of it. Each block that decides has a task of its own just before it that sets what is decided:
no expectation hangs on how branches merge their data.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import singledispatch
from itertools import count
from typing import Any

from hypothesis import strategies as st

_Result = tuple[Any, list[Any]]  # what is left, and what begins to run beside

NS = (
    'xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" '
    'xmlns:spiffworkflow="http://spiffworkflow.org/bpmn/schema/1.0/core"'
)


@dataclass(frozen=True)
class Work:
    """A user task, done `times` over if that is given."""

    id: str
    times: int = 0
    sequential: bool = False


@dataclass(frozen=True)
class Pause:
    """A timer or message that is waited for."""

    id: str
    kind: str


@dataclass(frozen=True)
class Chain:
    """One after the other; may be empty."""

    parts: tuple[Any, ...]


@dataclass(frozen=True)
class Split:
    """`xor`, `and` or `or`: branches between two gateways; the last of an xor is the default."""

    id: str
    kind: str
    branches: tuple[Chain, ...]


@dataclass(frozen=True)
class Loop:
    """A body that is done again while the task after it says so."""

    id: str
    body: Chain


@dataclass(frozen=True)
class Aside:
    """A branch that is begun here and joins nothing: it comes to an end of its own."""

    id: str
    branch: Chain


@dataclass(frozen=True)
class Race:
    """An event-based gateway: the first event decides."""

    id: str
    ways: tuple[tuple[Pause, Chain], ...]


@dataclass(frozen=True)
class Inner:
    """A sub-process, or a process that is called."""

    id: str
    body: Chain
    called: bool


@dataclass(frozen=True)
class Guarded:
    """An activity with a boundary event; what follows the event joins the way on only if it interrupts."""

    id: str
    main: Work | Inner
    kind: str
    interrupting: bool
    handler: Chain


@st.composite
def diagrams(draw: st.DrawFn, size: int = 16) -> Chain:
    """Draw a diagram of at most `size` blocks."""
    return _chain(_Pen(draw, draw(st.integers(size // 4, size)), count(1)), depth=0)


@dataclass
class _Pen:
    draw: st.DrawFn
    left: int  # blocks
    numbers: Iterator[int]


def _chain(pen: _Pen, *, depth: int) -> Chain:
    parts = []
    for _ in range(pen.draw(st.sampled_from((2, 1, 3, 0) if depth else (3, 4, 2)))):
        if pen.left > 0:
            pen.left -= 1
            kind = pen.draw(st.sampled_from(_KINDS if depth < 5 else _FLAT))
            parts.append(_BLOCKS[kind](pen, depth + 1, next(pen.numbers)))
    return Chain(tuple(parts))


def _split(kind: str) -> Callable[[_Pen, int, int], Split]:
    def block(pen: _Pen, depth: int, number: int) -> Split:
        branches = tuple(_chain(pen, depth=depth) for _ in range(pen.draw(st.integers(2, 3))))
        return Split(f"s{number}", kind, branches)

    return block


def _race(pen: _Pen, depth: int, number: int) -> Race:
    kinds = pen.draw(st.sampled_from((("timer", "message"), ("message", "message"), ("timer", "timer"))))
    pauses = [Pause(f"r{number}_{n}", kind) for n, kind in enumerate(kinds)]
    return Race(f"r{number}", tuple((pause, _chain(pen, depth=depth)) for pause in pauses))


def _guarded(pen: _Pen, depth: int, number: int) -> Guarded:
    main = (
        Inner(f"g{number}_i", _chain(pen, depth=depth), called=False)
        if pen.draw(st.booleans())
        else Work(f"g{number}_t")
    )
    kind, interrupting = pen.draw(st.sampled_from(("timer", "message"))), pen.draw(st.booleans())
    return Guarded(f"g{number}", main, kind, interrupting, _chain(pen, depth=depth))


_BLOCKS: dict[str, Callable[[_Pen, int, int], Any]] = {
    "work": lambda _pen, _depth, number: Work(f"t{number}"),
    "many": lambda pen, _depth, number: Work(
        f"m{number}", pen.draw(st.integers(1, 3)), pen.draw(st.booleans())
    ),
    "pause": lambda pen, _depth, number: Pause(f"p{number}", pen.draw(st.sampled_from(("timer", "message")))),
    "xor": _split("xor"),
    "and": _split("and"),
    "or": _split("or"),
    "loop": lambda pen, depth, number: Loop(f"l{number}", _chain(pen, depth=depth)),
    "aside": lambda pen, depth, number: Aside(f"a{number}", _chain(pen, depth=depth)),
    "race": _race,
    "inner": lambda pen, depth, number: Inner(f"i{number}", _chain(pen, depth=depth), called=False),
    "called": lambda pen, depth, number: Inner(f"i{number}", _chain(pen, depth=depth), called=True),
    "guarded": _guarded,
}
_KINDS = (*_BLOCKS, "work", "and", "loop", "guarded")
_FLAT = ("work", "many", "pause")


# --- what must be open ---


@dataclass(frozen=True)
class Open:
    """Something that can be done now: the element, and a number that tells it from its likes."""

    kind: str  # task, timer, message
    element: str
    number: int


class Expectation:
    """What is open in a diagram, rewritten by what is done."""

    def __init__(self, diagram: Chain) -> None:
        self._numbers = count(1)
        self._said: Callable[[str], bool] = bool
        self._state = self.level(diagram)

    def opened(self) -> list[Open]:
        """Give all that can be done now."""
        return list(_opened(self._state)) if self._state else []

    def do(self, item: Open, said: Callable[[str], bool]) -> None:
        """Do one thing; `said` tells what the task of a deciding block says of a variable."""
        self._said = said
        self._state, beside = _after(self._state, item, self)
        assert not beside

    def open(self, kind: str, element: str) -> Open:
        return Open(kind, element, next(self._numbers))

    def says(self, variable: str) -> bool:
        return self._said(variable)

    def level(self, block: Any) -> Any:
        """Begin a scope: what runs beside stays within it, and it is done when all is."""
        now, beside = _begin(block, self)
        parts = ([now] if now else []) + beside
        return _Level(tuple(parts)) if parts else None

    def then(self, now: Any, rest: tuple[Any, ...], beside: list[Any]) -> _Result:
        """Go on through the blocks of a chain until one is not over at once."""
        while now is None and rest:
            now, more = _begin(rest[0], self)
            rest, beside = rest[1:], beside + more
        return (_Then(now, rest) if now and rest else now), beside

    def together(self, blocks: tuple[Any, ...]) -> _Result:
        """Begin branches that run at once."""
        begun = [_begin(block, self) for block in blocks]
        left = tuple(now for now, _ in begun if now)
        return (_Together(left) if left else None), [each for _, beside in begun for each in beside]


@dataclass(frozen=True)
class _Waits:
    """A task or event; `left` more of it come after it, one by one."""

    item: Open
    left: int = 0


@dataclass(frozen=True)
class _Then:
    now: Any
    rest: tuple[Any, ...]


@dataclass(frozen=True)
class _Together:
    parts: tuple[Any, ...]


@dataclass(frozen=True)
class _Level(_Together):
    """What begins to run beside something in here stays in here."""


@dataclass(frozen=True)
class _Decides:
    """The task of a block that decides; `block` goes on by what it says."""

    item: Open
    block: Split | Loop


@dataclass(frozen=True)
class _Races:
    events: tuple[tuple[Open, Chain], ...]


@dataclass(frozen=True)
class _Armed:
    main: Any
    block: Guarded
    event: Open | None


@dataclass(frozen=True)
class _Asks:
    """The task after the body of a loop."""

    loop: Loop


@singledispatch
def _begin(block: Any, run: Expectation) -> _Result:
    """Return what is left of a block once it was reached (None: nothing), and what runs beside then."""
    raise NotImplementedError(block, run)


@_begin.register
def _(block: Chain, run: Expectation) -> _Result:
    return run.then(None, block.parts, [])


@_begin.register
def _(block: Work, run: Expectation) -> _Result:
    if block.times and not block.sequential:
        return _Together(tuple(_Waits(run.open("task", block.id)) for _ in range(block.times))), []
    return _Waits(run.open("task", block.id), max(0, block.times - 1)), []


@_begin.register
def _(block: Pause, run: Expectation) -> _Result:
    return _Waits(run.open(block.kind, block.id)), []


@_begin.register
def _(block: Split, run: Expectation) -> _Result:
    if block.kind == "and":
        return run.together(block.branches)
    return _Decides(run.open("task", f"{block.id}_d"), block), []


@_begin.register
def _(block: Aside, run: Expectation) -> _Result:
    branch, beside = _begin(block.branch, run)
    return None, beside + ([branch] if branch else [])


@_begin.register
def _(block: Loop, run: Expectation) -> _Result:
    return run.then(None, (block.body, _Asks(block)), [])


@_begin.register
def _(block: _Asks, run: Expectation) -> _Result:
    return _Decides(run.open("task", f"{block.loop.id}_d"), block.loop), []


@_begin.register
def _(block: Race, run: Expectation) -> _Result:
    return _Races(tuple((run.open(event.kind, event.id), way) for event, way in block.ways)), []


@_begin.register
def _(block: Inner, run: Expectation) -> _Result:
    return run.level(block.body), []


@_begin.register
def _(block: Guarded, run: Expectation) -> _Result:
    main, beside = _begin(block.main, run)
    event = run.open(block.kind, f"{block.id}_b")
    return (_Armed(main, block, event) if main else None), beside


@singledispatch
def _after(state: Any, item: Open, run: Expectation) -> _Result:
    """Return what is left of `state` after `item` was done in it, and what begins to run beside."""
    raise NotImplementedError(state, item, run)


@_after.register
def _(state: _Waits, item: Open, run: Expectation) -> _Result:
    return (_Waits(run.open("task", item.element), state.left - 1) if state.left else None), []


@_after.register
def _(state: _Then, item: Open, run: Expectation) -> _Result:
    now, beside = _after(state.now, item, run)
    return run.then(now, state.rest, beside)


@_after.register
def _(state: _Together, item: Open, run: Expectation) -> _Result:
    at = next(n for n, part in enumerate(state.parts) if item in _opened(part))
    left, beside = _after(state.parts[at], item, run)
    parts = (*state.parts[:at], *([left] if left else []), *state.parts[at + 1 :])
    if isinstance(state, _Level):
        parts, beside = (*parts, *beside), []
    return (replace(state, parts=parts) if parts else None), beside


@_after.register
def _(state: _Races, item: Open, run: Expectation) -> _Result:
    return _begin(next(way for event, way in state.events if event == item), run)


@_after.register
def _(state: _Decides, _item: Open, run: Expectation) -> _Result:
    block = state.block
    if isinstance(block, Loop):
        return _begin(block, run) if run.says(f"{block.id}_again") else (None, [])
    wanted = tuple(each for n, each in enumerate(block.branches[:-1]) if run.says(f"{block.id}_{n}"))
    wanted = wanted or block.branches[-1:]
    return _begin(wanted[0], run) if block.kind == "xor" else run.together(wanted)


@_after.register
def _(state: _Armed, item: Open, run: Expectation) -> _Result:
    if item != state.event:
        main, beside = _after(state.main, item, run)
        return (replace(state, main=main) if main else None), beside
    handler, beside = _begin(state.block.handler, run)
    if state.block.interrupting:
        return handler, beside
    again = item.kind == "message"  # a message may come any number of times
    event = run.open(item.kind, item.element) if again else None
    return replace(state, event=event), beside + ([handler] if handler else [])


@singledispatch
def _opened(state: Any) -> Iterator[Open]:
    raise NotImplementedError(state)


@_opened.register
def _(state: _Waits) -> Iterator[Open]:
    yield state.item


@_opened.register
def _(state: _Decides) -> Iterator[Open]:
    yield state.item


@_opened.register
def _(state: _Then) -> Iterator[Open]:
    yield from _opened(state.now)


@_opened.register
def _(state: _Together) -> Iterator[Open]:
    for part in state.parts:
        yield from _opened(part)


@_opened.register
def _(state: _Races) -> Iterator[Open]:
    yield from (event for event, _ in state.events)


@_opened.register
def _(state: _Armed) -> Iterator[Open]:
    yield from _opened(state.main)
    if state.event:
        yield state.event


# --- BPMN ---


def files(diagram: Chain) -> dict[str, bytes]:
    """Write the diagram as process `random`, with each called process in a file of its own."""
    writer = _Writer()
    body = writer.process("random", diagram)
    return {**writer.called, "random.bpmn": body, "blank.form.json": BLANK}


BLANK = json.dumps(
    {
        "type": "default",
        "id": "blank",
        "title": "Anteckning",
        "schemaVersion": 19,
        "properties": {"title_en": "Note"},
        "components": [
            {"type": "textfield", "key": "note", "label": "Anteckning", "properties": {"label_en": "Note"}}
        ],
    }
).encode()


class _Writer:
    def __init__(self) -> None:
        self.called: dict[str, bytes] = {}
        self.numbers = count(1)
        self.messages: list[str] = []

    def process(self, key: str, body: Chain) -> bytes:
        outer, self.messages = self.messages, []
        inside = self.level(key, body)
        messages = "".join(f'<bpmn:message id="Message_{name}" name="{name}"/>' for name in self.messages)
        self.messages = outer
        return (
            f'<bpmn:definitions {NS} id="D_{key}" targetNamespace="urn:test">'
            f'<bpmn:process id="{key}" name="{key}" isExecutable="true">{inside}</bpmn:process>{messages}'
            "</bpmn:definitions>"
        ).encode()

    def level(self, key: str, body: Chain) -> str:
        level = _Sheet(self, key)
        level.node("startEvent", f"{key}_start")
        last = level.block(body, f"{key}_start")
        level.node("endEvent", f"{key}_end")
        level.flow(last, f"{key}_end")
        return "".join(level.xml)


class _Sheet:
    """The flow nodes of one level. Each `block` method takes the node before and returns the node after."""

    def __init__(self, writer: _Writer, key: str) -> None:
        self.writer, self.key = writer, key
        self.xml: list[str] = []
        self.after: dict[str, str] = {}  # node -> a condition for its next flow, or "default"

    def node(self, tag: str, id: str, inside: str = "", **attributes: str) -> str:
        more = "".join(f' {name}="{value}"' for name, value in attributes.items())
        self.xml.append(f'<bpmn:{tag} id="{id}" name="{id}"{more}>{inside}</bpmn:{tag}>')
        return id

    def flow(self, source: str, target: str, condition: str = "", id: str = "") -> None:
        inside = f"<bpmn:conditionExpression>{condition}</bpmn:conditionExpression>" if condition else ""
        id = id or f"f{next(self.writer.numbers)}"
        ends = f'sourceRef="{source}" targetRef="{target}"'
        self.xml.append(f'<bpmn:sequenceFlow id="{id}" {ends}>{inside}</bpmn:sequenceFlow>')

    def task(self, id: str, before: str, inside: str = "") -> str:
        self.node("userTask", id, FORM + inside)
        self.flow(before, id)
        return id

    def block(self, block: Any, before: str) -> str:
        drawn: str = getattr(self, type(block).__name__.lower())(block, before)
        return drawn

    def chain(self, block: Chain, before: str) -> str:
        for part in block.parts:
            before = self.block(part, before)
        return before

    def work(self, block: Work, before: str) -> str:
        return self.task(block.id, before, self.repeated(block))

    def repeated(self, work: Work) -> str:
        if not work.times:
            return ""
        how = f'isSequential="{str(work.sequential).lower()}"'
        inside = f"<bpmn:loopCardinality>{work.times}</bpmn:loopCardinality>"
        return (
            f"<bpmn:multiInstanceLoopCharacteristics {how}>{inside}</bpmn:multiInstanceLoopCharacteristics>"
        )

    def event(self, kind: str, id: str) -> str:
        if kind == "timer":
            hour = "<bpmn:timeDuration>PT1H</bpmn:timeDuration>"
            return f"<bpmn:timerEventDefinition>{hour}</bpmn:timerEventDefinition>"
        self.writer.messages.append(id)
        return f'<bpmn:messageEventDefinition messageRef="Message_{id}"/>'

    def pause(self, pause: Pause, before: str) -> str:
        self.node("intermediateCatchEvent", pause.id, self.event(pause.kind, pause.id))
        self.flow(before, pause.id)
        return pause.id

    def split(self, block: Split, before: str) -> str:
        tag = {"xor": "exclusiveGateway", "and": "parallelGateway", "or": "inclusiveGateway"}[block.kind]
        split, join, default = f"{block.id}_split", f"{block.id}_join", f"{block.id}_default"
        decided = block.kind != "and"
        self.flow(self.task(f"{block.id}_d", before) if decided else before, split)
        self.node(tag, split, **({"default": default} if decided else {}))
        self.node(tag, join)
        for number, branch in enumerate(block.branches):
            last = number == len(block.branches) - 1
            first = self.node("intermediateThrowEvent", f"{block.id}_way{number}")
            self.flow(
                split,
                first,
                f"{block.id}_{number}" if decided and not last else "",
                default if decided and last else "",
            )
            self.flow(self.block(branch, first), join)
        return join

    def loop(self, block: Loop, before: str) -> str:
        top = self.node("exclusiveGateway", f"{block.id}_top")
        self.flow(before, top)
        asked = self.task(f"{block.id}_d", self.block(block.body, top))
        out = self.node("exclusiveGateway", f"{block.id}_bottom", default=f"{block.id}_on")
        self.flow(asked, out)
        self.flow(out, top, f"{block.id}_again")
        after = self.node("intermediateThrowEvent", f"{block.id}_after")
        self.flow(out, after, id=f"{block.id}_on")
        return after

    def aside(self, block: Aside, before: str) -> str:
        split, after = f"{block.id}_split", f"{block.id}_after"
        self.flow(before, self.node("parallelGateway", split))
        self.flow(split, self.node("intermediateThrowEvent", after))
        begun = self.node("intermediateThrowEvent", f"{block.id}_begun")
        self.flow(split, begun)
        self.flow(self.block(block.branch, begun), self.node("endEvent", f"{block.id}_end"))
        return after

    def race(self, block: Race, before: str) -> str:
        gate, join = self.node("eventBasedGateway", f"{block.id}_gate"), f"{block.id}_join"
        self.flow(before, gate)
        for event, way in block.ways:
            self.flow(self.block(way, self.pause(event, gate)), join)
        return self.node("exclusiveGateway", join)

    def inner(self, block: Inner, before: str) -> str:
        if block.called:
            self.writer.called[f"{block.id}.bpmn"] = self.writer.process(block.id, block.body)
            self.node("callActivity", f"{block.id}_call", calledElement=block.id)
            self.flow(before, f"{block.id}_call")
            return f"{block.id}_call"
        self.node("subProcess", block.id, self.writer.level(block.id, block.body))
        self.flow(before, block.id)
        return block.id

    def guarded(self, block: Guarded, before: str) -> str:
        main = self.block(block.main, before)
        event = f"{block.id}_b"
        how = {"attachedToRef": main, "cancelActivity": str(block.interrupting).lower()}
        self.node("boundaryEvent", event, self.event(block.kind, event), **how)
        handled = self.block(block.handler, event)
        if not block.interrupting:
            self.flow(handled, self.node("endEvent", f"{block.id}_handled"))
            return main
        join = self.node("exclusiveGateway", f"{block.id}_join")
        self.flow(main, join)
        self.flow(handled, join)
        return join


FORM = (
    "<bpmn:extensionElements><spiffworkflow:properties>"
    '<spiffworkflow:property name="form" value="blank"/>'
    '<spiffworkflow:property name="role" value="caseworker"/>'
    "</spiffworkflow:properties></bpmn:extensionElements>"
)
