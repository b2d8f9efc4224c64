"""Reads DMN decision tables and decides with them: every hit policy, decision requirements, FEEL cells.

Written by dmn-js as DMN 1.3 (1.1 to 1.5 are read). What is not run here is refused at deployment, by
element.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, assert_never

from lxml import etree

from service.engine import expressions, xml
from service.engine.expressions import Moment
from service.errors import Problem, Refused, StepFailed

NAMESPACES = frozenset(
    [
        "https://www.omg.org/spec/DMN/20230324/MODEL/",
        "https://www.omg.org/spec/DMN/20211108/MODEL/",
        "https://www.omg.org/spec/DMN/20191111/MODEL/",
        "http://www.omg.org/spec/DMN/20180521/MODEL/",
        "http://www.omg.org/spec/DMN/20151101/dmn.xsd",
    ]
)
TYPES = {
    "any": "any",
    "boolean": "boolean",
    "date": "date",
    "date and time": "dateTime",
    "datetime": "dateTime",
    "days and time duration": "dayTimeDuration",
    "daytimeduration": "dayTimeDuration",
    "double": "number",
    "integer": "number",
    "long": "number",
    "number": "number",
    "string": "string",
    "time": "time",
    "yearmonthduration": "yearMonthDuration",
    "years and months duration": "yearMonthDuration",
}
MAX_RULES = 1_000
MAX_COLUMNS = 50
_KEY = re.compile(r"[a-z][a-z0-9_]{0,62}")
_NEGATED = re.compile(r"not\s*\(")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_IGNORED = frozenset(  # says something to people, nothing to the engine
    [
        "allowedAnswers",
        "authorityRequirement",
        "decisionMaker",
        "decisionOwner",
        "description",
        "extensionElements",
        "impactedPerformanceIndicator",
        "question",
        "supportedObjective",
        "usingProcess",
        "usingTask",
        "variable",
    ]
)


class HitPolicy(StrEnum):
    """What is done with the rules that hit."""

    UNIQUE = "UNIQUE"
    ANY = "ANY"
    FIRST = "FIRST"
    PRIORITY = "PRIORITY"
    RULE_ORDER = "RULE ORDER"
    OUTPUT_ORDER = "OUTPUT ORDER"
    COLLECT = "COLLECT"


class Aggregation(StrEnum):
    """What COLLECT makes of the outputs."""

    SUM = "SUM"
    MIN = "MIN"
    MAX = "MAX"
    COUNT = "COUNT"


@dataclass(frozen=True)
class Input:
    """A column that is asked: `expression` over the data, brought to `type`; `allowed` are unary tests."""

    id: str
    label: str
    expression: str
    type: str
    allowed: str


@dataclass(frozen=True)
class Output:
    """A column that is answered; `allowed` values stand in the order of their priority."""

    id: str
    name: str
    label: str
    type: str
    allowed: str
    default: str
    listed: bool = True  # False: `allowed` are unary tests, which have no order


@dataclass(frozen=True)
class Rule:
    """A row: one unary test per input, one expression per output, and its author's note."""

    id: str
    tests: tuple[str, ...]
    outputs: tuple[str, ...]
    annotation: str = ""


