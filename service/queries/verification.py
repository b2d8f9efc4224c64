"""Whether what is stored is what was recorded: chains, stamps, values, states, documents, tree, checkpoints.

All of it is recomputed from the stored columns, without making objects of rows: an event costs a few
microseconds. Who may ask is the caller's business (`service.queries.history`).
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from json.encoder import encode_basestring as quoted
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from service import verifier
from service.errors import Unavailable
from service.merkle import Frontier, Kept
from service.models.cases import Case, ProcessInstance
from service.models.checkpoints import Checkpoint, TrailLeaf, TrailNode
from service.models.documents import Document
from service.models.history import HistoryEvent
from service.queries import documents, proofs
from service.vault import SALT, CaseKey, commitment, has_signed
from service.work import UnitOfWork

BATCH = 20_000  # events in one unit of work: others wait for less than a second on SQLite
FETCHED = 5_000  # rows at a time
WEIGHT = 8_192  # bytes of documents that take as long to check as an event
Beginning = Callable[[], AbstractContextManager[UnitOfWork]]


@dataclass(frozen=True)
class Finding:
    """Something that is not as it was recorded. `why` is a key of `service.verifier.WORDS`."""

    why: str
    case_id: UUID | None = None
    reference: str | None = None
    sequence: int | None = None
    size: int | None = None  # of the checkpoint
    seen: bool = True  # the reader may know the case
    document: UUID | None = None


@dataclass
class Checked:
    """What has been checked so far, and what was found."""

    cases: int = 0
    events: int = 0
    leaves: int = 0
    checkpoints: int = 0
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True)
class _Head:
    """Where a case says that its chain ends."""

    id: UUID
    reference: str
    sequence: int
    seal: str
    key: bytes | None


@dataclass(frozen=True)
class _Ended:
    """Where a chain ends: its last event, and whether one of them destroyed what was personal."""

    number: int = 0
    seal: str = ""
    state: str = ""
    destroyed: bool = False


def of_case(work: UnitOfWork, case_id: UUID) -> Checked:
    """Check one case: its chain, values and state, and its leaves against the newest signed checkpoint."""
    checked = Checked()
    _check_cases(work, [case_id], checked)
    checked.findings = _first_of_each([*checked.findings, *_rewritten(work, case_id)])
    if not checked.findings:
        checked.findings += _off_the_tree(work, case_id)
    return checked


def of_everything(
    begin: Beginning,
    *,
    visible: Callable[[UnitOfWork], sa.ColumnElement[bool]],
    tell: Callable[[int], None],
) -> Checked:
    """Check the cases that the reader may see, then the tree over all cases and every checkpoint.

    Works in batches, each in a unit of work of its own, so that nobody has to wait long for it; `tell` hears
    how many events each had.
    """
    checked = Checked()
    last: UUID | None = None
    while True:
        with begin() as work:
            before, batch = checked.events, _next_cases(work, last, visible(work))
            _check_cases(work, batch, checked)
        tell(checked.events - before)
        if not batch:
            break
        last = batch[-1]
    _check_tree(begin, checked, visible)
    return checked


def _next_cases(work: UnitOfWork, last: UUID | None, visible: sa.ColumnElement[bool]) -> list[UUID]:
    """The cases after `last` whose events and documents make up a batch; one at least while there are any."""
    held = sa.select(sa.func.sum(Document.size)).where(Document.case_id == Case.id).scalar_subquery()
    rows = sa.select(Case.id, Case.sequence, held).where(visible).order_by(Case.id).limit(FETCHED)
    if last is not None:
        rows = rows.where(Case.id > last)
    found: list[UUID] = []
    events = 0
    for case_id, sequence, size in work.session.execute(rows):
        events += sequence + (size or 0) // WEIGHT
        if found and events > BATCH:
            break
        found.append(case_id)
    return found


def _check_cases(work: UnitOfWork, case_ids: Sequence[UUID], checked: Checked) -> None:
    """Check these cases; one that seems wrong again under its lock: it may just have moved on."""
    suspects = _suspects(work, case_ids, checked)
    for case_id in suspects:
        work.lock(case_id)
        checked.findings += _suspects(work, [case_id], Checked()).values()
    checked.cases += len(case_ids)


def _suspects(work: UnitOfWork, case_ids: Sequence[UUID], checked: Checked) -> dict[UUID, Finding]:
    if not case_ids:
        return {}
    heads = {
        row.id: _Head(*row)
        for row in work.session.execute(
            sa.select(Case.id, Case.reference, Case.sequence, Case.seal, Case.wrapped_key).where(
                Case.id.in_(case_ids)
            )
        )
    }
    states = _states(work, case_ids)
    wrong: dict[UUID, Finding] = {}
    ended: dict[UUID, _Ended] = {}
    told: dict[UUID, list[Sequence[Any]]] = {}
    for case_id, events in _chains(work, case_ids):
        head = heads[case_id]
        finding, end = _chain(work, head, events, told)
        checked.events += end.number
        ended[case_id] = end
        if finding is not None:
            wrong[case_id] = finding
    for case_id, head in heads.items():
        why = _end(head, ended.get(case_id, _Ended()), states.get(case_id, ""))
        if why is not None and case_id not in wrong:
            wrong[case_id] = Finding(why[0], case_id, head.reference, why[1])
    sound = [head for head in heads.values() if head.id not in wrong]
    for case_id, finding in _wrong_documents(work, sound, told):
        wrong.setdefault(case_id, finding)
    return wrong


def _wrong_documents(
    work: UnitOfWork, heads: Sequence[_Head], told: Mapping[UUID, Sequence[Sequence[Any]]]
) -> Iterator[tuple[UUID, Finding]]:
    """Documents that are not those which the events of a sound chain tell of, unless the key is destroyed."""
    rows = sa.select(Document).where(Document.case_id.in_([each.id for each in heads]))
    stored: dict[UUID, list[Document]] = {}
    for row in work.session.scalars(rows.order_by(Document.added_at, Document.id)):
        stored.setdefault(row.case_id, []).append(row)
    for head in heads:
        key = _key(work, head)
        if key is None or (head.id not in stored and head.id not in told):
            continue
        added, withdrawn = _told_of(key, head, told.get(head.id, ()))
        for why, document, number in documents.wrong(work, key, stored.get(head.id, ()), added, withdrawn):
            sequence = head.sequence if number is None else number
            yield head.id, Finding(why, head.id, head.reference, sequence, document=document)


def _told_of(
    key: CaseKey, head: _Head, events: Iterable[Sequence[Any]]
) -> tuple[dict[UUID, documents.Added], set[UUID]]:
    """What the events, whose values have been checked, say of documents: added ones, and withdrawn ones."""
    added: dict[UUID, documents.Added] = {}
    withdrawn: set[UUID] = set()
    for event in events:
        number, details = event[1], json.loads(event[8])
        document = UUID(details["document"])
        if event[4] == "document.withdrawn":
            withdrawn.add(document)
        else:
            opened = key.open(event[10], f"history_event.values:{head.id}:{number}")
            added[document] = documents.Added(number, details, json.loads(opened[SALT:]))
    return added, withdrawn


def _first_of_each(findings: Iterable[Finding]) -> list[Finding]:
    """The first thing that is wrong in each case: what comes after it follows from it."""
    first: dict[UUID | None, Finding] = {}
    for each in findings:
        known = first.get(each.case_id)
        if known is None or (each.sequence or 0) < (known.sequence or 0):
            first[each.case_id] = each
    return list(first.values())


def _chains(work: UnitOfWork, case_ids: Sequence[UUID]) -> Iterator[tuple[UUID, Iterator[Sequence[Any]]]]:
    """The stored events case by case, in order, as the driver gives them."""
    columns = HistoryEvent.__table__.c
    plain = [sa.type_coerce(columns[name], sa.String) for name in ("case_id", "at")]
    rows = sa.select(
        plain[0],
        columns.sequence,
        plain[1],
        columns.actor,
        columns.type,
        columns.process,
        columns.element,
        columns.deployment,
        sa.cast(columns.details, sa.Text),
        columns.commitment,
        columns["values"],
        columns.state_digest,
        columns.previous,
        columns.seal,
        columns.stamp,
    ).where(columns.case_id.in_(case_ids))
    found = work.session.connection().execute(rows.order_by(columns.case_id, columns.sequence))
    if found.cursor is not None:  # the driver's own rows: nothing is made of them on the way
        yield from _grouped(iter(found.cursor.fetchone, None))


def _grouped(rows: Iterable[Any]) -> Iterator[tuple[UUID, Iterator[Sequence[Any]]]]:
    """Like itertools.groupby, one list per case: a case's history is short."""
    current: Any = None
    gathered: list[Any] = []
    for row in rows:
        if row[0] != current:
            if gathered:
                yield _id(current), iter(gathered)
            current, gathered = row[0], []
        gathered.append(row)
    if gathered:
        yield _id(current), iter(gathered)


