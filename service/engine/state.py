"""A running instance as bytes and back: tokens and data only, never the definition.

A snapshot is one byte for the format, one for the packing, then MessagePack. User data is kept as it is and
never interpreted; a token stores the keys that differ from the kept token above it. What is finished is not
stored (see `compaction`), what is only predicted neither.
"""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from SpiffWorkflow.util.task import TaskState

from service.engine.compaction import kept
from service.engine.tree import LIVE, Instance, Parsed, Scope, Shelf, Token, shelve, unshelve
from service.errors import StepFailed

Naming = Callable[[str, str], str]  # a process, and the name of a spec in it -> its name from now on

FORMAT = 1
_PLAIN, _PACKED = 0, 1
_WORTH_PACKING = 1024  # bytes


class _Row(msgspec.Struct, array_like=True, gc=False):
    """One token.

    `above` is the number of the row that it hangs below, -1 for the root; `changed` and `removed` are meant
    against the data of that row if it stands before this one, else against nothing.
    """

    id: bytes
    above: int
    spec: int
    state: int
    changed: dict[str, msgspec.Raw]
    removed: list[str]
    notes: dict[str, Any]


class _Chunk(msgspec.Struct, array_like=True, gc=False):
    """One scope. `owner` is the token that it runs for, empty for the instance itself."""

    owner: bytes
    spec: str
    completed: bool
    data: dict[str, msgspec.Raw]
    specs: list[str]
    rows: list[_Row]


class _Snapshot(msgspec.Struct, array_like=True, gc=False):
    digest: str
    chunks: list[_Chunk]


_encode = msgspec.msgpack.Encoder().encode
_decode_snapshot = msgspec.msgpack.Decoder(_Snapshot).decode


def dump(workflow: Instance) -> bytes:
    """Return the snapshot of `workflow`. Raise StepFailed when its data is not plain JSON."""
    scopes: list[Instance | Scope] = [workflow]
    scopes += [scope for scope in workflow.subprocesses.values() if _still_counts(scope)]
    body = _encode(_Snapshot(workflow.definition.digest, [_chunk(scope) for scope in scopes]))
    if len(body) < _WORTH_PACKING:
        return bytes((FORMAT, _PLAIN)) + body
    return bytes((FORMAT, _PACKED)) + zlib.compress(body, 1)


def load(snapshot: bytes, definition: Parsed, *, script_engine: Any = None) -> Instance:
    """Return the instance as it was. Raise StepFailed when it belongs to another definition."""
    stored = _open(snapshot)
    if stored.digest != definition.digest:
        raise StepFailed("The instance belongs to another version of the definition")
    top, *inner = stored.chunks
    instance = Instance(definition, top.spec, script_engine=script_engine, planted=False)
    _restore(instance, top)
    for chunk in inner:  # the outer ones come first
        owner = instance.get_task_from_id(UUID(bytes=chunk.owner))
        scope = Scope(_spec(definition.specs, chunk.spec), owner.id, instance, planted=False)
        instance.subprocesses[owner.id] = scope
        _restore(scope, chunk)
    return instance


@dataclass(frozen=True)
class Standing:
    """A token, or a place that one has left and that still counts: on which spec of which level."""

    level: str
    spec: str
    live: bool
    notes: Mapping[str, Any]


def standings(snapshot: bytes) -> tuple[Standing, ...]:
    """Tell on which specs a snapshot stands, whatever definition it belongs to."""
    return tuple(
        Standing(chunk.spec, chunk.specs[row.spec], bool(row.state & LIVE), row.notes)
        for chunk in _open(snapshot).chunks
        for row in chunk.rows
    )


def rebound(snapshot: bytes, definition: Parsed, *, named: Naming | None = None) -> bytes:
    """Bind a snapshot to another definition as it is; whether that makes sense, `migration` has judged.

    `named` gives specs another name where they have one there.
    """
    chunks = _open(snapshot).chunks
    if named is not None:
        chunks = [_renamed(each, named) for each in chunks]
    body = _encode(_Snapshot(definition.digest, chunks))
    return bytes((FORMAT, _PLAIN)) + body


