"""What the checks have in common: how a finding is told, and what else is deployed together."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from service.engine import expressions
from service.engine.drawing import Drawing, Level, Node, Process
from service.engine.expressions import Moment

VARIABLE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)
ANY_MOMENT = Moment(
    now=datetime(2026, 1, 1, tzinfo=UTC), zone=ZoneInfo("Europe/Stockholm")
)  # to try literals

_ARROW = "Data associations are not run, as every task sees the case's data; take the arrow away."

INSTEAD = {
    "serviceTask": "There is no connector that a service task could call; let a person do it in a user task.",
    "complexGateway": "Complex gateways are not run; use exclusive, parallel and inclusive ones.",
    "adHocSubProcess": "Ad-hoc sub-processes are not run; draw the order, or event sub-processes.",
    "transaction": "Transactions are not run; draw a sub-process, and compensation for what is to be undone.",
    "dataStoreReference": "Data stores are not run; what a case knows is in its data.",
    "ioSpecification": "Inputs and outputs are not run; use our properties inputs, result, resultVariable.",
    "dataInputAssociation": _ARROW,
    "dataOutputAssociation": _ARROW,
    "correlationKey": "Correlation keys are not run; messages are correlated by the case's reference.",
    "instantiate": "Only a start event begins a process; take “instantiate” away.",
    "parallelMultiple": "An event waits for one thing; draw several events.",
    "startQuantity": "A token is a token here; take “startQuantity” away and draw a join.",
    "completionQuantity": "A token is a token here; take “completionQuantity” away and draw a split.",
    "behavior": "Nothing is thrown when one of several is done; take “behavior” away, draw an event.",
}


@dataclass(frozen=True)
class Names:
    """What else is deployed together. None: not known, since a file of that kind could not be read."""

    processes: frozenset[str] | None
    decisions: frozenset[str] | None
    forms: frozenset[str] | None


@dataclass(frozen=True)
class Whole:
    """All that is deployed together, to look things up in."""

    names: Names
    caught: frozenset[tuple[str, str | None]]  # (kind, name) of what some event waits for


Finding = tuple[str | None, str, str]  # element, rule, message
Check = Callable[[Node, Level, Process, Whole], Iterator[Finding]]


def caught(drawings: Iterable[Drawing]) -> frozenset[tuple[str, str | None]]:
    """Tell what events wait for anywhere."""
    waits = {"startEvent", "intermediateCatchEvent", "boundaryEvent", "receiveTask"}
    return frozenset(
        (trigger.kind, trigger.name)
        for drawing in drawings
        for process in (*drawing.processes, *drawing.asleep)
        for level in process.levels
        for node in level.nodes.values()
        if node.kind in waits
        for trigger in node.triggers
    )


def not_run(id: str | None, kind: str) -> Finding:
    """Tell that something is not run, and what to draw instead."""
    return id, "not-run", INSTEAD.get(kind, f"“{kind}” is not run here; draw it otherwise or take it away.")


def foreign(words: Iterable[tuple[str | None, str]]) -> Iterator[Finding]:
    """Tell what another tool wrote, each word once of an element."""
    for id, word in dict.fromkeys(words):
        message = f"“{word}” is of another tool and not followed here; use our properties or take it away."
        yield id, "foreign", message


def languages(id: str, said: Iterable[str]) -> Iterator[Finding]:
    """Tell what is written in another language than FEEL."""
    for each in dict.fromkeys(said):
        if not expressions.is_feel(each):
            yield id, "expression-language", f"Write FEEL; the service does not run {each}."


def feel(id: str, expression: str, where: str) -> Iterator[Finding]:
    """Tell what is wrong with an expression."""
    for message in expressions.problems(expression):
        yield id, "feel", f"In the {where}: {message}"
