"""How elements run on SpiffWorkflow's task tree: tasks, sub-processes, calls, what begins and ends a level.

A token that reaches an element becomes a task of the tree. It is ready at once, or it waits; when it is done,
the element says which flows are taken. Nothing is predicted, and no spec is changed after it was built.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from SpiffWorkflow.bpmn.specs.bpmn_process_spec import BpmnProcessSpec
from SpiffWorkflow.bpmn.specs.bpmn_task_spec import BpmnTaskSpec
from SpiffWorkflow.specs import WorkflowSpec
from SpiffWorkflow.util.task import TaskState

from service.engine.drawing import Node
from service.engine.push import MOST_CALLS, Push, place
from service.engine.tokens import cancel, empty, fold, gathered, is_alive, owner, placed
from service.engine.tree import Instance, Scope, Shelf, Token, shelve, unshelve
from service.errors import StepFailed


@dataclass(frozen=True)
class Way:
    """A flow out of an element, as it runs: where it leads, when it is taken, whether it is the default."""

    target: str
    condition: str | None = None
    default: bool = False


class Spec(BpmnTaskSpec):  # type: ignore[misc]
    """What all our specs have in common. `node` is None where nothing is drawn: starts, ends, guards."""

    holds_token = True  # False: waits beside the flow, as a boundary event does
    keeps = False  # True: what follows is measured against the data that it had here
    repeats = False  # True: what hangs below are its own instances
    contains = False  # True: its token waits for others inside it

    def __init__(self, level: "LevelSpec", name: str, node: Node | None = None) -> None:
        super().__init__(level, name)
        self.node = node
        self.bpmn_id = node.id if node else None
        self.ways: tuple[Way, ...] = ()
        self.tells = node is not None  # whether passing it is told
        self.reaches = self.tells  # whether its milestone is told
        self.guard: str | None = None  # of an activity: the spec before it that holds its boundary events
        self.beside: str | None = None  # of a boundary event: the same
        self.undone_by: str | None = None  # the activity that undoes this one, when compensation is thrown
        self.body = False  # one instance of an activity that is done several times

    def _predict(self, *_: Any, **__: Any) -> None:
        """Predict nothing."""

    def _predict_hook(self, my_task: Token) -> None:
        """Predict nothing."""

    def _update(self, my_task: Token) -> None:
        """Let a token that was just placed arrive."""
        if my_task._state != TaskState.FUTURE:
            return
        push(my_task).at(self.bpmn_id)
        if self.arrives(my_task):
            my_task._ready()

    def _on_ready(self, my_task: Token) -> None:
        if self.manual:
            self.opens(my_task)
        else:
            push(my_task).agenda.append(my_task)

    def _on_complete(self, my_task: Token) -> None:
        push(my_task).at(self.bpmn_id)
        self.tell(my_task)
        if self.leaves(my_task):
            self.go_on(my_task)

    def arrives(self, token: Token) -> bool:
        """Take over the data; tell whether the token can run at once."""
        token._inherit_data()
        return True

    def opens(self, token: Token) -> None:
        """Prepare what a person will see."""

    def acts(self, token: Token) -> None:
        """Do what the element does; may take away the token itself."""

    def leaves(self, token: Token) -> bool:
        """Settle what was waiting beside the element; tell whether the token takes the flows out of it."""
        above = token.parent
        if above is not None and above.task_spec.name == self.guard:
            above.task_spec.stand_down(above)
        if self.undone_by is not None:
            token.workflow.task_tree.internal_data.setdefault("undo", []).append(
                [self.bpmn_id, self.undone_by]
            )
        if self.body and above is not None and above._state == TaskState.STARTED:
            above.task_spec.one_done(above, token)
        return not self.body

    def go_on(self, token: Token) -> None:
        """Put tokens on the flows that are taken; a token without any way ends here."""
        targets = self.chosen(token) if self.ways else [token.workflow.spec.end.name]
        specs = token.workflow.spec.task_specs
        children = [placed(token, specs[name]) for name in targets]
        brought = self.brings(token)
        for child in children:
            if brought:
                child.put({**token.shelf(), **brought})
            if child._state == TaskState.FUTURE and is_alive(token.workflow):
                child.task_spec._update(child)

    def brings(self, token: Token) -> Shelf:
        """Give what is added to the data on the way out."""
        del token
        return {}

    def chosen(self, token: Token) -> list[str]:
        """Give the targets of the flows taken: those without a condition, those whose condition is true."""
        if all(way.condition is None for way in self.ways):
            return [way.target for way in self.ways]
        taken = [way for way in self.ways if not way.default and self._is_open(way, token)]
        if not any(way.condition is not None for way in taken):
            taken += [way for way in self.ways if way.default]
        return [way.target for way in taken] or self.stuck()

    def stuck(self) -> list[str]:
        """Raise StepFailed since no flow can be taken."""
        name = (self.node.element.name.sv if self.node else "") or self.name
        message = f"No flow out of “{name}” can be taken: no condition is true, and there is no default flow."
        raise StepFailed(message, element=self.bpmn_id)

    def tell(self, token: Token) -> None:
        """Write down that the element was passed."""
        if self.tells:
            push(token).note(token)
        if self.reaches:
            push(token).reach(token)

    def standing(self, token: Token) -> Shelf:
        """Give what a token that is here has come to know so far."""
        return token.shelf()

    def _is_open(self, way: Way, token: Token) -> bool:
        return way.condition is None or push(token).holds(way.condition, token.data)


class LevelSpec(BpmnProcessSpec):  # type: ignore[misc]
    """A process or sub-process, ready to run: its specs by name, with a start and an end."""

    def __init__(self, key: str, file: str) -> None:
        WorkflowSpec.__init__(self, name=key, filename=file)
        self.description, self.svg, self.io_specification = key, None, None
        self.data_objects: dict[str, Any] = {}
        self.data_stores: dict[str, Any] = {}
        self.correlation_keys: dict[str, Any] = {}
        self.bpmn_start_events: list[Any] = []
        self.task_specs.clear()
        self.start = Start(self, "Start")
        self.end = End(self, "End")


class Start(Spec):
    """Where a level begins: its start event, and what waits for the events of its event sub-processes."""

    def _on_ready(self, my_task: Token) -> None:
        """Wait until the scope has its data."""


class End(Spec):
    """Where tokens wait until nothing moves on their level any more; then the level is done."""

    def arrives(self, token: Token) -> bool:
        """Wait here; close the level if this was the last one moving."""
        token._inherit_data()
        scope = token.workflow
        ended = [each for each in scope.live.values() if each.task_spec is self]
        token.internal_data["order"] = 1 + max((each.internal_data["order"] for each in ended), default=0)
        token._set_state(TaskState.WAITING)
        if all(each.task_spec is self or not each.task_spec.holds_token for each in scope.live.values()):
            close(scope, fold(scope, [*ended, token]))
        return False


class Throw(Spec):
    """Something that is told before it happens, as it may take away its own token."""

    def tell(self, token: Token) -> None:
        """Say nothing: it was told already."""

    def acts(self, token: Token) -> None:
        """Tell, then do it."""
        super().tell(token)
        self.throws(token)

    def throws(self, token: Token) -> None:
        """Do what is to be done."""


class Terminate(Throw):
    """An end event that ends its whole level at once."""

    def throws(self, token: Token) -> None:
        """Take away every token of the level; what they had come to know stays."""
        scope = token.workflow
        known = gathered(scope)
        empty(scope)
        close(scope, known)


class PersonalTask(Spec):
    """Work for a person: user task, manual task, task."""

    def __init__(self, level: LevelSpec, name: str, node: Node | None = None) -> None:
        super().__init__(level, name, node)
        self.manual = True

    def opens(self, token: Token) -> None:
        """Work out when it is due."""
        due = self.node.element.due if self.node else None
        if due:
            at = push(token).instant(due, token.data, end_of_day=True)
            token.internal_data["due"] = at.isoformat()
            push(token).counts(token)


class Script(Spec):
    """A script task: assignments of FEEL expressions, one after the other."""

    def __init__(
        self,
        level: LevelSpec,
        name: str,
        node: Node,
        *,
        assignments: Sequence[tuple[tuple[str, ...], str]],
    ) -> None:
        super().__init__(level, name, node)
        self.assignments = tuple(assignments)

    def acts(self, token: Token) -> None:
        """Assign, each line seeing what the lines before it did."""
        data = token.data
        for path, expression in self.assignments:
            data = assigned(data, path, push(token).evaluate(expression, data))
        token.data = data


class Rule(Spec):
    """A business rule task: asks a decision table and keeps the outcome."""

    def acts(self, token: Token) -> None:
        """Ask the table with the data, and what `inputs` lays over it."""
        node = cast("Node", self.node)
        data = token.data
        asked = {**data, **context(node.properties.get("inputs"), token)}
        outcome = push(token).decide(token, node.decision or "", asked)
        token.data = assigned(data, tuple(node.properties["resultVariable"].split(".")), outcome)


class SubProcess(Spec):
    """An embedded sub-process, or an event sub-process after its event came."""

    contains = True

    def __init__(self, level: LevelSpec, name: str, node: Node, *, spec: str) -> None:
        super().__init__(level, name, node)
        self.spec = spec

    def arrives(self, token: Token) -> bool:
        """Open the level inside."""
        token._inherit_data()
        token._set_state(TaskState.STARTED)
        given = self.enters(token)
        scope = token.workflow.top_workflow.create_subprocess(token, self.spec)
        begin(scope, given)
        return False

    def enters(self, token: Token) -> Shelf:
        """Give what the level inside knows at its start."""
        return token.shelf()

    def comes_back(self, token: Token, inside: Shelf) -> Shelf:
        """Give what is known here, when `inside` is known there."""
        del token
        return inside

    def done(self, token: Token, inside: Shelf) -> None:
        """Take over what the level inside came to, and go on."""
        token.put(self.comes_back(token, inside))
        token.complete()

    def standing(self, token: Token) -> Shelf:
        """Give what is known inside so far."""
        scope = token.workflow.top_workflow.subprocesses.get(token.id)
        return token.shelf() if scope is None else self.comes_back(token, gathered(scope))


class Call(SubProcess):
    """A call activity: another process runs as a part of this one."""

    def enters(self, token: Token) -> Shelf:
        """Lay `inputs` over the data; raise StepFailed below the deepest level of calls."""
        depth, scope = 1, token.workflow
        while (above := owner(scope)) is not None:
            depth += isinstance(above.task_spec, Call)
            scope = above.workflow
        if depth > MOST_CALLS:
            raise StepFailed(
                f"Processes call each other more than {MOST_CALLS} levels deep.", element=self.bpmn_id
            )
        return {**token.shelf(), **shelve(context(self._property("inputs"), token))}

    def comes_back(self, token: Token, inside: Shelf) -> Shelf:
        """Take over everything, or lay it under the one variable that `result` names."""
        result = self._property("result")
        if result is None:
            return inside
        return shelve(assigned(token.data, tuple(result.split(".")), unshelve(inside)))

    def _property(self, name: str) -> str | None:
        return self.node.properties.get(name) if self.node else None


class Guard(Spec):
    """Stands before an activity that has boundary events: they wait beside it while it goes on."""

    def stand_down(self, token: Token) -> None:
        """Take away the boundary events that still wait, since the activity is left."""
        for child in token.children:
            if child.task_spec.beside == self.name:
                cancel(child)


def begin(scope: Instance | Scope, given: Shelf) -> None:
    """Start a level with what it is given."""
    scope.task_tree.put(given)
    scope.task_tree.complete()


def close(scope: Instance | Scope, known: Shelf) -> None:
    """End a level with what is known then, and let the one around it go on."""
    for token in list(scope.live.values()):
        if token.task_spec is scope.spec.end:
            token._set_state(TaskState.COMPLETED)
        else:
            cancel(token)
    scope.completed = True
    above = owner(scope)
    if above is None:
        scope.data = unshelve(known)
        return
    scope.top_workflow.subprocesses.pop(above.id, None)
    above.task_spec.done(above, known)


def push(token: Token) -> Push:
    """Give the push that moves a token."""
    return cast("Push", token.workflow.script_engine)


def context(expression: str | None, token: Token) -> dict[str, Any]:
    """Evaluate a FEEL context over the data of a token; without an expression it is empty."""
    if not expression:
        return {}
    value = push(token).evaluate(expression, token.data)
    if not isinstance(value, dict):
        message = "“inputs” came to something that is not a context like {name: value}."
        raise StepFailed(message, element=place(token).element)
    return value


def assigned(data: Mapping[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Give the data with one value set; contexts on the way are made anew, never changed."""
    name, *rest = path
    if not rest:
        return {**data, name: value}
    inner = data.get(name)
    if inner is not None and not isinstance(inner, Mapping):
        raise StepFailed(f"“{name}” holds a value, so nothing can be set inside it.")
    return {**data, name: assigned(inner or {}, tuple(rest), value)}
