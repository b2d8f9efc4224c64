"""Two at once: exactly one wins, the other learns who, and no case is harmed; on both databases."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
import structlog

from service import scheduler
from service.commands import cases, messages, tasks
from service.errors import Conflict, ServiceError
from service.models.cases import Answers, Draft, Task
from service.models.jobs import Job

ROOT = Path(__file__).parents[2]
WORDS = "Anna Ek skickade in "


@dataclass
class Outcome:
    """What one of several threads met, and when it was at work."""

    began: float
    ended: float = 0.0
    error: Exception | None = None


def at_once(*verbs, pause=lambda: 0.0):
    """Let each verb begin at the same moment in a thread of its own, or a little apart."""
    ready, outcomes = threading.Barrier(len(verbs)), {}

    def run(number, verb):
        ready.wait()
        time.sleep(pause())  # how far apart people press: part of what is tried, not waiting for something
        outcomes[number] = outcome = Outcome(time.perf_counter())
        try:
            verb()
        except ServiceError as error:
            outcome.error = error
        outcome.ended = time.perf_counter()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(verbs)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return [outcomes[number] for number in range(len(verbs))]


def overlap(outcomes):
    return max(each.began for each in outcomes) < min(each.ended for each in outcomes)


def submit(desk, task, who="anna"):
    def verb():
        with desk.begin(who) as work:
            tasks.complete(work, task, answers={"what": "sten"})

    return verb


@pytest.mark.parametrize("people", [2, 4, 16])
def test_of_several_submits_of_a_task_exactly_one_wins(desk, people):
    overlapped = 0
    for _ in range(5):
        case = desk.start()
        task = desk.claim(case, "ask")
        outcomes = at_once(*[submit(desk, task)] * people)
        errors = [each.error for each in outcomes if each.error is not None]
        assert len(errors) == people - 1
        assert all(isinstance(each, Conflict) and each.message.startswith(WORDS) for each in errors)
        assert [kind for kind, *_ in desk.story(case)].count("task.completed") == 1
        assert set(desk.open(case)) == {"check"}
        overlapped += overlap(outcomes)
    assert overlapped >= 4


def test_of_several_who_take_a_task_exactly_one_has_it(desk):
    for _ in range(10):
        case = desk.start()
        task = desk.open(case)["ask"]

        def claim(who, task=task):
            def verb():
                with desk.begin(who) as work:
                    tasks.claim(work, task)

            return verb

        outcomes = at_once(claim("anna"), claim("kim"), claim("bo"))
        winners = [who for who, each in zip(("anna", "kim", "bo"), outcomes, strict=True) if not each.error]
        assert len(winners) == 1
        assert [event for event in desk.story(case) if event[0] == "task.claimed"] == [
            ("task.claimed", winners[0], "ask")
        ]


def test_a_submit_and_the_timer_that_takes_the_task_away_do_not_both_happen(desk):
    ways = Counter()
    with structlog.testing.capture_logs():
        for number in range(16):
            case = desk.start("reminded")
            task = desk.claim(case, "do")
            with desk.begin("system") as work:
                for job in work.session.scalars(sa.select(Job).where(Job.case_id == case)):
                    job.run_at = job.due_at = work.now
                    if job.element == "reminder":
                        work.session.delete(job)
            verbs = [submit(desk, task), lambda: scheduler.tick(desk.platform)]
            at_once(*(verbs if number % 2 else reversed(verbs)), pause=lambda: random.uniform(0, 0.004))  # noqa: S311
            kinds = Counter(kind for kind, *_ in desk.story(case))
            assert kinds["task.completed"] + kinds["task.cancelled"] == 1
            assert kinds["timer.fired"] == kinds["task.cancelled"]
            ways["task.completed" if kinds["task.completed"] else "timer.fired"] += 1
    assert sum(ways.values()) == 16


def test_a_submit_and_a_cancelled_case_do_not_both_happen(desk):
    for _ in range(8):
        case = desk.start()
        task = desk.claim(case, "ask")

        def cancel(case=case):
            with desk.begin("bo") as work:
                cases.cancel(work, case, reason="Fel person")

        submitted, cancelled = at_once(submit(desk, task), cancel)
        assert cancelled.error is None
        kinds = Counter(kind for kind, *_ in desk.story(case))
        assert kinds["task.completed"] == (submitted.error is None)
        assert desk.open(case) == {}


def test_a_draft_does_not_outlive_its_task(desk):
    for _ in range(8):
        case = desk.start()
        task = desk.claim(case, "ask")

        def save(task=task):
            with desk.begin() as work:
                tasks.save_draft(work, task, data={"what": "st"})

        at_once(submit(desk, task), save, save)
        with desk.begin("system") as work:
            assert work.session.scalars(sa.select(Draft)).all() == []


def test_a_message_that_comes_twice_at_once_is_delivered_once(desk):
    for _ in range(8):
        case = desk.start("waiting")

        def deliver(case=case):
            with desk.begin() as work:
                messages.deliver(work, "answer", case_id=case, data={})

        outcomes = at_once(deliver, deliver, deliver)
        assert sum(each.error is None for each in outcomes) == 1
        assert [kind for kind, *_ in desk.story(case)].count("message.delivered") == 1


def test_people_and_schedulers_on_the_same_cases_do_not_stop_each_other(desk):
    """Timers and submits hit the same cases from all sides: no deadlock, no failed job, all chains whole."""
    every = [desk.start("reminded") for _ in range(12)]
    mine = {case: desk.claim(case, "do") for case in every}
    with desk.begin("system") as work:
        for job in work.session.scalars(sa.select(Job)):
            job.run_at = work.now
    parts = [list(mine.values())[part::3] for part in range(3)]

    def person(part):
        def verb():
            for task in part:
                try:
                    submit(desk, task)()
                except Conflict:
                    continue

        return verb

    with structlog.testing.capture_logs() as logs:
        ticks = [lambda: scheduler.tick(desk.platform)] * 2
        outcomes = at_once(*map(person, parts), *ticks)
    assert [each.error for each in outcomes if each.error] == []
    assert [line for line in logs if line["event"] == "a job failed"] == []
    for case in every:
        told = Counter((kind, element) for kind, _, element in desk.story(case))
        assert told["task.completed", "do"] + told["task.cancelled", "do"] == 1
        assert max(told["timer.fired", "reminder"], told["timer.fired", "too_late"]) <= 1


STUCK = """
import sys
from uuid import UUID
import sqlalchemy as sa
from service import config
from service.commands import people, tasks
from service.rules.permissions import SYSTEM
from service.work import open_platform

