"""The diagrams that a case has been in: one for each process, for a right's process one for each right."""

from collections.abc import Iterable, Mapping

from service.engine.definition import Definition
from service.engine.step import Place
from service.web.presentation import say, t
from service.web.steps import Standing


def of(
    definition: Definition, root: str, *, passed: Iterable[Place], active: Iterable[Place], over: bool
) -> dict[str, Standing]:
    """The diagrams by key, the case's own first, with what has happened in each."""
    here: dict[str, set[str]] = {root: set()}
    done: dict[str, set[str]] = {}
    for places, into in ((passed, done), (active, here)):
        for place in places:
            key = key_of(definition, place)
            here.setdefault(key, set())
            into.setdefault(key, set()).add(place.element)
    return {key: Standing(frozenset(here[key]), frozenset(done.get(key, ())), over=over) for key in here}


def key_of(definition: Definition, place: Place) -> str:
    """The diagram in which a place is: its process, and the right when that comes from the call."""
    process = definition.processes.get(place.process)
    element = process.elements.get(place.element) if process is not None else None
    own = place.right is not None and (element is None or element.right is None)
    return f"{place.process}:{place.right}" if own else place.process


def liveliest(drawn: Mapping[str, Standing]) -> str:
    """The diagram to show first: the innermost with a token if there is one such, else the case's own."""
    root, *inner = drawn
    live = [key for key in inner if drawn[key].here]
    return live[0] if len(live) == 1 else root


def name(definition: Definition, key: str) -> str:
    """Say which diagram it is."""
    process, _, right = key.partition(":")
    title = say(definition.processes[process].title)
    return f"{title}: {t(f'right.{right}')}" if right else title


def choices(definition: Definition, drawn: Mapping[str, Standing]) -> list[tuple[str, str, str]]:
    """The diagrams to choose from: key, name, state."""
    return [
        (key, name(definition, key), "here" if each.here else "done" if each.done else "")
        for key, each in drawn.items()
    ]


def around(definition: Definition, root: str, key: str, known: Iterable[str]) -> list[str]:
    """The diagrams around one, from the case's own inwards: who calls whom, as far as the case has been."""
    process, _, _ = key.partition(":")
    way: list[str] = []
    keys = list(known)
    while process != root:
        caller = next((each for each in keys if _calls(definition, each, process)), None)
        if caller is None or caller in way:
            break
        way.insert(0, caller)
        process = caller.partition(":")[0]
    return way


def called(definition: Definition, key: str, known: Iterable[str]) -> dict[str, str]:
    """The diagrams that can be opened out of one: element of the call -> key."""
    process, _, outer = key.partition(":")
    keys = set(known)
    found = {}
    for level in definition.processes[process].levels:
        for node in level.nodes.values():
            right = node.element.right or outer
            inner = f"{node.called}:{right}" if f"{node.called}:{right}" in keys else node.called
            if inner in keys and inner is not None:
                found[node.id] = inner
    return found


def _calls(definition: Definition, key: str, process: str) -> bool:
    drawn = definition.processes[key.partition(":")[0]]
    return any(node.called == process for level in drawn.levels for node in level.nodes.values())
