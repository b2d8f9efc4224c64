"""How gateways run: where a token chooses, parts and meets others."""

from collections.abc import Mapping

from SpiffWorkflow.util.task import TaskState

from service.engine.drawing import Node
from service.engine.elements import LevelSpec, Spec, push
from service.engine.tokens import everywhere, fold
from service.engine.tree import Instance, Token


class Exclusive(Spec):
    """Takes the first flow whose condition is true, in the order drawn; else the default."""

    def chosen(self, token: Token) -> list[str]:
        """Give one target."""
        for way in self.ways:
            if not way.default and (way.condition is None or push(token).holds(way.condition, token.data)):
                return [way.target]
        return [way.target for way in self.ways if way.default] or self.stuck()


class EventGateway(Spec):
    """Goes to all its events at once; the first that happens withdraws the others."""


class Join(Spec):
    """A gateway where tokens wait for each other: each arrived token waits here as a task of its own."""

    def __init__(self, level: LevelSpec, name: str, node: Node) -> None:
        super().__init__(level, name, node)
        self.sources: tuple[
            str, ...
        ] = ()  # the specs that flows come from; one that has two flows stands twice

    def arrives(self, token: Token) -> bool:
        """Wait for the others, or go on with all that they know."""
        token._inherit_data()
        if len(self.sources) < 2:  # noqa: PLR2004 - nothing to wait for
            return True
        here = self._here(token)
        token.internal_data["order"] = 1 + max((each.internal_data["order"] for each in here), default=0)
        token.internal_data["from"] = token.parent.task_spec.name if token.parent else ""
        token._set_state(TaskState.WAITING)
        met = self.complete_set([*here, token])
        if met:
            self.meet(met)
        return False

    def complete_set(self, here: list[Token]) -> list[Token]:
        """Give one token for each incoming flow, if there is one; else nothing."""
        found = []
        left = list(here)
        for source in self.sources:
            token = next((each for each in left if each.internal_data["from"] == source), None)
            if token is None:
                return []
            left.remove(token)
            found.append(token)
        return sorted(found, key=lambda each: each.internal_data["order"])

    def meet(self, tokens: list[Token]) -> None:
        """Let the last token go on with what all know; the others are used up."""
        *others, last = tokens
        known = fold(last.workflow, tokens)
        for each in others:
            each._set_state(TaskState.CANCELLED)
        last.put(known)
        last._ready()

    def _here(self, token: Token) -> list[Token]:
        waiting = token.workflow.live.values()
        return [each for each in waiting if each.task_spec is self and each._state == TaskState.WAITING]


class Parallel(Join):
    """Waits for a token on each incoming flow; then puts one on each outgoing flow."""


class Inclusive(Join):
    """Waits for every token that could still come; then takes each flow whose condition is true."""

    def __init__(self, level: LevelSpec, name: str, node: Node) -> None:
        super().__init__(level, name, node)
        self.upstream: Mapping[
            str, frozenset[str]
        ] = {}  # source of a flow -> elements from which it can be reached

    def complete_set(self, here: list[Token]) -> list[Token]:
        """Give nothing now: whether more can come is asked when nothing moves by itself any more."""
        del here
        return []

    def settled(self, token: Token) -> list[Token]:
        """Give one token of each flow that has some, when none can come any more on the others."""
        here = self._here(token)
        first: dict[str, Token] = {}
        for each in here:
            first.setdefault(each.internal_data["from"], each)
        coming = {
            each.task_spec.bpmn_id for each in token.workflow.live.values() if each.task_spec is not self
        }
        blocked = set().union(*(self.upstream[source] for source in self.sources if source not in first))
        filled = set().union(*(self.upstream[source] for source in first))
        if coming & (blocked - filled):
            return []
        return sorted(first.values(), key=lambda each: each.internal_data["order"])


def inclusive(instance: Instance) -> bool:
    """Let one inclusive gateway go on that waits for nothing that can come; tell whether there was one."""
    for token in everywhere(instance):
        if isinstance(token.task_spec, Inclusive) and token._state == TaskState.WAITING:
            met = token.task_spec.settled(token)
            if met:
                token.task_spec.meet(met)
                return True
    return False
