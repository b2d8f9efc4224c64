"""How events run: what waits for time, messages, signals, errors, conditions, and what throws them."""

from datetime import datetime
from typing import Any, cast

from SpiffWorkflow.util.task import TaskState

from service.engine import timing
from service.engine.drawing import Node, Trigger
from service.engine.elements import LevelSpec, Spec, Throw, assigned, push
from service.engine.tokens import cancel, empty, everywhere, forget, gathered, owner, placed
from service.engine.tree import Instance, Scope, Shelf, Token, shelve, unshelve
from service.errors import Conflict, Invalid, Problem, StepFailed


class Catch(Spec):
    """Something that waits: an intermediate event, a receive task, an event behind an event gateway."""

    def __init__(
        self, level: LevelSpec, name: str, node: Node, *, trigger: Trigger, among: str | None = None
    ) -> None:
        super().__init__(level, name, node)
        self.trigger = trigger
        self.among = among  # the event gateway that the event stands behind: the first to happen wins
        self.variable = node.properties.get("variable")

    def arrives(self, token: Token) -> bool:
        """Wait."""
        token._inherit_data()
        self.waits(token)
        return False

    def waits(self, token: Token) -> None:
        """Begin to wait; work out when a timer is due."""
        token._set_state(TaskState.WAITING)
        if self.trigger.kind == "timer":
            self._set(token)

    def happens(self, token: Token, payload: Any = None) -> None:
        """Let the event happen: go on from here."""
        self.prepares(token)
        if self.variable is not None and payload is not None:
            token.internal_data["said"] = payload
        token.complete()

    def brings(self, token: Token) -> Shelf:
        """Give what the event said, under the variable that takes it."""
        if self.variable is None or "said" not in token.internal_data:
            return {}
        path = tuple(self.variable.split("."))
        whole = assigned(token.data, path, token.internal_data.pop("said"))
        return shelve({path[0]: whole[path[0]]})

    def prepares(self, token: Token) -> None:
        """Withdraw the other events behind the same event gateway."""
        if self.among is None or token.parent is None or token.parent.task_spec.name != self.among:
            return
        for other in token.parent.children:
            rival = isinstance(other.task_spec, Catch) and other.task_spec.among == self.among
            if rival and other is not token:
                cancel(other)

    def _set(self, token: Token) -> None:
        expression = self.trigger.expression or ""
        if self.trigger.measure == "timeCycle":
            rhythm = push(token).cycle(expression, token.data)
            token.internal_data["cycle"] = rhythm.noted()
            due = rhythm.due
        else:
            due = push(token).instant(expression, token.data)
        token.internal_data["due"] = due.isoformat()
        push(token).counts(token)


class Beside(Catch):
    """An event that waits beside the flow, and may happen again if it interrupts nothing."""

    holds_token = False

    def __init__(self, level: LevelSpec, name: str, node: Node, *, trigger: Trigger) -> None:
        super().__init__(level, name, node, trigger=trigger)
        self.interrupts = node.interrupting
        self.keeps = not node.interrupting

    def prepares(self, token: Token) -> None:
        """Take over what is known by now; interrupt, or stand ready for the next time."""
        known = self.known(token)
        if self.interrupts:
            self.interrupt(token)
        else:
            self._again(token)
        token.put(known)

    def known(self, token: Token) -> Shelf:
        """Give what is known at this moment inside what the event watches."""
        raise NotImplementedError

    def interrupt(self, token: Token) -> None:
        """Take away what the event interrupts."""
        raise NotImplementedError

    def leaves(self, token: Token) -> bool:
        """Go on; nothing waits beside an event."""
        del token
        return True

    def _again(self, token: Token) -> None:
        """Put another one in place, except after a timer that goes off only once."""
        notes: dict[str, Any] = {}
        if self.trigger.kind == "conditional":
            notes["held"] = True
        if self.trigger.kind == "timer":
            if "cycle" not in token.internal_data:
                return
            due = datetime.fromisoformat(token.internal_data["due"])
            rhythm = timing.resumed(token.internal_data["cycle"], due).after(push(token).moment)
            if rhythm is None:
                return
            notes = {"cycle": rhythm.noted(), "due": rhythm.due.isoformat()}
        above = cast("Token", token.parent)
        fresh = placed(above, self, state=TaskState.WAITING)
        fresh.put(above.shelf())
        fresh.internal_data.update(notes)


class Boundary(Beside):
    """An event on the edge of an activity."""

    watches = ""  # the name of the activity's spec

    def known(self, token: Token) -> Shelf:
        """Give what the activity knows."""
        activity = self._activity(token)
        return token.shelf() if activity is None else activity.task_spec.standing(activity)

    def interrupt(self, token: Token) -> None:
        """Take away the activity and the other events on its edge."""
        above = cast("Token", token.parent)
        for other in above.children:
            mine = other.task_spec.name == self.watches or other.task_spec.beside == self.beside
            if other is not token and mine:
                cancel(other)

    def _activity(self, token: Token) -> Token | None:
        siblings = cast("Token", token.parent).children
        return next((each for each in siblings if each.task_spec.name == self.watches), None)


class Alarm(Beside):
    """Waits on a level for the event that starts one of its event sub-processes."""

    def known(self, token: Token) -> Shelf:
        """Give what the level knows."""
        return gathered(token.workflow)

    def interrupt(self, token: Token) -> None:
        """Take away everything else on the level."""
        empty(token.workflow, but=[token])


