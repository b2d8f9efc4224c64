"""How an activity is done several times: standard loops and multi-instance, parallel or sequential.

What is done once leaves nothing but its data, so the thousandth turn costs what the first did.
"""

from collections.abc import Mapping
from typing import Any, cast

from SpiffWorkflow.util.task import TaskState

from service.engine.drawing import Node, Repeat
from service.engine.elements import LevelSpec, Spec, push
from service.engine.push import MOST_INSTANCES
from service.engine.tokens import cancel, changed, forget, merge, placed
from service.engine.tree import Shelf, Token, shelve
from service.errors import StepFailed


class Repeated(Spec):
    """An activity that is done several times; each time is a token of the body, below this one."""

    repeats = contains = True

    def __init__(self, level: LevelSpec, name: str, node: Node, *, body: str, repeat: Repeat) -> None:
        super().__init__(level, name, node)
        self.inner = body
        self.repeat = repeat
        self.tells = False  # each time is told

    def place(self, token: Token, number: int) -> None:
        """Begin one time."""
        child = placed(token, token.workflow.spec.task_specs[self.inner])
        child.internal_data["number"] = number
        child.put({**token.shelf(), **shelve(self.given(token, number))})
        child.task_spec._update(child)

    def given(self, token: Token, number: int) -> Mapping[str, Any]:
        """Give what one time gets besides the data it inherits."""
        del token, number
        return {}

    def one_done(self, token: Token, child: Token) -> None:
        """Take over what one time came to; begin the next or be done."""
        raise NotImplementedError


class Loop(Repeated):
    """A standard loop: again as long as the condition is true."""

    def arrives(self, token: Token) -> bool:
        """Begin the first turn, unless the condition is asked before it and is not true."""
        token._inherit_data()
        token.internal_data["turn"] = 0
        if self.repeat.before and not self._goes_on(token):
            return True
        token._set_state(TaskState.STARTED)
        self.place(token, 1)
        return False

    def one_done(self, token: Token, child: Token) -> None:
        """Take over the data of the turn."""
        token.put(child.shelf())
        forget(child)
        token.internal_data["turn"] += 1
        if self._goes_on(token):
            self.place(token, token.internal_data["turn"] + 1)
        else:
            token.complete()

    def standing(self, token: Token) -> Shelf:
        """Give what the turn under way knows."""
        for child in token.children:
            inside: Shelf = child.task_spec.standing(child)
            return inside
        return token.shelf()

    def _goes_on(self, token: Token) -> bool:
        if self.repeat.maximum and token.internal_data["turn"] >= int(self.repeat.maximum):
            return False
        return not self.repeat.condition or push(token).holds(self.repeat.condition, token.data)


class Many(Repeated):
    """Multi-instance: once for each item of a list, or so many times, in parallel or one after the other.

    The token's own data stays what it was at the start; what instances changed is noted beside it until all
    are done.
    """

    def arrives(self, token: Token) -> bool:
        """Begin all instances or the first."""
        token._inherit_data()
        items = self._items(token)
        token.internal_data.update({"items": items, "changes": {}, "results": {}, "begun": 0, "done": 0})
        if not items:
            self._settle(token)
            return True
        token._set_state(TaskState.STARTED)
        for _ in items if self.repeat.kind == "parallel" else items[:1]:
            self._next(token)
        return False

    def given(self, token: Token, number: int) -> Mapping[str, Any]:
        """Give the item, and what the instances before it changed."""
        item = {self.repeat.item: token.internal_data["items"][number - 1]} if self.repeat.item else {}
        return {**token.internal_data["changes"], **item}

    def one_done(self, token: Token, child: Token) -> None:
        """Keep the result of an instance; begin the next, or be done when it is enough."""
        notes = token.internal_data
        notes["done"] += 1
        enough = self._is_enough(token, child)
        if self.repeat.output:
            notes["results"][str(child.internal_data["number"])] = child.data.get(
                self.repeat.output_item or ""
            )
        else:
            notes["changes"] = changed(token.shelf(), self._with(token, child))
        forget(child)
        if enough or notes["done"] == len(notes["items"]):
            self._finish(token)
        elif self.repeat.kind == "sequential":
            self._next(token)

    def standing(self, token: Token) -> Shelf:
        """Give what all instances know so far."""
        known = {**token.shelf(), **shelve(token.internal_data["changes"])}
        for child in [] if self.repeat.output else token.children:
            known = {**known, **shelve(changed(token.shelf(), self._with(token, child)))}
        return known

    def _items(self, token: Token) -> list[Any]:
        if self.repeat.collection:
            found = push(token).evaluate(self.repeat.collection, token.data)
            if found is not None and not isinstance(found, list):
                raise StepFailed(f"“{self.repeat.collection}” is not a list.", element=self.bpmn_id)
            items = found or []
        else:
            number = push(token).evaluate(self.repeat.cardinality or "0", token.data)
            if (
                isinstance(number, bool)
                or not isinstance(number, int | float)
                or number != int(number)
                or number < 0
            ):
                raise StepFailed(
                    f"“{self.repeat.cardinality}” is not a number of instances.", element=self.bpmn_id
                )
            items = list(range(1, min(int(number), MOST_INSTANCES + 1) + 1))
        if len(items) > MOST_INSTANCES:
            raise StepFailed(
                f"More than {MOST_INSTANCES} instances at once are not begun.", element=self.bpmn_id
            )
        return items

    def _next(self, token: Token) -> None:
        if token._state == TaskState.STARTED:
            token.internal_data["begun"] += 1
            self.place(token, token.internal_data["begun"])

    def _with(self, token: Token, child: Token) -> Shelf:
        """Lay what an instance changed over what the others changed; its item is its own."""
        base = token.shelf()
        ours = {**base, **shelve(token.internal_data["changes"])}
        theirs = dict(child.task_spec.standing(child))
        if self.repeat.item:
            theirs.pop(self.repeat.item, None)
            if self.repeat.item in base:
                theirs[self.repeat.item] = base[self.repeat.item]
        return merge(base if self.repeat.kind == "parallel" else ours, ours, theirs)

    def _is_enough(self, token: Token, child: Token) -> bool:
        if not self.repeat.condition:
            return False
        notes = token.internal_data
        counted = {
            "numberOfInstances": len(notes["items"]),
            "numberOfActiveInstances": notes["begun"] - notes["done"],
            "numberOfCompletedInstances": notes["done"],
        }
        return push(token).holds(self.repeat.condition, {**child.data, **counted})

    def _finish(self, token: Token) -> None:
        self._settle(token)
        token.complete()

    def _settle(self, token: Token) -> None:
        notes = token.internal_data
        for child in token.children:
            cancel(child)
            forget(child)
        result = {**notes["changes"]}
        if self.repeat.output:
            numbers = sorted(int(number) for number in notes["results"])
            result[self.repeat.output] = [notes["results"][str(number)] for number in numbers]
        token.put({**token.shelf(), **shelve(result)})
        token.internal_data = {}


def repeated(level: LevelSpec, node: Node, *, body: str) -> Repeated:
    """Build the spec that repeats a body."""
    repeat = cast("Repeat", node.repeat)
    kind = Loop if repeat.kind == "loop" else Many
    return kind(level, node.id, node, body=body, repeat=repeat)
