"""Cases that go where chance leads: any task by any answer, any message, any wait, and wrong hands on them.

Whatever happens, no case stands still, no incident is raised, who may not act changes nothing, and from
wherever a case has come to it can be brought to its end with its history whole.
"""

import random
from datetime import date, timedelta

import pytest
from journey import answer, moment
from story import DOES, Story

from service.engine.components import MANY, Component, Type
from service.errors import Conflict, Forbidden, NotFound

ONWARD = {  # mostly, else most cases would end at their first gateway
    "contact": "made",
    "reason_to_assume": "yes",
    "citizenship": "third_country",
    "stay": "none",
    "wants_reflection_period": "yes",
    "approval": "approve",
}
ENDS = {  # answers that lead out of every loop
    "make_first_contact": {"contact": "made"},
    "decide_grounds": {"reason_to_assume": "yes"},
    "sign_application": {"approval": "approve"},
    "hold_talk": {"talk_again": "no", "cooperation": "declines"},
    "settle": {"cooperation": "declines"},
    "no_applicant": {"ask_police": "no"},
    "register_answer": {"ful_answer": "applies"},
    "tell_what_applies": {"after_permit": "none"},
    "watch_missing": {"watch_result": "ended"},
    "sign_appeal": {"appeal_approval": "approve"},
    "register_outcome": {"appeal_outcome": "rejected"},
    "give_reasons": {"ask_again": "no"},
    "offer": {"right_wish": "no"},
    "follow_up": {"right_follow_up_result": "done"},
}
STEPS = 45


def wander(told: Story, chance: random.Random) -> None:
    """Take some steps, until the case happens to end."""
    for _ in range(STEPS):
        if told.closed:
            return
        rows = told.hands.inbox("anna", told.id)
        said = [each for each in told.awaited() if each != "withdrawn" or chance.random() < 0.2]
        if not rows or chance.random() < 0.2:
            told.wait(days=chance.choice([1, 1, 2, 5, 11, 30]), hours=chance.choice([0, 7]))
        elif said and chance.random() < 0.05:
            say(told, chance.choice(said), chance)
        else:
            row = chance.choice(sorted(rows, key=lambda each: (each.element, each.right or "", each.id)))
            if chance.random() < 0.1:
                wrong_hands(told, row, chance)
            form = told.hands.sheet(DOES[row.role], row.id).form
            given = {key: guessed(told, key, each, chance) for key, each in form.fields.items()}
            given = {key: value for key, value in given.items() if value is not None}
            told.do(row.element, right=row.right, **given)


def say(told: Story, message: str, chance: random.Random) -> None:
    """Tell the case of something; what is told may be as incomplete as what authorities write."""
    today = date.fromisoformat(told.today)
    whole = {
        "decision": chance.choice(["granted", "refused"]),
        "decision_on": f"{today}",
        "valid_from": f"{today}",
        "valid_to": f"{today + timedelta(days=29)}",
        "received_on": f"{today}",
    }
    told.say(message, **{key: value for key, value in whole.items() if chance.random() < 0.8})


def wrong_hands(told: Story, row, chance: random.Random) -> None:
    """Somebody who may not do the task tries to."""
    who = chance.choice(["elin", "sam", "greta", *(["kim"] if row.role == "team_leader" else [])])
    with pytest.raises((Forbidden, NotFound)):
        told.hands.claim(who, row.id)
    with pytest.raises((Forbidden, NotFound, Conflict)):
        told.hands.complete(who, row.id, answers={})


def guessed(told: Story, key: str, question: Component, chance: random.Random):
    """Any answer to a question that has options or asks for a day; None leaves it to the form's rules."""
    if question.options:
        if key in ONWARD and chance.random() < 0.85:
            return ONWARD[key]
        picked = chance.choice(question.options).value
        return [picked] if question.type in MANY else picked
    if question.type is Type.CHECKBOX:
        return chance.random() < 0.5 or None
    if question.type is Type.DATETIME and question.subtype == "date":
        today = date.fromisoformat(told.today)
        if key.endswith("valid_to"):
            return f"{today + timedelta(days=chance.choice([0, 9, 29, 29, 29, 44]))}"
        back = 0 if question.rules.not_past else -20
        return f"{today + timedelta(days=chance.randint(back, 40))}"
    return answer(question, moment(told.now)) if question.rules.required else None


def lives(begin, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  nothing secret
    told = begin(f"2026-{chance.randint(11, 12)}-{chance.randint(1, 28):02} {chance.randint(7, 17):02}:05")
    wander(told, chance)
    if told.closed:
        told.ended()
    else:
        told.verified()
        told.finish(ENDS, most=200)


@pytest.mark.parametrize("kind", ["sqlite"])
@pytest.mark.parametrize("seed", range(4))
def test_wherever_chance_leads_no_case_stands_still_and_each_can_be_ended(story, seed):
    lives(story, seed)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite"])
@pytest.mark.parametrize("seed", range(100, 220))
def test_a_hundred_and_more_cases_led_by_chance_never_stand_still(story, seed):
    lives(story, seed)