@dataclass(frozen=True)
class DecisionTable:
    """A decision by table. `requires` are keys of decisions that it reads; others read it as `variable`."""

    key: str
    name: str
    file: str
    table: str
    hit_policy: HitPolicy
    aggregation: Aggregation | None
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    rules: tuple[Rule, ...]
    requires: tuple[str, ...] = ()
    variable: str = ""

    @cached_property
    def digest(self) -> str:
        """By which the engine's bundle keeps the table."""
        return hashlib.sha256(self.said.encode()).hexdigest()

    @cached_property
    def said(self) -> str:
        """The table as the engine's bundle reads it, as JSON."""
        said = {
            "inputs": [
                {"label": _said("input", each.label), "expression": each.expression}
                | {"type": each.type, "allowed": each.allowed}
                for each in self.inputs
            ],
            "outputs": [
                {"label": _said("output", each.label), "type": each.type}
                | {"allowed": each.allowed, "listed": each.listed}
                for each in self.outputs
            ],
            "rules": [{"tests": each.tests, "outputs": each.outputs} for each in self.rules],
            "defaults": [each.default for each in self.outputs],
            "first": self.hit_policy is HitPolicy.FIRST,
            "aggregation": None if self.aggregation is Aggregation.COUNT else self.aggregation,
        }
        return json.dumps(said, ensure_ascii=False)

    @cached_property
    def texts(self) -> tuple[tuple[str, bool], ...]:
        """Every expression in the table; True marks unary tests."""
        found = [(each.expression, False) for each in self.inputs]
        found += [(each.allowed, True) for each in self.inputs]
        found += [
            (_listed(each.allowed), False) if each.listed else (each.allowed, True) for each in self.outputs
        ]
        found += [(each.default, False) for each in self.outputs]
        found += [(test, True) for rule in self.rules for test in rule.tests]
        found += [(cell, False) for rule in self.rules for cell in rule.outputs]
        return tuple(dict.fromkeys(each for each in found if each[0] not in {"", "-"}))

    @cached_property
    def reads(self) -> frozenset[str]:
        """Every name of the data that may matter to the table."""
        return frozenset(
            name for text, unary in self.texts for name in expressions.survey(text, unary=unary).reads
        )


@dataclass(frozen=True)
class LiteralDecision:
    """A decision by one expression."""

    key: str
    name: str
    file: str
    table: str
    expression: str
    type: str
    requires: tuple[str, ...] = ()
    variable: str = ""

    @cached_property
    def texts(self) -> tuple[tuple[str, bool], ...]:
        """The expression, as tables give theirs."""
        return ((self.expression, False),)


Decision = DecisionTable | LiteralDecision


@dataclass(frozen=True)
class Hit:
    """One decision that was made: which rules made its outcome, and what the inputs were (personal)."""

    table: str
    rules: tuple[str, ...]
    inputs: dict[str, Any]


@dataclass(frozen=True)
class Decided:
    """An outcome and how it came about: the required decisions first, the one that was asked for last."""

    outcome: Any
    tables: tuple[Hit, ...]


def parse(data: bytes, file: str) -> tuple[Decision, ...]:
    """Read every decision of a DMN file.

    Raises `Refused` with all problems at once: file, element id, rule and words.
    """
    root = xml.root(data, file)
    reading = _Reading(file)
    if etree.QName(root).namespace not in NAMESPACES or _kind(root) != "definitions":
        reading.wrong(root, "dmn-namespace", "This is not a DMN file of version 1.1 to 1.5.")
        raise Refused(problems=reading.problems)
    _check_ids(root, reading)
    _check_kinds(root, reading)
    found = tuple(_decision(each, reading) for each in root if _kind(each) == "decision")
    if not found:
        reading.wrong(root, "dmn-empty", "The file holds no decision.")
    _check_requirements(found, reading)
    if reading.problems:
        raise Refused(problems=reading.problems)
    return tuple(each for each in found if each is not None)


def decide(
    decisions: Mapping[str, Decision], key: str, data: Mapping[str, Any], *, moment: Moment
) -> Decided:
    """Make a decision and those that it requires, over the data.

    A single output gives a value, several give a dict; RULE ORDER, OUTPUT ORDER and COLLECT without
    aggregation give a list of these, empty when nothing hits. Other policies give the default outputs, or
    None, when nothing hits.
    Raises `StepFailed` naming the table when UNIQUE or ANY is broken, or when a cell cannot be evaluated.
    """
    made: dict[str, Any] = {}
    hits: list[Hit] = []
    _decide(decisions, key, _Asked(data, moment, made, hits))
    return Decided(made[key], tuple(hits))


@dataclass(frozen=True)
class _Asked:
    data: Mapping[str, Any]
    moment: Moment
    made: dict[str, Any]
    hits: list[Hit]


