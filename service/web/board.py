"""The board of deadlines, across all cases that the reader may see, and the list of it on paper."""

from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from service.queries import board, people
from service.queries.board import KINDS, NOBODY, WINDOWS, Counts, Wanted
from service.web.auth import begin
from service.web.presentation import names, t

blueprint = Blueprint("board", __name__)


@blueprint.get("/deadlines")
def show_board() -> ResponseReturnValue:
    """Show every running deadline, the most urgent first."""
    wanted = _wanted()
    with begin() as work:
        page = board.board(work, wanted, cursor=request.args.get("cursor"))
        counts = board.counts(work, wanted)
        units = names(people.units(work))
    return render_template(
        "deadlines/board.html",
        page=page,
        wanted=wanted,
        windows=[(None, counts.all), *((each, counts.windows.get(each, 0)) for each in WINDOWS)],
        choices=_choices(counts, units, wanted),
        narrowed=any((wanted.unit, wanted.person, wanted.kind)),
        unit_names=units,
    )


@blueprint.get("/deadlines/print")
def show_sheet() -> ResponseReturnValue:
    """Show today's list for the paper binder: nothing personal, so that work goes on without the service."""
    unit = request.args.get("unit") or None
    with begin() as work:
        deadlines, left_out = board.sheet(work, unit=unit)
        units = names(people.units(work))
    return render_template(
        "deadlines/sheet.html",
        deadlines=deadlines,
        left_out=left_out,
        protected=any(each.protected for each in deadlines),
        unit=units.get(unit or "", ""),
        unit_names=units,
    )


def _wanted() -> Wanted:
    window, kind = request.args.get("show"), request.args.get("kind")
    return Wanted(
        window=window if window in WINDOWS else None,
        unit=request.args.get("unit") or None,
        person=request.args.get("person") or None,
        kind=kind if kind in KINDS else None,
    )


def _choices(counts: Counts, units: Any, wanted: Wanted) -> list[dict[str, Any]]:
    """The selects of the toolbar: the query's name, the label, what is chosen, each choice with its count."""
    persons = [(who, t("board.nobody") if who == NOBODY else name, n) for who, name, n in counts.persons]
    return [
        {
            "name": "unit",
            "label": t("case.unit"),
            "chosen": wanted.unit,
            "options": sorted((key, units.get(key, key), n) for key, n in counts.units.items()),
        },
        {"name": "person", "label": t("board.person"), "chosen": wanted.person, "options": persons},
        {
            "name": "kind",
            "label": t("board.kind"),
            "chosen": wanted.kind,
            "options": [(each, t(f"board.kind.{each}"), counts.kinds.get(each, 0)) for each in KINDS],
        },
    ]
