"""Snapshots: what is in them, what they refuse, and that they do not grow with what has been."""

from typing import Any

import pytest
from blocks import Chain, Guarded, Inner, Loop, Pause, Split, Work, files
from test_compaction import MOMENT

from service.engine import state, workflow
from service.engine.definition import Definition, parse
from service.engine.tree import Instance, Token
from service.errors import StepFailed

A, B = Work("a"), Work("b")
ENDLESS = {
    "a task": Chain((A,)),
    "a parallel block": Chain((Split("s1", "and", (Chain((A,)), Chain((B,)))),)),
    "an inclusive block": Chain((Split("s1", "or", (Chain((A,)), Chain((B,)))),)),
    "a sub-process": Chain((Inner("i1", Chain((A, B)), called=False),)),
    "a called process": Chain((Inner("i1", Chain((A, B)), called=True),)),
    "three instances at once": Chain((Work("m1", 3),)),
    "three instances in turn": Chain((Work("m1", 3, sequential=True),)),
    "an event": Chain((Pause("p1", "message"),)),
    "a reminder": Chain((Guarded("g1", A, "timer", interrupting=False, handler=Chain(())),)),
    "a reminder with a task": Chain((Guarded("g1", A, "timer", interrupting=False, handler=Chain((B,))),)),
    "a deadline": Chain((Guarded("g1", A, "timer", interrupting=True, handler=Chain((B,))),)),
    "a message that may come again": Chain(
        (Guarded("g1", A, "message", interrupting=False, handler=Chain((B,))),)
    ),
}


class Case:
    """An instance of a diagram in which all that is open is done, again and again."""

    def __init__(self, diagram: Chain) -> None:
        self.definition = parse(files(diagram))
        self.step = workflow.start(self.definition, "random", data={}, moment=MOMENT)
        self.tasks = {each.id: each.place.element for each in self.step.opened}

    def complete(self, element: str, **answers: Any) -> None:
        id = next(id for id, each in self.tasks.items() if each == element)
        self.take(workflow.complete(self.definition, self.snapshot, task=id, answers=answers, moment=MOMENT))

    def take(self, step: workflow.Step) -> None:
        self.step = step
        self.tasks = {id: each for id, each in self.tasks.items() if id not in step.closed}
        self.tasks |= {each.id: each.place.element for each in step.opened}

    @property
    def snapshot(self) -> bytes:
        return self.step.snapshot

    def turn(self, number: int) -> None:
        """Let all timers go off, give all messages, and complete all tasks until the loop has begun anew."""
        again = False
        while not again:
            for timer in self.step.timers:
                given = {"timer": timer.id, "moment": MOMENT}
                self.take(workflow.fire(self.definition, self.snapshot, **given))
            for name in {each.name for each in self.step.awaited}:
                given = {"message": name, "data": {}, "moment": MOMENT}
                self.take(workflow.deliver(self.definition, self.snapshot, **given))
            for element in list(self.tasks.values()):
                again = again or element == "l1_d"
                self.complete(
                    element, **{f"by_{element}": number % 7, "l1_again": True, "s1_0": True, "s1_1": True}
                )

    def rows(self) -> int:
        return sum(len(chunk.rows) for chunk in state._open(self.snapshot).chunks)

    def loaded(self) -> Instance:
        return state.load(self.snapshot, self.definition)

    def task(self, element: str) -> Token:
        scopes = [self.loaded()]
        scopes += scopes[0].subprocesses.values()
        return next(
            token for scope in scopes for token in scope.live.values() if token.task_spec.bpmn_id == element
        )


def test_a_snapshot_comes_back_as_it_was():
    case = Case(Chain((Split("s1", "and", (Chain((A,)), Chain((Inner("i1", Chain((B,)), called=True),)))),)))
    case.complete("a", colour="grön", nested={"list": [1, 2.5, None, True, {"ö": "ä"}]})
    assert state.dump(case.loaded()) == case.snapshot


def test_a_snapshot_of_another_definition_is_refused():
    case, other = Case(Chain((A,))), parse(files(Chain((A, B))))
    with pytest.raises(StepFailed, match="another version"):
        state.load(case.snapshot, other)


def test_a_snapshot_of_an_unknown_format_is_refused():
    case = Case(Chain((A,)))
    with pytest.raises(StepFailed, match="does not know"):
        state.load(bytes((state.FORMAT + 1,)) + case.snapshot[1:], case.definition)