def _decide(decisions: Mapping[str, Decision], key: str, asked: _Asked) -> None:
    if key in asked.made:
        return
    decision = decisions.get(key)
    if decision is None:
        raise StepFailed(f"There is no decision {key}.")
    values = dict(asked.data)
    for each in decision.requires:
        _decide(decisions, each, asked)
        values[each] = asked.made[each]
        variable = decisions[each].variable
        if any(variable in text for text, _ in decision.texts):
            values[variable] = asked.made[each]
    try:
        if isinstance(decision, DecisionTable):
            outcome, hit = _by_table(decision, values, asked.moment)
        else:
            outcome, hit = _by_expression(decision, values, asked.moment)
    except StepFailed as failure:
        message = f"Decision {decision.key}: {failure.message}"
        raise StepFailed(message, element=failure.element or decision.table) from failure
    asked.made[key] = outcome
    asked.hits.append(hit)


def _by_expression(decision: LiteralDecision, values: Mapping[str, Any], moment: Moment) -> tuple[Any, Hit]:
    outcome = expressions.literal(decision.expression, decision.type, values, moment=moment)
    names = sorted(expressions.names(decision.expression))
    return outcome, Hit(decision.table, (), {name: values.get(name) for name in names})


def _by_table(decision: DecisionTable, values: Mapping[str, Any], moment: Moment) -> tuple[Any, Hit]:
    answer = expressions.table(decision.digest, decision.said, values, moment=moment, reads=decision.reads)
    rows = [
        _Row(
            decision.rules[each["rule"]].id,
            tuple(output["value"] for output in each["outputs"]),
            tuple(output["rank"] for output in each["outputs"]),
        )
        for each in answer["hits"]
    ]
    outcome, used = _judge(decision, rows, answer)
    inputs = {each.expression: value for each, value in zip(decision.inputs, answer["inputs"], strict=True)}
    return outcome, Hit(decision.table, tuple(row.rule for row in used), inputs)


@dataclass(frozen=True)
class _Row:
    """A rule that hit, with its outputs and their places among the allowed values (lower comes first)."""

    rule: str
    values: tuple[Any, ...]
    ranks: tuple[int, ...] = field(default=())


def _judge(decision: DecisionTable, rows: list[_Row], answer: Mapping[str, Any]) -> tuple[Any, list[_Row]]:
    """Apply the hit policy: the outcome and the rows that it is made of."""
    defaults, collected = answer["defaults"], answer["collected"]
    if not rows and defaults is not None:
        outcome, _ = _of_hits(decision, [_Row("", tuple(defaults))], collected)
        return outcome, []
    return _of_hits(decision, rows, collected)


def _of_hits(decision: DecisionTable, rows: list[_Row], collected: Any) -> tuple[Any, list[_Row]]:
    def shaped(row: _Row) -> Any:
        if len(decision.outputs) == 1:
            return row.values[0]
        return {each.name: value for each, value in zip(decision.outputs, row.values, strict=True)}

    match decision.hit_policy:
        case HitPolicy.COLLECT if decision.aggregation:
            return len(rows) if decision.aggregation is Aggregation.COUNT else collected, rows
        case HitPolicy.COLLECT | HitPolicy.RULE_ORDER:
            return [shaped(row) for row in rows], rows
        case HitPolicy.OUTPUT_ORDER:
            ordered = sorted(rows, key=lambda row: row.ranks)
            return [shaped(row) for row in ordered], ordered
        case HitPolicy.UNIQUE | HitPolicy.ANY | HitPolicy.FIRST | HitPolicy.PRIORITY:
            used = _single(decision.hit_policy, rows)
            return (shaped(used[0]) if used else None), used
        case never:
            assert_never(never)


def _single(policy: HitPolicy, rows: list[_Row]) -> list[_Row]:
    named = ", ".join(row.rule for row in rows)
    if policy is HitPolicy.UNIQUE and len(rows) > 1:
        raise StepFailed(f"Only one rule may hit, but these did: {named}.", element=rows[1].rule)
    if policy is HitPolicy.ANY:
        if len({json.dumps(row.values, sort_keys=True) for row in rows}) > 1:
            message = f"The rules that hit must agree, but these do not: {named}."
            raise StepFailed(message, element=rows[1].rule)
        return rows
    if policy is HitPolicy.PRIORITY:
        return sorted(rows, key=lambda row: row.ranks)[:1]
    return rows[:1]


