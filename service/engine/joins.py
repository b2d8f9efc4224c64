"""Where tokens meet: parallel and inclusive gateways and the end of a scope, by what BPMN says of tokens.

SpiffWorkflow counts finished tasks anywhere in the tree: in the third turn of a loop a parallel gateway fires
when one branch has come, and a value that one branch changed is put back by another that had not touched it.
Here a gateway counts the tokens that wait at it, and takes from each branch only what that branch changed.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from SpiffWorkflow.bpmn.exceptions import WorkflowTaskException
from SpiffWorkflow.bpmn.specs import control, defaults
from SpiffWorkflow.util.task import TaskState

from service.engine.tree import Shelf, Token

_FLOW = "flow"  # from which element a token came to the join that it waits at
_GONE = object()

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


def mend(specs: Mapping[str, Any]) -> None:
    """Let the gateways and the ends of scopes in freshly parsed `specs` count tokens; once, after parsing."""
    for process in specs.values():
        for spec in process.task_specs.values():
            spec.__class__ = _MENDED.get(type(spec), type(spec))


class _Join:
    """What the three have in common: tokens wait with their data, and one goes on for all."""

    def _update_hook(self, task: Token) -> bool:
        if _FLOW not in task.internal_data:
            task._inherit_data()
            task.internal_data[_FLOW] = task.parent.task_spec.name
            task._set_state(TaskState.WAITING)
        together = self._together(task, [each for each in task.workflow.live.values() if self._holds(each)])
        if task not in together:
            return False
        _merge(together, into=task)
        return True

    def _run_hook(self, task: Token) -> bool:  # noqa: ARG002 - SpiffWorkflow's own shape
        return True

    def _holds(self, task: Token) -> bool:
        return task.task_spec is self and task._state == TaskState.WAITING

    def _together(self, task: Token, waiting: list[Token]) -> Sequence[Token]:
        """Return the tokens, as they came, that may go on as one now; none if it is too early."""
        raise NotImplementedError


class ParallelGateway(_Join, defaults.ParallelGateway):  # type: ignore[misc]
    """Goes on when each incoming flow has brought a token; takes one from each."""

    def _together(self, task: Token, waiting: list[Token]) -> Sequence[Token]:  # noqa: ARG002
        missing = list(self._inputs)
        together = []
        for each in waiting:
            if each.internal_data[_FLOW] in missing:
                missing.remove(each.internal_data[_FLOW])
                together.append(each)
        return () if missing else together


class InclusiveGateway(_Join, defaults.InclusiveGateway):  # type: ignore[misc]
    """Goes on when no other token can still come by a flow that has brought none."""

    def _together(self, task: Token, waiting: list[Token]) -> Sequence[Token]:
        brought = {each.internal_data[_FLOW] for each in waiting}
        empty = [name for name in self._inputs if name not in brought]
        if empty:
            to_empty, to_brought = self._sources(empty), self._sources(brought)
            elsewhere = {each.task_spec.name for each in task.workflow.live.values() if not self._holds(each)}
            if any(name in to_empty and name not in to_brought for name in elsewhere):
                return ()
        return waiting

    def _sources(self, inputs: Iterable[str]) -> set[str]:
        """Return the specs from which one of `inputs` can be reached without passing this gateway."""
        found = {self.name}
        stack = list(inputs)
        while stack:
            name = stack.pop()
            if name not in found:
                found.add(name)
                stack.extend(self._wf_spec.task_specs[name]._inputs)
        return found - {self.name}

    def _run_hook(self, task: Token) -> bool:
        matches, otherwise = self._get_matching_outputs(task)
        if not matches and not otherwise:
            raise WorkflowTaskException("No conditions satisfied on gateway", task=task)
        task._sync_children(matches or otherwise, TaskState.FUTURE)
        return True


class EndJoin(_Join, control._EndJoin):  # type: ignore[misc]
    """Goes on when nothing else in the scope is live. Tokens that have ended are merged as they come."""

    def _together(self, task: Token, waiting: list[Token]) -> Sequence[Token]:
        if len(waiting) > 1:
            _merge(waiting, into=task)
        return [task] if len(task.workflow.live) == 1 else ()

    def _run_hook(self, task: Token) -> bool:
        task.workflow.data.update(task.data)
        return True


_MENDED = {
    defaults.ParallelGateway: ParallelGateway,
    defaults.InclusiveGateway: InclusiveGateway,
    control._EndJoin: EndJoin,
}


def _merge(tokens: Sequence[Token], *, into: Token) -> None:
    """Give `into` what each of `tokens` changed since they parted, the last prevailing; the others end."""
    if len(tokens) == 1:
        return
    base = _parting(tokens).shelf()
    merged = dict(base)
    for token in tokens:
        _apply(merged, token.shelf(), base)
    into.put(merged)
    for token in tokens:
        if token is not into:
            token._set_state(TaskState.CANCELLED)
            token.workflow._remove_task(token.id)


def _parting(tokens: Sequence[Token]) -> Token:
    """Return the nearest task that all of `tokens` descend from."""
    first, *others = ({each.id: each for each in token.ancestors()} for token in tokens)
    return next(task for key, task in first.items() if all(key in line for line in others))


def _apply(merged: dict[str, bytes], theirs: Shelf, base: Shelf) -> None:
    """Change `merged` as `theirs` was changed from `base`."""
    for key, value in theirs.items():
        before = base.get(key)
        if value == before:
            continue
        so_far = merged.get(key)
        if so_far == before:
            merged[key] = value
        else:  # another branch changed it too
            merged[key] = _encode(
                _blend(*(_GONE if v is None else _decode(v) for v in (so_far, value, before)))
            )
    for key in base:
        if key not in theirs:
            merged.pop(key, None)


def _blend(so_far: Any, theirs: Any, before: Any) -> Any:
    """Blend two changes of one value: objects key by key, all else as the last to come has it."""
    if theirs == before:
        return so_far
    if not isinstance(so_far, dict) or not isinstance(theirs, dict):
        return theirs
    before = before if isinstance(before, dict) else {}
    blended = {key: value for key, value in so_far.items() if key in theirs or key not in before}
    for key, value in theirs.items():
        blended[key] = _blend(so_far.get(key, _GONE), value, before.get(key, _GONE))
    return blended
