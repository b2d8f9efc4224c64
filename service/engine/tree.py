"""The running tree of tokens: SpiffWorkflow's classes made light. No codec, no rule what may be forgotten.

SpiffWorkflow predicts every task that might come, copies data down the tree, logs each change of state with
the list of all tasks, and searches the tree for what can run. Here a task exists from the moment that it is
reached, data is shared until it is touched, and each scope knows its live tokens.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, cast
from uuid import UUID, uuid4

import msgspec
from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.util.subworkflow import BpmnSubWorkflow
from SpiffWorkflow.bpmn.util.task import BpmnTaskFilter
from SpiffWorkflow.specs.MultiChoice import MultiChoice
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from service.errors import StepFailed

LIVE = TaskState.WAITING | TaskState.READY | TaskState.STARTED
_UNREACHED = TaskState.FUTURE | TaskState.PREDICTED_MASK

Shelf = Mapping[
    str, bytes
]  # a token's data: one MessagePack value for each top-level key; never changed, so shared
Callback = Callable[["Token"], None] | None

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode
_NOTHING: Shelf = {}
_ATOMS = frozenset({str, int, float, bool, type(None)})


class Parsed(Protocol):
    """What a tree needs to know of a definition."""

    @property
    def digest(self) -> str:
        """The content hash of all the files."""

    @property
    def specs(self) -> Mapping[str, Any]:
        """Every process and sub-process (BpmnProcessSpec) by its name."""


class Token(Task):  # type: ignore[misc]
    """A task of the tree. Its data is decoded when it is looked at; its children appear when it runs."""

    def __init__(
        self,
        workflow: "Scope | Instance",
        task_spec: Any,
        parent: "Token | None" = None,
        state: int = TaskState.MAYBE,
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
        self._foreseen = False
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

    def _inherit_data(self) -> None:
        """Take over the parent's data: once, as the parent is finished; nothing that can change is shared."""
        if self._inherited:
            return
        own, given = self.shelf(), self.parent.shelf()
        self.put({**own, **given} if own else given)

    def _set_state(self, value: int) -> None:
        self._state = value
        if value & LIVE:
            self.workflow.live.setdefault(self.id, self)
        else:
            self.workflow.live.pop(self.id, None)

    def _add_child(self, task_spec: Any, state: int = TaskState.MAYBE) -> "Token | None":
        """Add a task below this one, unless it would be a prediction below a mere prediction."""
        if self._state & _UNREACHED and state & _UNREACHED:
            return None
        child = Token(self.workflow, task_spec, self, state)
        if state == TaskState.READY:
            child._ready()
        return child

    def _sync_children(self, task_specs: list[Any], state: int = TaskState.MAYBE) -> None:
        if not self._state & _UNREACHED:
            super()._sync_children(task_specs, state)

    def run(self) -> bool | None:
        """Run the task: True when it completed, None when it goes on elsewhere."""
        self._foresee()
        return cast("bool | None", super().run())

    def complete(self) -> None:
        """Mark the task as completed and let what comes after it begin."""
        self._foresee()
        super().complete()

    def _foresee(self) -> None:
        """Create the children that completing this task will reach; a choice creates its own."""
        if not self._foreseen:
            self._foreseen = True
            if not isinstance(self.task_spec, MultiChoice):
                self.task_spec._predict_hook(self)

    def is_descendant_of(self, task: "Token") -> bool:
        """Tell whether `task` is above this one."""
        return any(ancestor is task for ancestor in self.ancestors())

    def find_ancestor(self, spec_name: str) -> "Token | None":
        """Return the nearest task above this one with that spec."""
        return next((each for each in self.ancestors() if each.task_spec.name == spec_name), None)

    def ancestors(self) -> Iterator["Token"]:
        """Walk from the parent up to the root."""
        task = self.parent
        while task is not None:
            yield task
            task = task.parent

    def __iter__(self) -> Iterator["Token"]:
        """Walk this task and all below it in its scope."""
        return _walk(self, within_scope=True)

    def collect_log_extras(self, dct: dict[str, Any] | None = None) -> dict[str, Any]:
        """Tell the log nothing: what happens is history's to keep, and the data is personal."""
        return dct or {}


class _Living:
    """What the outermost scope and the ones inside it have in common."""

    tasks: dict[UUID, Token]
    live: dict[UUID, Token]
    task_tree: Token
    spec: Any
    completed: bool

    def plant(self) -> None:
        """Begin: put a token on the start."""
        self.task_tree = Token(self, self.spec.start, state=TaskState.FUTURE)  # type: ignore[arg-type]
        self.task_tree._ready()

    def get_tasks_iterator(self, first_task: Token | None = None, **wanted: Any) -> Iterator[Token]:
        """Walk depth first through this scope and those inside it, and give the tasks wanted."""
        end_at_spec = wanted.pop("end_at_spec", None)
        within_scope = wanted.pop("skip_subprocesses", False)
        task_filter = wanted.pop("task_filter", None) or BpmnTaskFilter(**wanted)
        for task in _walk(first_task or self.task_tree, end_at_spec=end_at_spec, within_scope=within_scope):
            if task_filter.matches(task):
                yield task

    def is_completed(self) -> bool:
        """Tell whether nothing is live any more."""
        self.completed = self.completed or not self.live
        return self.completed

    def update_waiting_tasks(self) -> None:
        """Let each waiting task of this scope look whether it may go on."""
        for task in [each for each in self.live.values() if each._state == TaskState.WAITING]:
            if task._state == TaskState.WAITING:
                task.task_spec._update(task)

    def take_back(self) -> list[Token]:
        """Cancel all tokens of this scope; those of sub-processes take back their own scopes."""
        self.success, self.completed = False, True
        cancelled = list(self.live.values())
        for task in cancelled:
            task.cancel()
        return cancelled

    def collect_log_extras(self, dct: dict[str, Any] | None = None) -> dict[str, Any]:
        """Tell the log nothing."""
        return dct or {}

    def _remove_task(self, task_id: UUID) -> None:
        task = self.tasks[task_id]
        for child in list(task._children):
            self._remove_task(child)
        task.parent._children.remove(task_id)
        del self.tasks[task_id]
        self.live.pop(task_id, None)
        top = task.workflow.top_workflow
        top.event_manager.tasks.pop(task_id, None)
        inner = top.subprocesses.pop(task_id, None)
        if inner is not None:
            inner.take_back()
        self._task_removed_notify(task)  # type: ignore[attr-defined]


