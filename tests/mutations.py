"""Files changed at random, by a seed: what tools, hands and bad luck make of a diagram, table or form."""

import json
from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

from lxml import etree

NAMES = ("id", "name", "sourceRef", "targetRef", "attachedToRef", "default", "value", "calledElement", "x")
WORDS = (
    "",
    " ",
    "x",
    "true",
    "null",
    "1e999",
    "ä“”",
    "=",
    "P1D",
    "${x}",
    "a b",
    "-1",
    "]]>",
    "\u2028",
    "x" * 5_000,
)


def mutant(content: bytes, seed: int) -> bytes:
    """Change a file in one to four ways; the same seed gives the same file."""
    chance = Random(seed)  # noqa: S311  nothing secret
    if content.lstrip()[:1] == b"{":
        made = json.loads(content)
        for _ in range(chance.randint(1, 3)):
            _of_json(made, chance)
        content = json.dumps(made).encode()
    else:
        root = etree.fromstring(content)
        for _ in range(chance.randint(1, 4)):
            chance.choice(OF_TREE)(root, chance)
        content = etree.tostring(root)
    return chance.choice(OF_BYTES)(content, chance) if chance.random() < 0.25 else content


def _any(root: Any, chance: Random) -> Any:
    return chance.choice([each for each in root.iter() if isinstance(each.tag, str)])


def _drop_attribute(root: Any, chance: Random) -> None:
    element = _any(root, chance)
    if element.attrib:
        del element.attrib[chance.choice(list(element.attrib))]


def _set_attribute(root: Any, chance: Random) -> None:
    element = _any(root, chance)
    name = chance.choice([*element.attrib, *NAMES])
    element.set(name, chance.choice([*WORDS, *(each.get("id") or "" for each in root.iter())]))


def _swap_references(root: Any, chance: Random) -> None:
    one, other = _any(root, chance), _any(root, chance)
    for name in ("sourceRef", "targetRef", "id", "attachedToRef", "default"):
        if name in one.attrib and name in other.attrib:
            one.attrib[name], other.attrib[name] = other.attrib[name], one.attrib[name]


def _set_text(root: Any, chance: Random) -> None:
    _any(root, chance).text = chance.choice(WORDS)


def _remove(root: Any, chance: Random) -> None:
    element = _any(root, chance)
    if element.getparent() is not None:
        element.getparent().remove(element)


def _twice(root: Any, chance: Random) -> None:
    element = _any(root, chance)
    if element.getparent() is not None:
        element.addnext(deepcopy(element))


def _move(root: Any, chance: Random) -> None:
    element, other = _any(root, chance), _any(root, chance)
    if element.getparent() is not None and element not in [other, *other.iterancestors()]:
        other.append(element)


def _rename(root: Any, chance: Random) -> None:
    element, other = _any(root, chance), _any(root, chance)
    element.tag = chance.choice([other.tag, f"{other.tag}x", "plain", "{urn:strange}thing"])


def _comment(root: Any, chance: Random) -> None:
    element = _any(root, chance)
    element.append(etree.Comment(" note "))
    element.append(etree.ProcessingInstruction("pi", "x"))


def _nest(root: Any, chance: Random) -> None:
    element = _any(root, chance)
    for _ in range(chance.choice([3, 60, 120])):
        element = etree.SubElement(element, element.tag, dict(element.attrib))


OF_TREE: tuple[Callable[[Any, Random], None], ...] = (
    _drop_attribute, _drop_attribute, _set_attribute, _set_attribute, _swap_references, _set_text, _remove,
    _twice, _move, _rename, _comment, _nest,
)  # fmt: skip


def _cut(content: bytes, chance: Random) -> bytes:
    return content[: chance.randrange(len(content))]


def _flip(content: bytes, chance: Random) -> bytes:
    at = chance.randrange(len(content))
    return content[:at] + bytes([chance.randrange(256)]) + content[at + 1 :]


def _encoded(name: str) -> Callable[[bytes, Random], bytes]:
    return lambda content, _: content.decode("utf-8", "replace").encode(name, "replace")


OF_BYTES: tuple[Callable[[bytes, Random], bytes], ...] = (
    _cut, _flip, _flip, _encoded("utf-16"), _encoded("utf-8-sig"), _encoded("latin-1"), _encoded("utf-32"),
    lambda content, _: content.replace(b">", b">\r\n"),
    lambda content, _: b"<!DOCTYPE x>" + content,
    lambda content, _: content + b"\x00",
    lambda content, _: b"\xef\xbb\xbf\xef\xbb\xbf" + content,
    lambda content, _: content * 2,
)  # fmt: skip


def _of_json(whole: Any, chance: Random) -> None:
    spots = list(_spots(whole))
    if not spots:
        return
    holder, key = chance.choice(spots)
    _, other = chance.choice(spots)
    match chance.randrange(4):
        case 0:
            del holder[key]
        case 1:
            holder[key] = chance.choice([None, [], {}, 0, -1, True, 1e308, *WORDS])
        case 2 if isinstance(holder, dict):
            holder[str(other)] = holder[key]
        case _:
            holder[key] = {"id": [holder[key]], "type": holder[key]}


def _spots(value: Any) -> Any:
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _spots(value[key])
