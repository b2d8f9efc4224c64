"""What may be forgotten of a running tree: all that is finished and that nothing live will look at again.

History has its own record, so the tree keeps what decides the future and no more: the live tokens, the
structures that they stand in, and the places from where the changes of branches are measured. A finished run
of tasks, loop turn or scope leaves nothing but its data, which its live token carries; tokens that have come
to the end of a scope, and wait there for the others, are put together.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from service.engine.elements import Guard
from service.engine.gateways import EventGateway
from service.engine.tokens import HELD, merge
from service.engine.tree import Instance, Scope, Shelf, Token

_STRUCTURES = (
    Guard,
    EventGateway,
)  # what stands right below one of these looks at it and at its other children


@dataclass(eq=False, slots=True)
class Kept:
    """A task that is kept, below the one that it hangs below from now on (None: the root).

    `notes` is the bookkeeping of its element; that of a finished one is of no use any more, save the root's,
    where a level keeps its own.
    """

    task: Token
    above: "Kept | None"
    shelf: Shelf
    notes: dict[str, Any]
    below: list["Kept"] = field(default_factory=list)
    ended: "Kept | None" = None  # what stands for the tokens below it that have come to the end
    moves: bool = False  # something below it, or it itself, has not come to the end

    @property
    def held(self) -> bool:
        """Tell whether it is a token, not only a place where one was."""
        return bool(self.task._state & HELD)

    @property
    def measures(self) -> bool:
        """Tell whether an event on the side counts changes from its data."""
        return self.task.task_spec.keeps or any(child.task.task_spec.keeps for child in self.below)


def kept(scope: Scope | Instance) -> list[Kept]:
    """Return what is to be kept of `scope`: each task comes after the one that it hangs below.

    Live ones are in the order in which they became live.
    """
    needed = [] if scope.completed else [task for task in scope.tasks.values() if task._state & HELD]
    marked = {scope.task_tree.id, *(task.id for task in needed), *_structures(needed), *_measures(needed)}
    order = [task for task in scope.tasks.values() if task.id in marked and task.id not in scope.live]
    order += [task for task in scope.live.values() if task.id in marked]
    found: dict[UUID, Kept] = {}
    for task in order:
        above = next((found[each.id] for each in task.ancestors() if each.id in marked), None)
        notes = task.internal_data if task._state & HELD or above is None else {}
        found[task.id] = each = Kept(task, above, task.shelf(), notes)
        if above is not None:
            above.below.append(each)
    tree = list(found.values())
    return _with_ends_together(tree) if any(_has_ended(each) for each in tree) else tree


def _structures(needed: Iterable[Token]) -> set[UUID]:
    parents = (task.parent for task in needed)
    return {
        parent.id for parent in parents if parent is not None and isinstance(parent.task_spec, _STRUCTURES)
    }


def _measures(needed: Iterable[Token]) -> set[UUID]:
    """Find the tasks from whose data on changes are counted: where branches part, and events on the side."""
    found = set()
    through: dict[UUID, UUID] = {}  # a task above -> its child by which we came to it first
    for task in needed:
        child = task
        for ancestor in task.ancestors():
            if ancestor.id in through:
                if through[ancestor.id] != child.id:
                    found.add(ancestor.id)
                break
            through[ancestor.id] = child.id
            if ancestor.task_spec.keeps and ancestor.parent is not None:
                found |= {ancestor.id, ancestor.parent.id}
            child = ancestor
    return found


def _has_ended(each: Kept) -> bool:
    return each.held and each.task.task_spec is each.task.workflow.spec.end


def _with_ends_together(tree: list[Kept]) -> list[Kept]:
    """Let one token stand for all that have ended below a fork, as far down as its changes stay the same.

    The result is what `fold` would give in the end: what has ended comes before whatever still moves.
    """
    for each in reversed(tree):
        _gather(each)
    for each in _downwards(tree[0]):  # what was put together hangs below nothing any more
        _sink(each)
    for each in _downwards(tree[0]):
        _settle(each)
    ordered = _downwards(tree[0])
    live = tree[0].task.workflow.live
    place = {id: number for number, id in enumerate(live)}
    return sorted(ordered, key=lambda each: place.get(each.task.id, -1))


def _gather(each: Kept) -> None:
    """Put together what has ended below a place, in the order in which it ended."""
    each.moves = (each.held and not _has_ended(each)) or any(child.moves for child in each.below)
    if _has_ended(each):
        each.ended = each
        return
    parts = sorted((child.ended for child in each.below if child.ended and not child.moves), key=_rank)
    if not parts:
        return
    shelf = parts[0].shelf
    for part in parts[1:]:
        shelf = merge(each.shelf, shelf, part.shelf)
    if not each.moves and each.task.task_spec.keeps and each.above is not None:
        shelf = merge(each.shelf, each.above.shelf, shelf)
    each.ended = Kept(parts[-1].task, each, shelf, parts[-1].notes)
    each.below = [child for child in each.below if child.moves]


def _rank(each: Kept) -> int:
    rank: int = each.notes["order"]
    return rank


def _sink(each: Kept) -> None:
    """Hand what has ended to the next fork below, unless something on the way there touched the same."""
    if each.ended is None or _has_ended(each) or each.held or each.above is None or len(each.below) != 1:
        return
    fork = each.below[0]
    while len(fork.below) == 1 and fork.ended is None and not fork.held and not fork.measures:
        fork = fork.below[0]
    if (
        fork.held
        or fork.measures
        or _changes(each.shelf, each.ended.shelf) & _changes(each.shelf, fork.shelf)
    ):
        return
    shelf = merge(each.shelf, fork.shelf, each.ended.shelf)
    last = each.ended
    if fork.ended is not None:
        shelf = merge(fork.shelf, shelf, fork.ended.shelf)
        last = max(each.ended, fork.ended, key=_rank)
    fork.ended, each.ended = Kept(last.task, fork, shelf, last.notes), None


def _changes(base: Shelf, shelf: Shelf) -> set[str]:
    return {key for key in base.keys() | shelf.keys() if base.get(key) != shelf.get(key)}


def _settle(each: Kept) -> None:
    """Hang what has ended below its place if it changed anything; drop a place where nothing parts now."""
    ended, each.ended = each.ended, None
    if ended is not None and not _has_ended(each) and _changes(each.shelf, ended.shelf):
        each.below.append(ended)
    if each.above is None or each.held or each.measures or len(each.below) != 1:
        return
    above, below = each.above, each.below[0]
    above.below[above.below.index(each)] = below
    below.above = above


def _downwards(root: Kept) -> list[Kept]:
    found, waiting = [], [root]
    while waiting:
        each = waiting.pop()
        found.append(each)
        waiting.extend(reversed(each.below))
    return found
