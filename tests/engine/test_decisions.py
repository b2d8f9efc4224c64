"""Decision tables: every hit policy, aggregation, type, kind of cell; what is refused, what fails and how."""

from datetime import UTC, date, datetime
from typing import Any
from xml.sax.saxutils import escape, quoteattr
from zoneinfo import ZoneInfo

import pytest

from service.engine import decisions
from service.engine.decisions import Decided, DecisionTable, decide, parse
from service.engine.expressions import Moment
from service.errors import Refused, StepFailed
from service.rules import calendar

DMN = "https://www.omg.org/spec/DMN/20191111/MODEL/"
MOMENT = Moment(
    datetime(2026, 3, 1, 10, 0, tzinfo=UTC),
    ZoneInfo("Europe/Stockholm"),
    calendar.days_off_around(date(2026, 3, 1)),
)
Column = tuple[str, str]  # expression or name, type
Row = tuple[list[str], list[str]]  # unary tests, outputs


def definitions(*parts: str, namespace: str = DMN) -> bytes:
    inner = "".join(parts)
    return f'<definitions xmlns="{namespace}" id="d" name="d" namespace="n">{inner}</definitions>'.encode()


def table(
    rules: list[Row],
    *,
    policy: str = "UNIQUE",
    inputs: list[Column] | None = None,
    outputs: list[Column] | None = None,
    allowed: dict[str, str] | None = None,
    **more: str,
) -> str:
    """One decision as dmn-js writes it; ids are made from its key and positions."""
    key, allowed = more.get("key", "t"), allowed or {}
    found = [f"<decision id={quoteattr(key)} name={quoteattr(more.get('name', 'A table'))}>"]
    found.append(more.get("requirements", ""))
    aggregation = f' aggregation="{more["aggregation"]}"' if "aggregation" in more else ""
    found.append(f'<decisionTable id="{key}_table" hitPolicy="{policy}"{aggregation}>')
    for at, (expression, type) in enumerate(inputs or [("n", "number")]):
        found.append(f'<input id="{key}_i{at}"><inputExpression id="{key}_e{at}" typeRef="{type}">')
        found.append(f"<text>{escape(expression)}</text></inputExpression>")
        if expression in allowed:
            found.append(f"<inputValues><text>{escape(allowed[expression])}</text></inputValues>")
        found.append("</input>")
    for at, (name, type) in enumerate(outputs or [("o", "string")]):
        found.append(f'<output id="{key}_o{at}" name="{name}" typeRef="{type}">')
        if name in allowed:
            found.append(f"<outputValues><text>{escape(allowed[name])}</text></outputValues>")
        if "default" in more and at == 0:
            found.append(f"<defaultOutputEntry><text>{escape(more['default'])}</text></defaultOutputEntry>")
        found.append("</output>")
    for number, (tests, cells) in enumerate(rules, 1):
        found.append(f'<rule id="{key}_r{number}">')
        found += [
            f"<inputEntry id='{key}_r{number}i{at}'>{_text(each)}</inputEntry>"
            for at, each in enumerate(tests)
        ]
        found += [
            f"<outputEntry id='{key}_r{number}o{at}'>{_text(each)}</outputEntry>"
            for at, each in enumerate(cells)
        ]
        found.append("</rule>")
    return "".join([*found, "</decisionTable></decision>"])


def _text(feel: str) -> str:
    return f"<text>{escape(feel)}</text>"


def decided(xml: str, **data: Any) -> Decided:
    known = {each.key: each for each in parse(definitions(xml), "t.dmn")}
    return decide(known, "t", data, moment=MOMENT)


def refused(*parts: str, namespace: str = DMN) -> list[tuple[str | None, str | None]]:
    """The element and rule of every problem."""
    with pytest.raises(Refused) as failure:
        parse(definitions(*parts, namespace=namespace), "t.dmn")
    assert all(each.file == "t.dmn" and each.message for each in failure.value.problems)
    return [(each.element, each.rule) for each in failure.value.problems]


THREE: list[Row] = [(["> 0"], ['"low"']), (["> 5"], ['"high"']), (["> 3"], ['"mid"'])]
ORDER = {"o": '"high","mid","low"'}


