"""The police-report decision: the person is asked first, the table says what may be told, a human decides."""

from pathlib import Path
from typing import Any

import pytest
from walk import Walk, at, deployed, elements, examples, speechless, walk

from service.engine import decisions
from service.errors import Invalid

TALK = {
    "police_talk_on": "2027-02-01",
    "police_informed_of": ["voluntary", "withdraw"],
    "police_talk_with": "interpreter",
    "consent_police": "no",
    "crime": "trafficking",
    "danger_to_life": "no",
    "risk_to_relative": "no",
    "requested_by_authority": "no",
}
REPORT = {"report_decision": "report", "report_reasons": "Allvarlig fara.", "report_scope": "Namn och plats."}
TOLD = {"person_told": True}


def asked(**changes: Any) -> Walk:
    case = Walk("police_report", at("2027-02-01"), {"is_child": changes.pop("is_child", False)})
    case.answer("ask_consent", TALK | changes)
    return case


@pytest.mark.parametrize("path", examples("police_report"), ids=lambda path: path.stem)
def test_a_stored_example_runs_to_its_end(path: Path) -> None:
    walk(path)


def test_the_examples_reach_every_element() -> None:
    passed = {element for path in examples("police_report") for element in walk(path).passed}
    assert set(elements("police_report")) <= passed


def test_every_task_says_who_what_when_how_and_what_if_nobody_acts() -> None:
    assert speechless("police_report") == []


ADULT = {
    "recipient": "police",
    "on_request": "no",
    "is_child": False,
    "crime": "exploitation",
    "consent": "no",
    "danger_to_life": "no",
    "risk_to_relative": "no",
    "child_or_pregnant": False,
}


@pytest.mark.parametrize(
    ("changes", "may", "ground", "confidence"),
    [
        ({"consent": "yes"}, "may", "consent", "A"),
        ({"is_child": True}, "may", "child", "D"),
        ({"is_child": True, "crime": "trafficking_less_serious"}, "may", "child", "D"),
        ({"crime": "trafficking"}, "may", "serious_crime", "D"),
        ({"crime": "exploitation_gross"}, "may", "serious_crime", "D"),
        ({"crime": "exploitation"}, "no", "secrecy", "D"),
        ({"crime": "trafficking_less_serious"}, "no", "secrecy", "D"),
        ({"danger_to_life": "yes"}, "may", "danger", "D"),
        ({"danger_to_life": "unknown"}, "no", "secrecy", "D"),
        ({"risk_to_relative": "yes"}, "may", "relative", "A"),
        ({"on_request": "yes"}, "must", "request", "A"),
        ({"on_request": "yes", "recipient": "migration_agency"}, "must", "request", "A"),
        ({"recipient": "organisation", "crime": "trafficking"}, "no", "secrecy", "A"),
        ({"recipient": "organisation", "consent": "yes"}, "may", "consent", "A"),
        ({"recipient": "health_care", "child_or_pregnant": True}, "may", "care", "A"),
        ({"recipient": "health_care"}, "no", "secrecy", "A"),
        ({"crime": None}, "no", "secrecy", "A"),
        ({"consent": "not_asked", "crime": "trafficking"}, "may", "serious_crime", "D"),
    ],
)
def test_the_table_tells_what_secrecy_allows(
    changes: dict[str, Any], may: str, ground: str, confidence: str
) -> None:
    moment = Walk("police_report", at("2027-02-01")).moment
    decided = decisions.decide(deployed().decisions, "disclosure", ADULT | changes, moment=moment).outcome
    assert (decided["may"], decided["ground"], decided["confidence"]) == (may, ground, confidence)
    assert decided["basis"]
    assert decided["note"]
    assert decided["note_en"]


def test_what_is_doubtful_says_so() -> None:
    moment = Walk("police_report", at("2027-02-01")).moment
    data = ADULT | {"crime": "trafficking"}
    decided = decisions.decide(deployed().decisions, "disclosure", data, moment=moment).outcome
    assert "inte kontrollerad" in decided["note"]


@pytest.mark.parametrize("crime", ["exploitation", "trafficking_less_serious"])
def test_where_secrecy_prevents_it_nobody_is_even_asked_to_decide(crime: str) -> None:
    case = asked(crime=crime)
    assert case.open == ["give_reasons"]


def test_where_the_law_allows_it_the_team_leader_decides() -> None:
    case = asked()
    assert case.open == ["decide_report"]
    assert case.role("decide_report") == "team_leader"


def test_no_report_is_made_before_a_human_has_decided() -> None:
    case = asked(consent_police="yes", consent_limits="Allt.")
    assert "police-report-made" not in case.milestones
    case.answer("decide_report", REPORT | TOLD)
    assert case.open == ["make_report"]


def test_the_choice_of_the_person_can_be_respected_though_the_law_allows_a_report() -> None:
    case = asked()
    case.answer("decide_report", {"report_decision": "no_report", "report_reasons": "Rädd."} | TOLD)
    assert case.open == ["give_reasons"]


def test_a_child_can_be_reported_for_without_consent_but_a_human_decides() -> None:
    case = asked(is_child=True, crime="exploitation")
    assert case.open == ["decide_report"]
    assert case.rules[-1] == "disclosure_child"


def test_a_yes_must_say_what_it_covers() -> None:
    with pytest.raises(Invalid) as refused:
        asked(consent_police="yes")
    assert [each.pointer for each in refused.value.problems] == ["/data/consent_limits"]


def test_a_decision_that_the_person_does_not_learn_of_needs_a_reason_only_when_given() -> None:
    case = asked()
    case.answer("decide_report", REPORT | {"person_told": False, "person_not_told_why": "Fara för liv."})
    assert case.result["person_not_told_why"] == "Fara för liv."


def test_the_question_is_asked_within_three_working_days() -> None:
    case = Walk("police_report", at("2027-03-25"))
    assert case.task("ask_consent").due == at("2027-04-01", "23:59:59")  # Easter lies between
