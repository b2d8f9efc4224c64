"""What the engine finds in diagrams is told in Swedish as well."""

import re
from pathlib import Path

from service.engine import definition
from service.web.findings import SWEDISH

ENGINE = Path(definition.__file__).parent
ADVICE = re.compile(r'rule="([a-z-]+)"')
RULE = re.compile(r'yield [\w.]+, "([a-z-]+)"')


def test_every_rule_for_diagrams_has_swedish_words():
    sources = ("checks.py", "event_checks.py", "flow_checks.py", "findings.py")
    rules = {rule for each in sources for rule in RULE.findall((ENGINE / each).read_text(encoding="utf-8"))}
    assert len(rules) > 20
    assert rules - SWEDISH.keys() == set()


def test_every_advice_has_swedish_words():
    rules = set(ADVICE.findall((ENGINE / "advice.py").read_text(encoding="utf-8")))
    assert "milestone-lost" in rules
    assert rules - SWEDISH.keys() == set()
