"""Messages from outside reach exactly the case that waits for them, on both databases."""

from uuid import uuid4

import pytest

from service.commands import cases, messages
from service.errors import Conflict, Forbidden, Invalid, NotFound
from service.models.cases import Case


def reference(desk, case):
    with desk.begin("system") as work:
        return work.session.get_one(Case, case).reference


def test_a_message_moves_the_case_that_waits_for_it_and_no_other(desk):
    case, other = desk.start("waiting"), desk.start("waiting")
    with desk.begin() as work:
        assert messages.deliver(work, "answer", case_id=case, data={"kind": "yes"}) == case
    assert set(desk.open(case)) == {"work", "read"}
    assert set(desk.open(other)) == {"work"}
    assert ("message.delivered", "anna", "wait") in desk.story(case)
    (told,) = desk.told(case, "message.delivered")
    assert told.details["message"] == "answer"
    assert "yes" not in str(told.details)


def test_a_message_is_delivered_once(desk):
    case = desk.start("waiting")
    with desk.begin() as work:
        messages.deliver(work, "answer", case_id=case, data={})
    with desk.begin() as work, pytest.raises(Conflict, match="väntar inte på answer"):
        messages.deliver(work, "answer", case_id=case, data={})


def test_a_case_is_found_by_its_reference_however_it_is_typed(desk):
    case = desk.start("waiting")
    with desk.begin() as work:
        typed = f" {reference(desk, case).lower()} "
    with desk.begin() as work:
        assert messages.deliver(work, "answer", correlation=typed, data={}) == case


def test_a_message_needs_a_case_that_is_there_and_visible(desk):
    case = desk.start("waiting")
    with desk.begin() as work, pytest.raises(Invalid):
        messages.deliver(work, "answer", data={})
    for named in ({"case_id": uuid4()}, {"correlation": "26-222222"}, {"correlation": "nonsense"}):
        with desk.begin() as work, pytest.raises(NotFound):
            messages.deliver(work, "answer", data={}, **named)
    with desk.begin("elin") as work, pytest.raises(NotFound):
        messages.deliver(work, "answer", case_id=case, data={})
    with desk.begin("greta") as work, pytest.raises(Forbidden):
        messages.deliver(work, "answer", case_id=case, data={})


def test_a_suspended_case_takes_messages_and_a_cancelled_one_does_not(desk):
    case = desk.start("waiting")
    with desk.begin("bo") as work:
        cases.suspend(work, case, reason="Väntar")
    with desk.begin() as work:
        messages.deliver(work, "answer", case_id=case, data={})
    gone = desk.start("waiting")
    with desk.begin("bo") as work:
        cases.cancel(work, gone, reason="Fel person")
    with desk.begin() as work, pytest.raises(Conflict, match="avbrutet"):
        messages.deliver(work, "answer", case_id=gone, data={})
