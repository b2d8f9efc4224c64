"""Owners in a real browser: a renamed step, tried on cases, deployed by two persons, older cases moved."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from service.commands import drafts
from service.models.cases import Case

pytestmark = pytest.mark.browser
DIAGRAM = Path(__file__).parents[1] / "commands" / "diagrams" / "two_steps.bpmn"
PAGE = "/definitions/two_steps/migrations"
NARROW = {"width": 320, "height": 640}
WIDE = {"width": 1280, "height": 900}


@pytest.fixture
def draft(desk):
    """Begin a draft in which the first step has another id, and the second another id and name."""
    content = (
        DIAGRAM.read_text(encoding="utf-8").replace('"ask"', '"asking"').replace('"check"', '"checking"')
    )
    content = content.replace('name="Kontrollera"', 'name="Granska"')
    with desk.begin("petra") as work:
        return drafts.create(work, files={DIAGRAM.name: content.encode()})


def fits(window):
    """Look whether the page is whole, narrow and wide, in both languages, and nothing is out of reach."""
    for size in (NARROW, WIDE):
        window.page.set_viewport_size(size)
        assert window.problems() == []
        assert window.page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_a_renamed_step_is_tried_deployed_by_two_and_an_older_case_follows_it(open_window, desk, draft):
    first, second = desk.start(), desk.start()
    desk.do(second, "ask")
    petra = open_window("petra")
    page = petra.page
    petra.go(f"/drafts/{draft}")
    fits(petra)
    page.get_by_role("button", name="Pröva utkastet").click()
    expect(page.get_by_role("heading", name="Så gick det")).to_be_visible()
    expect(page.get_by_text("Uppgiften öppnas; det gjorde den inte då.")).to_have_count(2)
    fits(petra)
    page.get_by_role("link", name="Utkast av Petra Sten").click()
    page.get_by_label("Vad ändras och varför?").fill("Stegen får nya id")
    page.get_by_role("button", name="Lämna för godkännande").click()
    sam = open_window("sam")
    sam.go(f"/drafts/{draft}")
    sam.page.get_by_role("button", name="Godkänn").click()
    expect(sam.page.get_by_text("Nya ärenden går på den nya versionen.")).to_be_visible()

    petra.go("/definitions/two_steps")
    page.get_by_role("link", name="Flytta pågående ärenden").click()
    page.get_by_role("button", name="Förhandsgranska").click()
    expect(page.get_by_label("Fråga (ask)")).to_have_value("asking")
    expect(page.get_by_label("Kontrollera (check)")).to_have_value("")
    expect(page.get_by_text("Ärendet står på ett steg som inte finns i den nya versionen.")).to_have_count(1)
    shows_both(page)
    fits(petra)
    page.get_by_label("Kontrollera (check)").select_option(label="Granska (checking)")
    page.get_by_role("button", name="Förhandsgranska").click()
    expect(page.get_by_text("Kan flyttas", exact=True)).to_have_count(2)
    expect(page.get_by_text("Går vidare på: Granska.")).to_have_count(1)
    page.get_by_role("button", name="Flytta valda ärenden").click()
    expect(page.get_by_role("link", name="Skriv varför ärendena flyttas")).to_be_visible()
    fits(petra)
    expect(page.get_by_label("Kontrollera (check)")).to_have_value("checking")
    page.get_by_label("Varför flyttas ärendena?").fill("Stegen har fått nya id")
    page.get_by_role("button", name="Flytta valda ärenden").click()
    expect(page.get_by_role("status")).to_contain_text("Flyttat: 2.")
    fits(petra)
    assert (list(desk.open(first)), list(desk.open(second))) == (["asking"], ["checking"])
    undo(petra, desk, keeping=first)
    assert (list(desk.open(first)), list(desk.open(second))) == (["asking"], ["check"])


def shows_both(page):
    """Look at the map: marks in both drawings, and one selection."""
    old, new = page.locator("[data-column=old]"), page.locator("[data-column=new]")
    expect(old.locator(".diagram-mark.blocked")).to_have_text("✕ 2")  # one stands there, one would come there
    expect(new.locator(".diagram-mark.attention")).to_have_count(2)
    page.get_by_role("button", name="Fråga", exact=True).click()
    for drawing in (old, new):
        expect(drawing.locator(".djs-shape.is-chosen")).to_have_count(1)


def undo(petra, desk, *, keeping):
    """Move the cases back that were just moved, but for one."""
    with desk.begin("system") as work:
        reference = work.session.get_one(Case, keeping).reference
    petra.page.get_by_label(reference).uncheck()
    petra.page.get_by_label("Varför flyttas de tillbaka?").fill("Bara ett skulle flyttas")
    petra.page.get_by_role("button", name="Flytta tillbaka valda ärenden").click()
    expect(petra.page.get_by_role("status")).to_contain_text("Flyttat tillbaka: 1.")
    fits(petra)


def test_the_pages_hold_in_english_too(open_window, desk, draft):
    desk.start()
    petra = open_window("petra", locale="en-GB")
    petra.go("/settings")
    petra.page.get_by_role("button", name="English").first.click()
    petra.go(f"/drafts/{draft}")
    petra.page.get_by_role("button", name="Try the draft").click()
    expect(petra.page.get_by_role("heading", name="How it went")).to_be_visible()
    fits(petra)
    petra.go(PAGE)
    expect(petra.page.get_by_role("heading", name="Move running cases")).to_be_visible()
    fits(petra)
