"""What the engine finds in diagrams is told in Swedish as well."""

import re
from pathlib import Path

from service.engine import definition
from service.errors import Problem
from service.web import findings
from service.web.findings import SWEDISH

ENGINE = Path(definition.__file__).parent
ADVICE = re.compile(r'rule="([a-z-]+)"')
TOLD = re.compile(r'(?:wrong|refuse|_refused)\(\s*(?:[\w.]+(?: if [^,]+)?,\s*)?"([a-z-]+)"|rule="([a-z-]+)"')
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


def test_swedish_words_take_up_the_names_that_the_engine_quotes(service):
    message = "Nothing gives “agee”, so it is always null. Did you mean “age”?"
    with service.test_request_context():
        told = findings.told(Problem(message, rule="name-misspelled"))
    assert told == "Inget ger “agee”, så det är alltid tomt. Menade du “age”?"


def test_a_path_is_told_by_the_names_of_its_elements(service):
    message = "Nothing comes from “b” when a case goes “s → a”, so it waits here for ever."
    with service.test_request_context():
        (told,) = findings.listed([Problem(message, rule="join-stuck")], {"b": "Besluta", "a": "Ansök"})
    assert told["words"] == (
        "Från “Besluta” kommer inget när ärendet går “s → Ansök”, så det fastnar här; "
        "slå ihop som det delades."
    )