def _id(stored: Any) -> UUID:
    return stored if isinstance(stored, UUID) else UUID(stored)


def _chain(
    work: UnitOfWork,
    head: _Head,
    events: Iterator[Sequence[Any]],
    told: dict[UUID, list[Sequence[Any]]],
) -> tuple[Finding | None, _Ended]:
    """Follow a chain; gives the first thing that is wrong, and where it ends.

    Events that tell of documents are put aside into `told`.
    """
    case, key = quoted(str(head.id)), _key(work, head)
    previous, state, number, destroyed = "", "", 0, False
    finding: Finding | None = None
    stamp = work.vault.stamp
    for event in events:
        number += 1
        if finding is None:
            why = _wrong(event, case, number, previous)
            if why is None and stamp(event[13]) != event[14]:
                why = "stamp"
            if why is None and (event[9] is not None or event[10] is not None) and key is not None:
                why = _wrong_values(key, head, event)
            if why is not None:
                finding = Finding(why, head.id, head.reference, number)
        if event[4] in documents.EVENTS:
            told.setdefault(head.id, []).append(event)
        previous, state = event[13], event[11]
        destroyed = destroyed or event[4] == verifier.DESTROYED
    return finding, _Ended(number, previous, state, destroyed)


def _wrong(event: Sequence[Any], case: str, number: int, previous: str) -> str | None:
    if event[1] != number:
        return "missing" if event[1] > number else "extra"
    if event[12] != previous:
        return "link"
    return None if sha256(b"\x00" + canonical(event, case)).hexdigest() == event[13] else "seal"


