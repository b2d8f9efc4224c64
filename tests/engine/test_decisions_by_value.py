"""What FEEL says in tables and decisions, value by value, as DMN 1.3 has it; cases of our own."""

from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

import pytest

from service.engine.decisions import decide, parse
from service.engine.expressions import Moment

DMN = "https://www.omg.org/spec/DMN/20191111/MODEL/"
MOMENT = Moment(datetime(2026, 3, 1, 10, 0, tzinfo=UTC), ZoneInfo("Europe/Stockholm"))


def asked(inner: str, data: dict[str, Any]) -> Any:
    decision = f'<decision id="t">{inner}</decision>'
    content = f'<definitions xmlns="{DMN}" id="d" name="d" namespace="n">{decision}</definitions>'
    return decide(
        {each.key: each for each in parse(content.encode(), "t.dmn")}, "t", data, moment=MOMENT
    ).outcome


def literal(expression: str, **data: Any) -> Any:
    return asked(f'<literalExpression id="l"><text>{escape(expression)}</text></literalExpression>', data)


def hits(test: str, value: Any, type: str = "Any", **data: Any) -> bool:
    rule = (
        f'<rule id="r"><inputEntry id="c"><text>{escape(test)}</text></inputEntry>'
        "<outputEntry id='o1'><text>true</text></outputEntry></rule>"
    )
    table = (
        f'<decisionTable id="tt" hitPolicy="UNIQUE"><input id="i"><inputExpression id="e" typeRef="{type}">'
        f'<text>x</text></inputExpression></input><output id="o" name="o" typeRef="boolean"/>'
        f"{rule}</decisionTable>"
    )
    return asked(table, {"x": value, **data}) is True


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        # three truths: what is not known is null, and decides only what hangs on it
        ("true and null", None),
        ("false and null", False),
        ("true or null", True),
        ("false or null", None),
        ("not(null)", None),
        ("null = null", True),
        ("null != 1", True),
        ("null > 1", None),
        ("nobody.name", None),
        # numbers
        ("0.1 + 0.2 = 0.3", True),
        ("1000000.1 - 1000000", 0.1),
        ("1.1 * 1.1 = 1.21 and 100 * 1.15 = 115", True),
        ("[sum([0.1, 0.2]), mean([0.1, 0.2, 0.3]), product([0.1, 3])]", [0.3, 0.2, 0.3]),
        ("1.5e3 + 1e3", 2500),
        ("[0.1 * 1e25, 1e-7 + 2e-7, 123456789012.345 * 1000]", [1e24, 3e-7, 123456789012345]),
        ("-2 ** 2", 4),
        ("2 ** -1", 0.5),
        ("7 / 2", 3.5),
        ("1 / 0", None),
        ("modulo(-12, 5)", 3),
        ("floor(-1.5)", -2),
        ("ceiling(-1.5)", -1),
        ("decimal(1.115, 2)", 1.12),
        ("round half up(5.5, 0)", 6),
        ("round half up(-5.5, 0)", -6),
        ("round half down(5.5, 0)", 5),
        ("round up(5.1, 0)", 6),
        ("round down(-5.9, 0)", -5),
        ("[decimal(2.675, 2), floor(0.29, 2), round half up(1.005, 2)]", [2.68, 0.29, 1.01]),
        ("[decimal(1234, -2), round up(-1.121, 2), ceiling(1.51, 1)]", [1200, -1.13, 1.6]),
        ("[modulo(10.1, 4.5), modulo(-10, 3)]", [1.1, 2]),
        ("abs(-3)", 3),
        ("odd(5) and even(-2)", True),
        ("5 between 1 and 5", True),
        ("5 between 10 and 1 or 5 in [10..1]", False),
        ("5 in (1..5)", False),
        ("5 in (1..5]", True),
        ("5 in (< 3, > 4)", True),
        # texts
        ('string length("åäö")', 3),
        ('substring("flykt", 2, 3)', "lyk"),
        ('substring("flykt", -2)', "kt"),
        ('substring("\U0001f40e häst", -4)', "häst"),
        ('upper case("å") + lower case("Ö")', "Åö"),
        ('substring before("a-b", "-") + substring after("a-b", "-")', "ab"),
        ('contains("trygg", "ygg") and ends with("trygg", "gg")', True),
        ('matches("2026-03", "^\\d{4}-\\d{2}$")', True),
        ('replace("a1b2", "[0-9]", "x")', "axbx"),
        ('split("a;b;;c", ";")', ["a", "b", "", "c"]),
        ('string join(["a", null, "b"], "-")', "a-b"),
        ('"a" < "b"', True),
        ('number("1 000,5", " ", ",")', 1000.5),
        ("string(1.50)", "1.5"),
        ("string(null)", None),
        # lists
        ("[1, 2, 3][2]", 2),
        ("[1, 2, 3][-1]", 3),
        ("[1, 2, 3][4]", None),
        ("[1, 2, 3, 4][item > 2]", [3, 4]),
        ('[{a: 1, b: "x"}, {a: 2, b: "y"}][a = 2].b', ["y"]),
        ("[{a: 1}, {a: 2}].a", [1, 2]),
        ("[true, false][item = false]", [False]),
        ("[1, null][item = null]", [None]),
        ("[1, 2, 3][even(item)]", [2]),
        ('["ab", "b"][not(starts with(item, "a"))]', ["b"]),
        ("[{a: true}, {a: false}][a]", [{"a": True}]),
        ("[] = null or [] = [null] or missing = []", False),
        ("count([]) = 0 and sum([]) = null", True),
        ("min([]) = null", True),
        ("[sum([1, 2]), mean([1, 2]), median([3, 1, 2]), max([1, 2])]", [3, 1.5, 2, 2]),
        ("median([10, 9, 100])", 10),
        ("mode([6, 1, 9, 6, 1])", [1, 6]),
        ("mode([-1, 10, -1, 10, 2])", [-1, 10]),
        ('max(date("2026-03-01"), date("2026-03-30"))', "2026-03-30"),
        ('min("b", "a") + max(["b", "a"])', "ab"),
        ('max(duration("P9D"), duration("P10D"))', "P10D"),
        ("max([1, null])", None),
        ("list contains([1, null], null)", True),
        ('list contains([date("2026-03-01")], date("2026-03-01"))', True),
        ('index of([date("2026-03-01"), {a: 1}], {a: 1})', [2]),
        ("append([1], 2, 3)", [1, 2, 3]),
        ("concatenate([1], [2, 3])", [1, 2, 3]),
        ("union([1, 2], [2, 3])", [1, 2, 3]),
        ("distinct values([1, 2, 1, null, null])", [1, 2, None]),
        ("flatten([[1, [2]], [[[3]]]])", [1, 2, 3]),
        ("insert before([1, 3], 2, 2)", [1, 2, 3]),
        ("remove([1, 2, 3], 2)", [1, 3]),
        ("remove([1, 2, 3], -1)", [1, 2]),
        ("insert before([1, 3], -1, 2)", [1, 2, 3]),
        ("reverse([1, 2])", [2, 1]),
        ("index of([1, 2, 1], 1)", [1, 3]),
        ("sublist([1, 2, 3], 2)", [2, 3]),
        ("sort([3, 1, 2], function(a, b) a < b)", [1, 2, 3]),
        ("all([true, true]) and not(any([false]))", True),
        ("for x in 1..3 return x * x", [1, 4, 9]),
        ("for x in 2..0 return x", [2, 1, 0]),
        ("for x in 5 return x", [5]),
        ("for x in [1, 2], y in [10, 20] return x + y", [11, 21, 12, 22]),
        ("some x in [1, 2] satisfies x > 1", True),
        ("every x in [1, 2] satisfies x > 1", False),
        # contexts
        ("{a: 1, b: a + 1}.b", 2),
        ('get value({a: 1}, "a")', 1),
        ("get entries({a: 1})[1].key", "a"),
        ("if null then 1 else 2", 2),
        # dates, times and durations
        ('date("2026-02-28") + duration("P1D")', "2026-03-01"),
        ('date("2028-02-29") + duration("P1Y")', "2029-02-28"),
        ('date("2026-03-31") - date("2026-03-01")', "P30D"),
        ('date("2026-03-01") < date("2026-03-02")', True),
        ('date("2026-03-01").weekday', 7),
        ('[date("2026-03-01").year, date("2026-03-01").month, date("2026-03-01").day]', [2026, 3, 1]),
        ("date(2026, 3, 1)", "2026-03-01"),
        ('time("10:30:00") + duration("PT45M")', "11:15:00"),
        ("date(null)", None),
        ('[3 * duration("P1D"), duration("P1Y") / 12, -duration("P1M")]', ["P3D", "P1M", "-P1M"]),
        ('[1.5 * duration("P4DT1H"), -2.5 * duration("P1Y11M")]', ["P6DT1H30M", "-P4Y9M"]),
        ('duration("P10D") / duration("P5D")', 2),
        ('duration("P200D") = duration("P201D")', False),
        ('time("10:00:00Z") - time("10:00:00+01:00")', "PT1H"),
        ('duration("P1D") = duration("PT24H")', True),
        ('duration("P1Y") = duration("P12M")', True),
        ('duration("P1D") + duration("PT1H")', "P1DT1H"),
        ('duration("PT90M").hours', 1),
        ('years and months duration(date("2025-03-01"), date("2026-04-01"))', "P1Y1M"),
        ('years and months duration(date("2025-03-31"), date("2026-04-30"))', "P1Y"),
        ('years and months duration(date("2026-04-30"), date("2025-03-31"))', "-P1Y"),
        ('day of week(date("2026-03-01"))', "Sunday"),
        ('month of year(date("2026-03-01"))', "March"),
        ('day of year(date("2026-03-01"))', 60),
        ('week of year(date("2026-03-01"))', 9),
        ('date and time("2026-03-01T10:00:00Z") = date and time("2026-03-01T11:00:00+01:00")', True),
        ('date and time("2026-03-01T10:00:00Z") - date and time("2026-02-28T10:00:00Z")', "PT24H"),
        # ranges
        ("before(1, [2..3]) and after(4, [2..3])", True),
        ("overlaps([1..3], [3..5])", True),
        ("overlaps([1..3), [3..5])", False),
        ("includes([1..3], 3)", True),
        ("meets([1..3], [3..5])", True),
        ("overlaps before([1..5], [5..8]) and not(overlaps before([1..5), [5..8]))", True),
        ("overlaps after([3..8], [1..5]) and not(overlaps after([6..8], [1..5]))", True),
        ("finishes(10, [1..10]) and not(finishes(10, [1..10))) and finished by([1..10], [5..10])", True),
        ("starts((1..5], (1..9]) and not(starts((1..5], [1..9])) and started by([1..9], 1)", True),
        ("during(5, [1..10]) and not(during(1, (1..10])) and during([4..6], [1..10])", True),
        ("coincides([1..5], [1..5]) and not(coincides((1..5), [1..5]))", True),
        ("before((< 5), 7) and not(before((< 5), -1))", True),
        ("before(nobody, 1)", None),
        # kinds
        ("1 instance of number", True),
        ('"1" instance of number', False),
        ('date("2026-03-01") instance of date', True),
    ],
)
def test_an_expression_comes_to_what_the_standard_says(expression, value):
    assert literal(expression) == value


