"""Process owners at work in a real browser: change, see a check fail, submit, approve."""

import pytest
from playwright.sync_api import expect

from service.commands import drafts as commands
from service.queries import definitions, drafts

pytestmark = pytest.mark.browser
DUE = "textarea[name='own-task-due'], #bio-properties-panel-own-task-due"


def version_in_force(desk, key):
    with desk.begin("petra") as work:
        return definitions.versions(work, key)[0].version


@pytest.mark.usefixtures("real_processes")
def test_an_owner_changes_a_deadline_and_a_second_person_lets_it_take_effect(open_window, desk):
    petra = open_window("petra")
    page = petra.page
    petra.go("/definitions/case")
    page.get_by_role("link", name="Ändra", exact=True).click()
    assert petra.problems() == []
    page.get_by_role("button", name="Börja ett nytt utkast").click()
    expect(page.locator("[data-editor][data-ready]")).to_be_visible()
    expect(page.locator("[data-editor]")).to_have_attribute("data-state", "fine", timeout=20_000)
    assert petra.problems() == []

    page.locator("[data-element-id=make_first_contact]").click()
    due = page.locator(DUE)
    due.fill("working days after(")
    expect(page.locator("[data-editor]")).to_have_attribute("data-state", "wrong", timeout=20_000)
    expect(page.locator("[data-element-id=make_first_contact].has-stops")).to_be_visible()
    expect(page.locator("[data-problems]")).to_contain_text("Uttrycket kan inte läsas")
    assert petra.problems() == []
    due.fill("PT36H")
    expect(page.locator("[data-editor]")).to_have_attribute("data-state", "fine", timeout=20_000)
    expect(page.locator("[data-saved]")).to_contain_text("Utkast sparat", timeout=20_000)

    page.get_by_role("link", name="Till utkastet").click()
    expect(page.locator(".changes li")).to_have_count(1)
    expect(page.locator(".changes")).to_contain_text("PT36H")
    page.get_by_role("button", name="Lämna för godkännande").click()
    expect(page.get_by_role("link", name="Skriv vad som ändras och varför.")).to_be_visible()
    assert petra.problems() == []
    page.get_by_label("Vad ändras och varför?").fill("Första kontakten får ta ett och ett halvt dygn")
    page.get_by_role("button", name="Lämna för godkännande").click()
    expect(page.get_by_text("Utkastet är lämnat för godkännande.")).to_be_visible()
    expect(page.get_by_role("button", name="Godkänn")).to_have_count(0)

    approve(open_window("sam"))
    assert version_in_force(desk, "case") == 2
    case = desk.start("case")
    assert desk.told(case, "instance.started")[0].details["version"] == 2


@pytest.mark.usefixtures("real_processes")
@pytest.mark.parametrize("width", [1280, 320])
def test_what_the_check_finds_is_marked_in_the_drawing_and_leads_to_the_list_and_back(
    open_window, desk, width
):
    with desk.begin("petra") as work:
        content = drafts.in_force(work)["case.bpmn"].decode()
        for name in ("Ta första kontakten", "Fick vi kontakt?"):
            assert content.count(f' name="{name}"') == 1
            content = content.replace(f' name="{name}"', "")
        draft = commands.create(work, files={"case.bpmn": content.encode()})
    petra = open_window("petra", viewport={"width": width, "height": 900})
    page = petra.page
    marks, told = page.locator(".finding-mark"), page.locator("li.is-told")
    petra.go(f"/drafts/{draft}")
    expect(marks).to_have_count(2)
    expect(marks.first).to_contain_text("Att tänka på: Namn saknas")
    assert petra.problems() == []
    page.get_by_role("link", name="case.bpmn, contact_made").click()
    expect(page.locator("[data-element-id=contact_made].has-advice.is-chosen")).to_be_visible()
    marks.first.press("Enter")
    expect(told).to_contain_text("make_first_contact")
    expect(told.get_by_role("link")).to_be_focused()

    page.get_by_role("link", name="case.bpmn", exact=True).click()
    expect(page.locator("[data-editor]")).to_have_attribute("data-state", "fine", timeout=20_000)
    expect(marks).to_have_count(2)
    page.get_by_role("button", name="contact_made", exact=True).click()
    expect(page.locator("[data-element-id=contact_made].selected.has-advice")).to_be_visible()
    marks.first.press("Enter")
    expect(told).to_contain_text("make_first_contact")
    assert petra.problems() == []
    if width == 320:
        assert page.evaluate("document.documentElement.scrollWidth") == width


def approve(sam):
    sam.go("/definitions")
    sam.page.get_by_role("link", name="Utkast av Petra Sten").click()
    assert sam.problems() == []
    sam.page.get_by_role("link", name="case.bpmn").click()
    expect(sam.page.get_by_text("Här kan du bara läsa")).to_be_visible()
    expect(sam.page.locator("[data-editor]")).to_have_attribute("data-state", "fine", timeout=20_000)
    sam.page.get_by_role("link", name="Till utkastet").click()
    sam.page.get_by_role("button", name="Godkänn").click()
    expect(sam.page.get_by_text("Nya ärenden går på den nya versionen.")).to_be_visible()
    sam.go("/definitions/case")
    expect(sam.page.get_by_text("Första kontakten får ta ett och ett halvt dygn").first).to_be_visible()


@pytest.mark.usefixtures("real_processes")
def test_two_owners_on_one_draft_learn_of_each_other(open_window):
    petra, pia = open_window("petra"), open_window("pia")
    petra.go("/definitions/case/edit")
    petra.page.get_by_role("button", name="Börja ett nytt utkast").click()
    expect(petra.page.locator("[data-editor][data-ready]")).to_be_visible()
    pia.page.goto(petra.page.url)
    expect(pia.page.get_by_role("alert")).to_contain_text("Petra Sten arbetar också i utkastet")
    pia.page.locator("[data-element-id=make_first_contact]").click()
    pia.page.locator(DUE).fill("PT30H")
    expect(pia.page.locator("[data-saved]")).to_contain_text("Utkast sparat", timeout=20_000)
    petra.page.locator("[data-element-id=make_first_contact]").click()
    petra.page.locator(DUE).fill("PT40H")
    expect(petra.page.get_by_role("alert")).to_contain_text("Pia Dal sparade utkastet", timeout=20_000)
    pia.page.reload()
    pia.page.locator("[data-element-id=make_first_contact]").click()
    expect(pia.page.locator(DUE)).to_have_value("PT30H")


@pytest.mark.usefixtures("real_processes")
def test_a_table_and_a_form_are_changed_as_text_with_the_same_check(open_window):
    petra = open_window("petra")
    page = petra.page
    petra.take_into_draft("first_contact.form.json")
    page.get_by_role("link", name="Ändra som text").click()
    text = page.get_by_label("Filen first_contact.form.json som text")
    expect(page.locator("[data-editor]")).to_have_attribute("data-state", "fine", timeout=20_000)
    text.fill("{")
    expect(page.locator("[data-editor]")).to_have_attribute("data-state", "wrong", timeout=20_000)
    expect(page.locator("[data-problems]")).to_contain_text("first_contact.form.json")
    assert petra.problems() == []
