"""A caseworker at work in a real browser: from logging in to seeing the token move."""

import re
from datetime import timedelta

import pytest
import time_machine
from playwright.sync_api import expect

from service.commands import people

pytestmark = pytest.mark.browser
PASSWORD = "en lång mening om havet"  # of anna, as stocked


@pytest.mark.usefixtures("real_processes")
def test_a_case_is_taken_from_the_login_to_its_next_step(open_window):
    anna = open_window()
    page = anna.page
    anna.go("/")
    page.get_by_label("Användarnamn").fill("anna")
    page.get_by_label("Lösenord").fill(PASSWORD)
    page.get_by_role("button", name="Logga in").click()
    page.get_by_role("link", name="Nytt ärende").click()
    page.get_by_label("Ärende om betänketid").check()
    page.get_by_role("button", name="Öppna ärendet").click()
    expect(page.get_by_role("heading", name="Var ärendet står")).to_be_visible()
    page.get_by_role("link", name="Registrera uppgiften").click()
    page.get_by_role("button", name="Ta uppgiften").click()
    expect(page.locator("[data-element-id=register_report].is-here")).to_be_visible()

    said = page.get_by_label("Vad har hänt?")
    said.fill("En påhittad händelse")
    expect(page.locator("[data-saved]")).to_have_text(re.compile(r"Utkast sparat \d\d:\d\d"), timeout=3000)
    page.reload()
    expect(said).to_have_value("En påhittad händelse")

    page.get_by_role("button", name="Skicka in").click()
    summary = page.locator(".error-summary")
    expect(summary).to_be_focused()
    expect(page).to_have_title(re.compile("^Fel: "))
    expect(said).to_have_value("En påhittad händelse")
    summary.get_by_role("link", name="Dag då uppgiften kom in").click()
    expect(page.get_by_label("Dag då uppgiften kom in")).to_be_focused()

    page.get_by_label("Dag då uppgiften kom in").fill("2026-11-02")
    page.get_by_label("Vem lämnade uppgiften?").select_option(index=1)
    page.get_by_role("radiogroup", name="Finns det fara just nu?").get_by_label("Nej").check()
    page.get_by_role("radiogroup", name="Skyddade personuppgifter").get_by_label("Nej").check()
    page.get_by_role("button", name="Skicka in").click()
    expect(page.get_by_role("heading", name="Inskickat")).to_be_visible()
    expect(page.get_by_role("link", name="Ta första kontakten")).to_be_visible()

    page.get_by_role("link", name="Till ärendet").click()
    expect(page.locator("[data-element-id=register_report].is-done")).to_be_visible()
    expect(page.locator("[data-element-id=make_first_contact].is-here")).to_be_visible()
    expect(page.locator("tr[data-element=make_first_contact]")).to_have_attribute("data-state", "here")


@pytest.mark.usefixtures("real_processes")
def test_drawing_and_table_are_one_selection(open_window, desk):
    case_id = desk.start("case")
    page = (anna := open_window("anna")).page
    anna.go(f"/cases/{case_id}")
    page.get_by_text("Stegen som tabell").click()
    page.get_by_role("button", name="Ta första kontakten").click()
    expect(page.locator("[data-element-id=make_first_contact].is-chosen")).to_be_visible()
    page.locator("[data-element-id=register_report] .djs-hit").first.click()
    expect(page.locator("tr[data-element=register_report]")).to_have_class("selected")
    expect(page.locator("[data-element-id=make_first_contact].is-chosen")).to_have_count(0)


@pytest.mark.usefixtures("real_processes")
def test_the_drawing_speaks_the_readers_language(open_window, desk):
    case_id = desk.start("case")
    for who, name in (("anna", "Registrera uppgiften"), ("kim", "Register the report")):
        window = open_window(who)
        window.go(f"/cases/{case_id}")
        said = window.page.locator("[data-element-id=register_report]").text_content
        expect(window.page.locator("[data-element-id=register_report]")).to_be_visible()
        assert "".join(said().split()) == "".join(name.split())


@pytest.mark.usefixtures("real_processes")
def test_a_question_appears_when_its_condition_comes_true(open_window, desk):
    task_id = desk.claim(desk.start("case"), "register_report")
    page = (anna := open_window("anna")).page
    anna.go(f"/tasks/{task_id}")
    before = page.locator("#fields input, #fields select, #fields textarea").count()
    typed = page.get_by_label("Vad har hänt?")
    typed.fill("Skrivet före")
    page.get_by_label("Personen är under 18 år, eller kan vara det").check()
    page.get_by_role("radiogroup", name="Finns det fara just nu?").get_by_label("Ja").check()
    expect(typed).to_have_value("Skrivet före")
    assert page.locator("#fields input, #fields select, #fields textarea").count() >= before


