"""The same task submitted twice within 50 ms, over HTTP: one submit wins, the other learns who and when."""

import random
import re
import threading
import time
from collections import Counter

import pytest
import sqlalchemy as sa
from servers import Client, serving, together

from service.commands import people
from service.models.cases import Answers

APART = 0.05  # seconds at most between the two
TOLD = re.compile(r"Anna Ek skickade in \d\d:\d\d\.")
WORKERS = {"sqlite": 1, "postgresql": 2}


@pytest.mark.parametrize("rounds", [20, pytest.param(1000, marks=pytest.mark.slow)])
def test_of_two_submits_one_wins_and_the_other_learns_who_and_when(
    desk, settings, kind, tmp_path, rounds, capsys
):
    seed = random.randrange(10**6)  # noqa: S311  no secret: it is printed, so that a run can be repeated
    chance = random.Random(seed)  # noqa: S311
    with desk.begin("sam") as work:
        secrets = [people.token(work, username="anna") for _ in range(2)]
    cases, told, overlapped = [], Counter(), 0
    with serving(settings, tmp_path, workers=WORKERS[kind]) as server:
        clients = [Client(server, secret, number) for number, secret in enumerate(secrets)]
        for _ in range(rounds):
            case = desk.start()
            answers = twice(clients, desk.claim(case, "ask"), chance)
            cases.append(case)
            assert sorted(each.status for each in answers) == [200, 409], (seed, answers)
            won, lost = sorted(answers, key=lambda each: each.status)
            told["told who and when"] += bool(TOLD.fullmatch(lost.body["detail"]))
            assert won.body["case"] == str(case)
            overlapped += max(each.began for each in answers) < min(each.ended for each in answers)
    for case in cases:
        kinds = Counter(kind for kind, *_ in desk.story(case))  # the chain and the state are verified here
        told["whole"] += kinds["task.completed"] == 1 and set(desk.open(case)) == {"check"}
    with desk.begin("system") as work:
        told["answers kept"] = work.session.scalar(sa.select(sa.func.count()).select_from(Answers))
    with capsys.disabled():
        print(f"\n{kind}: {rounds} rounds, {dict(told)}, {overlapped} overlapped, seed {seed}")  # noqa: T201
    assert told == dict.fromkeys(("told who and when", "whole", "answers kept"), rounds), seed
    assert overlapped >= rounds // 10, "nothing was tried: the two never met"


def twice(clients, task, chance):
    """Let two clients submit the same task, each after a moment of its own; gives both answers."""
    ready, answers = threading.Barrier(2), {}
    pauses = [chance.uniform(0, APART) for _ in clients]

    def submit(client, pause):
        ready.wait()
        time.sleep(pause)  # how far apart people press: part of what is tried, not waiting for something
        answers[client.number] = client.post(f"tasks/{task}/complete", {"data": {"what": "sten"}})

    together(*(lambda each=each: submit(*each) for each in zip(clients, pauses, strict=True)))
    return list(answers.values())


@pytest.mark.parametrize("rounds", [3])
def test_of_two_submits_with_one_key_the_second_gets_the_firsts_answer(
    desk, settings, kind, tmp_path, rounds
):
    with desk.begin("sam") as work:
        secret = people.token(work, username="anna")
    with serving(settings, tmp_path, workers=WORKERS[kind]) as server:
        for number in range(rounds):
            case = desk.start()
            task, answers = desk.claim(case, "ask"), []

            def submit(client, task=task, key=f"key-{number}", answers=answers):
                answers.append(client.post(f"tasks/{task}/complete", {"data": {"what": "sten"}}, key=key))

            clients = [Client(server, secret, each) for each in range(3)]
            together(*(lambda each=each: submit(each) for each in clients))
            for each in clients:
                each.close()
            assert [each.status for each in answers] == [200, 200, 200], answers
            assert sorted(each.replayed for each in answers) == [False, True, True]
            assert answers[0].body == answers[1].body == answers[2].body
            assert [kind for kind, *_ in desk.story(case)].count("task.completed") == 1
