"""What holds for tokens wherever they stand: finding them, taking them away, putting their data together.

Every branch carries its own data. Where branches meet, a value counts as changed by a branch only if it
differs from what it was where they parted, so that one branch never puts back what another has changed.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

import msgspec
from SpiffWorkflow.util.task import TaskState

from service.engine.tree import Instance, Scope, Shelf, Token, unshelve

HELD = TaskState.FUTURE | TaskState.WAITING | TaskState.READY | TaskState.STARTED

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


def everywhere(instance: Instance) -> Iterator[Token]:
    """Walk the live tokens of all scopes, the outermost first, each in the order they came to live."""
    for scope in outermost_first(instance):
        yield from list(scope.live.values())


def outermost_first(instance: Instance) -> list[Instance | Scope]:
    """Give the scopes that run."""
    inner = [each for each in instance.subprocesses.values() if not each.completed]
    return [instance, *sorted(inner, key=lambda scope: scope.depth)]


def find(instance: Instance, id: UUID) -> Token | None:
    """Find a live token in any scope."""
    return next((scope.live[id] for scope in outermost_first(instance) if id in scope.live), None)


def owner(scope: Instance | Scope) -> Token | None:
    """Give the token that a scope runs for; None of the instance itself."""
    if scope.parent_task_id is None:
        return None
    found: Token = scope.top_workflow.get_task_from_id(scope.parent_task_id)
    return found


def is_alive(scope: Instance | Scope) -> bool:
    """Tell whether a scope still runs."""
    if scope.completed:
        return False
    return scope.parent_task_id is None or scope.top_workflow.subprocesses.get(scope.parent_task_id) is scope


def placed(above: Token, spec: Any, *, state: int = TaskState.FUTURE) -> Token:
    """Put a token on a spec, below the one that it comes from."""
    child: Token = above._add_child(spec, state)
    return child


def cancel(token: Token) -> None:
    """Take away a token with all that goes on inside it."""
    waiting = [token]
    while waiting:
        each = waiting.pop()
        if not each._state & HELD:
            continue
        each._set_state(TaskState.CANCELLED)
        waiting.extend(child for child in each.children if child is not None)
        inner = each.workflow.top_workflow.subprocesses.pop(each.id, None)
        if inner is not None:
            inner.completed = True
            waiting.extend(list(inner.live.values()))


def empty(scope: Instance | Scope, *, but: Iterable[Token] = ()) -> None:
    """Take away all tokens of a scope, with some exceptions."""
    kept = {each.id for each in but}
    for each in list(scope.live.values()):
        if each.id not in kept:
            cancel(each)


def forget(token: Token) -> None:
    """Remove a finished token and all below it from the tree."""
    tasks = token.workflow.tasks
    above = token.parent
    if above is not None:
        above._children.remove(token.id)
    waiting = [token]
    while waiting:
        each = waiting.pop()
        waiting.extend(tasks[child] for child in each._children if child in tasks)
        tasks.pop(each.id, None)
        token.workflow.live.pop(each.id, None)


def gathered(scope: Instance | Scope) -> Shelf:
    """Put together what all tokens of a scope have come to know so far."""
    holders = [each for each in scope.live.values() if each.task_spec.holds_token]
    ended = sorted(
        (each for each in holders if each.task_spec is scope.spec.end),
        key=lambda each: each.internal_data.get("order", 0),
    )
    return fold(scope, [*ended, *(each for each in holders if each.task_spec is not scope.spec.end)])


def fold(scope: Instance | Scope, leaves: Sequence[Token]) -> Shelf:
    """Merge the data of tokens of one scope along their tree; of two changes the later leaf's wins."""
    if not leaves:
        return scope.task_tree.shelf()
    if len(leaves) == 1:
        return _carried(leaves[0])
    branches = _branches(leaves)
    results: dict[UUID, tuple[int, Shelf]] = {
        leaf.id: (rank, leaf.task_spec.standing(leaf)) for rank, leaf in enumerate(leaves)
    }
    for token in reversed(list(scope.tasks.values())):  # a token comes after the one above it
        below = branches.get(token.id)
        if below is None:
            continue
        parts = sorted((results[each] for each in below), key=lambda part: part[0])
        results[token.id] = (parts[-1][0], _met(token, [shelf for _, shelf in parts]))
    return results[scope.task_tree.id][1] if scope.task_tree.id in results else scope.task_tree.shelf()


def _carried(leaf: Token) -> Shelf:
    """Bring the data of a single token up to the start of its scope."""
    shelf: Shelf = leaf.task_spec.standing(leaf)
    for token in leaf.ancestors():
        if token.task_spec.keeps:
            shelf = _met(token, [shelf])
    return shelf


def _branches(leaves: Iterable[Token]) -> dict[UUID, list[UUID]]:
    """Tell for each token above some leaves which of its children lead to them."""
    found: dict[UUID, list[UUID]] = {}
    for leaf in leaves:
        child = leaf
        for token in leaf.ancestors():
            below = found.setdefault(token.id, [])
            seen = bool(below)
            if child.id not in below:
                below.append(child.id)
            if seen:
                break
            child = token
    return found


def _met(token: Token, parts: list[Shelf]) -> Shelf:
    base = token.shelf()
    result = parts[0] if not token.task_spec.keeps else base
    for part in parts if token.task_spec.keeps else parts[1:]:
        result = merge(base, result, part)
    if token.task_spec.keeps and token.parent is not None:
        return merge(base, token.parent.shelf(), result)
    return result


def merge(base: Shelf, ours: Shelf, theirs: Shelf) -> Shelf:
    """Apply to `ours` what `theirs` changed since `base`."""
    if theirs is base or theirs is ours:
        return ours
    if ours is base:
        return theirs
    result = dict(ours)
    for key, value in theirs.items():
        was = base.get(key)
        if value != was:
            mine = result.get(key)
            clash = mine is not None and mine not in (was, value)
            result[key] = _encode(_merged(was, mine, value)) if clash and mine is not None else value
    for key in base:
        if key not in theirs:
            result.pop(key, None)
    return result


def changed(base: Shelf, now: Shelf) -> dict[str, Any]:
    """Give what differs from `base`, decoded."""
    return unshelve({key: value for key, value in now.items() if base.get(key) != value})


def _merged(base: bytes | None, ours: bytes, theirs: bytes) -> Any:
    return _united(None if base is None else _decode(base), _decode(ours), _decode(theirs))


def _united(base: Any, ours: Any, theirs: Any) -> Any:
    """Unite two changes of one value: contexts key by key, lists that both only grew one after the other."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        was = base if isinstance(base, dict) else {}
        result = dict(ours)
        for key, value in theirs.items():
            if key not in was or was[key] != value:
                known = key in ours and ours[key] not in (was.get(key), value)
                result[key] = _united(was.get(key), ours[key], value) if known else value
        return {key: value for key, value in result.items() if key in theirs or key not in was}
    if isinstance(base, list) and isinstance(ours, list) and isinstance(theirs, list):
        length = len(base)
        if ours[:length] == base == theirs[:length]:
            return [*ours, *theirs[length:]]
    return theirs
