"""What may be forgotten of a running tree: all that is finished and that nothing live will look at again.

History has its own record, so the tree keeps what decides the future and no more: the live tokens, the
structures that they stand in, and the places from where the changes of branches are measured. A finished run
of tasks, loop turn or scope leaves nothing but its data, which its live token carries.
"""

from collections.abc import Iterable
from uuid import UUID

from service.engine.elements import Guard
from service.engine.gateways import EventGateway
from service.engine.tokens import HELD
from service.engine.tree import Instance, Scope, Token

_STRUCTURES = (
    Guard,
    EventGateway,
)  # what stands right below one of these looks at it and at its other children


def kept(scope: Scope | Instance) -> list[tuple[Token, Token | None]]:
    """Return the tasks of `scope` to keep, each with the kept one that it now hangs below (None: the root).

    A task comes after the one that it hangs below; live ones are in the order in which they became live.
    """
    needed = [] if scope.completed else [task for task in scope.tasks.values() if task._state & HELD]
    marked = {scope.task_tree.id, *(task.id for task in needed), *_structures(needed), *_measures(needed)}
    order = [task for task in scope.tasks.values() if task.id in marked and task.id not in scope.live]
    order += [task for task in scope.live.values() if task.id in marked]
    return [(task, next((each for each in task.ancestors() if each.id in marked), None)) for task in order]


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
