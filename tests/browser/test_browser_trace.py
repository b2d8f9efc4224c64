"""An auditor in a real browser: rewinds a trace, verifies it, sees tampering found at the right event."""

import re
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect
from tampering import tamper

from service.commands import checkpoints
from service.models.cases import Case

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("real_processes")]


@pytest.fixture
def traced(desk):
    """A case whose right has been called, so that its trace leads through two diagrams."""
    case = desk.start("rights_package")
    desk.start("reminded")
    with desk.begin("greta") as work:
        checkpoints.take(work)
        reference = work.session.get_one(Case, case).reference
        last = work.session.get_one(Case, case).sequence
    return SimpleNamespace(case=case, reference=reference, last=last)


def test_a_trace_is_rewound_by_slider_timeline_and_keys(open_window, traced):
    page = (greta := open_window("greta")).page
    greta.go(f"/cases/{traced.case}/trace")
    slider = page.get_by_role("slider", name="Spola till händelse")
    expect(slider).to_have_value(str(traced.last))
    expect(page.locator(".diagram .djs-element").first).to_be_visible()
    tasks = page.locator("#trace-standing ol").first.locator("li")
    latest = tasks.count()
    assert latest >= 6
    slider.focus()
    page.keyboard.press("Home")
    expect(page.locator("#trace-event")).to_contain_text(f"Händelse 1 av {traced.last}")
    expect(page.locator("#trace-standing")).to_contain_text("Inga uppgifter var öppna.")
    expect(page).to_have_url(re.compile(r"at=1\b"))
    expect(page.locator("[data-rewound]")).to_contain_text("Händelse 1 av")
    first = page.locator("#trace-timeline li", has_text="Ny uppgift").first
    first.get_by_role("link").click()
    expect(page.locator("#trace-timeline li.now")).to_contain_text("Ny uppgift")
    expect(tasks).to_have_count(1)
    expect(page.locator("#trace-steps tr.selected")).to_have_count(1)
    expect(page.locator(".diagram .djs-element.is-chosen")).to_have_count(1)
    page.get_by_role("link", name="Senaste").click()
    expect(tasks).to_have_count(latest)


def test_a_called_process_opens_in_place_and_leads_back(open_window, traced):
    page = (greta := open_window("greta")).page
    greta.go(f"/cases/{traced.case}/trace?process=rights_package")
    page.locator(".diagram a.diagram-open").first.click()
    expect(page.get_by_role("navigation", name="Var diagrammet hör hemma")).to_be_visible()
    expect(page.locator("#trace-drawing h2")).to_contain_text(":")
    expect(page.locator(".diagram .is-here").first).to_be_visible()
    page.get_by_role("navigation", name="Var diagrammet hör hemma").get_by_role("link").first.click()
    expect(page.locator(".diagram a.diagram-open").first).to_be_visible()
    page.go_back()
    expect(page.get_by_role("navigation", name="Var diagrammet hör hemma")).to_be_visible()


def test_drawing_and_timeline_are_one_selection(open_window, traced):
    page = (greta := open_window("greta")).page
    greta.go(f"/cases/{traced.case}/trace")
    chosen = page.locator("#trace-standing li[data-element]").first.get_attribute("data-element")
    page.locator("summary", has_text="tabell").click()
    page.locator(f"#trace-steps tr[data-element={chosen}] [data-show-element]").click()
    expect(page.locator(f"#trace-timeline li.selected[data-element={chosen}]").first).to_be_attached()
    expect(page.locator(f".djs-element[data-element-id={chosen}].is-chosen")).to_have_count(1)


def test_without_javascript_links_do_it(open_window, traced):
    page = (greta := open_window("greta", java_script_enabled=False)).page
    greta.go(f"/cases/{traced.case}/trace?at=1")
    page.get_by_role("link", name="Nästa").click()
    expect(page.locator("#trace-event")).to_contain_text(f"Händelse 2 av {traced.last}")
    page.get_by_role("button", name="Visa").first.click()
    expect(page.locator("#trace-event")).to_contain_text(f"Händelse 2 av {traced.last}")


def test_tampering_with_the_database_shows_at_the_right_event(open_window, desk, traced):
    page = (greta := open_window("greta")).page
    greta.go("/audit/proof")
    page.get_by_role("button", name="Kontrollera hela spåret").click()
    expect(page.get_by_role("heading", name="Allt stämmer")).to_be_visible()
    tamper(desk, traced.case, 5)
    page.get_by_role("button", name="Kontrollera hela spåret").click()
    expect(page.get_by_role("heading", name="Något stämmer inte")).to_be_visible()
    row = page.get_by_role("row", name=traced.reference)
    expect(row).to_contain_text("5")
    expect(row).to_contain_text("händelsen har ändrats sedan den skrevs")
    row.get_by_role("link").click()
    expect(page.get_by_role("heading", name="Kedjan är bruten")).to_be_visible()
    expect(page.get_by_text("Det första felet är i händelse 5")).to_be_visible()


def test_an_auditor_signs_a_checkpoint_and_finds_a_person(open_window, desk, traced):
    person = desk.start("case", personal_number="19811228-9874")
    page = (greta := open_window("greta")).page
    greta.go("/audit/proof")
    page.get_by_role("button", name="Signera en kontrollpunkt nu").click()
    expect(page.get_by_text("Kontrollpunkten är signerad.")).to_be_visible()
    page.locator("tbody summary").first.click()
    expect(page.locator("pre.signed").first).to_contain_text("andrum.local/trail")
    greta.go("/audit")
    page.get_by_label("Personnummer").fill("1990")
    page.get_by_role("button", name="Hitta personens ärenden").click()
    expect(page.get_by_text("Skriv numret som ÅÅÅÅMMDD-NNNN.").first).to_be_visible()
    page.get_by_label("Personnummer").fill("19811228-9874")
    page.get_by_role("button", name="Hitta personens ärenden").click()
    expect(page.get_by_text("Visar bara den sökta personens ärenden.")).to_be_visible()
    assert "19811228" not in page.url
    with desk.begin("greta") as work:
        reference = work.session.get_one(Case, person).reference
    expect(page.locator("tbody tr").first).to_contain_text(reference)
    expect(page.locator("#main")).not_to_contain_text(traced.reference)


def test_the_auditors_pages_have_nothing_for_axe_and_fit_a_phone(open_window, traced):
    pages = [
        f"/cases/{traced.case}/trace", f"/cases/{traced.case}/trace?at=3&process=rights_package",
        f"/cases/{traced.case}/history", "/audit", "/audit?type=task.opened&unit=norrmalm",
        "/audit/proof?verify=1", "/access-log", f"/access-log?case={traced.case}&action=list",
    ]  # fmt: skip
    for options in ({}, {"viewport": {"width": 320, "height": 640}, "locale": "en-GB"}):
        greta = open_window("greta", **options)
        for path in pages:
            greta.go(path)
            greta.page.wait_for_load_state("networkidle")
            assert greta.problems() == [], path
            assert (
                greta.page.evaluate("document.documentElement.scrollWidth")
                <= options.get("viewport", {"width": 1280})["width"]
            ), path
