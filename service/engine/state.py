"""A running instance as bytes and back: tokens and data only, never the definition.

A snapshot is one byte for the format, one for the packing, then MessagePack. User data is kept as it is and
never interpreted; a token stores the keys that differ from the kept token above it. What is finished is not
stored (see `compaction`), what is only predicted neither.
"""

import zlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from SpiffWorkflow.bpmn.specs.mixins.events.event_types import CatchingEvent
from SpiffWorkflow.bpmn.specs.mixins.multiinstance_task import LoopTask
from SpiffWorkflow.bpmn.util.event import BpmnEvent
from SpiffWorkflow.util.task import TaskState

from service.engine.compaction import kept
from service.engine.tree import Instance, Parsed, Scope, Shelf, Token, shelve
from service.errors import StepFailed

FORMAT = 1
_PLAIN, _PACKED = 0, 1
_WORTH_PACKING = 1024  # bytes
_MERGED, _SEEN = "merged", "seen_events"


class _Row(msgspec.Struct, array_like=True, gc=False):
    """One token.

    `above` is the number of the row that it hangs below, -1 for the root; `changed` and `removed` are meant
    against the data of that row if it stands before this one, else against nothing.
    """

    id: bytes
    above: int
    spec: int
    state: int
    triggered: bool
    changed: dict[str, msgspec.Raw]
    removed: list[str]
    internal: msgspec.Raw


class _Chunk(msgspec.Struct, array_like=True, gc=False):
    """One scope. `owner` is the token that it runs for, empty for the instance itself."""

    owner: bytes
    spec: str
    completed: bool
    success: bool
    data: msgspec.Raw
    correlations: msgspec.Raw
    specs: list[str]
    rows: list[_Row]


class _Snapshot(msgspec.Struct, array_like=True, gc=False):
    digest: str
    chunks: list[_Chunk]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode
_NO_NOTES = msgspec.Raw(_encode({}))
_decode_snapshot = msgspec.msgpack.Decoder(_Snapshot).decode


def dump(workflow: Instance) -> bytes:
    """Return the snapshot of `workflow`. Raise StepFailed when its data is not plain JSON."""
    scopes = [workflow, *(scope for scope in workflow.subprocesses.values() if _still_counts(scope))]
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
        scope.completed_event.connect(owner.task_spec._on_subworkflow_completed, owner)
        _restore(scope, chunk)
    return instance


def _still_counts(scope: Scope) -> bool:
    owner = scope.top_workflow.get_task_from_id(scope.parent_task_id)
    return not owner._state & TaskState.FINISHED_MASK


def _chunk(scope: Instance | Scope) -> _Chunk:
    tree = kept(scope)
    numbers = {task.id: number for number, (task, _) in enumerate(tree)}
    specs: dict[str, int] = {}
    shelves: list[Shelf] = []
    rows: list[_Row] = []
    for task, over in tree:
        above = numbers[over.id] if over is not None else -1
        shelf = task.shelf()
        changed, removed = _difference(shelf, _base(shelves, above))
        shelves.append(shelf)
        spec = specs.setdefault(task.task_spec.name, len(specs))
        internal = _internal(task)
        rows.append(_Row(task.id.bytes, above, spec, task._state, task.triggered, changed, removed, internal))
    return _Chunk(
        owner=scope.parent_task_id.bytes if scope.parent_task_id else b"",
        spec=scope.spec.name,
        completed=scope.completed,
        success=scope.success,
        data=msgspec.Raw(_encode(shelve(scope.data))),
        correlations=msgspec.Raw(_encode(scope.correlations)),
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


def _internal(task: Token) -> msgspec.Raw:
    """Encode the bookkeeping of a task. Of the list of merged instances only the length counts."""
    notes = task.internal_data
    if not notes or task._state & TaskState.FINISHED_MASK:
        return _NO_NOTES
    notes = dict(notes)
    if _MERGED in notes:
        notes[_MERGED] = len(notes[_MERGED])
    if _SEEN in notes:
        known = task.task_spec.event_definition.event_definitions
        notes[_SEEN] = [[known.index(e.event_definition), e.payload, e.correlations] for e in notes[_SEEN]]
    return msgspec.Raw(_encode(notes))


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
        token.triggered = row.triggered
        token.internal_data = _notes(token, row.internal)
        tokens.append(token)
        shelves.append(shelf)
    for token, row in zip(tokens, chunk.rows, strict=True):
        if row.above < 0:
            scope.task_tree = token
        else:
            token._parent = tokens[row.above].id
            tokens[row.above]._children.append(token.id)
        if row.state == TaskState.WAITING and isinstance(token.task_spec, CatchingEvent):
            scope.top_workflow.event_manager.add_task(token)
        if row.state == TaskState.STARTED and isinstance(token.task_spec, LoopTask):
            _listen(token)
    scope.completed, scope.success = chunk.completed, chunk.success
    scope.data, scope.correlations = _decode_shelf(chunk.data), _decode(chunk.correlations)


def _decode_shelf(data: msgspec.Raw) -> dict[str, Any]:
    return {key: _decode(value) for key, value in _decode(data).items()}


def _patched(base: Shelf, row: _Row) -> Shelf:
    if not row.changed and not row.removed:
        return base
    shelf = (
        {key: value for key, value in base.items() if key not in row.removed} if row.removed else dict(base)
    )
    shelf.update((key, bytes(value)) for key, value in row.changed.items())
    return shelf


def _notes(token: Token, internal: msgspec.Raw) -> dict[str, Any]:
    notes: dict[str, Any] = _decode(internal)
    if _MERGED in notes:
        notes[_MERGED] = [""] * notes[_MERGED]
    if _SEEN in notes:
        known = token.task_spec.event_definition.event_definitions
        notes[_SEEN] = [BpmnEvent(known[number], payload, found) for number, payload, found in notes[_SEEN]]
    return notes


def _listen(token: Token) -> None:
    """Let the loop hear of its instances: the shared definition forgets that when the process restarts."""
    instance_spec = token.workflow.spec.task_specs[token.task_spec.task_spec]
    if not instance_spec.completed_event.is_connected(token.task_spec.merge_child):
        instance_spec.completed_event.connect(token.task_spec.merge_child)


def _spec(specs: Mapping[str, Any], name: str) -> Any:
    try:
        return specs[name]
    except KeyError:
        raise StepFailed(f"The definition has no “{name}” any more", element=name) from None
