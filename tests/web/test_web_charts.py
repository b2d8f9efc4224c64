"""The columns on the page of answers: as high as the table's numbers, and nothing of what is hidden."""

import re
from datetime import date
from xml.etree import ElementTree as ET

import pytest
from browsing import browser_of

from service.engine.text import Text
from service.queries.measures import Measure
from service.queries.statistics import Figure, Seen, Span, Value
from service.web import charts

SVG = "{http://www.w3.org/2000/svg}"
MEASURE = Measure("x", Text("x", "x"), Text("x", "x"))


def figure(*numbers):
    """A figure of years; None is hidden."""
    spans = tuple(
        (
            Span(date(2020 + place, 1, 1), date(2020 + place, 12, 31)),
            Value(None, Seen.HIDDEN) if number is None else Value(number),
        )
        for place, number in enumerate(numbers)
    )
    return Figure(MEASURE, Value(0), {}, spans)


@pytest.fixture
def drawn(service, desk):
    """Draw a figure as the page would for bo."""

    def draw(*numbers):
        with service.test_request_context("/answers"):
            return charts.columns(figure(*numbers))

    assert browser_of(service, desk, "bo")
    return draw


def test_columns_are_as_high_as_their_numbers(drawn):
    chart = drawn(5, 10, 0)
    heights = [float(each.height.rstrip("%")) for each in chart.columns]
    assert heights[0] * 2 == pytest.approx(heights[1])
    assert heights[2] == 0
    assert [each.above for each in chart.columns] == ["5", "10", "0"]
    assert [each.below for each in chart.columns] == ["2020", "2021", "2022"]
    assert chart.words == "2020: 5; 2021: 10; 2022: 0"


def test_what_is_hidden_has_no_height_and_no_number(drawn):
    chart = drawn(5, None, 10)
    hidden = chart.columns[1]
    assert (hidden.is_shown, hidden.height, hidden.above, chart.some_hidden) == (False, "0.00%", "–", True)
    assert "2021: dolt" in chart.words


@pytest.mark.parametrize("numbers", [(5,), (None, None), (0, 0), ()])
def test_there_is_no_drawing_where_there_is_nothing_to_compare(drawn, numbers):
    assert drawn(*numbers) is None


def test_many_columns_stay_inside_and_let_words_go_on_narrow_screens(drawn):
    chart = drawn(*range(30))
    assert sum(not each.is_minor for each in chart.columns) <= charts.FEW
    for each in chart.columns:
        assert 0 <= float(each.left[:-1]) <= 100 - float(each.width[:-1])
        assert 0 <= float(each.top[:-1]) <= charts.FLOOR


def test_the_page_draws_what_its_table_says(window, applications):
    applications(6)
    year = date.today().year  # noqa: DTZ011  the page's own year
    answer = window("anna").get(f"/answers?since={year - 2}-01-01")
    (svg,) = re.findall(r"<svg role=\"img\".*?</svg>", answer.text, re.DOTALL)
    root = ET.fromstring(svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))  # noqa: S314  our own
    assert [each.text for each in root.findall(f"{SVG}text[@class='above']")] == ["0", "0", "6"]
    assert root.find(f"{SVG}title").text == "Skickade ansökningar om betänketid, per år"
    assert f"{year}: 6" in root.find(f"{SVG}desc").text
    assert "style=" not in svg
    assert len(root.findall(f"{SVG}rect")) == 3


def test_a_small_count_is_not_drawn(window, applications):
    applications(2)
    year = date.today().year  # noqa: DTZ011  the page's own year
    assert "<svg role" not in window("anna").get(f"/answers?since={year - 2}-01-01").text
    assert "<svg role" in window("bo").get(f"/answers?since={year - 2}-01-01").text