@pytest.mark.parametrize("answers", [{}, {"long": "x" * 5_000}])
def test_a_damaged_snapshot_is_refused(answers):
    case = Case(Chain((A, B)))
    case.complete("a", **answers)
    with pytest.raises(StepFailed, match="damaged"):
        state.load(case.snapshot[:-9], case.definition)


def test_data_that_looks_like_an_object_of_the_engine_stays_data():
    case = Case(Chain((A, B)))
    odd = {"typename": "MessageEventDefinition", "name": "x", "inner": [{"typename": "Task"}]}
    case.complete("a", typename="BpmnWorkflow", odd=odd)
    assert case.task("b").data == {"typename": "BpmnWorkflow", "odd": odd}
    case.complete("b")
    assert workflow.view(case.definition, case.snapshot).data["odd"] == odd


@pytest.mark.parametrize("value", [object(), {1, 2}, {"a": (1, 2)}, [{1: "a"}], b"x", 2**70])
def test_data_that_is_not_plain_json_is_refused(value):
    case = Case(Chain((A,)))
    instance = case.loaded()
    next(iter(instance.live.values())).data["odd"] = value
    with pytest.raises(StepFailed, match="odd"):
        state.dump(instance)


def test_data_is_decoded_only_when_it_is_looked_at():
    case = Case(Chain((A, B)))
    case.complete("a", big=["x"] * 100)
    instance = case.loaded()
    assert all(token._data is None for token in instance.tasks.values())
    assert state.dump(instance) == case.snapshot


def test_branches_share_nothing_that_can_change():
    case = Case(Chain((A, Split("s1", "and", (Chain((Work("b"),)), Chain((Work("c"),)))))))
    case.complete("a", address={"street": "Storgatan"})
    instance = case.loaded()
    one, other = (token for token in instance.live.values() if token.task_spec.manual)
    one.data["address"]["street"] = "Lillgatan"
    assert other.data["address"] == {"street": "Storgatan"}


def test_only_what_is_reached_is_stored():
    case = Case(Chain(tuple(Work(f"t{number}") for number in range(40))))
    assert case.rows() == 2  # where it began and where it is


def test_a_finished_sub_process_leaves_nothing_behind():
    inner = Inner("i1", Chain(tuple(Work(f"t{number}") for number in range(8))), called=True)
    case = Case(Chain((A, inner, B)))
    before = case.rows()
    case.complete("a")
    for number in range(8):
        case.complete(f"t{number}")
    assert list(case.tasks.values()) == ["b"]
    assert case.rows() == before
    assert len(state._open(case.snapshot).chunks) == 1


def test_a_finished_instance_keeps_its_data_alone():
    case = Case(Chain((A, Split("s1", "and", (Chain((B,)), Chain((Work("c"),)))))))
    for element in "abc":
        case.complete(element, **{element: element.upper()})
    assert case.step.finished
    assert case.rows() == 1
    assert workflow.view(case.definition, case.snapshot).data == {"a": "A", "b": "B", "c": "C"}


@pytest.mark.parametrize("body", ENDLESS)
def test_a_loop_around_(body):
    demand_steady(Case(Chain((Loop("l1", ENDLESS[body]),))), turns=40)


@pytest.mark.slow
@pytest.mark.parametrize("body", ENDLESS)
def test_two_thousand_turns_around_(body):
    demand_steady(Case(Chain((Loop("l1", ENDLESS[body]),))), turns=2_000)


def demand_steady(case: Case, *, turns: int) -> None:
    """Demand that neither the rows nor the bytes of a snapshot grow from the tenth turn to the last."""
    seen: dict[int, tuple[int, int]] = {}
    for number in range(1, turns + 1):
        case.turn(number)
        seen[number] = case.rows(), len(case.snapshot)
    rows, size = seen[10]
    assert max(row for row, _ in list(seen.values())[9:]) <= rows + 2
    assert max(each for _, each in list(seen.values())[9:]) <= size * 1.25


def test_the_thousandth_turn_still_shows_its_task():
    case = Case(Chain((Loop("l1", Chain((A,))),)))
    definition: Definition = case.definition
    for number in range(1_001):
        case.complete("a", number=number)
        case.complete("l1_d", l1_again=True)
    assert list(case.tasks.values()) == ["a"]
    assert workflow.view(definition, case.snapshot).data["number"] == 1_000
