"""The case: every path to its end, and diagrams that can be read."""

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest
from journey import ROOT, Journey, deployed, examples, moment, read, replay, wander
from lxml import etree

from service.engine import decisions, forms, workflow

BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
DI = "{http://www.omg.org/spec/BPMN/20100524/DI}"
DD = "{http://www.omg.org/spec/DD/20100524/DI}"
DC = "{http://www.omg.org/spec/DD/20100524/DC}"
PROCESSES = ("case", "application", "appeal")
Point = tuple[float, float]
Box = tuple[float, float, float, float]
CITIZENSHIPS = ("swedish", "eu_eea", "third_country", "stateless", "unknown")
STAYS = ("none", "permit", "asylum", "right_of_residence", "settled", "unknown")
WANTS = {
    "citizenship": "third_country",
    "stay": "none",
    "removal_decision": "no",
    "wants_reflection_period": "yes",
}


def identified(**wish: Any) -> Journey:
    """A case whose person has been informed and has answered."""
    journey = Journey("case", at="2026-12-01T09:00")
    journey.do("register_report").do("make_first_contact").do("arrange_urgent_protection")
    journey.do("assess_indicators", coercion=["documents"]).do("decide_grounds", crime="exploitation")
    return journey.do("inform_person", **(WANTS | wish))


def applied(**wish: Any) -> Journey:
    journey = identified(**wish).do("prepare_application")
    return journey.do("sign_application", approval="approve").do("send_application")


def decided(decision: str) -> Journey:
    journey = applied().do("register_receipt")
    return journey.do("register_decision", decision=decision, decision_on="2026-12-03", valid_to="2027-01-01")


def without_rights(journey: Journey) -> Journey:
    """Everything that is offered is declined."""
    while "offer" in journey.tasks():
        journey.do("offer", right_wish="no")
    return journey


def without_police(journey: Journey) -> Journey:
    """The person does not consent, and nobody may report without."""
    return journey.do("ask_consent", consent_police="no").do("give_reasons")


def closed(journey: Journey) -> Journey:
    assert journey.tasks() == ["close_case"]
    journey.do("close_case")
    assert journey.finished
    assert journey.milestones[-1] == "case-closed"
    return journey


def test_a_person_who_is_not_reached_is_left_with_an_offer_and_the_case_is_closed():
    journey = (
        Journey("case", at="2026-12-01T09:00").do("register_report").do("make_first_contact", contact="ended")
    )

    assert journey.tasks() == ["offer_other_support"]
    closed(journey.do("offer_other_support"))


def test_without_reason_to_assume_a_crime_other_support_is_offered():
    journey = Journey("case", at="2026-12-01T09:00").do("register_report").do("make_first_contact")
    journey.do("arrange_urgent_protection").do("assess_indicators").do(
        "decide_grounds", reason_to_assume="no"
    )

    closed(journey.do("offer_other_support"))


def test_more_facts_can_be_asked_for_again_and_again():
    journey = Journey("case", at="2026-12-01T09:00").do("register_report").do("make_first_contact")
    journey.do("arrange_urgent_protection")
    for _ in range(3):
        journey.do("assess_indicators").do("decide_grounds", reason_to_assume="not_yet")

    assert journey.tasks() == ["assess_indicators"]


def test_a_human_may_find_grounds_where_the_table_saw_no_sign():
    journey = Journey("case", at="2026-12-01T09:00").do("register_report").do("make_first_contact")
    journey.do("arrange_urgent_protection").do("assess_indicators")

    findings = journey.data()["indicator_findings"]
    assert all("inte att personen inte är utsatt" in each["explanation"] for each in findings)
    assert journey.do("decide_grounds", reason_to_assume="yes").tasks() == ["inform_person"]


def test_urgent_protection_is_due_a_day_after_the_first_contact():
    journey = Journey("case", at="2026-12-01T09:00").do("register_report").do("make_first_contact")

    assert journey.due("arrange_urgent_protection") == "2026-12-02 09:00"


def test_dues_skip_the_days_on_which_nobody_works():
    assert Journey("case", at="2026-12-23T16:00").due("register_report") == "2026-12-28 23:59"