def _said(kind: str, label: str) -> str:
    return f'{kind} "{label}"'


def _listed(allowed: str) -> str:
    return f"[{allowed}]" if allowed else ""


# Reading: what follows turns XML into the values above and gathers every problem on the way.


@dataclass
class _Reading:
    file: str
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, element: Any, rule: str, message: str) -> None:
        """Note a problem at an element, or at the nearest one around it that has an id."""
        here = element
        while here is not None and not here.get("id"):
            here = here.getparent()
        place = here.get("id") if here is not None else None
        self.problems.append(Problem(message, element=place, file=self.file, rule=rule))


def _kind(element: Any) -> str:
    return str(etree.QName(element).localname)


def _child(element: Any, kind: str) -> Any | None:
    return next((each for each in element if _kind(each) == kind), None)


def _children(element: Any, kind: str) -> list[Any]:
    return [each for each in element if _kind(each) == kind]


def _text(element: Any | None) -> str:
    """The FEEL of an element that has `text` within, without the "=" that some editors add."""
    inner = None if element is None else _child(element, "text")
    return "" if inner is None else expressions.stripped(inner.text or "")


def _check_ids(root: Any, reading: _Reading) -> None:
    seen: set[str] = set()
    for element in root.iter():
        id = element.get("id")
        if id and id in seen:
            reading.wrong(element, "dmn-id", f"The id {id} is used more than once.")
        seen.add(id or "")


def _check_kinds(root: Any, reading: _Reading) -> None:
    harmless = {"decision", "inputData", "knowledgeSource", "textAnnotation", "association", "group"}
    harmless |= {"extensionElements", "description", "DMNDI", "artifact", "elementCollection"}
    harmless |= {"organizationUnit", "performanceIndicator"}
    for element in root:
        kind = _kind(element)
        if kind not in harmless:
            reading.wrong(element, "dmn-unsupported", f"The service does not run <{kind}>; remove it.")


def _decision(element: Any, reading: _Reading) -> Decision | None:
    key = element.get("id") or ""
    if not _KEY.fullmatch(key):
        message = f'The decision\'s id "{key}" must be lower-case letters, digits and underscores.'
        reading.wrong(element, "dmn-key", message)
    body: dict[str, Callable[[Any, Any, _Reading], Decision]] = {
        "decisionTable": _table,
        "literalExpression": _expression,
    }
    known = _IGNORED | body.keys() | {"informationRequirement"}
    for each in element:
        if _kind(each) not in known:
            message = f"The service does not run <{_kind(each)}>; use a table or a literal expression."
            reading.wrong(each, "dmn-unsupported", message)
    logic = next((each for each in element if _kind(each) in body), None)
    if logic is None:
        reading.wrong(element, "dmn-logic", "The decision has neither a table nor a literal expression.")
        return None
    return body[_kind(logic)](element, logic, reading)


def _names(element: Any, reading: _Reading) -> dict[str, Any]:
    """What tables and literal expressions have in common."""
    variable = _child(element, "variable")
    name = element.get("name") or element.get("id") or ""
    return {
        "key": element.get("id") or "",
        "name": name,
        "file": reading.file,
        "requires": _requires(element, reading),
        "variable": (variable.get("name") if variable is not None else None) or name,
    }


def _requires(element: Any, reading: _Reading) -> tuple[str, ...]:
    found = []
    for requirement in _children(element, "informationRequirement"):
        required = _child(requirement, "requiredDecision")
        if required is None:
            continue
        href = required.get("href") or ""
        if href.startswith("#"):
            found.append(href[1:])
        else:
            message = "A required decision must be in the same file."
            reading.wrong(requirement, "dmn-requirement", message)
    return tuple(dict.fromkeys(found))


def _expression(element: Any, logic: Any, reading: _Reading) -> LiteralDecision:
    variable = _child(element, "variable")
    type = _type(logic, reading) if variable is None else _type(variable, reading)
    text = _text(logic)
    _check_language(logic, reading)
    _check_feel(logic, reading, text, where="The literal expression")
    return LiteralDecision(
        **_names(element, reading), table=logic.get("id") or "", expression=text, type=type
    )


