"""A form's file as text: what an editor changes is written anew, everything else stays byte for byte."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_SPACE = frozenset(" \t\r\n")
_SCALAR = json.JSONDecoder()
DEEPEST = 64  # values inside each other


@dataclass(frozen=True)
class _Piece:
    """One value and where it stands in the text."""

    value: Any
    start: int
    end: int
    depth: int
    members: Mapping[str, "_Piece"]  # of an object
    items: tuple["_Piece", ...]  # of a list


def read(content: bytes) -> dict[str, Any]:
    """Give what the file holds; raises `ValueError` when it is no JSON object that says everything once."""
    try:
        found = json.loads(content.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse)
    except RecursionError:
        raise ValueError(f"more than {DEEPEST} values stand inside each other") from None
    if not isinstance(found, dict):
        raise ValueError("the file holds no object")  # noqa: TRY004  as with all else that is wrong with a file
    json.dumps(found, ensure_ascii=False).encode()  # halves of characters cannot be shown
    _deep(found, 0)
    return found


def written(content: bytes, new: Mapping[str, Any]) -> bytes:
    """Give the file with this in it: unchanged parts keep their bytes, new ones take the file's style."""
    text = content.decode("utf-8")
    root = _scan(text, _next(text, 0), 0)
    writer = _Writer(text)
    return f"{text[: root.start]}{writer.write(new, root, 0)}{text[root.end :]}".encode()


class _Writer:
    """Writes values as the file does."""

    def __init__(self, text: str) -> None:
        found = re.search(r"\n([ \t]+)\S", text)
        self.text = text
        self.newline = "\r\n" if "\r\n" in text else "\n"
        self.indent = found[1] if found else "  "
        self.is_flat = "\n" not in text.strip()
        self.is_ascii = text.isascii() and "\\u" in text
        self.comma = "," if re.search(r'[\]}"\d],"', text) else ", "
        self.colon = ": " if re.search(r'":\s', text) or ":" not in text else ":"

    def write(self, value: Any, was: _Piece | None, depth: int, *, flat: bool | None = None) -> str:
        """Write a value; `was` is what stood in its place, `flat` whether its like stand on one line."""
        if was is not None and was.depth == depth and _same(value, was.value):
            return self.text[was.start : was.end]
        if was is not None and was.value:
            flat = self._is_flat(was)
        if was is not None and was.depth == depth and _is_built_alike(value, was):
            return self._spliced(value, was)
        flat = self.is_flat if flat is None else flat
        if isinstance(value, Mapping):
            return self._around("{}", self._members(value, was, depth + 1, flat=flat), depth, flat=flat)
        if isinstance(value, list):
            return self._around("[]", self._items(value, was, depth + 1, flat=flat), depth, flat=flat)
        return self._plain(value)

    def _spliced(self, value: Any, was: _Piece) -> str:
        """Write only the values inside anew, with everything between them as it stands."""
        if isinstance(value, Mapping):
            pairs = [(each, was.members[name]) for name, each in value.items()]
        else:
            pairs = list(zip(value, was.items, strict=True))
        told, at = [], was.start
        for each, old in pairs:
            told += [self.text[at : old.start], self.write(each, old, old.depth)]
            at = old.end
        return "".join([*told, self.text[at : was.end]])

    def _members(self, value: Mapping[str, Any], was: _Piece | None, depth: int, *, flat: bool) -> list[str]:
        before = was.members if was else {}
        return [
            self._plain(name)
            + self.colon
            + self.write(each, before.get(name), depth, flat=True if flat else None)
            for name, each in value.items()
        ]

    def _items(self, value: list[Any], was: _Piece | None, depth: int, *, flat: bool) -> list[str]:
        before = was.items if was else ()
        alike = self._is_flat(before[0]) if before else None
        return [
            self.write(each, old, depth, flat=True if flat else alike)
            for each, old in zip(value, _partners(value, before), strict=True)
        ]

    def _is_flat(self, piece: _Piece) -> bool:
        return "\n" not in self.text[piece.start : piece.end]

    def _around(self, signs: str, items: list[str], depth: int, *, flat: bool) -> str:
        if not items:
            return signs
        if flat:
            return f"{signs[0]}{self.comma.join(items)}{signs[1]}"
        inner = self.newline + self.indent * (depth + 1)
        return f"{signs[0]}{inner}{f',{inner}'.join(items)}{self.newline}{self.indent * depth}{signs[1]}"

    def _plain(self, value: Any) -> str:
        return json.dumps(value, ensure_ascii=self.is_ascii)


def _is_built_alike(value: Any, was: _Piece) -> bool:
    """Tell whether a value has the members, or the number of items, that it had."""
    if isinstance(value, Mapping):
        return isinstance(was.value, Mapping) and list(value) == list(was.members)
    if not isinstance(value, list) or not isinstance(was.value, list):
        return False
    partners = _partners(value, was.items)
    return len(value) == len(was.items) and all(
        one is other for one, other in zip(partners, was.items, strict=True)
    )


def _partners(values: Sequence[Any], before: Sequence[_Piece]) -> list[_Piece | None]:
    """Find for each value what it was before: the same, else what has its name."""
    left = list(before)
    found: list[_Piece | None] = []
    for value in values:
        partner = next((each for each in left if _same(each.value, value)), None)
        found.append(partner)
        if partner is not None:
            left.remove(partner)
    for number, value in enumerate(values):
        if found[number] is None:
            partner = next((each for each in left if _name(each.value) == _name(value)), None)
            found[number] = partner
            if partner is not None:
                left.remove(partner)
    return found


def _deep(value: Any, depth: int) -> None:
    if depth > DEEPEST:
        raise ValueError(f"more than {DEEPEST} values stand inside each other")
    if isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            _deep(each, depth + 1)


def _name(value: Any) -> Any:
    """What tells a part from its neighbours."""
    return (
        (value.get("id") or value.get("value") or value.get("label")) if isinstance(value, Mapping) else value
    )


def _same(one: Any, other: Any) -> bool:
    """Tell whether both are written alike: 1 is not 1.0, and the order of members counts."""
    return one == other and json.dumps(one) == json.dumps(other)


def _scan(text: str, at: int, depth: int) -> _Piece:
    """Find the places of a value and all inside it; the text is known to be JSON."""
    if text[at] == "{":
        return _object(text, at, depth)
    if text[at] == "[":
        return _list(text, at, depth)
    value, end = _SCALAR.raw_decode(text, at)
    return _Piece(value, at, end, depth, {}, ())


def _object(text: str, start: int, depth: int) -> _Piece:
    members: dict[str, _Piece] = {}
    at = _next(text, start + 1)
    while text[at] != "}":
        key, at = _SCALAR.raw_decode(text, at)
        at = _next(text, _next(text, at) + 1)
        members[key] = _scan(text, at, depth + 1)
        at = _next(text, members[key].end)
        at = _next(text, at + 1) if text[at] == "," else at
    return _Piece({key: each.value for key, each in members.items()}, start, at + 1, depth, members, ())


def _list(text: str, start: int, depth: int) -> _Piece:
    items: list[_Piece] = []
    at = _next(text, start + 1)
    while text[at] != "]":
        items.append(_scan(text, at, depth + 1))
        at = _next(text, items[-1].end)
        at = _next(text, at + 1) if text[at] == "," else at
    return _Piece([each.value for each in items], start, at + 1, depth, {}, tuple(items))


def _next(text: str, at: int) -> int:
    """The next place that is no space."""
    while text[at] in _SPACE:
        at += 1
    return at


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in the same object")
    return found


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
