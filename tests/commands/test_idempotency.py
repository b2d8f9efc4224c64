"""The same request twice does one thing, on both databases."""

import threading

import pytest

from service.commands import idempotency
from service.errors import Conflict, Forbidden, Invalid, NotFound


def test_the_first_answer_is_given_again(desk):
    with desk.begin() as work:
        assert idempotency.recall(work, key="k1", digest="a") is None
        idempotency.keep(work, key="k1", status=201, body=b'{"id": 1}')
    with desk.begin() as work:
        assert idempotency.recall(work, key="k1", digest="a") == idempotency.Answer(201, b'{"id": 1}')
    with desk.begin("kim") as work:
        assert idempotency.recall(work, key="k1", digest="a") is None  # keys are each person's own


def test_a_key_is_not_used_for_another_request(desk):
    with desk.begin() as work:
        idempotency.recall(work, key="k1", digest="a")
        idempotency.keep(work, key="k1", status=200, body=b"")
    with desk.begin() as work, pytest.raises(Invalid):
        idempotency.recall(work, key="k1", digest="b")


def test_a_key_whose_request_failed_is_free_again(desk):
    def fail(work):
        idempotency.recall(work, key="k1", digest="a")
        raise NotFound

    with pytest.raises(NotFound), desk.begin() as work:
        fail(work)
    with desk.begin() as work:
        assert idempotency.recall(work, key="k1", digest="b") is None


def test_who_asks_again_while_the_first_works_in_several_transactions_is_told(desk):
    with desk.begin() as work:
        idempotency.recall(work, key="k1", digest="a")
    with desk.begin() as work, pytest.raises(Conflict):
        idempotency.recall(work, key="k1", digest="a")
    with desk.begin() as work:
        idempotency.release(work, key="k1")
    with desk.begin() as work:
        assert idempotency.recall(work, key="k1", digest="b") is None
        idempotency.keep(work, key="k1", status=200, body=b"")
        idempotency.release(work, key="k1")
        assert idempotency.recall(work, key="k1", digest="b") == idempotency.Answer(200, b"")


@pytest.mark.parametrize("key", ["", "x" * 129])
def test_a_key_has_a_length(desk, key):
    with desk.begin() as work, pytest.raises(Invalid):
        idempotency.recall(work, key=key, digest="a")


def test_the_service_itself_has_no_keys(desk):
    with desk.begin("system") as work, pytest.raises(Forbidden):
        idempotency.recall(work, key="k", digest="a")


def test_of_two_requests_at_once_the_second_waits_and_gets_the_first_ones_answer(desk):
    ready, got = threading.Barrier(2), []

    def ask(name):
        ready.wait()
        with desk.begin() as work:
            first = idempotency.recall(work, key="k", digest="a")
            if first is None:
                idempotency.keep(work, key="k", status=200, body=name.encode())
            got.append((name, first))

    threads = [threading.Thread(target=ask, args=(name,)) for name in ("one", "two")]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    (winner,) = [name for name, first in got if first is None]
    (answer,) = [first for _, first in got if first is not None]
    assert answer.body == winner.encode()
