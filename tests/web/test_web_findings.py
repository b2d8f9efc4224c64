"""What the engine finds in diagrams is told in Swedish as well."""

import ast
import re
from pathlib import Path

import pytest

from service.engine import definition
from service.engine.findings import feel
from service.errors import Problem
from service.rules import escalation
from service.web.workshop import findings
from service.web.workshop.feel_words import in_swedish
from service.web.workshop.findings import SWEDISH

ON_ONE = pytest.mark.parametrize("kind", ["sqlite"])
ENGINE = Path(definition.__file__).parent
ADVICE = re.compile(r'rule="([a-z-]+)"')
TOLD = re.compile(r'(?:wrong|refuse|_refused)\(\s*(?:[\w.]+(?: if [^,]+)?,\s*)?"([a-z-]+)"|rule="([a-z-]+)"')
MAPPING = re.compile(r'"(mapping-[a-z]+)"')
RULE = re.compile(r'yield [\w.]+, "([a-z-]+)"')


def test_every_rule_for_diagrams_has_swedish_words():
    sources = ("checks.py", "event_checks.py", "flow_checks.py", "findings.py")
    rules = {rule for each in sources for rule in RULE.findall((ENGINE / each).read_text(encoding="utf-8"))}
    assert len(rules) > 20
    assert rules - SWEDISH.keys() == set()


def test_every_advice_has_swedish_words():
    sources = ("advice.py", "layouts.py", "variables.py")
    rules = {rule for each in sources for rule in ADVICE.findall((ENGINE / each).read_text(encoding="utf-8"))}
    assert "milestone-lost" in rules
    assert rules - SWEDISH.keys() == set()


def test_everything_wrong_with_a_mapping_has_swedish_words():
    rules = set(MAPPING.findall((ENGINE / "renaming.py").read_text(encoding="utf-8")))
    assert len(rules) == 5
    assert rules - SWEDISH.keys() == set()


def test_every_rule_for_tables_and_forms_has_swedish_words():
    sources = ("decisions.py", "components.py", "forms.py", "xml.py", "definition.py")
    found = (TOLD.findall((ENGINE / each).read_text(encoding="utf-8")) for each in sources)
    rules = {one or other for each in found for one, other in each}
    of_answers = {
        "answers",
        "hidden",
        "past",
        "required-row",
        "too-many-rows",
        "unknown",
    }  # told to caseworkers
    assert len(rules) > 40
    assert rules - of_answers - SWEDISH.keys() == set()


@ON_ONE
def test_swedish_words_take_up_the_names_that_the_engine_quotes(service):
    message = "Nothing gives “agee”, so it is always null. Did you mean “age”?"
    with service.test_request_context():
        told = findings.told(Problem(message, rule="name-misspelled"))
    assert told == "Inget ger “agee”, så det är alltid tomt. Menade du “age”?"


@ON_ONE
def test_a_path_is_told_by_the_names_of_its_elements(service):
    message = "Nothing comes from “b” when a case goes “s → a”, so it waits here for ever."
    with service.test_request_context():
        (told,) = findings.listed([Problem(message, rule="join-stuck")], {"b": "Besluta", "a": "Ansök"})
    assert told["words"] == (
        "Från “Besluta” kommer inget när ärendet går “s → Ansök”, så det fastnar här; "
        "slå ihop som det delades."
    )


@ON_ONE
def test_a_name_on_a_path_stays_a_name_though_an_element_has_the_same_id(service):
    message = (
        "“a” is not given on any way to here (“s → a”), so it is null; it is given by “b”. Read it after."
    )
    with service.test_request_context():
        (told,) = findings.listed([Problem(message, rule="name-early")], {"b": "Besluta", "a": "Ansök"})
    assert told["words"] == (
        "“a” ges inte på någon väg hit (“s → Ansök”) och är tomt; läs det efter “Besluta” eller fråga före."
    )


def test_every_problem_of_a_file_carries_a_rule_with_swedish_words():
    rules, without = set(), []
    commands = [ENGINE.parent / "commands" / name for name in ("readiness.py", "tables.py", "deployments.py")]
    rows = [ENGINE.parent / "rules" / name for name in ("escalation.py", "retention.py")]
    for path in [*sorted(ENGINE.glob("*.py")), *commands, *rows]:
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = call.func.id if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) else ""
            told = {each.arg: each.value for each in call.keywords} if named else {}
            if named == "Problem" and "file" in told and "rule" not in told:
                without.append(f"{path.name}:{call.lineno}")
            rule = told.get("rule") if named == "Problem" else call.args[0] if named == "Fault" else None
            rules |= {rule.value} if isinstance(rule, ast.Constant) else set()
    assert without == []
    assert {"file-name", "warning-again", "retention-age", "join-stuck"} <= rules
    assert rules - SWEDISH.keys() - {"answers", "unknown"} == set()


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"level": 0}, "warning-numbers"),
        ({"unit": "dagar"}, "warning-word"),
        ({"unit": "percent"}, "warning-percent"),
        ({"counted": "day of period", "amount": 0}, "warning-day-of-period"),
        ({"counted": "again", "amount": 0}, "warning-again"),
    ],
)
@ON_ONE
def test_a_row_of_warnings_that_makes_no_sense_is_told_in_swedish(service, changed, rule):
    row = {"level": 1, "amount": 3, "unit": "days", "counted": "before due", "whom": "assignee"}
    assert escalation.fault(row) is None
    found = escalation.fault(row | changed)
    assert found.rule == rule
    with service.test_request_context():
        assert "{" not in findings.told(Problem(found.message, rule=found.rule))


@pytest.mark.parametrize(
    ("expression", "swedish"),
    [
        ("P1D +", "I egenskapen ”due”: Vid tecken 6 saknas något."),
        ("1 ) 2", "I egenskapen ”due”: Vid tecken 3 går ”)” inte att förstå."),
        ("tomorrow()", "I egenskapen ”due”: Vid tecken 1: det finns ingen funktion ”tomorrow”."),
        ("today(1)", "I egenskapen ”due”: Vid tecken 1: ”today” tar 0 värden (), inte 1."),
        ('date("2026-02-30")', "finns inte i kalendern"),
    ],
)
def test_what_is_wrong_with_an_expression_is_told_in_swedish(expression, swedish):
    (message,) = (message for _, _, message in feel("t", expression, "property “due”"))
    assert swedish in in_swedish(message)
