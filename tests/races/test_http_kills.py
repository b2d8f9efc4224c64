"""Workers are killed at random while requests stream in: what was acknowledged stands, nothing is locked.

Tasks are taken and completed, half of the cases by two clients, each request with an Idempotency-Key. A
client that gets no answer asks again with the same key until it has one. Afterwards, of each request that was

- acknowledged: its effect is in state and history exactly once, and its key still gives the first answer;
- refused: there is no trace;
- unknown: there is one effect or none, and the repeated request was told which;

and every chain is whole and ends at the stored state.
"""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
import pytest
import sqlalchemy as sa
from servers import Answer, Client, Server, serving, together

from service.commands import people
from service.models.cases import Answers, Case, Task
from service.models.history import HistoryEvent
from service.vault import SALT

CLIENTS = 4
BACK = 2.0  # seconds within which the next action works, the start of the next worker included
CROWDED = 5  # times as long, where other tests run beside this one
ASKED_AGAIN = 100  # acknowledged requests that are sent once more at the end


@dataclass
class Request:
    """One request as its client knows it: what was sent, and all that was answered."""

    client: Client
    case: UUID
    task: UUID
    verb: str
    answers: list[Answer] = field(default_factory=list)

    @property
    def key(self) -> str:
        return f"{self.verb}-{self.client.number}-{self.task}"

    @property
    def status(self) -> int:
        return self.answers[-1].status

    def send(self) -> Answer:
        body = {"data": {"what": self.key}} if self.verb == "complete" else None
        self.answers.append(self.client.post(f"tasks/{self.task}/{self.verb}", body, key=self.key))
        return self.answers[-1]


@dataclass
class Stream:
    """All requests, and the kills that met them."""

    server: Server
    chance: random.Random
    mark: Callable[[], Any]  # changes with each commit
    every: list[Request] = field(default_factory=list)
    kills: list[float] = field(default_factory=list)

    def work(self, client, jobs):
        """Do one client's share, and ask again where nobody answered."""
        for case, task in jobs:
            for verb in ("claim", "complete"):
                request = Request(client, case, task, verb)
                self.every.append(request)
                while request.send().is_unknown:
                    assert len(request.answers) < 100, request.answers

    def kill(self, kills, operations):
        """Kill a worker now and then, spread over the stream: anywhere in a request, or about its commit."""
        every = operations / (kills + 1)
        for number in range(kills):
            then = every * (number + self.chance.uniform(0.5, 1))
            while len(self.every) < then:
                time.sleep(0.001)  # the stream has its own pace
            if number % 2:
                self.wait_for_a_commit()
                time.sleep(self.chance.uniform(0, 0.002))
            else:
                time.sleep(self.chance.uniform(0, 0.03))
            self.kills.append(self.server.kill_a_worker(self.chance))

    def wait_for_a_commit(self):
        before, until = self.mark(), time.monotonic() + 5
        while self.mark() == before and time.monotonic() < until:
            time.sleep(0.0001)

    def answers(self):
        return [answer for request in self.every for answer in request.answers]

    def hits(self):
        """How many kills hit a request under way: one that was sent before and never answered."""
        lost = [each for each in self.answers() if each.status == 0]
        return sum(any(each.began <= kill <= each.ended for each in lost) for kill in self.kills)

    def longest_rest(self):
        """The longest time from a kill to the first answer to a request sent after it, in seconds."""
        later = [each for each in self.answers() if not each.is_unknown]
        return max(
            min((each.ended for each in later if each.began > kill), default=kill) - kill
            for kill in self.kills
        )


