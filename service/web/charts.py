"""A figure by month or year as columns of an SVG: the table's own numbers; what is hidden has no height.

Places are percentages, so that the drawing fills its room while its letters keep their size.
"""

from dataclasses import dataclass
from itertools import pairwise

from service.queries.statistics import Figure, Seen, Value
from service.web.council import figure_words, span_words
from service.web.presentation import t

CHARTED = ("applications_sent", "individuals_rights_package_activated")
TOP, FLOOR = 14, 84  # of the columns, in percent of the drawing's height
WIDEST = 10  # of a column, in percent of the drawing's width
FEW = 12  # columns whose words fit on a narrow screen
HIDDEN = "–"


@dataclass(frozen=True)
class Column:
    """A span: where its column stands, and what is written below and above it."""

    middle: str
    left: str
    width: str
    top: str
    height: str
    below: str
    above: str
    is_shown: bool
    is_minor: bool  # on a narrow screen its words would not fit


@dataclass(frozen=True)
class Chart:
    """The columns, the same in words, and whether some are hidden."""

    columns: tuple[Column, ...]
    words: str
    some_hidden: bool


def columns(figure: Figure) -> Chart | None:
    """Draw a figure; None when it has fewer than two spans, or nothing that may be shown."""
    shown = [value.number for _, value in figure.spans if value.seen is Seen.SHOWN and value.number]
    many = len(figure.spans)
    if many < 2 or not shown:  # noqa: PLR2004
        return None
    by_year = any(one.first.year != other.first.year for (one, _), (other, _) in pairwise(figure.spans))
    step = -(-many // FEW)
    return Chart(
        tuple(
            Column(
                **_places(place, many, value, max(shown)),
                below=str(span.first.year) if by_year else t(f"month.{span.first.month}"),
                above=HIDDEN if value.number is None else f"{value.number:g}",
                is_shown=value.number is not None,
                is_minor=place % step != 0,
            )
            for place, (span, value) in enumerate(figure.spans)
        ),
        "; ".join(f"{span_words(span)}: {figure_words(value)}" for span, value in figure.spans),
        any(value.seen is Seen.HIDDEN for _, value in figure.spans),
    )


def _places(place: int, many: int, value: Value, most: float) -> dict[str, str]:
    """Where a column stands and how high it is; what is not shown has no height."""
    middle, width = (place + 0.5) * 100 / many, min(64 / many, WIDEST)
    height = (value.number or 0) / most * (FLOOR - TOP)
    places = {
        "middle": middle,
        "left": middle - width / 2,
        "width": width,
        "top": FLOOR - height,
        "height": height,
    }
    return {name: f"{number:.2f}%" for name, number in places.items()}