@pytest.mark.parametrize(
    ("policy", "one", "many", "none"),
    [
        ("FIRST", ("low", [1]), ("low", [1]), (None, [])),
        ("PRIORITY", ("low", [1]), ("high", [2]), (None, [])),
        ("RULE ORDER", (["low"], [1]), (["low", "high", "mid"], [1, 2, 3]), ([], [])),
        ("OUTPUT ORDER", (["low"], [1]), (["high", "mid", "low"], [2, 3, 1]), ([], [])),
        ("COLLECT", (["low"], [1]), (["low", "high", "mid"], [1, 2, 3]), ([], [])),
    ],
)
def test_each_hit_policy_makes_its_outcome_of_the_rules_that_hit(
    policy: str, one: tuple[Any, list[int]], many: tuple[Any, list[int]], none: tuple[Any, list[int]]
) -> None:
    xml = table(THREE, policy=policy, allowed=ORDER)
    for n, (outcome, rules) in {1: one, 6: many, 0: none}.items():
        found = decided(xml, n=n)
        assert found.outcome == outcome
        assert [each.rules for each in found.tables] == [tuple(f"t_r{number}" for number in rules)]
        assert found.tables[0].table == "t_table"
        assert found.tables[0].inputs == {"n": n}


def test_unique_with_two_hits_fails_and_names_the_rules() -> None:
    xml = table(THREE)
    assert decided(xml, n=1).outcome == "low"
    assert decided(xml, n=0).outcome is None
    with pytest.raises(StepFailed, match=r"these did: t_r1, t_r3\."):
        decided(xml, n=4)
    with pytest.raises(StepFailed, match=r"Decision t: Only one rule may hit.*t_r1, t_r2, t_r3") as failure:
        decided(xml, n=6)
    assert failure.value.element == "t_r2"


def test_any_takes_rules_that_agree_and_fails_when_they_do_not() -> None:
    rules: list[Row] = [(["> 0"], ['"a"']), (["> 3"], ['"a"']), (["> 5"], ['"b"'])]
    xml = table(rules, policy="ANY")
    assert decided(xml, n=4).outcome == "a"
    assert decided(xml, n=4).tables[0].rules == ("t_r1", "t_r2")
    with pytest.raises(StepFailed, match="must agree"):
        decided(xml, n=6)


def test_a_missing_hit_policy_means_unique() -> None:
    xml = table(THREE).replace(' hitPolicy="UNIQUE"', "")
    with pytest.raises(StepFailed, match="Only one rule"):
        decided(xml, n=6)


@pytest.mark.parametrize(
    ("aggregation", "one", "many", "none"),
    [("SUM", 1, 13, None), ("MIN", 1, 1, None), ("MAX", 1, 12, None), ("COUNT", 1, 2, 0)],
)
def test_collect_makes_one_number_of_the_hits(
    aggregation: str, one: int, many: int, none: int | None
) -> None:
    rules: list[Row] = [(["> 0"], ["1"]), (["> 5"], ["n * 2"])]
    xml = table(rules, policy="COLLECT", outputs=[("o", "number")], aggregation=aggregation)
    assert [decided(xml, n=n).outcome for n in (1, 6, 0)] == [one, many, none]


def test_the_latest_of_dates_can_be_collected() -> None:
    rules: list[Row] = [(["> 0"], ['date("2026-03-01")']), (["> 5"], ['date("2026-02-01")'])]
    xml = table(rules, policy="COLLECT", outputs=[("o", "date")], aggregation="MAX")
    assert decided(xml, n=6).outcome == "2026-03-01"


def test_the_least_is_found_by_time_not_by_text() -> None:
    cells = ['"2026-03-01T10:00:00+02:00"', '"2026-03-01T09:00:00Z"', 'at("2026-03-02", "00:00")']
    rules: list[Row] = [(["-"], [each]) for each in cells]
    for aggregation, found in (("MIN", "2026-03-01T10:00:00+02:00"), ("MAX", "2026-03-02T00:00:00+01:00")):
        xml = table(rules, policy="COLLECT", aggregation=aggregation, outputs=[("o", "dateTime")])
        assert decided(xml, n=1).outcome == found
    fractions: list[Row] = [(["-"], ["0.1"]), (["-"], ["0.2"])]
    xml = table(fractions, policy="COLLECT", aggregation="SUM", outputs=[("o", "number")])
    assert decided(xml, n=1).outcome == 0.3


