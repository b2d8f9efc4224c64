"""Every call to the database fails once: nothing is half done, and the next try works.

Of each verb the calls are counted: beginning, each statement, commit. Then each of them fails in turn: before
it is executed, after it was executed, and with an error that is not the database's. The whole database must
stand as before, except where a commit was executed and its answer lost; there the same key gives the answer.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO

import pytest
import sqlalchemy as sa

from service.commands import jobs
from service.errors import Unavailable
from service.models.base import Base
from service.models.cases import Case
from service.models.jobs import Job

pytestmark = pytest.mark.parametrize("kind", ["sqlite"])
BEFORE, AFTER, OURS = "before", "after", "ours"
LOST = sqlite3.OperationalError("disk I/O error")


class MistakeError(Exception):
    """An error of the service itself."""


@dataclass
class Faults:
    """The database's calls, counted; one of them fails."""

    engine: sa.Engine
    how: str = ""
    at: int = 0  # the number of the call that fails; 0: none
    calls: list[str] = field(default_factory=list)

    def meet(self, what: str, execute: Callable[[], None]) -> bool:
        self.calls.append(what)
        if len(self.calls) != self.at:
            execute()
            return True
        if self.how == OURS:
            raise MistakeError
        if self.how == AFTER:
            execute()
        raise LOST


@contextmanager
def failing(engine: sa.Engine, how: str = "", at: int = 0) -> Iterator[Faults]:
    """Let one call of the driver fail while this is entered."""
    faults, commit = Faults(engine, how, at), engine.dialect.do_commit
    listeners = {
        "do_execute": lambda cursor, text, given, _: faults.meet(text, lambda: cursor.execute(text, given)),
        "do_execute_no_params": lambda cursor, text, _: faults.meet(text, lambda: cursor.execute(text)),
        "do_executemany": lambda cursor, text, given, _: faults.meet(
            text, lambda: cursor.executemany(text, given)
        ),
    }
    for name, listener in listeners.items():
        sa.event.listen(engine, name, listener)
    engine.dialect.do_commit = lambda connection: faults.meet("COMMIT", lambda: commit(connection))
    try:
        yield faults
    finally:
        del engine.dialect.do_commit
        for name, listener in listeners.items():
            sa.event.remove(engine, name, listener)


def stored(engine: sa.Engine) -> dict[str, list[str]]:
    """Everything in the database."""
    with engine.connect() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(sa.select(table)).all()))
            for table in Base.metadata.sorted_tables
            if table.name not in {"definition", "deployment", "deployment_content"}
        }


@dataclass(frozen=True)
class Verb:
    """One request, and what it leaves behind in the history of its case."""

    path: str
    body: dict | Callable | None
    leaves: Counter


def start(desk) -> Verb:
    del desk
    return Verb("cases", {"process": "reminded", "unit": "norrmalm"}, Counter({"case.opened": 1}))


def claim(desk) -> Verb:
    task = desk.open(desk.start("reminded"))["do"]
    return Verb(f"tasks/{task}/claim", None, Counter({"task.claimed": 1}))


def complete(desk) -> Verb:
    case = desk.start("reminded")
    task = desk.claim(case, "do")
    return Verb(
        f"tasks/{task}/complete", {"data": {"what": "sten"}}, Counter({"task.completed": 1, "case.closed": 1})
    )


def complete_and_open(desk) -> Verb:
    task = desk.claim(desk.start("two_steps"), "ask")
    return Verb(
        f"tasks/{task}/complete", {"data": {"what": "sten"}}, Counter({"task.completed": 1, "task.opened": 2})
    )


def deliver(desk) -> Verb:
    case = str(desk.start("waiting"))
    return Verb("messages", {"name": "answer", "case": case}, Counter({"message.delivered": 1}))


def add_document(desk) -> Verb:
    def parts():
        return {"file": (BytesIO(b"%PDF-1.7 intyg"), "intyg.pdf")}

    return Verb(f"cases/{desk.start('reminded')}/documents", parts, Counter({"document.added": 1}))


VERBS = [start, claim, complete, complete_and_open, deliver, add_document]


