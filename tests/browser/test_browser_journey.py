"""The whole round: an owner changes the path, people work on it, an auditor proves and answers."""

import re

import pytest
from playwright.sync_api import expect
from tampering import tamper

from service.models.cases import Case

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("real_processes")]
NEW = "Kontaktad"
FLOW = "make_first_contact_to_contact_made"
DUE = "[name='own-task-due']"


def test_a_change_goes_from_the_drawing_to_the_answers(open_window, desk):
    older = desk.start("case")
    petra, greta = open_window("petra"), open_window("greta")
    draw_a_change(petra)
    simulate(petra)
    hand_in(petra)
    approve(open_window("sam"))
    start_a_case(open_window("anna"))
    move(petra, reference(desk, older))
    rewind(greta, older)
    prove(greta, desk, older)
    answer(greta)


def draw_a_change(petra):
    """Draw an event into a flow and change a deadline; the check tells what is wrong until it is mended."""
    petra.go("/definitions/case/edit")
    page = petra.page
    page.get_by_role("button", name="Börja ett nytt utkast").click()
    editor = page.locator("[data-editor]")
    expect(editor).to_have_attribute("data-state", "fine", timeout=20_000)
    flow = page.locator(f".djs-connection[data-element-id={FLOW}] .djs-hit").first.bounding_box()
    middle = flow["x"] + flow["width"] / 2, flow["y"] + flow["height"] / 2
    page.locator(".djs-palette [data-action='create.intermediate-event']").click()
    page.mouse.move(middle[0] - 8, middle[1])
    page.mouse.move(*middle, steps=4)
    page.mouse.click(*middle)
    page.locator(".djs-direct-editing-parent [contenteditable]").fill(NEW)
    page.keyboard.press("Enter")
    canvas = page.locator("[data-canvas]").bounding_box()  # the next click may still belong to the drawing
    page.mouse.click(canvas["x"] + canvas["width"] / 2, canvas["y"] + canvas["height"] - 60)
    page.locator("[data-element-id=make_first_contact]").click()
    page.locator(DUE).fill("PT36H +")
    expect(editor).to_have_attribute("data-state", "wrong", timeout=20_000)
    assert petra.problems() == []
    expect(page.locator("[data-problems]")).to_contain_text("Uttrycket kan inte läsas")
    page.locator(DUE).fill("PT36H")
    expect(editor).to_have_attribute("data-state", "fine", timeout=20_000)
    expect(page.locator("[data-saved]")).to_contain_text("Utkast sparat", timeout=20_000)
    page.get_by_role("link", name="Till utkastet").click()
    expect(page.locator(".changes")).to_contain_text(NEW)
    expect(page.locator(".changes")).to_contain_text("PT36H")


def simulate(petra):
    """Try the change on the real engine with a clock of its own, and keep the run as an example."""
    page, draft = petra.page, petra.page.url
    page.get_by_role("link", name="Pröva i simulering").click()
    page.locator(".task-list a").first.click()
    page.get_by_label("Datum").fill("2027-01-04")
    page.get_by_role("button", name="Börja", exact=True).click()
    expect(page.locator(".diagram")).to_contain_text(NEW)
    page.get_by_role("button", name=re.compile("^Till nästa frist")).click()
    expect(page.locator("#trace-timeline")).to_contain_text("Klockan går till 2027-01-0")
    assert petra.problems() == []
    page.get_by_label("Vad visar exemplet?").fill("Ingen gör något")
    page.get_by_role("button", name="Spara exemplet").click()
    expect(page.locator(".facts-line")).to_contain_text("Går som skrivet")
    page.goto(draft)
    assert petra.problems() == []


def hand_in(petra):
    petra.page.get_by_label("Vad ändras och varför?").fill("Kontakten syns i diagrammet")
    petra.page.get_by_role("button", name="Lämna för godkännande").click()
    expect(petra.page.get_by_text("Utkastet är lämnat för godkännande.")).to_be_visible()


def approve(sam):
    sam.go("/definitions")
    sam.page.get_by_role("link", name="Utkast av Petra Sten").click()
    sam.page.get_by_role("button", name="Godkänn").click()
    expect(sam.page.get_by_text("Nya ärenden går på den nya versionen.")).to_be_visible()
    assert sam.problems() == []


def start_a_case(anna):
    """A new case goes on the new version: its diagram shows the new task."""
    anna.go("/cases/new")
    anna.page.get_by_label("Ärende om betänketid").check()
    anna.page.get_by_role("button", name="Öppna ärendet").click()
    expect(anna.page.get_by_role("heading", name="Var ärendet står")).to_be_visible()
    expect(anna.page.locator(".diagram")).to_contain_text(NEW)
    assert anna.problems() == []


def move(petra, reference):
    petra.go("/definitions/case/migrations?from=1&to=2")
    page = petra.page
    expect(page.get_by_role("row", name=reference)).to_contain_text("Kan flyttas")
    page.get_by_label("Varför").fill("Också pågående ärenden")
    page.get_by_role("button", name=re.compile("Flytta")).click()
    expect(page.get_by_role("row", name=f"{reference} Flyttat")).to_be_visible()
    assert petra.problems() == []


def rewind(greta, case):
    """The trace ends on the new version, and leads back to the first event on the old one."""
    greta.go(f"/cases/{case}/trace")
    page = greta.page
    expect(page.locator(".diagram")).to_contain_text(NEW)
    page.get_by_role("slider", name="Spola till händelse").focus()
    page.keyboard.press("Home")
    expect(page.locator("#trace-event")).to_contain_text("Händelse 1 av")
    expect(page.locator(".diagram")).not_to_contain_text(NEW)
    assert greta.problems() == []


def prove(greta, desk, case):
    """All is well until the database is tampered with; then it is told where."""
    page = greta.page
    greta.go("/audit/proof?verify=1")
    expect(page.get_by_role("heading", name="Allt stämmer")).to_be_visible()
    tamper(desk, case, 2)
    greta.go("/audit/proof?verify=1")
    row = page.get_by_role("row", name=reference(desk, case))
    expect(row).to_contain_text("händelsen har ändrats sedan den skrevs")
    row.get_by_role("link").click()
    expect(page.get_by_text("Det första felet är i händelse 2")).to_be_visible()
    assert greta.problems() == []


def answer(greta):
    """The answers are printed: the change of the routine is among them."""
    greta.go("/answers")
    expect(greta.page.locator("#main")).to_contain_text("Kontakten syns i diagrammet")
    assert greta.problems() == []
    assert greta.page.pdf().startswith(b"%PDF")


def reference(desk, case):
    with desk.begin("greta") as work:
        return work.session.get_one(Case, case).reference