@pytest.mark.parametrize(
    ("allowed", "taken", "left"),
    [
        ("-", [1, 9], []),
        ("[1..3], 7", [2, 7], [4]),
        ("> 5", [6], [5]),
        ("not(7)", [6], [7]),
        ("even(?)", [6], [7]),
    ],
)
def test_allowed_values_may_be_ranges_and_tests(allowed: str, taken: list[int], left: list[int]) -> None:
    outputs = table([(["-"], ["n"])], outputs=[("o", "number")], allowed={"o": allowed})
    inputs = table([(["-"], ["n"])], outputs=[("o", "number")], allowed={"n": allowed})
    for value in taken:
        assert [decided(outputs, n=value).outcome, decided(inputs, n=value).outcome] == [value, value]
    for value in left:
        for xml in (outputs, inputs):
            with pytest.raises(StepFailed, match="does not allow"):
                decided(xml, n=value)


def test_an_aggregation_over_an_empty_cell_fails_with_words() -> None:
    xml = table([(["> 0"], ["-"])], policy="COLLECT", outputs=[("o", "number")], aggregation="SUM")
    with pytest.raises(StepFailed, match="SUM needs numbers"):
        decided(xml, n=1)


def test_several_outputs_make_a_context() -> None:
    rules: list[Row] = [(["> 0"], ["30", '"days"']), (["> 5"], ["3", '"weeks"'])]
    outputs = [("amount", "number"), ("unit", "string")]
    assert decided(table(rules, policy="FIRST", outputs=outputs), n=6).outcome == {
        "amount": 30,
        "unit": "days",
    }
    assert decided(table(rules, policy="COLLECT", outputs=outputs), n=6).outcome == [
        {"amount": 30, "unit": "days"},
        {"amount": 3, "unit": "weeks"},
    ]


def test_priority_goes_by_the_first_output_then_by_the_next() -> None:
    rules: list[Row] = [(["> 0"], ['"a"', '"z"']), (["> 0"], ['"a"', '"y"']), (["> 0"], ['"b"', '"x"'])]
    xml = table(
        rules,
        policy="PRIORITY",
        outputs=[("p", "string"), ("q", "string")],
        allowed={"p": '"a","b"', "q": '"x","y","z"'},
    )
    assert decided(xml, n=1).outcome == {"p": "a", "q": "y"}


@pytest.mark.parametrize("policy", ["UNIQUE", "FIRST", "COLLECT"])
def test_a_default_output_stands_in_when_nothing_hits(policy: str) -> None:
    xml = table(THREE, policy=policy, default='"other"')
    found = decided(xml, n=0)
    assert found.outcome == (["other"] if policy == "COLLECT" else "other")
    assert found.tables[0].rules == ()