def canonical(event: Sequence[Any], case: str) -> bytes:
    """Write a stored event as `service.verifier.canonical` would its facts; `case` is quoted already.

    The details are taken as they are stored: the database keeps the canonical text itself. The seal of the
    event before has been compared with a computed one, so it needs no quoting.
    """
    _, sequence, at, actor, type, process, element, deployment, details, promise, _, state, before, *_ = event
    return (
        f'{{"actor":{_word(actor)},"at":"{_instant(at)}","case":{case},"commitment":{_text(promise)},'
        f'"deployment":{"null" if deployment is None else deployment},"details":{details},'
        f'"element":{_word(element)},"previous":"{before}","process":{_word(process)},'
        f'"sequence":{sequence},"state_digest":{_word(state)},"type":{_word(type)}}}'
    ).encode()


def _text(text: str | None) -> str:
    return "null" if text is None else quoted(text)


_word = lru_cache(4096)(_text)  # for what is said again and again


def _instant(stored: Any) -> str:
    """An instant as it is sealed; SQLite gives text in UTC, with six digits always."""
    if isinstance(stored, datetime):
        return stored.isoformat()
    text: str = stored.replace(" ", "T")
    return f"{text.removesuffix('.000000')}+00:00"


def _key(work: UnitOfWork, head: _Head) -> CaseKey | None:
    """The key of a case; None when it has been destroyed, or is not what it was."""
    if head.key is None:
        return None
    try:
        return work.vault.case_key(head.key, str(head.id))
    except Unavailable:
        return CaseKey(bytes(32))  # opens nothing: every value shows


def _wrong_values(key: CaseKey, head: _Head, event: Sequence[Any]) -> str | None:
    promise, sealed = event[9], event[10]
    if promise is None or sealed is None:
        return "values"
    try:
        opened = key.open(sealed, f"history_event.values:{head.id}:{event[1]}")
    except Unavailable:
        return "values"
    return None if commitment(opened[:SALT], opened[SALT:]) == promise else "values"


