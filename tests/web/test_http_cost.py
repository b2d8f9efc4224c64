"""What completing a task costs the database, counted over HTTP: at most 15 statements, one commit."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlalchemy as sa
from filling import filled

from service.commands import deployments, people, tasks
from service.engine import workflow
from service.errors import Forbidden
from service.models.cases import Task

ROOT = Path(__file__).parents[2]
V1 = "/api/v1"
BUDGET = 15


@dataclass
class Counted:
    """What went to the database."""

    statements: list[str] = field(default_factory=list)
    commits: int = 0

    def told(self) -> str:
        return "\n".join([f"{len(self.statements)} statements, {self.commits} commits", *self.statements])


@contextmanager
def counting(engine) -> Iterator[Counted]:
    found = Counted()

    def executed(_connection, _cursor, statement, *_):
        if not statement.startswith("BEGIN"):
            found.statements.append(" ".join(statement.split()[:8]))

    def committed(_connection):
        found.commits += 1

    listeners = {"before_cursor_execute": executed, "commit": committed}
    for name, listener in listeners.items():
        sa.event.listen(engine, name, listener)
    try:
        yield found
    finally:
        for name, listener in listeners.items():
            sa.event.remove(engine, name, listener)


@pytest.fixture
def secret(desk):
    """A token of anna's."""
    with desk.begin("sam") as work:
        return people.token(work, username="anna")


@pytest.fixture
def drafted(desk):
    """Take a task on which something has been typed; definitions are parsed already."""

    def make(process: str):
        desk.do(desk.start(), "ask")
        case = desk.start(process)
        task = desk.claim(case, next(iter(desk.open(case))))
        with desk.begin() as work:
            tasks.save_draft(work, task, data={"what": "st"})
        return task

    return make


def within_budget(counted: Counted) -> None:
    assert counted.commits == 1, counted.told()
    assert 5 < len(counted.statements) <= BUDGET, counted.told()


PROCESSES = pytest.mark.parametrize("process", ["two_steps", "reminded", "overdue"])


@PROCESSES
@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "one"}], ids=["plain", "with a key"])
def test_the_api_completes_a_task_with_few_statements(service, platform, drafted, secret, process, headers):
    task, client = drafted(process), service.test_client()
    headers = {"Authorization": f"Bearer {secret}", **headers}
    with counting(platform.engine) as counted:
        answer = client.post(f"{V1}/tasks/{task}/complete", json={"data": {"what": "sten"}}, headers=headers)
    assert answer.status_code == 200, answer.text
    within_budget(counted)


@PROCESSES
def test_the_page_completes_a_task_with_few_statements(window, platform, drafted, process):
    task, anna = drafted(process), window("anna")
    csrf = anna.csrf()
    with counting(platform.engine) as counted:
        answer = anna.post(f"/tasks/{task}/complete", csrf=csrf, what="sten")
    assert answer.status_code == 303, answer.text
    within_budget(counted)


@pytest.mark.parametrize("with_key", [False, True], ids=["plain", "with a key"])
def test_the_services_own_case_stays_within_the_budget_at_every_task(service, desk, with_key):
    """Also where six rights begin at once, and where a form depends on what the case knows."""
    with desk.begin("system") as work:
        deployments.deploy(work, files=deployments.read_folder(ROOT), note="Alla egna processer")
    with desk.begin("sam") as work:
        secrets = {who: people.token(work, username=who) for who in ("anna", "kim", "bo")}
    case, client, counts = desk.start("case"), service.test_client(), {}
    for _ in range(12):
        element, who, task, answers = someone_takes(desk, case, before=counts)
        headers = {"Authorization": f"Bearer {secrets[who]}"}
        headers |= {"Idempotency-Key": str(task)} if with_key else {}
        with counting(desk.platform.engine) as counted:
            answer = client.post(f"{V1}/tasks/{task}/complete", json={"data": answers}, headers=headers)
        assert answer.status_code == 200, answer.text
        within_budget(counted)
        counts[element] = len(counted.statements)
    assert len(counts) >= 8, counts
    desk.story(case)


def someone_takes(desk, case, *, before):
    """Let the first person who may take an open task, best a new one; give element, person, task, answers."""
    for element in sorted(desk.open(case), key=lambda each: each in before):
        for who in ("anna", "kim", "bo"):
            try:
                task = desk.claim(case, element, who)
            except Forbidden:
                continue
            return element, who, task, answered(desk, task)
    pytest.fail("nobody may do anything")


def answered(desk, task):
    with desk.begin("system") as work:
        row = work.session.get_one(Task, task)
        case, (instance,) = work.lock(row.case_id)
        definition = work.definition(instance.deployment_id)
        form = definition.forms[definition.processes[row.process].elements[row.element].form]
        data = workflow.task_data(definition, work.snapshot(case, instance), task=task)
        return filled(form, moment=work.moment, data=data)