class ThrowEvent(Throw):
    """An event that is thrown, at an end or on the way; also a send task."""

    def __init__(self, level: LevelSpec, name: str, node: Node, *, trigger: Trigger) -> None:
        super().__init__(level, name, node)
        self.trigger = trigger

    def throws(self, token: Token) -> None:
        """Let it be caught by whoever waits for it."""
        payload = self._payload(token)
        name, kind = self.trigger.name, self.trigger.kind
        top = token.workflow.top_workflow
        match kind:
            case "message":
                for each in _waiting(top, kind, name)[:1]:
                    each.task_spec.happens(each, payload)
            case "signal":
                for each in _waiting(top, kind, name):
                    if each._state == TaskState.WAITING:
                        each.task_spec.happens(each, payload)
            case _:
                self._raise(token, payload)

    def _raise(self, token: Token, payload: Any) -> None:
        catching = catcher(token.workflow, self.trigger)
        if catching is not None:
            catching.task_spec.happens(catching, payload)
        elif self.trigger.kind == "error":
            message = f"Nothing catches the error “{self.trigger.name or ''}” that was thrown here."
            raise StepFailed(message, element=self.bpmn_id)

    def _payload(self, token: Token) -> Any:
        expression = self.node.properties.get("payload") if self.node else None
        return push(token).evaluate(expression, token.data) if expression else None


class Compensate(Throw):
    """An event that undoes the finished activities of its level: the last one first, one after the other."""

    repeats = contains = True

    def __init__(self, level: LevelSpec, name: str, node: Node, *, activity: str | None) -> None:
        super().__init__(level, name, node)
        self.activity = activity  # the one that is undone; None: all

    def throws(self, token: Token) -> None:
        """Begin with the last."""
        root = token.workflow.task_tree.internal_data
        done = root.get("undo", [])
        mine = [each for each in done if self.activity in (None, each[0])]
        root["undo"] = [each for each in done if each not in mine]
        token.internal_data["undo"] = [handler for _, handler in mine]
        if mine:
            token._set_state(TaskState.STARTED)
            self._next(token)

    def one_done(self, token: Token, child: Token) -> None:
        """Take over what was undone; go on with the one before."""
        token.put(child.shelf())
        forget(child)
        if token.internal_data["undo"]:
            self._next(token)
        else:
            token.complete()

    def standing(self, token: Token) -> Shelf:
        """Give what the one under way knows."""
        for child in token.children:
            inside: Shelf = child.task_spec.standing(child)
            return inside
        return token.shelf()

    def _next(self, token: Token) -> None:
        handler = token.internal_data["undo"].pop()
        child = placed(token, token.workflow.spec.task_specs[handler])
        child.task_spec._update(child)


def catcher(scope: Scope | Instance, thrown: Trigger) -> Token | None:
    """Find what catches an error or escalation: on its own level, then on the edge of what is around it."""
    while True:
        above = owner(scope)
        nearby = [each for each in scope.live.values() if isinstance(each.task_spec, Alarm)]
        found = _best(nearby, thrown)
        if found is not None or above is None:
            return found
        while above.task_spec.body and above.parent is not None:
            above = above.parent
        found = _best(_edge(above), thrown)
        if found is not None:
            return found
        scope = above.workflow


def deliver_to(instance: Instance, name: str, data: Any) -> None:
    """Give a message to what waits for it, the outermost and first. Raise Conflict when nothing does."""
    waiting = _waiting(instance, "message", name)
    if not waiting:
        raise Conflict(f"Nothing waits for the message “{name}”.")
    token = waiting[0]
    if data and token.task_spec.variable is None:
        message = f"The message “{name}” takes no data here."
        raise Invalid(message, problems=[Problem(message, pointer="/data", element=token.task_spec.bpmn_id)])
    token.task_spec.happens(token, data or None)


def conditional(instance: Instance) -> bool:
    """Let one event happen whose condition has become true; tell whether there was one."""
    for token in everywhere(instance):
        spec = token.task_spec
        if (
            not isinstance(spec, Catch)
            or spec.trigger.kind != "conditional"
            or token._state != TaskState.WAITING
        ):
            continue
        push(token).at(spec.bpmn_id)
        true = push(token).holds(spec.trigger.expression or "", unshelve(gathered(token.workflow)))
        held = token.internal_data.get("held", False)
        token.internal_data["held"] = true
        if true and not held:
            spec.happens(token)
            return True
    return False


def _waiting(instance: Instance, kind: str, name: str | None) -> list[Token]:
    return [
        each
        for each in everywhere(instance)
        if isinstance(each.task_spec, Catch)
        and each.task_spec.trigger.kind == kind
        and each.task_spec.trigger.name == name
    ]


def _best(tokens: list[Token], thrown: Trigger) -> Token | None:
    """Prefer the one that names the code to the one that takes any."""
    fitting = [each for each in tokens if each.task_spec.trigger.kind == thrown.kind]
    named = [each for each in fitting if each.task_spec.trigger.name == thrown.name and thrown.name]
    return next(iter([*named, *(each for each in fitting if each.task_spec.trigger.name is None)]), None)


def _edge(activity: Token) -> list[Token]:
    above = activity.parent
    if above is None or activity.task_spec.guard is None:
        return []
    return [
        each
        for each in above.children
        if each.task_spec.beside == activity.task_spec.guard and each._state == TaskState.WAITING
    ]
