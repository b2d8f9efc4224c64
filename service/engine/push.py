"""One push of an instance as its elements see it: the moment, the agenda, the notes that become the Step."""

from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from service.engine import expressions, timing
from service.engine.decisions import Decision as Table
from service.engine.decisions import decide
from service.engine.expressions import Moment
from service.engine.step import Decision, Milestone, Place
from service.engine.tokens import owner
from service.engine.tree import Token
from service.errors import StepFailed

MOST_STEPS = 1_000
MOST_INSTANCES = 500
MOST_CALLS = 5


class Push:
    """What one push has to do and what it has done. Stands where SpiffWorkflow wants a script engine."""

    def __init__(self, decisions: Mapping[str, Table], moment: Moment) -> None:
        self.tables = decisions
        self.moment = moment
        self.agenda: deque[Token] = deque()
        self.passed: list[Place] = []
        self.milestones: list[Milestone] = []
        self.decisions: list[Decision] = []
        self.element: str | None = None  # that is being run
        self.steps = 0

    def evaluate(self, expression: str, data: Mapping[str, Any]) -> Any:
        """Evaluate FEEL over some data."""
        return expressions.evaluate(expression, data, moment=self.moment)

    def holds(self, condition: str, data: Mapping[str, Any]) -> bool:
        """Tell whether a condition is true; null is not. Anything but true, false and null is a mistake."""
        value = self.evaluate(condition, data)
        if value is not None and not isinstance(value, bool):
            raise StepFailed(f"The condition “{condition}” came to something that is neither true nor false.")
        return value is True

    def instant(self, expression: str, data: Mapping[str, Any], *, end_of_day: bool = False) -> datetime:
        """Work out the instant, in UTC, that a timer or a `due` means."""
        value = timing.literal(expression) or self.evaluate(expression, data)
        return expressions.instant(value, moment=self.moment, end_of_day=end_of_day)

    def counts(self, token: Token) -> None:
        """Note where the time of a task or a timer begins, when its diagram says so."""
        begins = token.task_spec.node.element.counts_from
        value = self.evaluate(begins, token.data) if begins else None
        if value is not None:
            at = expressions.instant(value, moment=self.moment, start_of_day=True)
            token.internal_data["counts_from"] = at.isoformat()

    def cycle(self, expression: str, data: Mapping[str, Any]) -> timing.Cycle:
        """Work out the rhythm that a timer means, like R3/PT24H."""
        value = timing.literal(expression) or self.evaluate(expression, data)
        return timing.cycle(value, moment=self.moment)

    def note(self, token: Token) -> None:
        """Write down that an element was passed."""
        self.passed.append(place(token))

    def reach(self, token: Token) -> None:
        """Write down the milestone of an element, if it has one."""
        milestone = token.task_spec.node.element.milestone
        if milestone:
            self.milestones.append(Milestone(milestone, place(token)))

    def decide(self, token: Token, key: str, data: Mapping[str, Any]) -> Any:
        """Ask a decision table and write down what it said."""
        decided = decide(self.tables, key, data, moment=self.moment)
        here = place(token)
        for hit in decided.tables:
            self.decisions.append(Decision(here, hit.table, hit.rules, dict(hit.inputs), decided.outcome))
        return decided.outcome

    def at(self, element: str | None) -> None:
        """Note which element is being run."""
        self.element = element or self.element

    def count(self) -> None:
        """Count one more step of the engine; raise StepFailed where the process runs in circles."""
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise StepFailed(f"The process took {MOST_STEPS} steps without stopping: it runs in circles.")


def place(token: Token) -> Place:
    """Tell where a token stands; the right comes from the nearest element around it that names one."""
    element = token.task_spec.node.element
    right, scope = element.right, token.workflow
    while right is None and (above := owner(scope)) is not None:
        right, scope = above.task_spec.node.element.right, above.workflow
    return Place(element.process, element.id, right)
