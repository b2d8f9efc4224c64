"""What may be forgotten of a running tree: all that is finished and that nothing live will look at again.

History has its own record, so the tree keeps what decides the future and no more: the live tokens, the
structures that they stand in, and the places where two of them parted (a join merges what each changed since
then). A finished run of tasks, loop turn or scope leaves nothing but its data, which its live token carries.
"""

from collections.abc import Iterable, Iterator
from uuid import UUID

from SpiffWorkflow.bpmn.specs.control import BoundaryEventJoin, EventSplit
from SpiffWorkflow.specs.Join import Join
from SpiffWorkflow.util.task import TaskState

from service.engine.tree import LIVE, Instance, Scope, Token


def kept(scope: Scope | Instance) -> list[tuple[Token, Token | None]]:
    """Return the tasks of `scope` to keep, each with the kept one that it now hangs below (None: the root).

    Finished ones come first, from the root down; then the live ones in the order in which they became live.
    """
    needed = {task.id: task for task in _needed(scope)}
    marked = needed.keys() | _forks(needed.values())
    order = [task for task in scope.tasks.values() if task.id in marked and task.id not in scope.live]
    order += [task for task in scope.live.values() if task.id in marked]
    return [(task, next((each for each in task.ancestors() if each.id in marked), None)) for task in order]


def _needed(scope: Scope | Instance) -> Iterator[Token]:
    """Give the live tasks and those that their specs will ask for."""
    yield scope.task_tree
    for task in scope.tasks.values():
        if not _is_live(task):
            continue
        yield task
        parent = task.parent
        if parent is not None and isinstance(parent.task_spec, EventSplit):
            yield parent
        split_name = task.task_spec.split_task if isinstance(task.task_spec, Join) else None
        if split_name is not None and (split := task.find_ancestor(split_name)):
            yield split
            yield from split.children


def _is_live(task: Token) -> bool:
    if task._state & LIVE:
        # A boundary join that waits holds no token: the one below the main activity does the work.
        return not (task._state == TaskState.WAITING and isinstance(task.task_spec, BoundaryEventJoin))
    # Reached, though its turn to begin has not come: only between two steps of the engine.
    return (
        task._state == TaskState.FUTURE
        and task.parent is not None
        and task.parent._state >= TaskState.COMPLETED
    )


def _forks(needed: Iterable[Token]) -> set[UUID]:
    """Find the tasks below which needed ones lie on more than one side."""
    forks = set()
    through: dict[UUID, UUID] = {}  # a task above -> its child by which we came to it first
    for task in needed:
        child = task
        for ancestor in task.ancestors():
            if ancestor.id in through:
                if through[ancestor.id] != child.id:
                    forks.add(ancestor.id)
                break
            through[ancestor.id] = child.id
            child = ancestor
    return forks