@pytest.mark.parametrize(
    ("type", "test", "hits", "misses"),
    [
        ("number", "[1..3]", [1, 2.5, 3], [0.99, 3.01, None]),
        ("number", "]1..3[", [2], [1, 3]),
        ("number", "<= 0, > 10", [0, 11], [1, 10]),
        ("number", "not(1, [5..7])", [2, 8], [1, 6]),
        ("number", "even(?)", [2], [3]),
        ("number", "? * 2 = limit", [5], [4]),
        ("number", "limit", [10], [9]),
        ("string", '"a","b"', ["a", "b"], ["c", "", None]),
        ("string", 'not("a")', ["b", None], ["a"]),
        ("string", "null", [None], ["a"]),
        ("string", "not(null)", ["a"], [None]),
        ("string", 'starts with(?, "sv")', ["svenska"], ["en"]),
        ("string", '"å\\"ä"', ['å"ä'], ["å"]),
        ("boolean", "true", [True], [False, None]),
        ("boolean", "false", [False], [True, None]),
        (
            "date",
            '[date("2026-03-01")..date("2026-03-30")]',
            ["2026-03-01", "2026-03-30"],
            ["2026-03-31", None],
        ),
        ("date", '< @"2026-04-01"', ["2026-03-31"], ["2026-04-01"]),
        ("date", "> today()", ["2026-03-02"], ["2026-03-01"]),
        ("date", "is working day(?)", ["2026-03-02"], ["2026-04-03"]),
        ("date", 'last day(?, 30, "days") = date("2026-03-30")', ["2026-03-01"], ["2026-03-02"]),
        ("dateTime", "<= now()", ["2026-03-01T11:00:00+01:00"], ["2026-03-01T11:00:01+01:00"]),
        ("time", '>= time("16:00:00")', ["16:30:00"], ["15:59:59"]),
        ("dayTimeDuration", '> duration("PT72H")', ["P3DT1S"], ["P3D"]),
        ("yearMonthDuration", '>= duration("P18Y")', ["P18Y", "P217M"], ["P17Y11M"]),
        ("Any", '"a", 3', ["a", 3], ["b", 4]),
    ],
)
def test_a_cell_of_each_kind_hits_what_it_says(
    type: str, test: str, hits: list[Any], misses: list[Any]
) -> None:
    xml = table([([test], ['"hit"'])], inputs=[("x", type)])
    for value in hits:
        assert decided(xml, x=value, limit=10).outcome == "hit", value
    for value in misses:
        assert decided(xml, x=value, limit=10).outcome is None, value


@pytest.mark.parametrize(
    ("test", "value", "passes"),
    [
        ("-", None, True),
        ("", 3, True),
        ('"a","b"', "b", True),
        ('"a","b"', "c", False),
        ('"a"', None, False),
        ('not("a","b")', "c", True),
        ('not("a")', "a", False),
        ("not(> 3)", None, False),  # unknown, so no hit
        ("null", None, True),
        ("not(null)", "a", True),
        ("not(null)", None, False),
        ("[1..3]", 3, True),
        ("[1..3)", 3, False),
        ("]1..3]", 1, False),
        ("< 0, [7..9]", 8, True),
        (">= 3", None, False),
        ("true", True, True),
        ("true", False, False),
        ("true", 1, False),
        ('starts with(?, "x")', "xy", True),
        ('? = "x" or ? = null', None, True),
        ("limit", 5, True),
        ("> limit", 5, False),
        ("> limit", 6, True),
        ('list contains(["a"], ?)', "a", True),
        ("is working day(?)", "2026-06-19", False),
        ('date(?) < date("2026-04-01")', "2026-03-31", True),
        ('duration(?) > duration("PT24H")', "PT25H", True),
    ],
)
def test_a_unary_test_hits_or_not(test: str, value: Any, *, passes: bool) -> None:
    xml = table([([test], ['"hit"'])], inputs=[("v", "Any")])
    assert (decided(xml, v=value, limit=5).outcome == "hit") is passes


@pytest.mark.parametrize("wild", ["-", "", " - "])
def test_a_dash_or_an_empty_cell_hits_everything(wild: str) -> None:
    xml = table([([wild], ['"hit"'])])
    assert [decided(xml, n=n).outcome for n in (1, None)] == ["hit", "hit"]


def test_a_table_without_inputs_always_hits() -> None:
    xml = table([([], ['"hit"'])]).replace(
        '<input id="t_i0"><inputExpression id="t_e0" typeRef="number">', ""
    )
    xml = xml.replace("<text>n</text></inputExpression></input>", "")
    assert decided(xml).outcome == "hit"


def test_inputs_are_expressions_over_the_data() -> None:
    xml = table(
        [(["> 2", "true"], ["count(signs)"])],
        inputs=[("count(signs)", "number"), ("person.age >= 18", "boolean")],
        outputs=[("o", "number")],
    )
    found = decided(xml, signs=["a", "b", "c"], person={"age": 20}, noise="x")
    assert found.outcome == 3
    assert found.tables[0].inputs == {"count(signs)": 3, "person.age >= 18": True}


