"""Workbooks as another program reads them: numbers as numbers, text that nothing runs, definitions."""

import io
import zipfile
from datetime import UTC, datetime

import pytest
from lxml import etree

from service.models.history import AccessEvent
from service.queries import export, sheets
from service.queries.sheets import Sheet

NOW = datetime(2031, 1, 1, 12, tzinfo=UTC)
SPACE = {"s": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}


def opened(content):
    """Each sheet's rows, by its name: what a cell holds, as text or as a number."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: etree.fromstring(archive.read(name)) for name in archive.namelist() if ".xml" in name}
    names = parts["xl/workbook.xml"].xpath("//s:sheet/@name", namespaces=SPACE)
    shared = [
        "".join(each.itertext())
        for each in parts.get("xl/sharedStrings.xml", etree.Element("none")).iterfind("s:si", SPACE)
    ]
    assert not any(part.xpath("//s:f", namespaces=SPACE) for part in parts.values())  # no formula anywhere
    return {
        name: [
            [_cell(each, shared) for each in row.iterfind("s:c", SPACE)]
            for row in parts[f"xl/worksheets/sheet{number}.xml"].iterfind(".//s:row", SPACE)
        ]
        for number, name in enumerate(names, 1)
    }


def _cell(cell, shared):
    kind, value = cell.get("t"), cell.findtext("s:v", None, SPACE)
    if kind == "s":
        return shared[int(value)]
    return "".join(cell.itertext()) if kind == "inlineStr" else float(value) if value else None


@pytest.mark.parametrize("start", sheets.FORMULA)
def test_what_looks_like_a_formula_is_text_with_an_apostrophe(start):
    rows = [{"a": f"{start}cmd|' /C calc'!A0", "b": 7}]
    (told,) = opened(sheets.as_xlsx([Sheet("x", ["a", "b"], rows)], made=NOW)).values()
    assert told[0] == ["a", "b"]
    assert told[1][0].replace("\r", "").replace("_x000D_", "").startswith("'")
    assert told[1][1] == 7
    assert sheets.as_csv(rows, ["a"]).decode("utf-8-sig").splitlines()[1].lstrip('"').startswith("'")


def test_long_and_strange_text_does_not_break_the_workbook():
    rows = [{"a": "x" * 40_000}, {"a": "\x01\x0b å <&> \ud7ff"}, {"a": None}, {"a": "https://example.se"}]
    (told,) = opened(sheets.as_xlsx([Sheet("x", ["a"], rows)], made=NOW)).values()
    assert len(told[1][0]) == sheets.LONGEST_CELL
    assert "å <&>" in told[2][0]


def test_the_same_rows_give_the_same_bytes():
    made = [sheets.as_xlsx([Sheet("x", ["a"], [{"a": 1}])], made=NOW) for _ in range(2)]
    assert made[0] == made[1]


def test_figures_stand_with_a_sheet_of_definitions(desk):
    with desk.begin("bo") as work:
        asked = export.Asked(work.today.replace(month=1, day=1), work.today)
        book = opened(sheets.as_xlsx(export.statistics_sheets(work, asked), made=work.now))
        rows = export.statistics_table(work, asked)
    figures, definitions = book["Siffror"], book["Definitioner"]
    assert figures[0] == list(export.STATISTICS)
    assert len(figures) == len(rows) + 1
    told = {row[0]: row[2] for row in definitions[1:]}
    assert {row["measure"] for row in rows} <= told.keys()
    assert {row["state"] for row in rows} <= told.keys()
    assert all(told.values())


@pytest.mark.parametrize("what", ["cases", "events"])
def test_lists_hold_what_the_csv_holds_and_are_logged(desk, what):
    desk.do(desk.start(title="=cmd"), "ask", what="Det hon berättade")
    desk.start(who="elin", unit="farsta")
    table, columns = getattr(export, f"{what}_table"), getattr(export, what.upper())
    with desk.begin("greta") as work:
        rows = list(table(work, export.Wanted()))
        content = sheets.as_xlsx([Sheet(what, columns, table(work, export.Wanted()))], made=work.now)
    (told,) = opened(content).values()
    assert len(told) == len(rows) + 1 > 1
    assert told[1][0] == rows[0][columns[0]]
    assert "berättade" not in str(told)
    assert "farsta" not in str(told)
    with desk.begin("system") as work:
        logged = [each.subject for each in work.session.query(AccessEvent).filter_by(action="export")]
    assert logged == [what, what]