def _states(work: UnitOfWork, case_ids: Sequence[UUID]) -> dict[UUID, str]:
    """What the state of each case digests to now."""
    snapshots = work.session.execute(
        sa.select(ProcessInstance.case_id, ProcessInstance.snapshot)
        .where(ProcessInstance.case_id.in_(case_ids))
        .order_by(ProcessInstance.case_id, ProcessInstance.started_at, ProcessInstance.id)
    )
    digests: dict[UUID, list[bytes]] = {}
    for case_id, snapshot in snapshots:
        digests.setdefault(case_id, []).append(sha256(snapshot).digest())
    return {case_id: verifier.state_digest(found) for case_id, found in digests.items()}


def _end(head: _Head, end: _Ended, state: str) -> tuple[str, int] | None:
    """Whether the chain ends where the case says, in the state that is stored; else why, and where."""
    if end.number != head.sequence:
        return ("missing", end.number + 1) if end.number < head.sequence else ("extra", head.sequence + 1)
    if end.seal != head.seal or end.number == 0:
        return ("seal", end.number)
    if end.destroyed != (head.key is None):
        return ("destruction", end.number)
    return None if state == end.state else ("state", end.number)


def _rewritten(work: UnitOfWork, case_id: UUID) -> Iterator[Finding]:
    """Events that have a place in the tree and are not the ones that were given it; the database compares."""
    rows = _leaves_and_events().where(TrailLeaf.case_id == case_id, _MISMATCH).order_by(TrailLeaf.sequence)
    reference = work.session.scalar(sa.select(Case.reference).where(Case.id == case_id))
    for _, sequence, gone in work.session.execute(rows):
        yield Finding("missing" if gone else "rewritten", case_id, reference, sequence)


_MISMATCH = HistoryEvent.seal.is_(None) | (HistoryEvent.seal != TrailLeaf.seal)


def _leaves_and_events() -> sa.Select[UUID, int, bool]:
    same = sa.and_(HistoryEvent.case_id == TrailLeaf.case_id, HistoryEvent.sequence == TrailLeaf.sequence)
    return sa.select(
        TrailLeaf.case_id, TrailLeaf.sequence, HistoryEvent.seal.is_(None).label("gone")
    ).outerjoin(HistoryEvent, same)


def _off_the_tree(work: UnitOfWork, case_id: UUID) -> Iterator[Finding]:
    """The first of a case's events that is not in the tree that the newest checkpoint signed."""
    newest = work.session.scalar(sa.select(Checkpoint).order_by(Checkpoint.size.desc()).limit(1))
    if newest is None:
        return
    reference = work.session.scalar(sa.select(Case.reference).where(Case.id == case_id))
    note = _signed_note(work, newest.note)
    if note is None or note.size != newest.size:
        yield Finding("signature", case_id, reference, size=newest.size)
        return
    leaves = work.session.execute(
        sa.select(TrailLeaf.number, TrailLeaf.sequence, TrailLeaf.seal)
        .where(TrailLeaf.case_id == case_id, TrailLeaf.number < note.size)
        .order_by(TrailLeaf.sequence)
    ).all()
    places = proofs.Tree(work, note.size)
    for number, sequence, seal in leaves:
        if not verifier.follows(note.root, note.size, bytes.fromhex(seal), number, places.inclusion(number)):
            yield Finding("root", case_id, reference, sequence, note.size)
            return


def _signed_note(work: UnitOfWork, text: str) -> verifier.Note | None:
    """Read a checkpoint; None when the service did not sign it. Its own name stands in its own line."""
    try:
        note = verifier.read_note(text)
    except ValueError:
        return None
    return note if verifier.is_signed(note, note.origin, work.vault.public_key, has_signed) else None