@pytest.mark.parametrize("prepare", VERBS)
def test_whatever_call_fails_nothing_is_half_done_and_the_next_try_works(desk, anna, prepare):
    desk.do(desk.start(), "ask")  # what is read once in a process has been read
    engine, verb = desk.platform.engine, prepare(desk)

    def send(key):
        return anna.post(verb.path, verb.body, Idempotency_Key=key)

    number = how_many(engine, anna, prepare(desk))
    before, met = stored(engine), Counter()
    for how in (BEFORE, AFTER, OURS):
        for at in range(1, number + 1):
            if how == AFTER and at == number:
                continue  # the commit was executed: below
            with failing(engine, how, at) as faults:
                answer = send("try")
            assert answer.status_code == (500 if how == OURS else 503), (how, at, answer.text)
            assert len(faults.calls) == at, (how, at, faults.calls)
            assert stored(engine) == before, (how, at, faults.calls[-1])
            met[how] += 1
    assert met == {BEFORE: number, AFTER: number - 1, OURS: number}
    with failing(engine, AFTER, number):
        assert send("try").status_code == 503  # done, but nobody could say so
    done = stored(engine)
    assert done != before
    answer = send("try")
    assert (answer.status_code // 100, answer.headers["Idempotent-Replayed"]) == (2, "true"), answer.text
    assert stored(engine) == done
    assert_left_behind(desk, verb)


def how_many(engine, caller, verb):
    """How many calls of the database a verb takes, with an Idempotency-Key."""
    with failing(engine) as faults:
        answer = caller.post(verb.path, verb.body, Idempotency_Key="count")
    assert answer.status_code // 100 == 2, answer.text
    assert faults.calls[-1] == "COMMIT"
    return len(faults.calls)


def assert_left_behind(desk, verb):
    """The newest case to change has in its history exactly once what the verb does."""
    with desk.begin("system") as work:
        every = work.session.scalars(sa.select(Case.id)).all()
    stories = [Counter(kind for kind, *_ in desk.story(case)) for case in every]  # all chains are verified
    assert any(verb.leaves.items() <= each.items() for each in stories), stories
    assert all(each["task.completed"] <= 1 for each in stories)


@pytest.mark.parametrize("prepare", VERBS)
def test_the_next_try_works_at_once_after_each_single_fault(desk, anna, prepare):
    """One fresh case for each call that fails."""
    desk.do(desk.start(), "ask")
    engine = desk.platform.engine
    number = how_many(engine, anna, prepare(desk))
    for at in range(1, number + 1):
        verb = prepare(desk)
        with failing(engine, AFTER, at):
            assert anna.post(verb.path, verb.body, Idempotency_Key=f"try {at}").status_code == 503
        answer = anna.post(verb.path, verb.body, Idempotency_Key=f"try {at}")
        assert answer.status_code // 100 == 2, (at, answer.text)
        assert answer.headers.get("Idempotent-Replayed") == ("true" if at == number else None)
    assert_left_behind(desk, verb)


def test_whatever_call_fails_a_timer_is_not_half_fired_and_goes_off_next_time(desk):
    engine = desk.platform.engine
    counting, case = desk.start("reminded"), desk.start("reminded")
    with desk.begin("system") as work:
        due = work.session.scalars(sa.select(Job).where(Job.element == "reminder")).all()
        for job in due:
            job.run_at = job.due_at = work.now - timedelta(minutes=1)
        job_of = {job.case_id: job.id for job in due}
    with desk.begin("system") as work:
        lease = jobs.lease(work, worker="w")

    def fire(case):
        with desk.begin("system") as work:
            return jobs.fire(work, job_of[case], lease)

    with failing(engine) as faults:
        assert fire(counting) is True
    number, before = len(faults.calls), stored(engine)
    for at in range(1, number + 1):
        for how in (BEFORE, AFTER, OURS) if at < number else (BEFORE, OURS):
            with (
                failing(engine, how, at) as faults,
                pytest.raises(MistakeError if how == OURS else Unavailable),
            ):
                fire(case)
            assert len(faults.calls) == at
            assert stored(engine) == before, (how, at, faults.calls[-1])
    with failing(engine, AFTER, number), pytest.raises(Unavailable):
        fire(case)  # it went off, but nobody could say so
    assert fire(case) is False
    assert [kind for kind, *_ in desk.story(case)].count("timer.fired") == 1