def test_a_swedish_person_gets_the_rights_and_no_migration_branch():
    journey = identified(citizenship="swedish")

    assert "apply" not in journey.passed
    assert journey.tasks() == ["ask_consent", *["offer"] * 6]
    closed(without_police(without_rights(journey)))


def test_an_eu_citizen_with_a_right_of_residence_gets_the_rights_without_a_permit():
    journey = identified(citizenship="eu_eea", stay="right_of_residence")

    assert journey.data()["route"]["permit_needed"] == "no"
    closed(without_rights(without_police(journey)))


def test_a_person_who_does_not_want_a_reflection_period_gets_the_rights_all_the_same():
    journey = identified(wants_reflection_period="no")

    assert journey.tasks().count("offer") == 6
    assert "prepare_application" not in journey.tasks()


def test_the_rights_begin_when_the_application_is_filed_and_not_before():
    journey = identified().do("prepare_application").do("sign_application", approval="approve")
    assert "offer" not in journey.tasks()

    journey.do("send_application")
    assert journey.tasks().count("offer") == 6
    assert journey.milestones.index("application-sent") < journey.milestones.index("rights-package-activated")


def test_a_delegate_who_declines_to_apply_does_not_take_the_rights_away():
    journey = identified().do("prepare_application").do("sign_application", approval="decline")

    assert journey.tasks() == ["ask_consent", *["offer"] * 6]
    assert "application-sent" not in journey.milestones
    closed(without_police(without_rights(journey)))


def test_a_grant_leads_into_the_reflection_period():
    journey = decided("granted")

    assert "reflection_period" in journey.where()
    assert "decision-granted" in journey.milestones


def test_a_refusal_that_is_not_appealed_leads_to_a_plan_without_a_permit():
    journey = without_rights(decided("refused")).do("decide_appeal", appeal_decision="abstain")

    assert journey.tasks() == ["plan_without_permit"]
    closed(without_police(journey.do("plan_without_permit")))


def test_an_appeal_that_wins_leads_into_the_reflection_period():
    journey = decided("refused").do("decide_appeal", appeal_decision="appeal").do("write_appeal")
    journey.do("sign_appeal", appeal_approval="approve").do("send_appeal").wait(days=30)
    journey.do("register_outcome", appeal_outcome="granted", valid_from="2027-01-10", valid_to="2027-02-08")

    assert "reflection_period" in journey.where()


STAGES = {
    "the application is written": identified,
    "it is with the delegate": lambda: identified().do("prepare_application"),
    "it is filed": applied,
    "a decision is awaited": lambda: applied().do("register_receipt"),
    "the period runs": lambda: decided("granted"),
    "the refusal may be appealed": lambda: decided("refused"),
    "only the rights go on": lambda: identified(wants_reflection_period="no"),
}


@pytest.mark.parametrize("stage", STAGES)
def test_the_person_may_withdraw_while(stage):
    journey = STAGES[stage]()
    journey.say("withdrawn", reason="Vill inte längre.")

    assert journey.tasks() == ["record_withdrawal"]
    assert not journey.step.timers
    closed(journey.do("record_withdrawal"))


@pytest.mark.parametrize("seed", range(8))
def test_no_case_stands_still_wherever_chance_leads(seed):
    journey = wander(seed)

    assert journey.finished or journey.open or journey.step.timers or journey.step.awaited


def test_a_question_that_is_asked_twice_is_the_same_question():
    asked: dict[str, tuple[str, Any, Any]] = {}
    for form in deployed().forms.values():
        for key, field in form.fields.items():
            first = asked.setdefault(key, (form.key, field.type, [each.value for each in field.options]))
            again = (field.type, [each.value for each in field.options])
            assert first[1:] == again, f"{key} is asked otherwise in {form.key} than in {first[0]}"


def test_an_asylum_seeker_is_told_that_the_responsibility_moves():
    journey = identified(stay="asylum")

    assert journey.data()["route"]["permit_needed"] == "possible"
    assert "LMA" in journey.data()["route"]["note"]
    assert journey.tasks() == ["prepare_application"]