def test_another_windows_draft_is_shown_beside_ones_own(open_window, desk):
    task_id = desk.claim(desk.start(), "ask")
    one, other = open_window("anna"), open_window("anna")
    for window in (one, other):
        window.go(f"/tasks/{task_id}")
    one.page.get_by_label("Vad").fill("i det ena")
    expect(one.page.locator("[data-saved]")).to_contain_text("Utkast sparat")
    other.page.get_by_label("Vad").fill("i det andra")
    conflict = other.page.locator("#draft-conflict")
    expect(conflict).to_be_visible()
    expect(conflict.get_by_role("row", name="Vad i det ena i det andra")).to_be_visible()
    conflict.get_by_role("button", name="Behåll det som står här").click()
    expect(other.page.locator("[data-saved]")).to_contain_text("Utkast sparat")
    one.page.reload()
    expect(one.page.get_by_label("Vad")).to_have_value("i det andra")


@pytest.mark.parametrize("how", ["button", "skip link", "keys"])
def test_quick_exit_blanks_the_screen_keeps_the_draft_and_ends_the_session(open_window, desk, how):
    task_id = desk.claim(desk.start(), "ask")
    page = (anna := open_window("anna")).page
    anna.go("/tasks")
    anna.go(f"/tasks/{task_id}")
    page.get_by_label("Vad").fill("mitt i en mening")
    if how == "button":
        page.get_by_role("button", name="Lämna snabbt").click()
    elif how == "skip link":
        page.get_by_role("button", name="Lämna sidan snabbt").focus()
        page.keyboard.press("Enter")
    else:
        for _ in range(3):
            page.keyboard.press("Shift")
    page.wait_for_url("**/neutral")
    assert "Andrum" not in page.content()
    page.go_back()
    expect(page.get_by_role("heading", name="Logga in")).to_be_visible()
    again = open_window("anna")
    again.go(f"/tasks/{task_id}")
    expect(again.page.get_by_label("Vad")).to_have_value("mitt i en mening")


def test_two_minutes_before_the_session_ends_one_key_keeps_it(open_window):
    with time_machine.travel("2026-11-23T09:00:00Z", tick=True) as clock:
        page = (anna := open_window()).page
        page.clock.install()
        anna.go("/login?next=/help")
        page.get_by_label("Användarnamn").fill("anna")
        page.get_by_label("Lösenord").fill(PASSWORD)
        page.get_by_role("button", name="Logga in").click()
        expect(page.get_by_role("heading", name="Så arbetar du")).to_be_visible()
        nearly = people.IDLE - timedelta(seconds=100)
        clock.shift(nearly)
        page.clock.fast_forward(int(nearly.total_seconds() * 1000))
        dialog = page.get_by_role("dialog", name="Du loggas snart ut")
        expect(dialog).to_be_visible()
        expect(dialog).to_contain_text("minuter kvar")
        page.keyboard.press("Enter")
        expect(dialog).to_be_hidden()
        clock.shift(nearly)
        page.clock.fast_forward(int(nearly.total_seconds() * 1000))
        expect(dialog).to_be_visible()
        clock.shift(timedelta(seconds=101))
        page.clock.fast_forward(101_000)
        expect(page.get_by_text("Din session är slut")).to_be_visible()


def test_single_keys_move_open_take_and_explain(open_window, desk):
    for _ in range(3):
        desk.start()
    page = (anna := open_window("anna")).page
    anna.go("/tasks")
    links = page.locator("[data-row-link]")
    for keys, number in (("j", 0), ("jj", 2), ("k", 1)):
        for key in keys:
            page.keyboard.press(key)
        expect(links.nth(number)).to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Kortkommandon")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.get_by_label("Ärendenummer")).to_be_focused()
    page.keyboard.type("jkt?")
    expect(page.get_by_label("Ärendenummer")).to_have_value("jkt?")
    page.locator("h1").click()
    page.keyboard.press("j")
    page.keyboard.press("t")
    expect(page.get_by_role("button", name="Skicka in")).to_be_visible()
    page.go_back()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Fråga")


def test_single_keys_do_nothing_for_those_who_turned_them_off(open_window, desk):
    desk.start()
    with desk.begin("anna") as work:
        people.prefer(work, shortcuts=False)
    page = (anna := open_window("anna")).page
    anna.go("/tasks")
    for key in "j?t":
        page.keyboard.press(key)
    expect(page.locator("[data-row-link]").first).not_to_be_focused()
    expect(page.get_by_role("dialog")).to_be_hidden()
