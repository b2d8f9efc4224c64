"""What leaves as files: a case with its proofs, lists for spreadsheets, a log for process mining."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from flask import Response

from service.commands import checkpoints
from service.queries import export, sheets
from service.queries.sheets import Sheet
from service.web import auth
from service.web.api.requests import Blueprint, files
from service.web.api.schemas import Strict, since, text, until
from service.work import UnitOfWork

blueprint = Blueprint("exports", __name__, description="Files for those who check")
Table = Callable[[UnitOfWork, export.Wanted], Iterable[dict[str, Any]]]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

Wanted = Strict.from_dict(
    {"from": since(), "to": until(), "unit": text(longest=64), "process": text(longest=64)},
    name="ExportWanted",
)
TABLES: Mapping[str, tuple[Table, Sequence[str]]] = {
    "cases": (export.cases_table, export.CASES),
    "events": (export.events_table, export.EVENTS),
}


@files(blueprint, "/cases/<uuid:case_id>/export.zip", "application/zip")
def export_case(case_id: UUID) -> Response:
    """Give a case with its history, diagrams, signed checkpoints, proofs and the program that checks them.

    Personal values go along for those who may see them; others get their commitments.
    """
    with auth.begin() as work:
        signed = checkpoints.cover(work, case_id)
    checkpoints.publish(auth.platform(), signed)
    with auth.begin() as work:
        name, content = export.case_zip(work, case_id)
    return attachment(content, name, "application/zip")


@files(blueprint, "/exports/cases.csv", "text/csv", query=Wanted())
def export_cases_csv(**wanted: Any) -> Response:
    """Give cases for spreadsheets: UTF-8 with BOM, `;`, no cell that is taken for a formula."""
    return _csv("cases", wanted)


@files(blueprint, "/exports/events.csv", "text/csv", query=Wanted())
def export_events_csv(**wanted: Any) -> Response:
    """Give events for spreadsheets, without personal values: UTF-8 with BOM, `;`."""
    return _csv("events", wanted)


@files(blueprint, "/exports/cases.xlsx", XLSX, query=Wanted())
def export_cases_xlsx(**wanted: Any) -> Response:
    """Give cases as a workbook; no cell is taken for a formula."""
    return _xlsx("cases", wanted)


@files(blueprint, "/exports/events.xlsx", XLSX, query=Wanted())
def export_events_xlsx(**wanted: Any) -> Response:
    """Give events as a workbook, without personal values; no cell is taken for a formula."""
    return _xlsx("events", wanted)


@files(blueprint, "/exports/cases.json", "application/json", query=Wanted())
def export_cases_json(**wanted: Any) -> Response:
    """Give cases as JSON."""
    return _json("cases", wanted)


@files(blueprint, "/exports/events.json", "application/json", query=Wanted())
def export_events_json(**wanted: Any) -> Response:
    """Give events as JSON, without personal values."""
    return _json("events", wanted)


@files(blueprint, "/exports/events.xes", "application/xml", query=Wanted())
def export_xes(**wanted: Any) -> Response:
    """Give the events for process mining (IEEE 1849), a trace for each case, nothing personal."""
    with auth.begin() as work:
        told = "".join(export.xes(work, _wanted(wanted)))
    return attachment(told.encode(), "events.xes", "application/xml")


def attachment(content: bytes, name: str, content_type: str) -> Response:
    """Answer with a file to keep."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, headers=headers, content_type=content_type)


def _csv(what: str, wanted: Mapping[str, Any]) -> Response:
    table, columns = TABLES[what]
    with auth.begin() as work:
        content = sheets.as_csv(table(work, _wanted(wanted)), columns)
    return attachment(content, f"{what}.csv", "text/csv; charset=utf-8")


def _xlsx(what: str, wanted: Mapping[str, Any]) -> Response:
    table, columns = TABLES[what]
    with auth.begin() as work:
        content = sheets.as_xlsx([Sheet(what, columns, table(work, _wanted(wanted)))], made=work.now)
    return attachment(content, f"{what}.xlsx", XLSX)


def _json(what: str, wanted: Mapping[str, Any]) -> Response:
    table, _ = TABLES[what]
    with auth.begin() as work:
        rows = list(table(work, _wanted(wanted)))
    told = json.dumps({what: rows}, ensure_ascii=False).encode()
    return attachment(told, f"{what}.json", "application/json")


def _wanted(given: Mapping[str, Any]) -> export.Wanted:
    return export.Wanted(
        unit=given.get("unit"),
        process=given.get("process"),
        since=given.get("from"),
        until=given.get("to"),
    )