def _check_tree(
    begin: Beginning, checked: Checked, visible: Callable[[UnitOfWork], sa.ColumnElement[bool]]
) -> None:
    """Grow the tree anew from its leaves and compare it with every checkpoint and every kept subtree."""
    frontier = Frontier()
    kept: Kept = []
    roots: dict[int, bytes] = {}
    wrong: list[Finding] = []
    with begin() as work:
        signed = work.session.scalars(sa.select(Checkpoint).order_by(Checkpoint.size))
        notes = {row.size: row.note for row in signed}
    wanted = sorted(notes)
    while True:
        with begin() as work:
            before = frontier.size
            seals = work.session.connection().execute(
                sa.select(TrailLeaf.number, TrailLeaf.seal)
                .where(TrailLeaf.number >= before, TrailLeaf.number < before + BATCH)
                .order_by(TrailLeaf.number)
            )
            leaves = seals.cursor.fetchall() if seals.cursor is not None else []
            _grow(frontier, kept, _in_a_row(before, leaves), roots, wanted)
            wrong += _first_of_each(_mismatches(work, before, visible(work)))
        if frontier.size == before:
            break
    checked.leaves = frontier.size
    checked.findings = _first_of_each([*checked.findings, *wrong])
    with begin() as work:
        checked.findings += _wrong_checkpoints(work, wanted, notes, roots)
        checked.findings += _wrong_nodes(work, kept, max(wanted, default=0))
        checked.findings += _outside(work, notes)
    checked.checkpoints = len(notes)


def _in_a_row(start: int, leaves: Iterable[Any]) -> list[bytes]:
    """The hashes of these leaves up to the first number that is missing."""
    found: list[bytes] = []
    for number, seal in leaves:
        if number != start + len(found):
            break
        found.append(bytes.fromhex(seal))
    return found


def _grow(
    frontier: Frontier, kept: Kept, leaves: Sequence[bytes], roots: dict[int, bytes], sizes: Sequence[int]
) -> None:
    """Grow the tree by these leaves, and note its root at the sizes that were signed."""
    start, end = frontier.size, frontier.size + len(leaves)
    for size in (each for each in (*sizes, end) if start < each <= end):
        frontier.extend(leaves[frontier.size - start : size - start], kept)
        roots[size] = frontier.root()


def _mismatches(work: UnitOfWork, before: int, visible: sa.ColumnElement[bool]) -> Iterator[Finding]:
    """Leaves of one batch without their event, or of a case that is gone; told apart by what may be seen."""
    rows = (
        _leaves_and_events()
        .outerjoin(Case, Case.id == TrailLeaf.case_id)
        .where(
            TrailLeaf.number >= before,
            TrailLeaf.number < before + BATCH,
            sa.or_(Case.id.is_(None), _MISMATCH),
        )
        .order_by(TrailLeaf.number)
        .add_columns(Case.id, Case.reference, visible)
    )
    for case_id, sequence, gone, known, reference, seen in work.session.execute(rows):
        why = "missing" if gone or known is None else "rewritten"
        yield Finding(why, case_id, reference if seen else None, sequence, seen=bool(seen) or known is None)


def _wrong_checkpoints(
    work: UnitOfWork, sizes: Iterable[int], notes: dict[int, str], roots: dict[int, bytes]
) -> Iterator[Finding]:
    """Forged checkpoints, and the first one whose tree is not what its leaves give."""
    differs = False
    for size in sizes:
        note = _signed_note(work, notes[size])
        if note is None or note.size != size:
            yield Finding("signature", size=size)
        elif not differs and size and roots.get(size) != note.root:
            differs = True
            yield Finding("root", size=size)


def _wrong_nodes(work: UnitOfWork, kept: Kept, size: int) -> Iterator[Finding]:
    """Kept subtrees that are not what the leaves below them give."""
    stored = {
        (level, index): hash
        for level, index, hash in work.session.execute(
            sa.select(TrailNode.level, TrailNode.index, TrailNode.hash)
        )
    }
    for level, index, hash in kept:
        end = (index + 1) << level
        if end <= size and stored.get((level, index)) != hash.hex():
            yield Finding("root", size=end)
            return


def _outside(work: UnitOfWork, notes: dict[int, str]) -> Iterator[Finding]:
    """Compare with the checkpoints that are kept outside the database."""
    for path in sorted(work.platform.settings.checkpoints.glob("[0-9]*.txt")):
        size = int(path.stem)
        if size not in notes:
            yield Finding("checkpoint-missing", size=size)
        elif path.read_text(encoding="utf-8") != notes[size]:
            yield Finding("checkpoint", size=size)