class Scope(_Living, BpmnSubWorkflow):  # type: ignore[misc]
    """A running sub-process or called process."""

    def __init__(
        self, spec: Any, parent_task_id: UUID, top_workflow: "Instance", *, planted: bool = True
    ) -> None:
        self.live = {}
        super().__init__(spec, parent_task_id, top_workflow, deserializing=True)
        if planted:
            self.plant()

    def cancel(self) -> list[Token]:
        """Cancel all tokens of this scope."""
        return self.take_back()


class Instance(_Living, BpmnWorkflow):  # type: ignore[misc]
    """A running process instance; `definition` is the one that it was started with."""

    def __init__(
        self, definition: Parsed, process: str, *, script_engine: Any = None, planted: bool = True
    ) -> None:
        self.live = {}
        self.definition = definition
        super().__init__(
            definition.specs[process], definition.specs, script_engine=script_engine, deserializing=True
        )
        if planted:
            self.plant()

    def create_subprocess(self, my_task: Token, spec_name: str) -> Scope:
        """Open the scope of a sub-process or call activity that was reached."""
        scope = self.subprocesses[my_task.id] = Scope(self.subprocess_specs[spec_name], my_task.id, self)
        return scope

    def scopes(self) -> list["Scope | Instance"]:
        """All scopes that still run, the innermost first."""
        inner = sorted(self.get_active_subprocesses(), key=lambda scope: -scope.depth)
        return [*inner, self]

    def do_engine_steps(
        self, will_complete_task: Callback = None, did_complete_task: Callback = None
    ) -> None:
        """Run all that needs no person, until only people, timers and messages are waited for."""
        while any(self._drain(scope, will_complete_task, did_complete_task) for scope in self.scopes()):
            pass

    def _drain(self, scope: "Scope | Instance", before: Callback, after: Callback) -> bool:
        """Run the automatic tasks that are ready in one scope; tell whether anything moved."""
        moved = False
        while ready := [task for task in scope.live.values() if _runs_by_itself(task)]:
            for task in ready:
                if task._state == TaskState.READY:
                    moved = True
                    _run(task, before, after)
        if scope is not self:
            parent = self.get_task_from_id(scope.parent_task_id)
            was = parent._state
            parent.task_spec._update(parent)
            moved = moved or parent._state != was
        return moved

    def get_task_from_id(self, task_id: UUID) -> Token:
        """Find a task in any scope."""
        task = self.tasks.get(task_id)
        if task is None:
            task = next(
                (scope.tasks[task_id] for scope in self.subprocesses.values() if task_id in scope.tasks), None
            )
        return task if task is not None else super().get_task_from_id(task_id)

    def cancel(self, workflow: "Scope | Instance | None" = None) -> list[Token]:
        """Cancel all tokens, of one scope if it is given."""
        return (workflow or self).take_back()


def shelve(data: Mapping[str, Any]) -> Shelf:
    """Encode `data` key by key; raise StepFailed where it is not plain JSON."""
    shelf = {}
    for key, value in data.items():
        _demand_json(key, value)
        try:
            shelf[key] = _encode(value)
        except OverflowError:
            raise StepFailed(f"“{key}” holds a number that is too large") from None
    return shelf


def unshelve(shelf: Shelf) -> dict[str, Any]:
    """Decode all of `shelf` into objects that nobody else holds."""
    return {key: _decode(value) for key, value in shelf.items()}


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
                raise StepFailed(f"“{name}” has a key that is not text")
    else:
        raise StepFailed(f"“{name}” holds a {kind.__name__}, which is not plain JSON")


def _walk(first: Token, *, end_at_spec: str | None = None, within_scope: bool = False) -> Iterator[Token]:
    """Walk depth first; into the scopes that still run unless `within_scope`; not below `end_at_spec`."""
    inner = first.workflow.top_workflow.subprocesses
    stack = [first]
    while stack:
        task = stack.pop()
        yield task
        if task.task_spec.name == end_at_spec:
            continue
        tasks = task.workflow.tasks
        stack.extend(tasks[child] for child in reversed(task._children) if child in tasks)
        if not within_scope and task.id in inner and not task._state & TaskState.FINISHED_MASK:
            stack.append(inner[task.id].task_tree)


def _runs_by_itself(task: Token) -> bool:
    return bool(task._state == TaskState.READY and not task.task_spec.manual)


def _run(task: Token, before: Callback, after: Callback) -> None:
    if before is not None:
        before(task)
    task.run()
    if after is not None:
        after(task)
