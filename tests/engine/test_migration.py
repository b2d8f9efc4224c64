"""A running instance moved to another version of its diagram, or left alone with the reason."""

from datetime import timedelta

import pytest
from running import MOMENT

from service.engine import definition, migration, renaming, workflow

HEAD = (
    '<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="t">'
    '<bpmn:process id="p" isExecutable="true">'
)
TAIL = "</bpmn:process></bpmn:definitions>"
DURATION = "<bpmn:timerEventDefinition><bpmn:timeDuration>{}</bpmn:timeDuration></bpmn:timerEventDefinition>"


def drawn(nodes: str, *flows: str) -> definition.Definition:
    """A process of nodes ("task a", "parallelGateway f") and flows ("a b")."""
    made = []
    for kind, id in (each.split() for each in nodes.split(",")):
        on = 'attachedToRef="a" ' if kind == "boundaryEvent" else ""
        inner = DURATION.format("P5D") if kind in {"boundaryEvent", "intermediateCatchEvent"} else ""
        made.append(f'<bpmn:{kind} id="{id}" {on}>{inner}</bpmn:{kind}>')
    for each in flows:
        source, target = each.split()
        made.append(f'<bpmn:sequenceFlow id="{source}_{target}" sourceRef="{source}" targetRef="{target}"/>')
    return definition.parse({"p.bpmn": (HEAD + "".join(made) + TAIL).encode()})


LINE = ("startEvent s,userTask a,endEvent e", "s a", "a e")
FORK = (
    "startEvent s,parallelGateway f,userTask a,userTask b,parallelGateway j,endEvent e",
    "s f", "f a", "f b", "a j", "b j", "j e",
)  # fmt: skip
WIDER = (
    "startEvent s,parallelGateway f,userTask a,userTask b,userTask c,parallelGateway j,endEvent e",
    "s f", "f a", "f b", "f c", "a j", "b j", "c j", "j e",
)  # fmt: skip


def planned(old, new, *done):
    old, new = drawn(*old), drawn(*new)
    step = workflow.start(old, "p", data={"known": 1}, moment=MOMENT)
    for element in done:
        task = next(each for each in workflow.standing(old, step.snapshot, moment=MOMENT).opened
                    if each.place.element == element)  # fmt: skip
        step = workflow.complete(old, step.snapshot, task=task.id, answers={}, moment=MOMENT)
    return old, new, step, migration.plan(old, new, step.snapshot, moment=MOMENT)


def reasons(*args):
    return {(each.reason, each.element) for each in planned(*args)[3].obstacles}


def test_a_moved_instance_keeps_its_tasks_and_goes_on_in_the_new_version():
    longer = ("startEvent s,userTask a,userTask more,endEvent e", "s a", "a more", "more e")
    _, new, step, found = planned(LINE, longer)
    (task,) = found.step.opened
    assert task.id == step.opened[0].id
    after = workflow.complete(new, found.step.snapshot, task=task.id, answers={}, moment=MOMENT)
    assert [each.place.element for each in after.opened] == ["more"]
    assert workflow.view(new, after.snapshot).data == {"known": 1}


def test_timers_keep_their_due_instants():
    old = ("startEvent s,intermediateCatchEvent t,endEvent e", "s t", "t e")
    _, _, step, found = planned(
        old, ("startEvent s,intermediateCatchEvent t,task x,endEvent e", "s t", "t x", "x e")
    )
    assert found.step.timers == step.timers
    assert step.timers[0].due == MOMENT.now + timedelta(days=5)


@pytest.mark.parametrize(
    ("old", "new", "done", "expected"),
    [
        (LINE, ("startEvent s,userTask b,endEvent e", "s b", "b e"), (), ("element-removed", "a")),
        (LINE, ("startEvent s,intermediateCatchEvent a,endEvent e", "s a", "a e"), (), ("kind-changed", "a")),
        (
            LINE,
            ("startEvent s,userTask a,boundaryEvent t,endEvent e", "s a", "a e", "t e"),
            (),
            ("edge-changed", "a"),
        ),
        (FORK, WIDER, (), ("new-branch", "f")),
        (FORK, WIDER, ("a",), ("join-changed", "j")),
        (FORK, (FORK[0] + ",endEvent x", *FORK[1:5], "b x", "j e"), ("a",), ("join-changed", "j")),
    ],
)
def test_what_would_go_wrong_is_told_by_element(old, new, done, expected):
    assert expected in reasons(old, new, *done)


