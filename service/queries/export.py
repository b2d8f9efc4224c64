"""What leaves the service for those who check: a case with its proofs, lists for spreadsheets, a process log.

The same case gives the same bytes every time: no clock, no random order, no compression. Personal values go
along only for those who may see them; an auditor gets their commitments.
"""

import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID
from xml.sax.saxutils import quoteattr

import sqlalchemy as sa

from service import verifier
from service.engine.text import Text
from service.errors import Invalid, NotFound, Problem
from service.models.cases import Case, ProcessInstance
from service.models.checkpoints import Checkpoint, TrailLeaf
from service.models.definitions import Definition, Deployment, deployment_content
from service.models.documents import content_place
from service.models.history import HistoryEvent
from service.queries import documents, history, measures, people, proofs, statistics
from service.queries.sheets import Sheet
from service.queries.statistics import Asked, Seen, Span, Statistics
from service.queries.visibility import visible
from service.rules import media
from service.rules.disclosure import SMALLEST
from service.rules.permissions import Permission, may, require
from service.vault import SALT
from service.work import UnitOfWork

STILL = (1980, 1, 1, 0, 0, 0)  # the only moment that a file in an export has
MOST = 200_000  # rows of a list that is exported
PART = 500  # cases whose events are read at once
README = """Andrum: utdrag ur ärende {reference}

Kontrollera utdraget utan Andrum och utan nät, med Python 3.11 eller senare:

    python verify.py export.zip

Jämför nyckeln i key.txt med den som tjänsten själv har publicerat.
history.jsonl har en händelse per rad, i ordning. proofs.json visar var varje händelse står i trädet över alla
ärenden (RFC 9162); checkpoints/ har de signerade kontrollpunkterna (C2SP tlog-checkpoint); definitions/ har
diagrammen, tabellerna och formulären som ärendet gick på, byte för byte; documents.json räknar upp
handlingarna, och documents/ har dem själva; manifest.json har filernas SHA-256.

Andrum: export of case {reference}

Check it without Andrum and without a network, with Python 3.11 or later:

    python verify.py export.zip

Compare the key in key.txt with the one that the service itself has published.
"""


@dataclass(frozen=True)
class Wanted:
    """Which cases or events to export; what is None does not narrow."""

    unit: str | None = None
    process: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def case_zip(work: UnitOfWork, case_id: UUID) -> tuple[str, bytes]:
    """Export a case with its proofs and the verifier: the file's name and its bytes; logged as an export.

    Raises `NotFound`.
    """
    case = work.session.get(Case, case_id)
    if case is None:
        raise NotFound
    require(work.actor, Permission.HISTORY_READ, work.facts(case))
    work.looked("export", case_id=case.id, subject="case")
    files = _files(work, case)
    listed = {name: sha256(content).hexdigest() for name, content in files.items()}
    files["manifest.json"] = _json({"format": verifier.FORMAT, "case": str(case.id), "files": listed})
    return f"{case.reference}.zip", _zipped(files)


def cases_table(work: UnitOfWork, wanted: Wanted) -> list[dict[str, Any]]:
    """The cases that the actor may see, one row each, nothing personal; logged as an export."""
    rows = (
        sa.select(Case, ProcessInstance)
        .join(ProcessInstance, ProcessInstance.case_id == Case.id)
        .where(visible(work), *_narrow(wanted, Case.opened_at))
        .order_by(Case.opened_at, Case.id)
    )
    found = work.session.execute(rows.limit(MOST + 1)).all()
    _require_few(len(found))
    reached: dict[UUID, dict[str, None]] = {}
    for case_id, name in _milestones(work, [row.Case.id for row in found]):
        reached.setdefault(case_id, {})[name] = None
    work.looked("export", subject="cases")
    return [
        {
            "reference": row.Case.reference,
            "process": row.ProcessInstance.process,
            "version": row.ProcessInstance.version,
            "unit": row.Case.unit_key,
            "status": row.Case.status.value,
            "opened_at": row.Case.opened_at.isoformat(),
            "closed_at": row.Case.closed_at.isoformat() if row.Case.closed_at else None,
            "events": row.Case.sequence,
            "milestones": " ".join(reached.get(row.Case.id, ())),
        }
        for row in found
    ]


