"""A form in its editor in a real browser: a question comes, moves, is tried and saves itself."""

import json
import re

import pytest
from playwright.sync_api import expect

from service.queries import drafts

pytestmark = pytest.mark.browser
NAME = "first_contact.form.json"
SAVED = 20_000


def open_form(window):
    """Open the form in a new draft."""
    window.take_into_draft(NAME)
    expect(window.page.locator("body[data-ready]")).to_be_visible()


def in_draft(desk):
    """The parts of the form in the newest draft."""
    with desk.begin("petra") as work:
        row = drafts.current(work, file=NAME)[0]
        found = next(each for each in drafts.one(work, row.id).files if each.name == NAME)
        return json.loads(found.content)["components"]


@pytest.mark.usefixtures("real_processes")
def test_an_owner_adds_moves_and_tries_a_question(open_window, desk):
    petra = open_window("petra")
    page = petra.page
    open_form(petra)
    assert petra.problems() == []
    page.get_by_label("Frågan, rubriken eller texten på svenska").fill("Behövs tolk nu?")
    page.get_by_label("Slag").last.select_option("checkbox")
    page.get_by_role("button", name="Lägg till", exact=True).click()
    last = page.get_by_role("button", name="Behövs tolk nu?", exact=True)
    expect(last).to_be_focused()
    page.get_by_label("Frågan på engelska").fill("Is an interpreter needed now?")
    expect(page.locator("#saved")).to_contain_text("Sparat av Petra Sten", timeout=SAVED)
    expect(page.locator("#preview-fields")).to_contain_text("Behövs tolk nu?")
    assert petra.problems() == []
    page.set_viewport_size({"width": 320, "height": 800})
    assert petra.problems() == []
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    page.set_viewport_size({"width": 1280, "height": 900})

    last.focus()
    page.keyboard.press("Alt+ArrowUp")
    expect(page.locator("button[data-move=up][data-focus]")).to_be_focused()
    keys = [each.get("key") for each in in_draft(desk)]
    assert keys.index("behovs_tolk_nu") == len(keys) - 2
    page.get_by_role("button", name="English", exact=True).click()
    expect(page.locator("#preview-fields")).to_contain_text("Is an interpreter needed now?")
    page.get_by_role("button", name="Pröva svaren").click()
    expect(page.get_by_text("Så här skulle svaren inte godtas.")).to_be_visible()
    assert petra.problems() == []
    page.get_by_role("button", name="Ta bort delen").click()
    expect(page.get_by_role("button", name="Ångra")).to_be_focused()
    page.keyboard.press("Enter")
    expect(last).to_be_visible()


@pytest.mark.usefixtures("real_processes")
def test_conditions_work_in_the_preview(open_window):
    petra = open_window("petra")
    page = petra.page
    open_form(petra)
    preview = page.locator("#preview-fields")
    expect(preview.get_by_text("Vad har ni försökt, och varför slutar ni?")).to_have_count(0)
    preview.get_by_label("Nej, och vi försöker inte mer nu").check()
    expect(preview.get_by_text("Vad har ni försökt, och varför slutar ni?")).to_be_visible()


@pytest.mark.usefixtures("real_processes")
def test_what_was_not_saved_is_offered_again_and_others_are_seen(open_window, desk):
    petra, pia = open_window("petra"), open_window("pia")
    page = petra.page
    open_form(petra)
    page.get_by_role("button", name="Fick ni kontakt?", exact=True).click()
    expect(page).to_have_url(re.compile(r"[?&]part="))
    expect(page.locator("body[data-ready]")).to_be_attached()
    page.route("**/form", lambda route: route.abort())
    page.get_by_label("Frågan på svenska").fill("Fick ni tag i personen?")
    expect(page.locator("#saved")).to_contain_text("kunde inte sparas", timeout=SAVED)
    page.unroute("**/form")
    page.goto(re.sub("#.*", "", page.url))
    expect(page.get_by_text("hann inte sparas")).to_be_visible()
    assert petra.problems() == []
    page.get_by_role("button", name="Ta tillbaka det").click()
    expect(page.locator("#saved")).to_contain_text("Sparat av", timeout=SAVED)
    expect(page.get_by_role("button", name="Fick ni tag i personen?", exact=True)).to_be_visible()
    assert in_draft(desk)[0]["label"] == "Fick ni tag i personen?"
    pia.page.goto(re.sub("(/form)?([?#].*)?$", "", page.url))
    expect(pia.page.get_by_text("Petra Sten har utkastet öppet sedan")).to_be_visible(timeout=SAVED)
    assert pia.problems() == []
    petra.complaints.clear()  # the browser tells of what was cut off


def open_question(page):
    page.get_by_role("button", name="Fick ni kontakt?", exact=True).click()
    expect(page).to_have_url(re.compile(r"[?&]part="))
    expect(page.locator("body[data-ready]")).to_be_attached()


def hide(page):
    """Let the page go out of sight, as when another tab is chosen."""
    page.evaluate(
        """Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
        document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));"""
    )


@pytest.mark.usefixtures("real_processes")
def test_what_a_button_has_sent_is_not_sent_again_when_the_page_goes_out_of_sight(open_window):
    petra = open_window("petra")
    page = petra.page
    open_form(petra)
    open_question(page)
    sent = []

    def answered(route):
        sent.append("x-kept" in route.request.headers)
        route.fulfill(status=204)  # the page stays, as while a slow answer is on its way

    page.route("**/form", answered)
    page.get_by_label("Frågan på svenska").evaluate(
        """(control) => {
            control.value = "Fick ni tag i personen?";
            control.dispatchEvent(new Event("input", { bubbles: true }));
            control.closest(".part-details").querySelector("button[value=save]").click();
        }"""
    )
    hide(page)
    page.evaluate("fetch('/healthz').then(() => null)")  # whatever was to be sent has been sent
    assert sent == [False]


@pytest.mark.usefixtures("real_processes")
def test_a_link_waits_for_what_is_being_saved_so_that_the_next_page_knows_of_it(open_window, desk):
    petra = open_window("petra")
    page = petra.page
    open_form(petra)
    open_question(page)
    held = []

    def hold(route):
        held.append(route)

    page.route("**/form", hold)
    page.get_by_label("Frågan på svenska").fill("Fick ni tag i personen?")
    with page.expect_request("**/form"):
        pass
    page.get_by_role("link", name="Ändra som text").click()
    assert "as=text" not in page.url
    held.pop().continue_()
    expect(page).to_have_url(re.compile("as=text"))
    expect(page.get_by_label(f"Filen {NAME} som text")).to_have_value(re.compile("Fick ni tag i personen"))
    assert in_draft(desk)[0]["label"] == "Fick ni tag i personen?"