def _renamed(chunk: _Chunk, named: Naming) -> _Chunk:
    process, _, element = chunk.spec.partition("/")
    return msgspec.structs.replace(
        chunk,
        spec=f"{process}/{named(process, element)}" if element else process,
        specs=[named(process, each) for each in chunk.specs],
        rows=[_noted_anew(each, process, named) for each in chunk.rows],
    )


def _noted_anew(row: _Row, process: str, named: Naming) -> _Row:
    """Rename what elements have noted of others: from where a join was reached, what undoes what."""
    notes = dict(row.notes)
    if "from" in notes:
        notes["from"] = named(process, notes["from"])
    if "undo" in notes:
        notes["undo"] = [
            named(process, each) if isinstance(each, str) else [named(process, one) for one in each]
            for each in notes["undo"]
        ]
    return msgspec.structs.replace(row, notes=notes)


def _still_counts(scope: Scope) -> bool:
    owner = scope.top_workflow.get_task_from_id(scope.parent_task_id)
    return not owner._state & TaskState.FINISHED_MASK


def _chunk(scope: Instance | Scope) -> _Chunk:
    tree = kept(scope)
    numbers = {each.task.id: number for number, each in enumerate(tree)}
    specs: dict[str, int] = {}
    shelves: list[Shelf] = []
    rows: list[_Row] = []
    for each in tree:
        above = numbers[each.above.task.id] if each.above is not None else -1
        changed, removed = _difference(each.shelf, _base(shelves, above))
        shelves.append(each.shelf)
        spec = specs.setdefault(each.task.task_spec.name, len(specs))
        rows.append(_Row(each.task.id.bytes, above, spec, each.task._state, changed, removed, each.notes))
    return _Chunk(
        owner=scope.parent_task_id.bytes if scope.parent_task_id else b"",
        spec=scope.spec.name,
        completed=scope.completed,
        data={key: msgspec.Raw(value) for key, value in shelve(scope.data).items()},
        specs=list(specs),
        rows=rows,
    )


def _base(shelves: list[Shelf], above: int) -> Shelf:
    return shelves[above] if 0 <= above < len(shelves) else {}


def _difference(shelf: Shelf, base: Shelf) -> tuple[dict[str, msgspec.Raw], list[str]]:
    if shelf is base:
        return {}, []
    changed = {key: msgspec.Raw(value) for key, value in shelf.items() if base.get(key) != value}
    return changed, [key for key in base if key not in shelf]


def _open(snapshot: bytes) -> _Snapshot:
    if snapshot[:1] != bytes((FORMAT,)):
        raise StepFailed("The snapshot is of a format that this version does not know")
    try:
        body = zlib.decompress(snapshot[2:]) if snapshot[1:2] == bytes((_PACKED,)) else snapshot[2:]
        return _decode_snapshot(body)
    except (zlib.error, msgspec.DecodeError):
        raise StepFailed("The snapshot is damaged") from None


def _restore(scope: Instance | Scope, chunk: _Chunk) -> None:
    specs = [_spec(scope.spec.task_specs, name) for name in chunk.specs]
    tokens: list[Token] = []
    shelves: list[Shelf] = []
    for row in chunk.rows:
        token = Token(scope, specs[row.spec], None, row.state, UUID(bytes=row.id))
        shelf = _patched(_base(shelves, row.above), row)
        token.put(shelf)
        token.internal_data = row.notes
        tokens.append(token)
        shelves.append(shelf)
    for token, row in zip(tokens, chunk.rows, strict=True):
        if row.above < 0:
            scope.task_tree = token
        else:
            token._parent = tokens[row.above].id
            tokens[row.above]._children.append(token.id)
    scope.completed = chunk.completed
    scope.data = unshelve({key: bytes(value) for key, value in chunk.data.items()})


def _patched(base: Shelf, row: _Row) -> Shelf:
    if not row.changed and not row.removed:
        return base
    shelf = (
        {key: value for key, value in base.items() if key not in row.removed} if row.removed else dict(base)
    )
    shelf.update((key, bytes(value)) for key, value in row.changed.items())
    return shelf


def _spec(specs: Mapping[str, Any], name: str) -> Any:
    try:
        return specs[name]
    except KeyError:
        raise StepFailed(f"The definition has no “{name}” any more", element=name) from None