def test_a_fork_that_is_still_ahead_may_get_another_branch():
    def before(kind):
        return kind[0].replace("startEvent s", "startEvent s,userTask first"), "s first", "first f", *kind[2:]

    _, new, _, found = planned(before(FORK), before(WIDER))
    assert found.obstacles == ()
    task = found.step.opened[0].id
    after = workflow.complete(new, found.step.snapshot, task=task, answers={}, moment=MOMENT)
    assert {each.place.element for each in after.opened} == {"a", "b", "c"}


def test_one_waiting_at_a_join_is_moved_when_its_branches_stay():
    renamed = (FORK[0], *FORK[1:])
    longer = (renamed[0] + ",userTask last", *renamed[1:-1], "j last", "last e")
    _, new, _, found = planned(FORK, longer, "a")
    (task,) = found.step.opened
    after = workflow.complete(new, found.step.snapshot, task=task.id, answers={}, moment=MOMENT)
    assert [each.place.element for each in after.opened] == ["last"]


def mapped(old, new, ids, *done):
    old, new, step, _ = planned(old, new, *done)
    return new, step, migration.plan(old, new, step.snapshot, moment=MOMENT, names={"p": ids})


def test_a_token_follows_its_element_to_the_new_id():
    new, step, found = mapped(
        LINE, ("startEvent s,userTask b,task x,endEvent e", "s b", "b x", "x e"), {"a": "b"}
    )
    assert found.obstacles == ()
    (task,) = found.step.opened
    assert (task.id, task.place.element) == (step.opened[0].id, "b")
    after = workflow.complete(new, found.step.snapshot, task=task.id, answers={}, moment=MOMENT)
    assert [each.place.element for each in after.opened] == ["x"]


def test_ids_may_change_places():
    old = ("startEvent s,userTask a,userTask b,endEvent e", "s a", "a b", "b e")
    new, step, found = mapped(old, ("startEvent s,userTask b,userTask a,endEvent e", "s b", "b a", "a e"),
                              {"a": "b", "b": "a"})  # fmt: skip
    assert [each.place.element for each in found.step.opened] == ["b"]
    after = workflow.complete(new, found.step.snapshot, task=step.opened[0].id, answers={}, moment=MOMENT)
    assert [each.place.element for each in after.opened] == ["a"]


def test_a_join_that_is_waited_at_may_have_another_id_and_so_may_what_led_there():
    told = str(FORK).replace("j", "join").replace("'a ", "'first ").replace(" a'", " first'")
    renamed = eval(told.replace("userTask a", "userTask first"))  # noqa: S307  our own words
    new, _, found = mapped(FORK, renamed, {"j": "join", "a": "first"}, "a")
    assert found.obstacles == ()
    (task,) = found.step.opened
    after = workflow.complete(new, found.step.snapshot, task=task.id, answers={}, moment=MOMENT)
    assert after.finished


def test_events_on_the_edge_are_followed_with_their_due_instants():
    old = ("startEvent s,userTask a,boundaryEvent t,endEvent e", "s a", "a e", "t e")
    new = ("startEvent s,userTask a,boundaryEvent late,endEvent e", "s a", "a e", "late e")
    _, step, found = mapped(old, new, {"t": "late"})
    assert found.obstacles == ()
    assert [(each.id, each.due) for each in found.step.timers] == [(step.timers[0].id, step.timers[0].due)]
    assert found.step.timers[0].place.element == "late"


def test_obstacles_name_the_old_ids():
    _, _, found = mapped(LINE, ("startEvent s,intermediateCatchEvent b,endEvent e", "s b", "b e"), {"a": "b"})
    assert [(each.reason, each.element) for each in found.obstacles] == [("kind-changed", "a")]


def test_what_is_gone_is_told_with_what_it_could_have_become():
    old = drawn("startEvent s,userTask a,intermediateCatchEvent t,endEvent e", "s a", "a t", "t e")
    new = drawn("startEvent s,userTask b,userTask c,endEvent e", "s b", "b c", "c e")
    found = {each.element.id: [one.id for one in each.choices] for each in renaming.gone(old, new, "p")}
    assert found == {"a": ["b", "c"], "t": []}
