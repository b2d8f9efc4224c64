"""What the rules of a decision table cover: overlaps that are certain, and inputs that no rule hits."""

import pytest

from service.engine import coverage
from service.engine.decisions import DecisionTable, HitPolicy, Input, Output, Rule


def table(*rows, type="number", policy=HitPolicy.UNIQUE, allowed="", default=""):
    rows = [row if isinstance(row, tuple) else (row,) for row in rows]
    inputs = tuple(Input(f"i{n}", f"in{n}", f"x{n}", type, allowed) for n in range(len(rows[0])))
    outputs = (Output("o", "out", "out", "string", "", default),)
    rules = tuple(Rule(f"r{n}", row, ('"a"',)) for n, row in enumerate(rows, 1))
    return DecisionTable("k", "k", "k.dmn", "t", policy, None, inputs, outputs, rules)


@pytest.mark.parametrize(
    ("one", "other", "type", "together"),
    [
        ("< 5", ">= 5", "number", False),
        ("<= 5", ">= 5", "number", True),
        ("[1..5]", "(5..9]", "number", False),
        ("[1..5]", "[5..9]", "number", True),
        ("1,2,3", "3", "number", True),
        ('"a"', '"b"', "string", False),
        ('"a","b"', '"b"', "string", True),
        ('not("a")', '"a"', "string", False),
        ('not("a")', '"b"', "string", True),
        ("-", '"b"', "string", True),
        ("true", "false", "boolean", False),
        ('< date("2026-01-01")', '>= date("2026-01-01")', "date", False),
        ('<= date("2026-01-01")', '[date("2026-01-01")..date("2026-02-01")]', "date", True),
        ("> 3 and something(4)", "> 1", "number", False),  # not understood, so not claimed
    ],
)
def test_rules_that_can_both_hit_are_found(one, other, type, together):
    assert list(coverage.overlaps(table(one, other, type=type))) == ([("r1", "r2")] if together else [])


@pytest.mark.parametrize(
    ("cells", "type", "told"),
    [
        (["< 5", "> 5"], "number", "5"),
        (["< 5", ">= 5"], "number", None),
        (["[1..5]", "[6..9]"], "number", "< 1"),
        (['"a"', 'not("a")'], "string", None),
        (['"a"', '"b"'], "string", "any other text"),
        (["true"], "boolean", "false"),
        (['<= date("2026-01-01")', '>= date("2026-01-02")'], "date", None),
        (["-"], "number", None),
        (["odd(1)"], "number", None),
    ],
)
def test_inputs_that_no_rule_hits_are_told(cells, type, told):
    found = coverage.gap(table(*cells, type=type))
    assert (found.inputs["in0"] if found else None) == told


def test_a_gap_lies_where_columns_meet():
    found = coverage.gap(table(("< 5", "< 5"), (">= 5", "-")))
    assert found.inputs == {"in0": "< 5", "in1": "5"}


def test_a_default_or_several_hits_leave_no_gap():
    assert coverage.gap(table("< 5", default='"a"')) is None
    assert coverage.gap(table("< 5", policy=HitPolicy.COLLECT)) is None


def test_allowed_values_bound_the_search():
    assert coverage.gap(table('"a"', '"b"', type="string", allowed='"a","b"')) is None
