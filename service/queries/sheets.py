"""Rows written for spreadsheets: CSV and workbooks (OOXML) in which no cell can be taken for a formula."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import xlsxwriter

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for a formula
LONGEST_CELL = 32_767  # characters, by the format
AS_TEXT = {"strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
NARROW, WIDE = 12, 60  # letters of a column
WORDY = frozenset({"definition", "details", "milestones", "name"})  # columns that hold sentences


@dataclass(frozen=True)
class Sheet:
    """A page of a workbook."""

    name: str
    columns: Sequence[str]
    rows: Iterable[Mapping[str, Any]]


def as_csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    """Write rows as CSV for Swedish spreadsheets: BOM, `;`, CRLF."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, delimiter=";", lineterminator="\r\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows({name: _cell(row[name]) for name in columns} for row in rows)
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def as_xlsx(sheets: Iterable[Sheet], *, made: datetime) -> bytes:
    """Write sheets as a workbook, row by row, so that a long list needs no more memory than a short one."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"constant_memory": True, **AS_TEXT}) as book:
        book.set_properties({"created": made.replace(tzinfo=None), "author": "Andrum"})
        head, body = book.add_format({"bold": True}), book.add_format({"valign": "top"})
        wrapped = book.add_format({"valign": "top", "text_wrap": True})
        for sheet in sheets:
            page = book.add_worksheet(sheet.name)
            page.freeze_panes(1, 0)
            for place, name in enumerate(sheet.columns):
                page.set_column(place, place, WIDE if name in WORDY else max(NARROW, len(name) + 2))
                page.write_string(0, place, name, head)
            for line, row in enumerate(sheet.rows, 1):
                for place, name in enumerate(sheet.columns):
                    _write(page, line, place, row[name], wrapped if name in WORDY else body)
    return content.getvalue()


def _write(page: Any, line: int, place: int, value: Any, form: Any) -> None:
    """Write numbers as numbers, everything else as text; nothing for None."""
    match _cell(value):
        case None:
            pass
        case int() | float() as number:
            page.write_number(line, place, number, form)
        case other:
            page.write_string(line, place, str(other)[:LONGEST_CELL], form)


def _cell(value: Any) -> Any:
    """A cell that no spreadsheet runs: text that begins like a formula gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
