"""What the rules of a decision table cover: which two can hit at once, and for which inputs none does.

Reads cells of numbers, dates, texts and booleans; a cell that says more is left alone, so that what is told
is certain. Every column falls into atoms, between which no cell of it can tell; rules are sets of these.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial

from service.engine.decisions import DecisionTable, HitPolicy, Input

MOST_LOOKS = 20_000  # at boxes of atoms, in the search for a gap
MOST_ATOMS = 400
_NUMBER = r"-?\d+(?:\.\d+)?"
_DATE = r'(?:date\("\d{4}-\d\d-\d\d"\)|@"\d{4}-\d\d-\d\d")'
_END = rf"({_NUMBER}|{_DATE})"
_COMPARED = re.compile(rf"(<=|>=|<|>)?\s*{_END}")
_RANGE = re.compile(rf"([\[(\]])\s*{_END}\s*\.\.\s*{_END}\s*([\])\[])")
_TEXT = re.compile(r'"([^"\\]*)"')
_PARTS = re.compile(r'(?:"[^"\\]*"|[^",])+')

Test = Callable[["Atom"], bool]


@dataclass(frozen=True)
class Atom:
    """Inputs that no cell of a column tells apart: one value, those between two, or all texts not named."""

    said: str
    low: float = 0.0
    high: float = 0.0
    text: str | None = None
    is_text: bool = False


@dataclass(frozen=True)
class Gap:
    """Inputs for which no rule hits, by column."""

    inputs: Mapping[str, str]


def overlaps(table: DecisionTable) -> Iterator[tuple[str, str]]:
    """Give pairs of rules (their ids) that surely both hit for some inputs."""
    boxes = _boxes(table)
    known = [(rule.id, box) for rule, box in zip(table.rules, boxes, strict=True) if box is not None]
    for number, (id, box) in enumerate(known):
        for other, theirs in known[number + 1 :]:
            if all(mine & its for mine, its in zip(box, theirs, strict=True)):
                yield id, other


def gap(table: DecisionTable) -> Gap | None:
    """Give some inputs for which no rule hits; None when there are none, or when it cannot be told."""
    boxes = _boxes(table)
    one_hit = table.hit_policy in {HitPolicy.UNIQUE, HitPolicy.ANY, HitPolicy.FIRST, HitPolicy.PRIORITY}
    if not one_hit or not table.inputs or any(box is None for box in boxes):
        return None
    if any(each.default for each in table.outputs):
        return None
    columns = [_atoms(each, [rule.tests[n] for rule in table.rules]) for n, each in enumerate(table.inputs)]
    looks = [MOST_LOOKS]
    found = _uncovered(columns, [box for box in boxes if box is not None], 0, looks)
    if found is None:
        return None
    return Gap({each.label: atom.said for each, atom in zip(table.inputs, found, strict=True)})


def _uncovered(
    columns: list[list[Atom]], boxes: list[tuple[frozenset[Atom], ...]], column: int, looks: list[int]
) -> list[Atom] | None:
    looks[0] -= 1
    if looks[0] < 0:
        return None
    if column == len(columns):
        return None if boxes else []
    for atom in columns[column]:
        rest = _uncovered(columns, [box for box in boxes if atom in box[column]], column + 1, looks)
        if rest is not None:
            return [atom, *rest]
    return None


def _boxes(table: DecisionTable) -> list[tuple[frozenset[Atom], ...] | None]:
    columns = [_atoms(each, [rule.tests[n] for rule in table.rules]) for n, each in enumerate(table.inputs)]
    found: list[tuple[frozenset[Atom], ...] | None] = []
    for rule in table.rules:
        tests = [_test(cell) for cell in rule.tests]
        if any(len(atoms) > MOST_ATOMS for atoms in columns) or any(test is None for test in tests):
            found.append(None)
            continue
        found.append(
            tuple(
                frozenset(atom for atom in atoms if test is not None and test(atom))
                for atoms, test in zip(columns, tests, strict=True)
            )
        )
    return found


def _atoms(asked: Input, cells: list[str]) -> list[Atom]:
    """Give the atoms of a column."""
    everything = [*cells, asked.allowed]
    texts = dict.fromkeys(text for cell in everything for text in _TEXT.findall(re.sub(_DATE, "", cell)))
    if texts or asked.type == "string":
        named = [Atom(f'"{text}"', text=text, is_text=True) for text in texts]
        allowed = _TEXT.findall(asked.allowed)
        if allowed:
            return [atom for atom in named if atom.text in allowed]
        return [*named, Atom("any other text", is_text=True)]
    if asked.type == "boolean":
        return [Atom("true", 1, 1), Atom("false", 0, 0)]
    ends = sorted({_value(end) for cell in everything for end in re.findall(_END, cell)})
    found = _between(ends, days=asked.type == "date")
    allowed_test = _test(asked.allowed) if asked.allowed else None
    return [atom for atom in found if allowed_test is None or allowed_test(atom)]


def _between(ends: list[float], *, days: bool) -> list[Atom]:
    if not ends:
        return [Atom("any value", float("-inf"), float("inf"))]
    said = partial(_said, days=days)
    found = [Atom(f"< {said(ends[0])}", float("-inf"), ends[0])]
    for number, end in enumerate(ends):
        found.append(Atom(said(end), end, end))
        after = ends[number + 1] if number + 1 < len(ends) else None
        if after is None:
            found.append(Atom(f"> {said(end)}", end, float("inf")))
        elif not (days and after - end <= 1):
            found.append(Atom(f"({said(end)}..{said(after)})", end, after))
    return found


def _said(value: float, *, days: bool) -> str:
    return date.fromordinal(int(value)).isoformat() if days else f"{value:g}"


def _value(end: str) -> float:
    written = re.search(r"\d{4}-\d\d-\d\d", end)
    if written is None or not end.startswith(("date", "@")):
        return float(end)
    try:
        return float(date.fromisoformat(written[0]).toordinal())
    except ValueError:
        return 0.0


def _test(cell: str) -> Test | None:
    """Give what a cell tells of an atom; None when it says more than is understood here."""
    cell = cell.strip()
    if cell in {"", "-"}:
        return lambda _: True
    if cell in {"true", "false"}:
        return lambda atom: atom.said == cell
    if cell.startswith("not(") and cell.endswith(")"):
        inner = _test(cell[4:-1])
        return None if inner is None else lambda atom: not inner(atom)
    parts = [found[0].strip() for found in _PARTS.finditer(cell)]
    if not parts or ",".join(parts).replace(" ", "") != cell.replace(" ", ""):
        return None
    tests = [_single(part) for part in parts]
    if any(each is None for each in tests):
        return None
    return lambda atom: any(each(atom) for each in tests if each is not None)


def _single(part: str) -> Test | None:
    if text := _TEXT.fullmatch(part):
        return lambda atom: atom.is_text and atom.text == text[1]
    if compared := _COMPARED.fullmatch(part):
        return partial(_compares, compared[1] or "=", _value(compared[2]))
    if ranged := _RANGE.fullmatch(part):
        low, high = _value(ranged[2]), _value(ranged[3])
        first: Test = partial(_compares, ">=" if ranged[1] == "[" else ">", low)
        last: Test = partial(_compares, "<=" if ranged[4] == "]" else "<", high)
        return lambda atom: first(atom) and last(atom)
    return None


def _compares(operator: str, end: float, atom: Atom) -> bool:
    if atom.is_text:
        return False
    is_point = atom.low == atom.high
    match operator:
        case "=":
            return is_point and atom.low == end
        case "<":
            return atom.high < end or (not is_point and atom.high == end)
        case "<=":
            return atom.high <= end
        case ">":
            return atom.low > end or (not is_point and atom.low == end)
        case _:
            return atom.low >= end
