"""Where names of a case's data are used: expressions of diagrams and tables, forms' conditions, examples."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from service.engine import examples, form_source, xml
from service.engine.form_editing import places
from service.engine.forms import PLACE
from service.errors import Refused

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# properties of a diagram that hold words for people, or keys of something else
_PROSE = frozenset(
    {
        *("name_en", "title", "title_en", "owner", "retention", "form", "role", "guidance", "guidance_en"),
        *("milestone", "period", "right", "legalBasis", "consequence", "consequence_en"),
        *("delegation", "fourEyes"),
    }
)


@dataclass(frozen=True)
class Use:
    """A file that uses a name, and where in it: the words on an element, if it has any."""

    file: str
    where: str = ""


def of(names: Collection[str], files: Mapping[str, bytes]) -> dict[str, tuple[Use, ...]]:
    """Give where each of the names is used, those that are; a file that cannot be read uses none."""
    wanted, found = frozenset(names), dict[str, dict[Use, None]]()
    for file in sorted(files) if wanted else ():
        for where, text in _expressions(file, files[file]):
            for name in wanted.intersection(_WORD.findall(text)):
                found.setdefault(name, {})[Use(file, where)] = None
    return {name: tuple(uses) for name, uses in found.items()}


def _expressions(file: str, content: bytes) -> Iterator[tuple[str, str]]:
    """Give what a file says in expressions, and where."""
    try:
        if file.endswith((".bpmn", ".dmn")):
            yield from _of_drawing(xml.root(content, file))
        elif file.endswith(".form.json"):
            yield from _of_form(form_source.read(content))
        elif file.endswith(examples.ENDING):
            yield "", " ".join(_members(json.loads(content)))
    except (Refused, ValueError, RecursionError):
        return


def _of_drawing(root: Any) -> Iterator[tuple[str, str]]:
    for element in root.iter("{*}*"):
        kind = element.tag.rpartition("}")[2]
        if kind == "property" and element.get("name") not in _PROSE:
            yield _named(element), element.get("value") or ""
        elif kind not in {"documentation", "description", "annotationEntry"} and (element.text or "").strip():
            yield _named(element), element.text


def _named(element: Any) -> str:
    """The words on the nearest element that has some."""
    around = [element, *element.iterancestors()]
    return next((each.get("name") for each in around if each.get("id") and each.get("name")), "")


def _of_form(form: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for each in places(form):
        if not isinstance(each.part, Mapping):
            continue
        condition, text = each.part.get("conditional"), str(each.part.get("text") or "")
        hide = condition.get("hide") if isinstance(condition, Mapping) else None
        label = str(each.part.get("label") or " ".join(text.split()[:6]))
        yield label, " ".join([str(hide or ""), *PLACE.findall(text)])


def _members(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _members(each)