@pytest.mark.parametrize(
    ("type", "cell", "value"),
    [
        ("number", "1.50", 1.5),
        ("number", "n + 1", 2),
        ("boolean", "n > 0", True),
        ("string", '"P30D"', "P30D"),
        ("string", "", None),
        ("date", 'date("2026-01-31") + duration("P1M")', "2026-02-28"),
        ("date", '"2026-01-31"', "2026-01-31"),
        ("dayTimeDuration", 'duration("PT72H")', "PT72H"),
        ("dateTime", 'at("2026-07-01", "08:00")', "2026-07-01T08:00:00+02:00"),
        ("Any", "[1, null]", [1, None]),
        ("Any", '{a: "b"}', {"a": "b"}),
    ],
)
def test_an_output_has_the_type_that_the_table_says(type: str, cell: str, value: Any) -> None:
    assert decided(table([(["-"], [cell])], outputs=[("o", type)]), n=1).outcome == value


@pytest.mark.parametrize(
    ("xml", "data", "words"),
    [
        (table([(["> 1"], ['"x"'])]), {"n": "3"}, 'input "n" should be a number, not a text'),
        (table([(["-"], ['"x"'])], inputs=[("n", "date")]), {"n": "soon"}, "should be a date, not a text"),
        (table([(["-"], ['"x"'])], inputs=[("n", "boolean")]), {"n": "yes"}, "should be a boolean"),
        (
            table([(["-"], ['"x"'])], outputs=[("o", "number")]),
            {"n": 1},
            'Rule 1, output "o" should be a number',
        ),
        (table([(["yes"], ['"x"'])], inputs=[("n", "string")]), {"n": "yes"}, "needs quotation marks"),
        (table([(["-"], ["housing"])]), {"n": 1}, 'Rule 1, output "o": .*needs quotation marks'),
        (table([(["-"], ['n + "a"'])]), {"n": 3}, "Calculates with a number and a text"),
        (table(THREE, allowed={"n": "[0..3]"}), {"n": 4}, "does not allow"),
        (table([(["-"], ['"other"'])], allowed=ORDER), {"n": 4}, "does not allow"),
        (
            table([(['< date("2026-01-01")'], ['"x"'])], inputs=[("n", "Any")]),
            {"n": "2025-01-01"},
            "Rule 1, input",
        ),
        (table([(["-"], ['"x"'])], inputs=[("n > 1", "Any")]), {"n": "2025"}, 'input "n > 1": Compares'),
        (
            table([(["-"], ['"x"'])], inputs=[("n", "yearMonthDuration")]),
            {"n": "P400D"},
            "should be a duration in years and months, not one in days and hours",
        ),
    ],
)
def test_a_table_that_cannot_be_decided_says_where(xml: str, data: dict[str, Any], words: str) -> None:
    with pytest.raises(StepFailed, match=words) as failure:
        decided(xml, **data)
    assert failure.value.message.startswith("Decision t: ")
    assert failure.value.element == "t_table"


def test_after_the_first_hit_nothing_else_is_asked() -> None:
    xml = table([(["> 0"], ['"x"']), (["> 0"], ["unheard_of"])], policy="FIRST")
    assert decided(xml, n=1).outcome == "x"


def test_a_rule_that_does_not_hit_is_not_answered() -> None:
    xml = table([(["> 5"], ["unheard_of"]), (["> 0"], ['"x"'])], policy="FIRST")
    assert decided(xml, n=1).outcome == "x"


REQUIRE = '<informationRequirement id="{0}_q"><requiredDecision href="#{1}"/></informationRequirement>'
INPUT_DATA = '<informationRequirement id="x"><requiredInput href="#data"/></informationRequirement>'
LITERAL = (
    '<decision id="{0}" name="{0}">{2}<variable id="{0}_v" name="{0}" typeRef="{3}"/>'
    '<literalExpression id="{0}_l"><text>{1}</text></literalExpression></decision>'
)