@pytest.mark.parametrize(
    ("citizenship", "stay"),
    [(citizenship, stay) for citizenship in CITIZENSHIPS for stay in STAYS],
)
def test_every_combination_has_exactly_one_route(citizenship, stay):
    route = decide("permit_route", citizenship=citizenship, stay=stay)

    assert route["permit_needed"] in {"yes", "no", "possible"}
    assert route["note"]
    assert route["confidence"] in set("ABCD")


def test_the_form_and_the_table_know_the_same_signs():
    asked = {
        (key, option.value)
        for key, field in deployed().forms["indicators"].fields.items()
        for option in field.options
        if key != "observed_by"
    }
    table = deployed().decisions["indicator_signs"]
    assert isinstance(table, decisions.DecisionTable)
    told = {rule.id.removeprefix("indicator_signs_") for rule in table.rules}

    assert {f"{dimension}_{sign}" for dimension, sign in asked} == told
    counts = [len(list(found)) for _, found in itertools.groupby(table.rules, key=lambda r: r.outputs[0])]
    assert counts == [10, 10, 16, 9, 15, 7]


def test_signs_are_told_in_words_and_never_as_a_score():
    found = decide("indicators", coercion=["documents", "debt"], exploitation=["salary"])

    patterns = {each["dimension_en"]: each["pattern"] for each in found}
    assert patterns["Coercion at destination"] == "several"
    assert patterns["Exploitation"] == "single"
    assert patterns["Deceptive recruitment"] == "none"
    assert all(each["explanation"] and each["explanation_en"] for each in found)
    assert not [value for each in found for value in each.values() if isinstance(value, int | float)]


def test_who_decides_reads_the_signs_in_words_above_the_question():
    journey = Journey("case", at="2026-12-01T09:00").do("register_report").do("make_first_contact")
    journey.do("arrange_urgent_protection").do("assess_indicators", coercion=["documents", "debt"])
    form = deployed().forms["grounds"]
    task = journey.task("decide_grounds")
    data = workflow.task_data(deployed(), journey.snapshot, task=task.id)

    shown = forms.visible(form, {}, data=data, moment=moment(journey.now))
    assert "coercion_several" in shown
    assert not {"coercion_single", "exploitation_several", "exploitation_single"} & shown


def test_every_period_has_a_basis_and_says_how_sure_it_is():
    table = deployed().decisions["periods"]
    assert isinstance(table, decisions.DecisionTable)
    for rule in table.rules:
        amount, unit, basis, confidence, note, moves, moves_basis, fixed = rule.outputs
        assert int(amount) > 0
        assert unit.strip('"') in {"hours", "days", "working days", "weeks", "months", "years"}
        assert len(basis) > 10
        assert confidence.strip('"') in set("ABCD")
        assert len(note) > 20
        assert moves.strip('"') in {"no", "next working day", "in doubt"}
        assert len(moves_basis) > 10
        assert fixed in {"true", "false"}


def test_the_law_of_the_day_decides_the_reflection_period():
    assert decide("periods", period="reflection_period", on="2022-08-01")["amount"] == 30
    assert decide("periods", period="reflection_period", on="2022-07-31") is None


@pytest.mark.parametrize("path", examples("case"), ids=lambda path: path.stem)
def test_the_example_runs_to_its_end(path):
    example = read(path)
    journey = replay(example, "case")

    assert journey.finished
    assert example["ends"] in journey.passed


def test_there_are_examples():
    assert len(examples("case")) >= 2


@pytest.mark.parametrize("process", PROCESSES)
def test_every_task_says_in_both_languages_what_to_do(process):
    for element in deployed().processes[process].elements.values():
        if element.kind == "userTask":
            assert element.guidance.sv, element.id
            assert element.guidance.en, element.id
            assert element.consequence.sv, element.id
            assert element.consequence.en, element.id
            assert element.legal_basis, element.id
        if element.name.sv:
            assert element.name.en, element.id


