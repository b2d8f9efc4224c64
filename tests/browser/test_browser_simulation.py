"""A process owner in a real browser: tries a draft out, keeps the run as an example, plays it through."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from service.commands import drafts
from service.queries import drafts as queries

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("real_processes")]


@pytest.fixture
def draft(desk):
    """A draft of the whole case's diagram."""
    content = (ROOT / "processes" / "case" / "process.bpmn").read_bytes()
    with desk.begin("petra") as work:
        return drafts.create(work, files={"case.bpmn": content})


@pytest.mark.parametrize("width", [320, 1280])
def test_an_owner_tries_a_draft_out_and_keeps_it_as_an_example(open_window, desk, draft, width):
    petra = open_window("petra", viewport={"width": width, "height": 900})
    page = petra.page
    petra.go(f"/drafts/{draft}")
    page.get_by_role("link", name="Pröva i simulering").click()
    assert petra.problems() == []
    page.get_by_role("link", name="Utredning", exact=False).first.or_(
        page.locator(".task-list a").first
    ).first.click()
    assert petra.problems() == []
    page.get_by_label("Datum").fill("2027-01-04")
    page.get_by_role("button", name="Börja", exact=True).click()
    expect(page.get_by_role("heading", name="Klockan i simuleringen", exact=False)).to_contain_text(
        "måndag 2027-01-04"
    )
    expect(page.locator(".diagram .is-here").first).to_be_visible()
    assert petra.problems() == []
    assert fits(page)

    page.get_by_role("button", name="Gör klart uppgiften").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert petra.problems() == []

    page.get_by_role("button", name=re.compile("^Till nästa frist")).click()
    expect(page.locator("#trace-timeline")).to_contain_text("Klockan går till 2027-01-05")
    page.get_by_label("Vad visar exemplet?").fill("Ingen gör något")
    page.get_by_role("button", name="Spara exemplet").click()
    expect(page.get_by_text("Exemplet är sparat i utkastet.")).to_be_visible()
    expect(page.locator(".facts-line")).to_contain_text("Går som skrivet")
    assert petra.problems() == []
    assert fits(page)
    with desk.begin("petra") as work:
        assert "case.ingen_gor_nagot.example.json" in queries.one(work, draft).row.files
    page.get_by_role("link", name="Exempel").first.click()
    assert petra.problems() == []
    assert fits(page)


def test_a_run_is_played_through_and_the_diagram_follows(open_window, draft):
    petra = open_window("petra")
    page = petra.page
    petra.go(f"/drafts/{draft}/examples/case.withdrawn.example.json")
    slider = page.get_by_role("slider", name="Spola till")
    last = int(slider.get_attribute("max"))
    expect(page.locator("#trace-timeline tbody tr")).to_have_count(last)
    slider.focus()
    page.keyboard.press("Home")
    expect(page.locator("#trace-event")).to_contain_text(f"Händelse 1 av {last}")
    page.get_by_role("link", name="Nästa", exact=True).press("Enter")
    expect(page.locator("#trace-event")).to_contain_text(f"Händelse 2 av {last}")
    expect(page.get_by_role("link", name="Nästa", exact=True)).to_be_focused()
    expect(page.locator(".diagram .is-here").first).to_be_visible()
    page.get_by_role("button", name="Spela upp").click()
    expect(page.locator("#trace-event")).to_contain_text(f"Händelse 4 av {last}", timeout=15_000)
    page.get_by_role("button", name="Pausa").click()
    expect(page).to_have_url(re.compile(r"at=\d+"))
    assert petra.problems() == []


def test_a_run_that_is_not_kept_is_rewound_in_its_page(open_window, draft):
    petra = open_window("petra", reduced_motion="reduce")
    page = petra.page
    petra.go(f"/drafts/{draft}/simulation?example=case.withdrawn.example.json")
    expect(page.get_by_role("heading", name="Processen är slut")).to_be_visible()
    expect(page.get_by_role("button", name="Spela upp")).to_be_hidden()
    page.get_by_role("button", name="Första", exact=True).click()
    expect(page.locator("#trace-event")).to_contain_text("Händelse 1 av")
    expect(page.get_by_role("heading", name="Processen är slut")).to_be_visible()
    expect(page.locator(".diagram .is-here").first).to_be_visible()
    page.get_by_role("button", name="Senaste", exact=True).click()
    expect(page.get_by_role("heading", name="Ärende om betänketid", exact=False).nth(1)).to_be_visible()
    assert petra.problems() == []


def test_an_owner_without_javascript_goes_through_it_all(open_window, draft, desk):
    said = {
        "name": "Fel",
        "start_at": "2027-01-04T09:00:00+01:00",
        "steps": [{"element": "register_report", "data": {}}],
    }
    with desk.begin("petra") as work:
        content = json.dumps(said).encode()
        drafts.save(work, draft, file="case.wrong.example.json", content=content, revision=1)
    petra = open_window("petra", java_script_enabled=False)
    page = petra.page
    petra.go(f"/drafts/{draft}/examples")
    page.get_by_role("link", name=re.compile("^Kör alla")).click()
    expect(page.get_by_role("status")).to_contain_text("1 av")
    page.get_by_role("link", name="Fel", exact=True).click()
    page.get_by_role("link", name="Öppna i simulering").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_role("button", name="Första", exact=True).click()
    expect(page.locator("#trace-event")).to_contain_text("Händelse 1 av")


def fits(page):
    """Whether the page needs no scrolling sideways."""
    return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