def _table(element: Any, logic: Any, reading: _Reading) -> DecisionTable:
    inputs = tuple(_input(each, reading, number) for number, each in _numbered(logic, "input"))
    outputs = tuple(_output(each, reading, number) for number, each in _numbered(logic, "output"))
    width = (len(inputs), len(outputs))
    rules = tuple(_rule(each, reading, number, width) for number, each in _numbered(logic, "rule"))
    policy = _hit_policy(logic, reading)
    aggregation = _aggregation(logic, reading, policy)
    found = DecisionTable(
        **_names(element, reading),
        table=logic.get("id") or "",
        hit_policy=policy,
        aggregation=aggregation,
        inputs=inputs,
        outputs=outputs,
        rules=rules,
    )
    _check_language(logic, reading)
    _check_columns(found, logic, reading)
    _check_policy(found, logic, reading)
    return found


def _numbered(element: Any, kind: str) -> Iterable[tuple[int, Any]]:
    return enumerate(_children(element, kind), 1)


def _hit_policy(logic: Any, reading: _Reading) -> HitPolicy:
    given = logic.get("hitPolicy") or HitPolicy.UNIQUE
    try:
        return HitPolicy(given)
    except ValueError:
        reading.wrong(logic, "dmn-hit-policy", f'There is no hit policy "{given}".')
        return HitPolicy.UNIQUE


def _aggregation(logic: Any, reading: _Reading, policy: HitPolicy) -> Aggregation | None:
    given = logic.get("aggregation")
    if not given:
        return None
    try:
        found = Aggregation(given)
    except ValueError:
        reading.wrong(logic, "dmn-aggregation", f'There is no aggregation "{given}".')
        return None
    if policy is not HitPolicy.COLLECT:
        reading.wrong(logic, "dmn-aggregation", "Only the hit policy COLLECT has an aggregation.")
    return found


def _input(element: Any, reading: _Reading, number: int) -> Input:
    asked = _child(element, "inputExpression")
    text = _text(asked)
    label = element.get("label") or text or str(number)
    allowed = _allowed(element, "inputValues")
    where = f"Input {number}"
    _check_language(element if asked is None else asked, reading)
    _check_feel(element, reading, text, where=where)
    _check_feel(element, reading, allowed, where=f"{where}, allowed values", unary=True)
    type = "any" if asked is None else _type(asked, reading)
    return Input(element.get("id") or "", label, text, type, allowed)


def _output(element: Any, reading: _Reading, number: int) -> Output:
    name = element.get("name") or ""
    label = element.get("label") or name or str(number)
    allowed = _allowed(element, "outputValues")
    default = _text(_child(element, "defaultOutputEntry"))
    where = f"Output {number}"
    listed = _is_list(allowed)
    if not listed:
        _check_feel(element, reading, allowed, where=f"{where}, allowed values", unary=True)
    if default:
        _check_feel(element, reading, default, where=where)
    return Output(element.get("id") or "", name, label, _type(element, reading), allowed, default, listed)


def _allowed(element: Any, kind: str) -> str:
    """The allowed values of a column; a dash allows everything."""
    text = _text(_child(element, kind))
    return "" if text == "-" else text


def _is_list(allowed: str) -> bool:
    """Tell values and ranges, which stand in an order, from tests of the value, which do not."""
    if _NEGATED.match(allowed) or "?" in _QUOTED.sub("", allowed):
        return False
    return not expressions.problems(_listed(allowed) or "[]")


def _rule(element: Any, reading: _Reading, number: int, width: tuple[int, int]) -> Rule:
    tests = _cells(element, "inputEntry", reading, where=f"Rule {number}, input")
    outputs = _cells(element, "outputEntry", reading, where=f"Rule {number}, output")
    if (len(tests), len(outputs)) != width:
        message = f"Rule {number} does not have one cell for each column."
        reading.wrong(element, "dmn-cells", message)
    if not element.get("id"):
        reading.wrong(element, "dmn-id", f"Rule {number} has no id.")
    notes = [_text(each) for each in _children(element, "annotationEntry")]
    described = _child(element, "description")
    notes.append((described.text or "").strip() if described is not None else "")
    return Rule(element.get("id") or "", tests, outputs, "\n".join(each for each in notes if each))