with open_platform(config.load()).begin(SYSTEM) as work:
    work.actor = people.actor(work, username="anna")
    tasks.complete(work, UUID(sys.argv[1]), answers={"what": "sten"})
    work.session.scalar(sa.select(1))  # all of it is sent, nothing is committed
    print("stuck", flush=True)
    sys.stdin.read()
"""


def test_a_worker_killed_in_the_middle_leaves_no_lock_behind(desk, settings):
    case = desk.start()
    task = desk.claim(case, "ask")
    before = desk.story(case)
    given = {"ANDRUM_DATA_DIR": settings.data_dir, "ANDRUM_DATABASE_URL": settings.database_url}
    worker = subprocess.Popen(
        [sys.executable, "-c", STUCK, str(task)],
        cwd=ROOT,
        env={**os.environ, **given},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with worker:
        assert worker.stdout.readline() == b"stuck\n"
        worker.kill()
    assert worker.returncode == -signal.SIGKILL
    assert desk.story(case) == before
    began = time.perf_counter()
    submit(desk, task)()
    assert time.perf_counter() - began < 1
    assert [kind for kind, *_ in desk.story(case)].count("task.completed") == 1


@pytest.mark.slow
def test_a_thousand_double_submits_up_to_fifty_milliseconds_apart_harm_no_case(desk, kind, capsys):
    rounds, overlapped, told = 1000, 0, Counter()
    began = time.perf_counter()
    for _ in range(rounds):
        case = desk.start()
        task = desk.claim(case, "ask")
        outcomes = at_once(*[submit(desk, task)] * 2, pause=lambda: random.uniform(0, 0.05))  # noqa: S311
        errors = [each.error for each in outcomes if each.error is not None]
        told["won"] += 2 - len(errors)
        told["told who won"] += sum(each.message.startswith(WORDS) for each in errors)
        overlapped += overlap(outcomes)
    with desk.begin("system") as work:
        told["answers kept"] = work.session.scalar(sa.select(sa.func.count()).select_from(Answers))
        every = work.session.scalars(sa.select(Task.case_id).distinct()).all()
    for case in every:
        kinds = Counter(kind for kind, *_ in desk.story(case))
        told["whole"] += kinds["task.completed"] == 1
    with capsys.disabled():
        print(f"\n{kind}: {dict(told)}, {overlapped} overlapped, {time.perf_counter() - began:.0f} s")  # noqa: T201
    assert told == dict.fromkeys(("won", "told who won", "answers kept", "whole"), rounds)
    assert overlapped > rounds // 10
