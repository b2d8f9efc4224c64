"""When a part of a form is shown, as owners say it: always, only with one answer, except with one answer.

The file says when a part is hidden, in FEEL. What is not one answer compared stays an expression of its own.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from service.engine.components import HOLDERS, Type
from service.engine.form_editing import places

ALWAYS, ONLY, EXCEPT, OWN = "always", "only", "except", "own"
_COMPARED = re.compile(
    r'\s*=?\s*(?P<name>[A-Za-z_][\w.]*)\s*(?P<sign>!?=)\s*(?P<value>"[^"\\]*"|true|false)\s*', re.ASCII
)


@dataclass(frozen=True)
class Condition:
    """When a part is shown; `answer` is the comparison with the one answer: `contact = "made"`."""

    when: str = ALWAYS
    answer: str = ""


@dataclass(frozen=True)
class Offered:
    """An answer that a condition can ask for: the comparison, the question and the answer in words."""

    answer: str
    question: str
    option: str  # empty for a box that is ticked


def read(hide: str) -> Condition:
    """Tell what an expression that hides a part means."""
    if not hide.strip():
        return Condition()
    found = _COMPARED.fullmatch(hide)
    if found is None:
        return Condition(OWN)
    return Condition(ONLY if found["sign"] == "!=" else EXCEPT, f"{found['name']} = {found['value']}")


def written(condition: Condition, own: str) -> str:
    """Give the expression that hides a part; `own` is the one its owner wrote."""
    found = _COMPARED.fullmatch(condition.answer)
    if condition.when == ALWAYS:
        return ""
    if condition.when == OWN or found is None:
        return own
    return f"={found['name']} {'!=' if condition.when == ONLY else '='} {found['value']}"


def offered(form: Mapping[str, Any], path: str) -> Iterator[Offered]:
    """Give the answers of this form that a condition at this place can ask for."""
    transparent = [""]
    for each in places(form):
        part = each.part
        if not isinstance(part, Mapping):
            continue
        if part.get("type") in HOLDERS:
            if each.holder in transparent and part.get("type") == Type.GROUP and not part.get("path"):
                transparent.append(each.path)
        elif each.path != path and (each.holder in transparent or f"{path}-".startswith(f"{each.holder}-")):
            yield from _answers(part)


def _answers(part: Mapping[str, Any]) -> Iterator[Offered]:
    key, label = part.get("key"), str(part.get("label") or part.get("key"))
    if part.get("type") == Type.CHECKBOX:
        yield Offered(f"{key} = true", label, "")
    elif part.get("type") in {Type.RADIO, Type.SELECT} and isinstance(part.get("values"), list):
        for each in part["values"]:
            value = each.get("value") if isinstance(each, Mapping) else None
            if isinstance(value, str) and value and not {'"', "\\"} & set(value):
                yield Offered(f'{key} = "{value}"', label, str(each.get("label") or value))
