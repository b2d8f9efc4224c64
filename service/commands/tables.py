"""Tables that the service itself asks: what it reads of them must be there before they take effect."""

import json
from collections.abc import Collection, Iterator
from typing import Any

from service.engine.decisions import DecisionTable, HitPolicy
from service.engine.definition import Definition
from service.errors import Problem
from service.rules import escalation, retention

READ = {  # what is read of each table's answers
    "warnings": ("level", "amount", "unit", "counted", "whom"),
    "periods": ("amount", "unit", "legal_basis", "confidence", "note"),
    "days_off": ("off",),
    "move_grounds": ("ground", "legal_basis"),
    "retention": (
        "kept",
        "amount",
        "unit",
        "not_before_age",
        "finish_years",
        "legal_basis",
        "confidence",
        "note",
    ),
}
ROWS = {"warnings": escalation.fault, "retention": retention.fault}  # what says that a row makes no sense
LISTS = ("warnings", "move_grounds")  # of these all rows that hit are read, the first one first
IN_ORDER = frozenset([HitPolicy.RULE_ORDER, HitPolicy.OUTPUT_ORDER, HitPolicy.COLLECT])


def problems(parsed: Definition, files: Collection[str]) -> Iterator[Problem]:
    """Look at those of these files that the service asks by itself."""
    for key, names in READ.items():
        table = parsed.decisions.get(key)
        if table is None or table.file not in files:
            continue
        if not isinstance(table, DecisionTable):
            message = "The service reads this decision as a table; write it as one."
            yield Problem(message, file=table.file, element=key, rule="table-kind")
            continue
        wrong = list(_misshapen(table, names))
        yield from wrong
        if key in ROWS and not wrong:
            yield from _rows(key, table)


def _misshapen(table: DecisionTable, names: Collection[str]) -> Iterator[Problem]:
    missing = [name for name in names if name not in {each.name for each in table.outputs}]
    if missing:
        told = f"Columns that the service reads are missing: “{', '.join(missing)}”; add them."
        yield Problem(told, file=table.file, element=table.table, rule="table-columns")
    many = table.hit_policy in IN_ORDER and table.aggregation is None
    if many != (table.key in LISTS):
        told, rule = (
            ("One row is read here: use UNIQUE.", "table-one")
            if many
            else ("Several rows are read here: use RULE ORDER.", "table-many")
        )
        yield Problem(told, file=table.file, element=table.table, rule=rule)


def _rows(key: str, table: DecisionTable) -> Iterator[Problem]:
    """Look at each row of a table whose cells are plain values; others are judged when they are asked."""
    for rule in table.rules:
        row = {each.name: _plain(cell) for each, cell in zip(table.outputs, rule.outputs, strict=True)}
        read = [row[name] for name in READ[key]]
        fault = ROWS[key](row) if Ellipsis not in read else None
        if fault is not None:
            yield Problem(fault.message, file=table.file, element=rule.id, rule=fault.rule)


def _plain(cell: str) -> Any:
    """The value of a cell that holds a number or a text; an ellipsis for an expression."""
    try:
        return json.loads(cell)
    except ValueError:
        return ...
