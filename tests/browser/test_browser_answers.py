"""The answers and the register of trainings in a real browser: fit, found faultless, whole on paper."""

import re
from datetime import date, timedelta

import pytest
from playwright.sync_api import expect

from service.commands import people, trainings
from service.queries import statistics
from service.rules.permissions import Role

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("real_processes")]
PAGES = ("/answers", "/answers?veiled=1", "/answers?since=i+fjol", "/trainings", "/access-log")
NAVIGATION = "document.querySelector('header.top').getBoundingClientRect().height"
ONE_LINE = 60  # pixels
SEEN = "each => each.checkVisibility()"


@pytest.fixture
def pages(desk):
    """Something on both pages: applications in several months would take years, so trainings and changes."""
    with desk.begin("system") as work:
        people.set_head(work, unit="norrmalm", username="petra")
        people.delegate(
            work,
            username="bo",
            code="x",
            position="chef",
            unit="norrmalm",
            valid_from=work.today,
            basis="SN 9",
        )
        for number, lasts in enumerate((None, 400, -30)):
            given = work.today - timedelta(days=60 + number)
            until = None if lasts is None else work.today + timedelta(days=lasts)
            made = trainings.register(
                work, username="anna", unit="norrmalm", course=f"Grundutbildning om människohandel {number}",
                given_on=given, valid_until=until,
            )  # fmt: skip
        trainings.withdraw(work, made, reason="Fel person")


@pytest.mark.usefixtures("pages")
@pytest.mark.parametrize(("width", "language"), [(320, "sv"), (1280, "en")])
def test_nothing_is_wrong_and_nothing_too_wide(open_window, desk, width, language):
    for who in ("bo", "greta"):
        with desk.begin(who) as work:
            people.prefer(work, language=language)
        window = open_window(who, viewport={"width": width, "height": 900})
        for path in PAGES:
            window.go(path)
            assert window.page.evaluate("document.documentElement.lang") == language
            assert window.page.evaluate("document.documentElement.scrollWidth") <= width, path
            assert window.problems() == [], path


@pytest.mark.parametrize("language", ["sv", "en"])
def test_the_navigation_takes_one_line(open_window, desk, language):
    for who in ("anna", "bo", "petra", "greta", "sam"):
        with desk.begin(who) as work:
            people.prefer(work, language=language)
        window = open_window(who)
        window.go("/settings")
        assert window.page.evaluate(NAVIGATION) < ONE_LINE, who


def test_a_training_is_entered_by_keyboard_and_then_counted(open_window):
    window = open_window("bo")
    window.go("/answers")
    assert "Utbildningsregistret är tomt" in window.page.inner_text("main")
    window.page.get_by_role("link", name="Utbildningsregistret").press("Enter")
    expect(window.page.get_by_role("heading", level=1)).to_have_text("Utbildningsregister")
    window.page.get_by_label("Person").select_option("norrmalm/anna")
    window.page.get_by_label("Utbildning", exact=True).fill("Grundkurs (påhittad)")
    window.page.get_by_label("Gavs").fill("2026-13-01")
    window.page.keyboard.press("Enter")
    expect(window.page).to_have_title(re.compile("^Fel: "))
    assert "error-summary" in window.page.evaluate("document.activeElement.className")
    assert window.page.get_by_label("Utbildning", exact=True).input_value() == "Grundkurs (påhittad)"
    window.page.get_by_label("Gavs").fill(f"{date.today()}")  # noqa: DTZ011  the browser's own day
    window.page.keyboard.press("Enter")
    expect(window.page.get_by_role("status")).to_contain_text("Utbildningen är införd")
    window.go("/answers")
    assert window.page.inner_text("#staff_trained .figure-value") == "1"


@pytest.fixture
def drawn(desk, monkeypatch):
    """Applications in two months, as if they had been sent."""

    def found(work, units, begin, end):
        del units, begin, end
        for month, times in ((1, 3), (2, 7)):
            for person in range(times):
                day = work.today.replace(month=month, day=5)
                yield "applications_sent", statistics.Found(day, "norrmalm", person)

    monkeypatch.setattr(statistics, "_milestones", found)
    with desk.begin("system") as work:
        people.grant(work, username="anna", role=Role.CASEWORKER, unit="farsta")


@pytest.mark.usefixtures("drawn")
@pytest.mark.parametrize("width", [320, 1280])
def test_columns_stay_inside_their_drawing_and_are_seen_in_ones_own_colours(open_window, width):
    window = open_window("bo", viewport={"width": width, "height": 900})
    window.go("/answers")
    svg = window.page.locator("#applications_sent svg[role=img]")
    box = svg.bounding_box()
    heights = []
    for each in svg.locator("rect, text").all():
        inner = each.bounding_box()
        if inner is None:  # left out on a narrow screen
            continue
        assert box["x"] - 2 <= inner["x"]
        assert inner["x"] + inner["width"] <= box["x"] + box["width"] + 2
        if each.evaluate("each => each.tagName") == "rect":
            heights.append(round(inner["height"]))
    assert heights[1] * 3 == pytest.approx(heights[0] * 7, abs=10)
    assert window.page.get_by_role("img", name="Skickade ansökningar om betänketid, per månad").count() == 1
    assert window.problems() == []
    window.page.emulate_media(forced_colors="active")
    fill = svg.locator("rect").nth(1).evaluate("each => getComputedStyle(each).fill")
    assert fill == window.page.evaluate("getComputedStyle(document.body).color")


@pytest.mark.usefixtures("drawn")
def test_on_paper_the_tables_are_unfolded_and_the_form_is_gone(open_window):
    window = open_window("bo")
    window.go("/answers")
    table = window.page.locator("#applications_sent table")
    assert not table.evaluate(SEEN)
    window.page.emulate_media(media="print")
    assert table.evaluate(SEEN)
    assert not window.page.locator("form.search").is_visible()
    assert not window.page.locator("header.top").is_visible()
