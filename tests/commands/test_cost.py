"""What a command costs: SQL statements and commits, counted on both databases."""

from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa
from filling import filled

from service.commands import deployments, idempotency, people, tasks
from service.errors import Forbidden
from service.models.cases import Task

ROOT = Path(__file__).parents[2]

BUDGET = 11  # statements of the command alone
REQUEST = 15  # statements of a whole request, with identification and Idempotency-Key


class Counting:
    """Counts what goes to the database while it is entered."""

    def __init__(self, engine):
        self.engine, self.statements, self.commits = engine, [], 0

    def __enter__(self):
        sa.event.listen(self.engine, "before_cursor_execute", self._executed)
        sa.event.listen(self.engine, "commit", self._committed)
        return self

    def __exit__(self, *_):
        sa.event.remove(self.engine, "before_cursor_execute", self._executed)
        sa.event.remove(self.engine, "commit", self._committed)

    def _executed(self, *told):
        statement = told[2]
        if not statement.startswith("BEGIN"):
            self.statements.append(" ".join(statement.split()[:6]))

    def _committed(self, *_):
        self.commits += 1


@pytest.fixture
def warm(desk):
    """Definitions are parsed once in a process: not part of what a request costs."""
    desk.do(desk.start(), "ask")
    return desk


@pytest.mark.parametrize("process", ["two_steps", "reminded", "overdue"])
def test_completing_a_task_takes_few_statements_and_one_commit(warm, process):
    case = warm.start(process)
    element = next(iter(warm.open(case)))
    task = warm.claim(case, element)
    with warm.begin() as work:
        tasks.save_draft(work, task, data={"what": "st"})
    with Counting(warm.platform.engine) as counted, warm.begin() as work:
        tasks.complete(work, task, answers={"what": "sten"})
    assert counted.commits == 1
    assert len(counted.statements) <= BUDGET, "\n".join(counted.statements)
    assert len(counted.statements) > 5  # it did count


def test_a_whole_request_stays_below_fifteen(warm):
    case = warm.start()
    task = warm.claim(case, "ask")
    with warm.begin() as work:
        secret = people.token(work, username="anna")
        tasks.save_draft(work, task, data={"what": "st"})
    with Counting(warm.platform.engine) as counted, warm.begin("system") as work:
        work.actor = people.resume(work, secret=secret)
        assert idempotency.recall(work, key="k", digest="d") is None
        tasks.complete(work, task, answers={"what": "sten"})
        idempotency.keep(work, key="k", status=200, body=b"{}")
    assert counted.commits == 1
    assert len(counted.statements) <= REQUEST, "\n".join(counted.statements)


def test_the_cost_does_not_grow_with_the_history(warm):
    case = warm.start("rhythm")
    counts = Counter()
    for turn in range(3):
        task = warm.claim(case, "do")
        with Counting(warm.platform.engine) as counted, warm.begin() as work:
            tasks.save_draft(work, task, data={"what": str(turn)})
        counts[len(counted.statements)] += 1
    assert max(counts) <= 6


def whoever_may(desk, case, element):
    """Let the first person who may take the task do so."""
    for who in ("anna", "kim", "bo"):
        try:
            return who, desk.claim(case, element, who)
        except Forbidden:
            continue
    pytest.fail(f"nobody may do {element}")


def test_a_case_on_the_services_own_processes_stays_within_the_budget_at_every_task(desk):
    with desk.begin("system") as work:
        deployments.deploy(work, files=deployments.read_folder(ROOT), note="Alla egna processer")
        definition = work.definition(deployments.in_force(work))
    case, counts = desk.start("case"), {}
    for _ in range(12):
        for element in desk.open(case):
            who, task = whoever_may(desk, case, element)
            with desk.begin("system") as work:
                process = work.session.get_one(Task, task).process
                form = definition.forms[definition.processes[process].elements[element].form]
                answers = filled(form, moment=work.moment)
            with Counting(desk.platform.engine) as counted, desk.begin(who) as work:
                tasks.complete(work, task, answers=answers)
            counts[element] = len(counted.statements)
            assert counted.commits == 1
            break
    assert len(counts) >= 5
    assert max(counts.values()) <= BUDGET + 2, counts  # a step that takes other tasks and timers away
    desk.story(case)
