"""Figures with their definitions, as JSON and for spreadsheets."""

import json
from typing import Any

from flask import Response
from marshmallow import fields, validate

from service.queries import export, measures, sheets, statistics
from service.queries.statistics import Asked, Figure, Seen, Span, Value
from service.web import auth
from service.web.api.exports import XLSX, attachment
from service.web.api.requests import Blueprint, files, reads
from service.web.api.schemas import Shown, Strict, Words, maybe, text
from service.work import UnitOfWork

blueprint = Blueprint("statistics", __name__, description="Figures")

AskedFor = Strict.from_dict(
    {
        "from": fields.Date(metadata={"description": "The current year's first day when left out."}),
        "to": fields.Date(metadata={"description": "The last day; that year's last when left out."}),
        "unit": text(longest=64),
        "veiled": fields.Boolean(
            load_default=False,
            metadata={"description": "Hide small counts even from those who may see them."},
        ),
    },
    name="StatisticsAsked",
)


class Number(Shown):
    """A figure, or why there is none."""

    value = maybe(fields.Float, required=True)
    state = fields.String(required=True, validate=validate.OneOf(list(Seen)))


class Part(Number):
    """A figure of a year or a month."""

    since = fields.Date(required=True, data_key="from")
    until = fields.Date(required=True, data_key="to")


class OfUnit(Number):
    """A figure of a unit."""

    unit = fields.String(required=True)


class MeasureItem(Number):
    """One measure: its definition in words, the whole period, its years or months, its units."""

    name = Words(required=True)
    definition = Words(required=True)
    spans = fields.List(fields.Nested(Part), required=True)
    units = fields.List(fields.Nested(OfUnit), required=True)


class StatisticsDocument(Shown):
    """The figures, and for which days and units they were counted."""

    since = fields.Date(required=True, data_key="from")
    until = fields.Date(required=True, data_key="to")
    unit = maybe(fields.String, required=True)
    units = fields.List(fields.String(), required=True)
    exact = fields.Boolean(required=True, metadata={"description": "Whether small counts are shown."})
    version = fields.Integer(required=True, metadata={"description": "Of the definitions."})
    measures = fields.Dict(keys=fields.String(), values=fields.Nested(MeasureItem), required=True)


@reads(blueprint, "/statistics", StatisticsDocument(), query=AskedFor())
def show_statistics(work: UnitOfWork, **asked: Any) -> dict[str, Any]:
    """Count the measures; small counts of people are hidden from those who may not see them."""
    found = statistics.statistics(work, _asked(work, asked))
    return {
        "since": found.since,
        "until": found.until,
        "unit": found.unit,
        "units": list(found.units),
        "exact": found.exact,
        "version": measures.VERSION,
        "measures": {key: _measure(figure) for key, figure in found.figures.items()},
    }


@files(blueprint, "/exports/statistics.csv", "text/csv", query=AskedFor())
def export_statistics_csv(**asked: Any) -> Response:
    """Give the figures for spreadsheets: UTF-8 with BOM, `;`, no cell that is taken for a formula."""
    with auth.begin() as work:
        rows = export.statistics_table(work, _asked(work, asked))
    content = sheets.as_csv(rows, export.STATISTICS)
    return attachment(content, "statistics.csv", "text/csv; charset=utf-8")


@files(blueprint, "/exports/statistics.xlsx", XLSX, query=AskedFor())
def export_statistics_xlsx(**asked: Any) -> Response:
    """Give the figures as a workbook, with a sheet that says what each means."""
    with auth.begin() as work:
        content = sheets.as_xlsx(export.statistics_sheets(work, _asked(work, asked)), made=work.now)
    return attachment(content, "statistics.xlsx", XLSX)


@files(blueprint, "/exports/statistics.json", "application/json", query=AskedFor())
def export_statistics_json(**asked: Any) -> Response:
    """Give the figures as JSON, a row for each."""
    with auth.begin() as work:
        rows = export.statistics_table(work, _asked(work, asked))
    told = json.dumps({"statistics": rows}, ensure_ascii=False).encode()
    return attachment(told, "statistics.json", "application/json")


def _asked(work: UnitOfWork, given: dict[str, Any]) -> Asked:
    since = given.get("from") or work.today.replace(month=1, day=1)
    until = given.get("to") or max(since, work.today).replace(month=12, day=31)
    return Asked(since, until, given.get("unit") or None, given["veiled"])


def _measure(figure: Figure) -> dict[str, Any]:
    return {
        "name": figure.measure.name,
        "definition": figure.measure.definition,
        **_number(figure.total),
        "spans": [_part(span, value) for span, value in figure.spans],
        "units": [{"unit": unit, **_number(value)} for unit, value in figure.units.items()],
    }


def _part(span: Span, value: Value) -> dict[str, Any]:
    return {"since": span.first, "until": span.last, **_number(value)}


def _number(value: Value) -> dict[str, Any]:
    return {"value": value.number, "state": value.seen.value}