def _cells(element: Any, kind: str, reading: _Reading, *, where: str) -> tuple[str, ...]:
    found = []
    for number, each in _numbered(element, kind):
        text = _text(each)
        _check_language(each, reading)
        if text not in {"", "-"}:
            _check_feel(each, reading, text, where=f"{where} {number}", unary=kind == "inputEntry")
        found.append(text)
    return tuple(found)


def _type(element: Any, reading: _Reading) -> str:
    given = element.get("typeRef") or "any"
    found = TYPES.get(given.rpartition(":")[2].strip().lower())
    if found is None:
        reading.wrong(element, "dmn-type", f'There is no type "{given}" here.')
    return found or "any"


def _check_language(element: Any, reading: _Reading) -> None:
    language = element.get("expressionLanguage")
    if language and not expressions.is_feel(language):
        reading.wrong(element, "dmn-language", f"Write FEEL; the service does not run {language}.")


def _check_feel(element: Any, reading: _Reading, text: str, *, where: str, unary: bool = False) -> None:
    for problem in expressions.problems(text, unary=unary):
        reading.wrong(element, "feel", f"{where}: {problem}")


def _check_columns(table: DecisionTable, logic: Any, reading: _Reading) -> None:
    names = [each.name for each in table.outputs]
    if not names:
        reading.wrong(logic, "dmn-outputs", "The table has no output.")
    if len(names) > 1 and (not all(names) or len(set(names)) < len(names)):
        message = "Each of several outputs needs a name of its own."
        reading.wrong(logic, "dmn-outputs", message)
    if len(table.rules) > MAX_RULES or len(table.inputs) + len(names) > MAX_COLUMNS:
        message = f"The table has more than {MAX_RULES} rules or {MAX_COLUMNS} columns."
        reading.wrong(logic, "dmn-size", message)


def _check_policy(table: DecisionTable, logic: Any, reading: _Reading) -> None:
    ordered = table.hit_policy in {HitPolicy.PRIORITY, HitPolicy.OUTPUT_ORDER}
    if ordered and not any(each.allowed and each.listed for each in table.outputs):
        message = f"{table.hit_policy} needs the output's allowed values, in the order of their priority."
        reading.wrong(logic, "dmn-priority", message)
    if table.aggregation is None:
        return
    if len(table.outputs) > 1:
        reading.wrong(logic, "dmn-aggregation", "An aggregation needs a table with one output.")
    summable = {"number", "any"}
    orderable = summable | {"date", "dateTime", "time"}
    fitting = {Aggregation.SUM: summable, Aggregation.MIN: orderable, Aggregation.MAX: orderable}
    allowed = fitting.get(table.aggregation)
    if allowed and any(each.type not in allowed for each in table.outputs):
        message = f"{table.aggregation} cannot be made of this type of output."
        reading.wrong(logic, "dmn-aggregation", message)


def _check_requirements(found: tuple[Decision | None, ...], reading: _Reading) -> None:
    known = {each.key: each for each in found if each is not None}
    for each in known.values():
        for key in each.requires:
            if key not in known:
                message = f"The required decision {key} is not in the file."
                reading.problems.append(
                    Problem(message, element=each.key, file=reading.file, rule="dmn-requirement")
                )
        if _comes_back(known, each.key):
            message = "The decision requires itself, directly or through others."
            reading.problems.append(
                Problem(message, element=each.key, file=reading.file, rule="dmn-requirement")
            )


def _comes_back(known: Mapping[str, Decision], start: str) -> bool:
    """Tell whether a walk over the requirements comes back to where it began."""
    seen: set[str] = set()
    ahead = list(known[start].requires)
    while ahead:
        key = ahead.pop()
        if key == start:
            return True
        if key in known and key not in seen:
            seen.add(key)
            ahead.extend(known[key].requires)
    return False
