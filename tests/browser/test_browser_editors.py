"""Tables in their editor in a real browser: a cell changes, nothing else does, and what is saved deploys."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from service.commands import drafts as commands
from service.engine import decisions
from service.queries import drafts

pytestmark = pytest.mark.browser
CHECKED = 30_000
DIAGRAMS = Path(__file__).parents[1] / "diagrams"


def write(page, cell, words):
    """Write this in a cell instead of what stands there, as a person does."""
    cell.click()
    page.keyboard.press("Control+A")
    page.keyboard.press("Backspace")
    page.keyboard.type(words)


def in_draft(desk, name):
    """The file in the newest draft, and the one in force."""
    with desk.begin("petra") as work:
        row = drafts.current(work, file=name)[0]
        found = next(each for each in drafts.one(work, row.id).files if each.name == name)
        return found.content.decode(), found.before.decode()


def lines_that_differ(after, before):
    """What an owner reads under what the draft changes."""
    old, new = before.splitlines(), after.splitlines()
    return [line.strip() for line in new if line not in old], len(new) - len(old)


@pytest.mark.usefixtures("real_processes")
def test_an_owner_changes_a_cell_of_a_decision_table(open_window, desk):
    petra = open_window("petra", viewport={"width": 1400, "height": 1000})
    page = petra.page
    petra.take_into_draft("periods.dmn")
    expect(petra.page.locator("[data-editor][data-ready]")).to_be_visible()
    expect(petra.page.locator("[data-editor]")).to_have_attribute("data-state", "fine", timeout=CHECKED)
    after, before = in_draft(desk, "periods.dmn")
    assert after == before
    expect(page.locator(".annotation.header")).to_contain_text("Anteckningar")
    assert petra.problems() == []

    cell = page.locator("[data-element-id=periods_reflection_period_amount] [role=textbox]").first
    write(page, cell, "working days(")
    expect(page.locator("[data-editor]")).to_have_attribute("data-state", "wrong", timeout=CHECKED)
    expect(page.locator("[data-element-id=periods_reflection_period_amount][data-wrong]")).to_be_visible()
    expect(page.locator("[data-problems]")).to_contain_text("Rad 1, Antal: Uttrycket kan inte läsas")
    assert petra.problems() == []
    write(page, cell, "45")
    expect(page.locator("[data-editor]")).to_have_attribute("data-state", "fine", timeout=CHECKED)
    expect(page.locator("[data-saved]")).to_contain_text("Utkast sparat", timeout=CHECKED)

    after, before = in_draft(desk, "periods.dmn")
    told, more = lines_that_differ(after, before)
    assert "<text>45</text>" in after
    assert more == 0
    assert len(told) <= 3, told  # a name for XML and a value that was the default go
    for each in ("annotationEntry", "name_en", "<description>"):
        assert after.count(each) == before.count(each)
    assert decisions.parse(after.encode(), "periods.dmn")

    page.get_by_role("link", name="Ändra som text").click()
    expect(page.get_by_label("Filen periods.dmn som text")).to_have_value(after)
    page.get_by_role("link", name="Ändra som tabell").click()
    expect(cell).to_have_text("45")


def test_what_a_step_is_repeated_for_can_be_changed_and_survives_the_editor(open_window, desk):
    content = (DIAGRAMS / "multi_instance_parallel.bpmn").read_bytes()
    with desk.begin("petra") as work:
        draft = commands.create(work, files={"p.bpmn": content})
    petra = open_window("petra")
    page = petra.page
    petra.go(f"/drafts/{draft}/files/p.bpmn")
    expect(page.locator("[data-editor][data-ready]")).to_be_visible()
    page.locator("[data-canvas] [data-element-id=ask]").click()
    expect(page.get_by_label("Svaren samlas i")).to_have_value("answers")
    headings = page.locator(".bio-properties-panel-group-header")
    assert len(set(headings.evaluate_all("all => all.map(each => each.offsetHeight)"))) == 1
    for label, words in (
        ("Listan som gås igenom (FEEL)", "people[adult]"),
        ("En i listan heter", "somebody"),
    ):
        with page.expect_response("**/files/p.bpmn"):
            page.get_by_label(label).fill(words)
    page.reload()
    page.locator("[data-canvas] [data-element-id=ask]").click()
    expect(page.get_by_label("En i listan heter")).to_have_value("somebody")
    with desk.begin("petra") as work:
        (kept,) = [each.content.decode() for each in drafts.one(work, draft).files]
    for each in ("InputRef>people[adult]<", "OutputRef>answers<", 'Item id="somebody"', 'Item id="answer"'):
        assert each in kept


@pytest.mark.usefixtures("real_processes")
def test_every_cell_is_reached_and_changed_by_keyboard(open_window, desk):
    petra = open_window("petra", viewport={"width": 1400, "height": 1000})
    page = petra.page
    petra.take_into_draft("periods.dmn")
    expect(page.locator("[data-editor][data-ready]")).to_be_visible()
    page.get_by_text("Hjälp: så skrivs en cell").click()
    expect(page.get_by_role("row", name='not("avslag") Allt utom det.')).to_be_visible()
    assert petra.problems() == []

    rows = page.locator("tbody tr:has([role=textbox])")
    many, wide = rows.count(), rows.first.locator("td:has([role=textbox])").count()
    rows.first.get_by_role("textbox").first.focus()
    seen = set()
    for _ in range(wide):
        seen.add(page.evaluate("document.activeElement.closest('[data-element-id]').dataset.elementId"))
        page.keyboard.press("Control+End")
        page.keyboard.press("ArrowRight")
    assert len(seen) == wide
    for _ in range(many - 1):
        page.keyboard.press("ArrowDown")
    expect(rows.last.get_by_role("textbox").last).to_be_focused()
    page.keyboard.press("Control+Home")
    page.keyboard.press("ArrowLeft")
    expect(rows.last.locator("td:has([role=textbox])").nth(wide - 2).get_by_role("textbox")).to_be_focused()

    cell = page.locator("[data-element-id=periods_reflection_period_amount] [role=textbox]").first
    cell.focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("45")
    page.keyboard.press("Escape")
    expect(page.locator("[data-canvas]")).to_be_focused()
    expect(page.locator("[data-saved]")).to_contain_text("Utkast sparat", timeout=CHECKED)
    assert "<text>45</text>" in in_draft(desk, "periods.dmn")[0]
