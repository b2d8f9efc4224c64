"""The running tree of tokens: SpiffWorkflow's task tree made light. Knows no element, no codec, no time.

SpiffWorkflow copies data down the tree, logs each change of state together with the list of all tasks, and
walks the tree to find what can run. Here data is shared until it is touched, and each scope knows its live
tokens.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol
from uuid import UUID, uuid4

import msgspec
from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.util.subworkflow import BpmnSubWorkflow
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from service.errors import StepFailed

LIVE = TaskState.WAITING | TaskState.READY | TaskState.STARTED

# A token's data: one MessagePack value for each top-level key. It is never changed, so tokens share it.
Shelf = Mapping[str, bytes]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode
_NOTHING: Shelf = {}
_ATOMS = frozenset({str, int, float, bool, type(None)})
_NO_ENGINE = object()  # an instance that is only looked at runs nothing, Python least of all


class Parsed(Protocol):
    """What a tree needs to know of a definition."""

    @property
    def digest(self) -> str:
        """The content hash of all the files."""

    @property
    def specs(self) -> Mapping[str, Any]:
        """Every process and sub-process (BpmnProcessSpec) by its name."""


class Token(Task):  # type: ignore[misc]
    """A task of the tree, there from when it is reached. Its data is decoded when it is looked at."""

    def __init__(
        self,
        workflow: "Scope | Instance",
        task_spec: Any,
        parent: "Token | None" = None,
        state: int = TaskState.FUTURE,
        id: UUID | None = None,
    ) -> None:
        self.id = id or uuid4()
        self.workflow = workflow
        self.task_spec = task_spec
        self.triggered = False
        self.internal_data: dict[str, Any] = {}
        self.thread_id = 0
        self.last_state_change = 0.0  # nothing in the engine reads the clock
        self._parent = parent.id if parent is not None else None
        self._children: list[UUID] = []
        self._state = state
        self._shelf = _NOTHING
        self._data: dict[str, Any] | None = None
        self._inherited = False
        workflow.tasks[self.id] = self
        if state & LIVE:
            workflow.live[self.id] = self
        if parent is not None:
            parent._children.append(self.id)

    @property
    def data(self) -> dict[str, Any]:
        """What this task sees, to read and to change."""
        if self._data is None:
            self._data = unshelve(self._shelf)
        return self._data

    @data.setter
    def data(self, value: dict[str, Any]) -> None:
        self._data = value

    def shelf(self) -> Shelf:
        """Return the data encoded, as it is now. Raise StepFailed when it is not plain JSON."""
        if self._data is None:
            return self._shelf
        shelf = shelve(self._data)
        if self._state & TaskState.FINISHED_MASK:  # it will not change any more
            self._shelf, self._data = shelf, None
        return shelf

    def put(self, shelf: Shelf) -> None:
        """Let the task see `shelf` instead of what it saw, and not ask its parent any more."""
        self._shelf, self._data, self._inherited = shelf, None, True

    def ancestors(self) -> Iterator["Token"]:
        """Walk from the parent up to the root."""
        tasks = self.workflow.tasks
        above = self._parent
        while above is not None:
            task = tasks[above]
            yield task
            above = task._parent

    def _inherit_data(self) -> None:
        """Take over the parent's data: once, as the parent is finished; nothing that can change is shared."""
        if not self._inherited:
            own, given = self.shelf(), self.parent.shelf()
            self.put({**own, **given} if own else given)

    def _set_state(self, value: int) -> None:
        self._state = value
        if value & LIVE:
            self.workflow.live.setdefault(self.id, self)
        else:
            self.workflow.live.pop(self.id, None)

    def _add_child(self, task_spec: Any, state: int = TaskState.FUTURE) -> "Token":
        return Token(self.workflow, task_spec, self, state)


class Scope(BpmnSubWorkflow):  # type: ignore[misc]
    """A running sub-process or called process. `live` has its tokens, as they became live."""

    tasks: dict[UUID, Token]
    task_tree: Token

    def __init__(
        self, spec: Any, parent_task_id: UUID, top_workflow: "Instance", *, planted: bool = True
    ) -> None:
        self.live: dict[UUID, Token] = {}
        super().__init__(spec, parent_task_id, top_workflow, deserializing=True)
        if planted:
            _plant(self)


class Instance(BpmnWorkflow):  # type: ignore[misc]
    """A running process instance; `definition` is the one that it was started with."""

    tasks: dict[UUID, Token]
    task_tree: Token
    subprocesses: dict[UUID, Scope]

    def __init__(
        self, definition: Parsed, process: str, *, script_engine: Any = None, planted: bool = True
    ) -> None:
        self.definition = definition
        self.live: dict[UUID, Token] = {}
        specs, engine = definition.specs, script_engine or _NO_ENGINE
        super().__init__(specs[process], specs, script_engine=engine, deserializing=True)
        if planted:
            _plant(self)

    def create_subprocess(self, my_task: Token, spec_name: str) -> Scope:
        """Open the scope of a sub-process or call activity that was reached."""
        scope = self.subprocesses[my_task.id] = Scope(self.subprocess_specs[spec_name], my_task.id, self)
        return scope


def shelve(data: Mapping[str, Any]) -> Shelf:
    """Encode `data` key by key; raise StepFailed where it is not plain JSON."""
    shelf = {}
    for key, value in data.items():
        _demand_json(key, value)
        try:
            shelf[key] = _encode(value)
        except OverflowError:
            raise StepFailed(f"“{key}” holds a number that is too large.") from None
    return shelf


def unshelve(shelf: Shelf) -> dict[str, Any]:
    """Decode all of `shelf` into objects that nobody else holds."""
    return {key: _decode(value) for key, value in shelf.items()}


def _plant(scope: Scope | Instance) -> None:
    """Put a token on the start."""
    scope.task_tree = Token(scope, scope.spec.start)
    scope.task_tree._ready()


def _demand_json(name: str, value: Any) -> None:
    kind = type(value)
    if kind in _ATOMS:
        return
    if kind is list:
        for item in value:
            _demand_json(name, item)
    elif kind is dict:
        for key, item in value.items():
            _demand_json(name, item)
            if type(key) is not str:
                raise StepFailed(f"“{name}” has a key that is not text.")
    else:
        raise StepFailed(f"“{name}” holds a {kind.__name__}, which is not plain JSON.")