@pytest.mark.parametrize(
    ("operations", "kills"), [(160, 3), pytest.param(2000, 20, marks=pytest.mark.slow)], ids=["short", "long"]
)
def test_killed_workers_lose_nothing_double_nothing_and_leave_nothing_locked(
    desk, settings, kind, tmp_path, operations, kills, capsys
):
    seed = random.randrange(10**6)  # noqa: S311  no secret: it is printed, so that a run can be repeated
    with desk.begin("sam") as work:
        secrets = [people.token(work, username="anna") for _ in range(CLIENTS)]
    shares = shared_out(desk, operations)
    with serving(settings, tmp_path) as server, marks(settings, kind) as mark:
        stream = Stream(server, random.Random(seed), mark)  # noqa: S311
        clients = [Client(server, secret, number) for number, secret in enumerate(secrets)]
        killer = threading.Thread(target=stream.kill, args=(kills, operations))
        killer.start()
        together(*(lambda each=each: stream.work(*each) for each in zip(clients, shares, strict=True)))
        killer.join()
        again(stream)
        for each in clients:
            each.close()
    counts = Counter()
    for case in {request.case for request in stream.every}:
        counts += checked(desk, case, [each for each in stream.every if each.case == case])
    rest, hits = stream.longest_rest(), stream.hits()
    with capsys.disabled():
        print(  # noqa: T201
            f"\n{kind}: {len(stream.every)} requests, {kills} kills, {hits} hit requests under way,"
            f" longest rest {rest:.2f} s, {dict(counts)}, seed {seed}"
        )
    assert (len(stream.every), len(stream.kills)) == (operations, kills), seed
    assert hits >= kills * 0.9 - 1, seed
    assert counts["unknown: not done"] > 0, seed
    if kills > 10:
        assert counts["unknown: done"] > 0, seed
    assert rest < (BACK if kills > 10 else BACK * CROWDED), seed


@contextmanager
def marks(settings, kind):
    """Give what changes whenever something is committed: the log that it is written to."""
    if kind == "sqlite":
        log = settings.folder / "andrum.db-wal"
        yield lambda: log.stat().st_mtime_ns if log.exists() else 0
        return
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        yield lambda: connection.execute("SELECT pg_current_wal_flush_lsn()").fetchone()


def shared_out(desk, operations):
    """Open cases and share out their first tasks: half of the requests go to cases that two clients have."""
    alone, shared = operations // 4, operations // 8
    jobs = [(case, desk.open(case)["ask"]) for case in (desk.start() for _ in range(alone + shared))]
    own = [jobs[:alone][number::CLIENTS] for number in range(CLIENTS)]
    both = [jobs[alone:][pair::2] for pair in range(2)]
    shares = []
    for number in range(CLIENTS):
        mixed = [job for jobs in zip(own[number], both[number % 2], strict=False) for job in jobs]
        shares.append(list(dict.fromkeys([*mixed, *own[number], *both[number % 2]])))
    return shares


def again(stream):
    """Send acknowledged requests once more: each key still gives the first answer."""
    done = [each for each in stream.every if each.status == 200]
    lost_first = [each for each in done if len(each.answers) > 1]
    for request in {each.key: each for each in [*lost_first, *done[:ASKED_AGAIN]]}.values():
        first, repeated = request.answers[-1], request.send()
        if repeated.status == 0:  # the server has let the idle connection go
            repeated = request.send()
        assert (repeated.status, repeated.body, repeated.replayed) == (200, first.body, True), request


def checked(desk, case, requests):
    """Hold what the clients know of a case against its state and its history; count the kinds of outcomes."""
    kinds = Counter(kind for kind, *_ in desk.story(case))  # the chain and the state are verified here
    assert (kinds["task.claimed"], kinds["task.completed"]) == (1, 1), kinds
    assert set(desk.open(case)) == {"check"}
    in_state, in_history = effects(desk, case)
    assert len(in_state) == 1
    assert in_state == in_history
    counts = Counter()
    for request in requests:
        assert request.status in {200, 409}, request
        if request.verb == "complete":
            assert in_state.count(request.key) == (request.status == 200), request
        counts["acknowledged" if request.status == 200 else "refused"] += 1
        if request.answers[0].is_unknown:
            first = next(each for each in request.answers if not each.is_unknown)
            counts["unknown: done" if first.replayed else "unknown: not done"] += 1
    return counts


def effects(desk, case_id):
    """The keys of the requests whose answers stand in the case: in its state, and in its history."""
    with desk.begin("system") as work:
        key = work.key(work.session.get_one(Case, case_id))
        kept = work.session.scalars(
            sa.select(Answers).join(Task, Task.id == Answers.task_id).where(Task.case_id == case_id)
        )
        in_state = [
            key.open_json(each.data, f"answers.data:{each.task_id}:{each.version}")["what"] for each in kept
        ]
        told = work.session.scalars(
            sa.select(HistoryEvent).where(
                HistoryEvent.case_id == case_id, HistoryEvent.type == "task.completed"
            )
        )
        in_history = [
            json.loads(key.open(each.values, f"history_event.values:{case_id}:{each.sequence}")[SALT:])[
                "what"
            ]
            for each in told
        ]
    return in_state, in_history