def test_required_decisions_are_made_first_and_once_and_are_told() -> None:
    base = LITERAL.format("base", "n * 2", INPUT_DATA, "number") + '<inputData id="data" name="n"/>'
    left = table(
        [(["> 5"], ['"big"'])],
        key="left",
        inputs=[("base", "number")],
        requirements=REQUIRE.format("a", "base"),
    )
    right = table(
        [(["> 0"], ["base + 1"])],
        key="right",
        outputs=[("o", "number")],
        requirements=REQUIRE.format("b", "base"),
    )
    needs = REQUIRE.format("c", "left") + REQUIRE.format("d", "right")
    top = table(
        [(['"big"', "> 1"], ["right"])],
        inputs=[("left", "string"), ("right", "number")],
        outputs=[("o", "number")],
        requirements=needs,
    )
    known = {each.key: each for each in parse(definitions(top, left, right, base), "t.dmn")}
    found = decide(known, "t", {"n": 3}, moment=MOMENT)
    assert found.outcome == 7
    assert [each.table for each in found.tables] == ["base_l", "left_table", "right_table", "t_table"]
    assert found.tables[0].inputs == {"n": 3}
    assert known["t"].requires == ("left", "right")


def test_a_required_decision_can_be_read_by_its_name_with_spaces() -> None:
    score = table([(["-"], ["n"])], key="score", name="Samlad bedömning", outputs=[("o", "number")])
    top = table(
        [(["> 3"], ['"high"'])],
        inputs=[("Samlad bedömning + 1", "number")],
        requirements=REQUIRE.format("a", "score"),
    )
    known = {each.key: each for each in parse(definitions(top, score), "t.dmn")}
    assert decide(known, "t", {"n": 3}, moment=MOMENT).outcome == "high"


def test_a_literal_expression_is_brought_to_its_type() -> None:
    good = LITERAL.format("t", "if n &gt; 1 then date(&quot;2026-03-01&quot;) else null", "", "date")
    assert decided(good, n=2).outcome == "2026-03-01"
    assert decided(good, n=1).outcome is None
    with pytest.raises(StepFailed, match="should be a number"):
        decided(LITERAL.format("t", "&quot;x&quot;", "", "number"))


def test_what_is_asked_and_not_there_fails() -> None:
    with pytest.raises(StepFailed, match="no decision"):
        decide({}, "t", {}, moment=MOMENT)


@pytest.mark.parametrize(
    "namespace",
    [
        DMN,
        "https://www.omg.org/spec/DMN/20230324/MODEL/",
        "https://www.omg.org/spec/DMN/20211108/MODEL/",
        "http://www.omg.org/spec/DMN/20180521/MODEL/",
        "http://www.omg.org/spec/DMN/20151101/dmn.xsd",
    ],
)
def test_every_version_of_dmn_is_read(namespace: str) -> None:
    (found,) = parse(definitions(table(THREE), namespace=namespace), "t.dmn")
    assert isinstance(found, DecisionTable)
    assert [each.tests for each in found.rules] == [("> 0",), ("> 5",), ("> 3",)]


def test_a_table_tells_what_its_author_wrote() -> None:
    xml = table(THREE[:1], name="Väg till tillstånd")
    xml = xml.replace("</rule>", "<annotationEntry><text>UL 5 kap. 15 §</text></annotationEntry></rule>")
    xml = xml.replace("</rule>", "<description>säker</description></rule>").replace(
        "<outputEntry", "<outputEntry", 1
    )
    (found,) = parse(definitions(xml), "routes/route.dmn")
    assert isinstance(found, DecisionTable)
    assert (found.key, found.name, found.file, found.table) == (
        "t",
        "Väg till tillstånd",
        "routes/route.dmn",
        "t_table",
    )
    assert found.rules[0].annotation == "UL 5 kap. 15 §\nsäker"
    assert found.hit_policy is decisions.HitPolicy.UNIQUE