def events_table(work: UnitOfWork, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """The events of the cases that the actor may see, in order, without values; logged as an export."""
    work.looked("export", subject="events")
    for event in _events(work, wanted):
        yield {
            "case": event.reference,
            "sequence": event.row.sequence,
            "at": event.row.at.isoformat(),
            "actor": event.row.actor,
            "type": event.row.type,
            "process": event.row.process,
            "element": event.row.element,
            "version": event.row.deployment,
            "details": json.dumps(event.row.details, ensure_ascii=False, sort_keys=True),
            "hash": event.row.seal,
        }


def statistics_table(work: UnitOfWork, asked: Asked) -> list[dict[str, Any]]:
    """Every figure, one row each: the period, its years or months, its units; logged as an export.

    Beside the whole there is a row for each part; a row without a unit is of all the units asked for.
    """
    return _statistics_rows(work, _statistics(work, asked, "statistics"))


def statistics_sheets(work: UnitOfWork, asked: Asked) -> tuple[Sheet, Sheet]:
    """The same rows, and a sheet of what each figure and each state means; logged as an export."""
    rows = _statistics_rows(work, _statistics(work, asked, "statistics"))
    name, told = ("Siffror", "Definitioner") if work.actor.language == "sv" else ("Figures", "Definitions")
    return Sheet(name, STATISTICS, rows), Sheet(told, DEFINITIONS, _definition_rows(work))


def statistics_for(work: UnitOfWork, asked: Asked, *, document: str) -> Statistics:
    """The figures for a document that leaves the service; logged as an export."""
    return _statistics(work, asked, document)


def xes(work: UnitOfWork, wanted: Wanted) -> Iterator[str]:
    """The events as IEEE 1849 (XES), a trace for each case, for process mining; logged as an export.

    What a task was opened, claimed and completed for is one activity with three transitions; what passes by
    itself is an event of its own.
    """
    work.looked("export", subject="xes")
    yield XES_HEAD
    open_case: UUID | None = None
    for event in _events(work, wanted):
        if event.row.case_id != open_case:
            if open_case is not None:
                yield "</trace>\n"
            open_case = event.row.case_id
            yield f"<trace>\n{_string('concept:name', event.reference)}{_string('andrum:unit', event.unit)}"
        yield _xes_event(event.row)
    if open_case is not None:
        yield "</trace>\n"
    yield "</log>\n"


STATISTICS = ("measure", "name", "unit", "from", "to", "value", "state", "definition", "version")
DEFINITIONS = ("key", "name", "definition", "version")
STATES: Mapping[Seen, Text] = {
    Seen.SHOWN: Text("Talet visas.", "The figure is shown."),
    Seen.AT_LEAST: Text(
        "Summan av det som visas; något år är dolt.", "The sum of what is shown; some year is hidden."
    ),
    Seen.HIDDEN: Text(
        f"Dolt: färre än {SMALLEST} människor, eller skulle avslöja ett sådant tal.",
        f"Hidden: fewer than {SMALLEST} people, or would give such a count away.",
    ),
    Seen.ONE_YEAR: Text("Visas bara år för år.", "Shown only year by year."),
    Seen.NOTHING: Text("Inga fall att räkna på.", "No cases to count."),
    Seen.NOT_COUNTED: Text(
        "Räknas inte: inget diagram märker det, eller registret är tomt. Det är inte noll.",
        "Not counted: no diagram marks it, or the register is empty. It is not zero.",
    ),
}
CASES = (
    "reference",
    "process",
    "version",
    "unit",
    "status",
    "opened_at",
    "closed_at",
    "events",
    "milestones",
)
EVENTS = ("case", "sequence", "at", "actor", "type", "process", "element", "version", "details", "hash")
TRANSITIONS = {
    "task.opened": "schedule",
    "task.claimed": "assign",
    "task.assigned": "reassign",
    "task.released": "withdraw",
    "task.completed": "complete",
    "task.cancelled": "ate_abort",
}
XES_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<log xes.version="1849-2016" xes.features="" xmlns="http://www.xes-standard.org/">
<extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>
<extension name="Time" prefix="time" uri="http://www.xes-standard.org/time.xesext"/>
<extension name="Lifecycle" prefix="lifecycle" uri="http://www.xes-standard.org/lifecycle.xesext"/>
<extension name="Organizational" prefix="org" uri="http://www.xes-standard.org/org.xesext"/>
<global scope="trace">
<string key="concept:name" value="unknown"/>
</global>
<global scope="event">
<string key="concept:name" value="unknown"/>
<date key="time:timestamp" value="1970-01-01T00:00:00+00:00"/>
<string key="lifecycle:transition" value="complete"/>
<string key="org:resource" value="unknown"/>
</global>
<classifier name="Activity" keys="concept:name lifecycle:transition"/>
"""


@dataclass(frozen=True)
class _CaseEvent:
    row: HistoryEvent
    reference: str
    unit: str


def _statistics(work: UnitOfWork, asked: Asked, subject: str) -> Statistics:
    found = statistics.statistics(work, asked)
    work.looked("export", subject=subject)
    return found


def _statistics_rows(work: UnitOfWork, found: Statistics) -> list[dict[str, Any]]:
    whole = Span(found.since, found.until)
    return [
        {
            "measure": figure.measure.key,
            "name": figure.measure.name.in_(work.actor.language),
            "unit": unit,
            "from": span.first.isoformat(),
            "to": span.last.isoformat(),
            "value": value.number,
            "state": value.seen.value,
            "definition": figure.measure.definition.in_(work.actor.language),
            "version": measures.VERSION,
        }
        for figure in found.figures.values()
        for unit, span, value in (
            (found.unit, whole, figure.total),
            *((found.unit, *part) for part in figure.spans if part[0] != whole),
            *((unit, whole, each) for unit, each in figure.units.items() if unit != found.unit),
        )
    ]


def _definition_rows(work: UnitOfWork) -> Iterator[dict[str, Any]]:
    language = work.actor.language
    for measure in measures.MEASURES:
        yield {
            "key": measure.key,
            "name": measure.name.in_(language),
            "definition": measure.definition.in_(language),
            "version": measures.VERSION,
        }
    for seen, words in STATES.items():
        yield {"key": seen.value, "name": "state", "definition": words.in_(language), "version": None}


def _files(work: UnitOfWork, case: Case) -> dict[str, bytes]:
    """Everything but the manifest."""
    events = list(
        work.session.scalars(
            sa.select(HistoryEvent).where(HistoryEvent.case_id == case.id).order_by(HistoryEvent.sequence)
        )
    )
    proven, notes = _proofs(work, case)
    files = {
        "README.txt": README.format(reference=case.reference).encode(),
        "case.json": _json(_case(work, case)),
        "history.jsonl": b"".join(verifier.canonical(line) + b"\n" for line in _lines(work, case, events)),
        "proofs.json": _json(proven),
        "key.txt": f"{history.public_key(work)}\n".encode(),
        "verify.py": Path(verifier.__file__).read_bytes(),
    }
    files |= {f"checkpoints/{size}.txt": note.encode() for size, note in notes.items()}
    files |= _documents(work, case)
    return files | _definitions(work, sorted({each.deployment for each in events if each.deployment}))


def _case(work: UnitOfWork, case: Case) -> dict[str, Any]:
    instances = work.session.scalars(
        sa.select(ProcessInstance)
        .where(ProcessInstance.case_id == case.id)
        .order_by(ProcessInstance.started_at, ProcessInstance.id)
    )
    return {
        "id": str(case.id),
        "reference": case.reference,
        "unit": case.unit_key,
        "status": case.status.value,
        "opened_at": case.opened_at.isoformat(),
        "closed_at": case.closed_at.isoformat() if case.closed_at else None,
        "sequence": case.sequence,
        "seal": case.seal,
        "snapshots": [sha256(each.snapshot).hexdigest() for each in instances],
    }


def _lines(work: UnitOfWork, case: Case, events: Iterable[HistoryEvent]) -> Iterator[dict[str, Any]]:
    opens = _opens(work, case)
    for event in events:
        line: dict[str, Any] = {"facts": event.facts(), "seal": event.seal}
        if opens and event.values is not None:
            opened = work.key(case).open(event.values, f"history_event.values:{case.id}:{event.sequence}")
            line["values"] = {"salt": opened[:SALT].hex(), "plain": opened[SALT:].decode()}
        yield line


def _documents(work: UnitOfWork, case: Case) -> dict[str, bytes]:
    """The list of the documents, and for those who may see them the documents themselves."""
    rows = documents.of_case(work, case.id)
    key = work.key(case) if _opens(work, case) else None
    who = people.named(work, documents.whose(rows))
    files: dict[str, bytes] = {}
    listed: list[dict[str, Any]] = []
    for row, shown in zip(rows, documents.as_rows(work, case, rows, who), strict=True):
        entry = {
            "id": str(row.id),
            "kind": shown.kind,
            "media_type": shown.media_type,
            "size": shown.size,
            "made_from": shown.made_from.isoformat() if shown.made_from else None,
            "added_at": shown.added_at.isoformat(),
            "added_by": shown.added_by.username if shown.added_by else None,
            "withdrawn_at": shown.withdrawn_at.isoformat() if shown.withdrawn_at else None,
        }
        sealed = documents.content_of(work, row.id) if key is not None else None
        if key is not None and sealed is not None:
            file = f"documents/{row.id}.{media.BY_TYPE.get(row.media_type, media.UNKNOWN).endings[0]}"
            files[file] = key.open(sealed, content_place(row.id))
            entry |= {"title": shown.title, "name": shown.name, "file": file}
        listed.append(entry)
    return {**files, "documents.json": _json(listed)}


def _opens(work: UnitOfWork, case: Case) -> bool:
    """Tell whether what is personal goes along."""
    return case.wrapped_key is not None and may(work.actor, Permission.HISTORY_VALUES, work.facts(case))


def _proofs(work: UnitOfWork, case: Case) -> tuple[dict[str, Any], dict[int, str]]:
    """Where each event stands in the tree of the newest checkpoint, and the checkpoints that lead to it.

    Of the checkpoints those are given that were the first to cover an event of the case, and the newest.
    """
    rows = work.session.execute(
        sa.select(TrailLeaf.sequence, TrailLeaf.number)
        .where(TrailLeaf.case_id == case.id)
        .order_by(TrailLeaf.sequence)
    ).all()
    signed = {
        row.size: row.note for row in work.session.scalars(sa.select(Checkpoint).order_by(Checkpoint.size))
    }
    if not signed:
        return {"leaves": {}, "checkpoints": {}}, {}
    newest = max(signed)
    first = {min(size for size in signed if size > number) for _, number in rows if number < newest}
    sizes = sorted(first | {newest})
    tree = proofs.Tree(work, newest)
    leaves = {
        str(sequence): {"leaf": number, "path": [each.hex() for each in tree.inclusion(number)]}
        for sequence, number in rows
        if number < newest
    }
    extensions = {
        str(size): [each.hex() for each in proofs.Tree(work, size).consistency(before)] if before else []
        for before, size in zip([0, *sizes], sizes, strict=False)
    }
    return {"leaves": leaves, "checkpoints": extensions}, {size: signed[size] for size in sizes}


def _definitions(work: UnitOfWork, numbers: Sequence[int]) -> dict[str, bytes]:
    """All that was in force with these deployments, byte for byte."""
    rows = work.session.execute(
        sa.select(Deployment.number, Definition.file, Definition.content)
        .join(deployment_content, deployment_content.c.deployment_id == Deployment.id)
        .join(Definition, Definition.id == deployment_content.c.definition_id)
        .where(Deployment.number.in_(numbers))
        .order_by(Deployment.number, Definition.file)
    )
    return {f"definitions/{row.number}/{row.file}": row.content for row in rows}


def _zipped(files: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, STILL)
            entry.external_attr = 0o644 << 16
            entry.create_system = 3  # Unix, wherever it is made
            archive.writestr(entry, files[name])
    return made.getvalue()


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1).encode() + b"\n"


def _milestones(work: UnitOfWork, case_ids: Sequence[UUID]) -> Iterator[tuple[UUID, str]]:
    for start in range(0, len(case_ids), PART):
        yield from history.milestones(work, case_ids[start : start + PART])


def _events(work: UnitOfWork, wanted: Wanted) -> Iterator[_CaseEvent]:
    """Events case by case, the oldest case first; raises `Invalid` when there are too many for one file."""
    rows = (
        sa.select(HistoryEvent, Case.reference, Case.unit_key)
        .join(Case, Case.id == HistoryEvent.case_id)
        .join(ProcessInstance, ProcessInstance.case_id == Case.id)
        .where(visible(work), *_narrow(wanted, HistoryEvent.at))
        .order_by(Case.opened_at, Case.id, HistoryEvent.sequence)
    )
    counting = sa.select(sa.func.count()).select_from(rows.order_by(None).subquery())
    _require_few(work.session.scalar(counting) or 0)
    for row in work.session.execute(rows, execution_options={"yield_per": PART}):
        yield _CaseEvent(row.HistoryEvent, row.reference, row.unit_key)


def _narrow(wanted: Wanted, at: Any) -> list[sa.ColumnElement[bool]]:
    given = {
        "unit": None if wanted.unit is None else Case.unit_key == wanted.unit,
        "process": None if wanted.process is None else ProcessInstance.process == wanted.process,
        "since": None if wanted.since is None else at >= wanted.since,
        "until": None if wanted.until is None else at < wanted.until,
    }
    return [condition for condition in given.values() if condition is not None]


def _require_few(rows: int) -> None:
    if rows > MOST:
        told = f"More than {MOST} rows: narrow it by time or unit."
        raise Invalid(problems=[Problem(told, pointer="?from")])


def _xes_event(event: HistoryEvent) -> str:
    transition = TRANSITIONS.get(event.type)
    name = event.element if transition and event.element else event.type
    at = quoteattr(event.at.isoformat(timespec="milliseconds"))
    told = {
        "lifecycle:transition": transition or "complete",
        "org:resource": event.actor,
        "andrum:process": event.process,
        "andrum:element": event.element,
        "andrum:milestone": event.details["name"] if event.type == "milestone.reached" else None,
    }
    strings = "".join(_string(key, value) for key, value in told.items() if value)
    time = f'<date key="time:timestamp" value={at}/>\n'
    return f"<event>\n{_string('concept:name', name)}{time}{strings}</event>\n"


def _string(key: str, value: Any) -> str:
    return f"<string key={quoteattr(key)} value={quoteattr(_printable(str(value)))}/>\n"


def _printable(text: str) -> str:
    """Leave out what XML 1.0 cannot hold."""
    return "".join(each for each in text if each >= " " or each in "\t\n\r")