@pytest.mark.parametrize("process", PROCESSES)
def test_everything_is_drawn(process):
    root = diagram(process)
    drawn = {each.get("bpmnElement") for each in root.iter(f"{DI}BPMNShape", f"{DI}BPMNEdge")}
    kinds = ("Task", "Event", "Gateway", "subProcess", "callActivity", "sequenceFlow", "messageFlow", "lane")
    for each in root.iter(f"{BPMN}*"):
        if etree.QName(each).localname.endswith(kinds):
            assert each.get("id") in drawn


@pytest.mark.parametrize("process", PROCESSES)
def test_no_lines_cross(process):
    for plane in diagram(process).iter(f"{DI}BPMNPlane"):
        lines = [
            (edge.get("bpmnElement"), segment)
            for edge in plane.iter(f"{DI}BPMNEdge")
            for segment in itertools.pairwise([point(each) for each in edge.iter(f"{DD}waypoint")])
        ]
        for (one, first), (other, second) in itertools.combinations(lines, 2):
            assert one == other or not cross(first, second), f"{one} crosses {other}"


@pytest.mark.parametrize("process", PROCESSES)
def test_no_box_or_words_lie_on_another(process):
    root = diagram(process)
    frames = {each.get("id") for each in root.iter(f"{BPMN}participant", f"{BPMN}lane", f"{BPMN}subProcess")}
    edges = {each.get("id") for each in root.iter(f"{BPMN}boundaryEvent")}
    for plane in root.iter(f"{DI}BPMNPlane"):
        boxes = [
            (shape.get("bpmnElement"), box(shape.find(f"{DC}Bounds")))
            for shape in plane.iter(f"{DI}BPMNShape")
            if shape.get("bpmnElement") not in frames | edges
        ]
        words = [
            (f"the words of {each.getparent().get('bpmnElement')}", box(each.find(f"{DC}Bounds")))
            for each in plane.iter(f"{DI}BPMNLabel")
        ]
        for (one, first), (other, second) in itertools.combinations(boxes + words, 2):
            assert not overlap(first, second), f"{one} lies on {other}"


@pytest.mark.parametrize("process", PROCESSES)
def test_no_line_runs_through_a_box_or_words(process):
    root = diagram(process)
    frames = {each.get("id") for each in root.iter(f"{BPMN}participant", f"{BPMN}lane", f"{BPMN}subProcess")}
    for plane in root.iter(f"{DI}BPMNPlane"):
        shapes = [each for each in plane.iter(f"{DI}BPMNShape") if each.get("bpmnElement") not in frames]
        boxes = [(each.get("bpmnElement"), box(each.find(f"{DC}Bounds"))) for each in shapes]
        boxes += [
            (each.getparent().get("id"), box(each.find(f"{DC}Bounds")))
            for each in plane.iter(f"{DI}BPMNLabel")
        ]
        for edge in plane.iter(f"{DI}BPMNEdge"):
            for start, end in itertools.pairwise([point(each) for each in edge.iter(f"{DD}waypoint")]):
                line = (
                    min(start[0], end[0]),
                    min(start[1], end[1]),
                    max(start[0], end[0]),
                    max(start[1], end[1]),
                )
                for name, area in boxes:
                    assert not overlap(line, area), f"{edge.get('id')} runs through {name}"


def diagram(process: str) -> Any:
    return etree.parse(ROOT / "processes" / process / "process.bpmn").getroot()


def point(element: Any) -> Point:
    return float(element.get("x")), float(element.get("y"))


def box(element: Any) -> Box:
    x, y = point(element)
    return x, y, x + float(element.get("width")), y + float(element.get("height"))


def overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def cross(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    """Tell whether a level and an upright line meet within both."""
    for (a, b), (c, d) in ((one, other), (other, one)):
        if a[1] == b[1] and c[0] == d[0]:
            level, upright = sorted((a[0], b[0])), sorted((c[1], d[1]))
            if level[0] < c[0] < level[1] and upright[0] < a[1] < upright[1]:
                return True
    return False


def decide(key: str, **data: Any) -> Any:
    at = moment(datetime(2026, 12, 1, 9, tzinfo=UTC))
    return decisions.decide(deployed().decisions, key, data, moment=at).outcome