@pytest.mark.parametrize(
    ("xml", "problems"),
    [
        (table([(["> "], ['"x"'])]), [("t_r1i0", "feel")]),
        (table([(["1", "2"], ['"x"'])]), [("t_r1", "dmn-cells")]),
        (table([([], ['"x"'])]), [("t_r1", "dmn-cells")]),
        (table([(["-"], ["nonsense(1)"])]), [("t_r1o0", "feel")]),
        (table([(["-"], ['date("2026-02-30")'])]), [("t_r1o0", "feel")]),
        (table(THREE, inputs=[("", "string")]), [("t_i0", "feel")]),
        (table(THREE, inputs=[("n", "money")]), [("t_e0", "dmn-type")]),
        (table(THREE, policy="SOME"), [("t_table", "dmn-hit-policy")]),
        (table(THREE, policy="PRIORITY"), [("t_table", "dmn-priority")]),
        (table(THREE, policy="OUTPUT ORDER"), [("t_table", "dmn-priority")]),
        (table(THREE, policy="PRIORITY", allowed={"o": 'not("x")'}), [("t_table", "dmn-priority")]),
        (table(THREE, policy="COLLECT", aggregation="MEAN"), [("t_table", "dmn-aggregation")]),
        (table(THREE, policy="COLLECT", aggregation="SUM"), [("t_table", "dmn-aggregation")]),
        (table(THREE, policy="FIRST", aggregation="COUNT"), [("t_table", "dmn-aggregation")]),
        (table(THREE, key="Not A Key"), [("Not A Key", "dmn-key")]),
        (table(THREE).replace('id="t_r2"', 'id="t_r1"'), [("t_r1", "dmn-id")]),
        (table(THREE).replace(' id="t_r2"', ""), [("t_table", "dmn-id")]),
        (table(THREE, requirements=REQUIRE.format("a", "gone")), [("t", "dmn-requirement")]),
        (table(THREE, requirements=REQUIRE.format("a", "t")), [("t", "dmn-requirement")]),
        (
            table(THREE).replace('typeRef="number"', 'typeRef="number" expressionLanguage="juel"'),
            [("t_e0", "dmn-language")],
        ),
        ('<decision id="t" name="t"/>', [("t", "dmn-logic")]),
        (
            '<decision id="t" name="t"><context id="c"/></decision>',
            [("c", "dmn-unsupported"), ("t", "dmn-logic")],
        ),
        ('<businessKnowledgeModel id="b"/>' + table(THREE), [("b", "dmn-unsupported")]),
        ('<itemDefinition id="b"/>' + table(THREE), [("b", "dmn-unsupported")]),
        ('<import id="b"/>' + table(THREE), [("b", "dmn-unsupported")]),
        ("", [("d", "dmn-empty")]),
        (
            table([(["-"], ['"x"', '"y"'])], outputs=[("o", "string"), ("o", "string")]),
            [("t_table", "dmn-outputs")],
        ),
        (LITERAL.format("t", "1 +", "", "number"), [("t_l", "feel")]),
        (LITERAL.format("t", "1", "", "money"), [("t_v", "dmn-type")]),
    ],
)
def test_what_cannot_run_is_refused_by_element_and_rule(xml: str, problems: list[tuple[str, str]]) -> None:
    assert refused(xml) == problems


def test_all_problems_are_told_at_once() -> None:
    rules: list[Row] = [(["> "], ["1 +"]), (["foo()"], ["-"])]
    found = refused(table(rules, policy="SOME", inputs=[("n", "money")]))
    assert found == [
        ("t_e0", "dmn-type"),
        ("t_r1i0", "feel"),
        ("t_r1o0", "feel"),
        ("t_r2i0", "feel"),
        ("t_table", "dmn-hit-policy"),
    ]


def test_a_circle_of_requirements_is_refused() -> None:
    one = table(THREE, key="one", requirements=REQUIRE.format("a", "two"))
    two = table(THREE, key="two", requirements=REQUIRE.format("b", "one"))
    assert refused(one, two) == [("one", "dmn-requirement"), ("two", "dmn-requirement")]


def test_other_xml_is_refused() -> None:
    assert refused("", namespace="http://example.org/other") == [("d", "dmn-namespace")]
    with pytest.raises(Refused):
        parse(b"<!DOCTYPE x><definitions/>", "t.dmn")


def test_a_large_table_is_decided_in_one_call() -> None:
    rules: list[Row] = [([f"[{n}..{n + 1})"], [f'"r{n}"']) for n in range(400)]
    known = {each.key: each for each in parse(definitions(table(rules)), "t.dmn")}
    assert decide(known, "t", {"n": 399.5}, moment=MOMENT).outcome == "r399"
