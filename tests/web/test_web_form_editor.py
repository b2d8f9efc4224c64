"""A form changed part by part without JavaScript: every verb, bad input, other owners, files that stay."""

import re
from html import unescape
from pathlib import Path

import pytest

from service.commands import drafts
from service.queries import drafts as queries

ROOT = Path(__file__).parents[2]
FORMS = sorted((ROOT / "forms").glob("*.form.json"))
pytestmark = pytest.mark.parametrize("kind", ["sqlite"])


def begin(desk, content=None, name="report.form.json"):
    content = (ROOT / "forms" / name).read_bytes() if content is None else content
    with desk.begin("petra") as work:
        return drafts.create(work, files={name: content})


def kept(desk, draft, name="report.form.json"):
    with desk.begin("petra") as work:
        return next(each.content for each in queries.one(work, draft).files if each.name == name)


def controls(page):
    """What a browser would post from the editor's form, without any button pressed."""
    form = page.text[page.text.index('id="form-editor"') :]
    form = form[: form.index("</form>")]
    told = {}
    for given in re.findall(r"<input\b([^>]*)>", form):
        attributes = dict(re.findall(r'([\w:-]+)="([^"]*)"', given))
        if attributes.get("type") not in {"checkbox", "radio"} or re.search(r" checked(?=$| )", given):
            told[attributes.get("name")] = unescape(attributes.get("value", ""))
    for name, inner in re.findall(r'(?s)<textarea\b[^>]* name="([^"]*)"[^>]*>(.*?)</textarea>', form):
        told[name] = unescape(inner.removeprefix("\n"))
    for name, inner in re.findall(r'(?s)<select\b[^>]* name="([^"]*)"[^>]*>(.*?)</select>', form):
        chosen = re.findall(r'<option value="([^"]*)" selected', inner)
        told[name] = unescape((chosen or re.findall(r'<option value="([^"]*)"', inner))[0])
    return told


def open_part(browser, draft, part="", name="report.form.json"):
    return browser.get(f"/drafts/{draft}/files/{name}?part={part}")


def press(browser, page, verb, to="form", **changed):
    """Press a button of the editor's page, with these controls changed; None takes one away."""
    address = re.search(r'data-kept="([^"]*)/form"', page.text)[1]
    told = controls(page) | {key.replace("__", ":"): value for key, value in changed.items()} | {"e:do": verb}
    return browser.post(f"{address}/{to}", **{key: value for key, value in told.items() if value is not None})


def test_opening_and_saving_every_part_of_every_form_changes_no_byte(window, desk):
    petra = window("petra")
    for path in FORMS:
        draft = begin(desk, name=path.name)
        parts = re.findall(r'id="part-([\d-]+)"', open_part(petra, draft, name=path.name).text)
        assert parts
        for part in ["form", *parts[:: max(1, len(parts) // 3)]]:
            answer = press(petra, open_part(petra, draft, part, path.name), "save")
            assert answer.status_code == 303, (path.name, part)
        assert kept(desk, draft, path.name) == path.read_bytes(), path.name