GIVEN = {"limit": 10, "names": ["a", "b"], "days": [1]}


@pytest.mark.parametrize(
    ("test", "type", "taken", "left"),
    [
        ("(1..3)", "number", [1.001, 2], [1, 3]),
        ("[1..3)", "number", [1, 2.9], [3]),
        ("[limit..limit + 2]", "number", [10, 12], [9, 13]),
        ("-1", "number", [-1], [1, None]),
        ("< -1, > 1", "number", [-2, 2], [0, None]),
        ("not(< 0)", "number", [0, 1], [-1]),
        ('["b".."d"]', "string", ["b", "c", "d"], ["a", "e"]),
        ("string length(?) > 3", "string", ["fyra"], ["tre"]),
        ('? in ["a", "b"]', "string", ["a"], ["c"]),
        ('list contains(?, "a")', "Any", [["a", "b"]], [["b"], []]),
        ("some x in ? satisfies x > 3", "Any", [[1, 4]], [[1, 2], []]),
        ("count(?) >= 2", "Any", [[1, 2]], [[1]]),
        ("null, 3", "number", [None, 3], [4]),
        ("not(null)", "number", [0], [None]),
        ("? != null and ? > 2", "number", [3], [None, 1]),
        ('@"2026-03-01"', "date", ["2026-03-01"], ["2026-03-02", None]),
        ('> date("2026-03-01") + duration("P30D")', "date", ["2026-04-01"], ["2026-03-31"]),
        ("?.weekday in [6..7]", "date", ["2026-03-01"], ["2026-03-02"]),
        ('[duration("P1D")..duration("P2D")]', "dayTimeDuration", ["PT24H", "P2D"], ["PT23H", "P3D"]),
        ('< date and time("2026-03-01T12:00:00+01:00")', "dateTime", ["2026-03-01T10:59:59Z"], [None]),
        ("true, false", "boolean", [True, False], [None]),
        ("names", "string", ["a", "b"], ["c"]),
        ("days", "Any", [[1]], [[2]]),
        ("not(true)", "boolean", [False], [True]),
    ],
)  # fmt: skip
def test_a_test_takes_what_the_standard_says(test, type, taken, left):
    for value in taken:
        assert hits(test, value, type, **GIVEN), value
    for value in left:
        assert not hits(test, value, type, **GIVEN), value
