"""A process whose file does not say how it is drawn, in a real browser: drawn, and open to be changed."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import expect

from service.commands import deployments
from service.queries import drafts

pytestmark = pytest.mark.browser
KEY, FILE = "reflection_period", "reflection_period.bpmn"
CHECKED = 30_000


@pytest.mark.usefixtures("real_processes")
def test_an_undrawn_process_is_drawn_and_opens_in_the_editor_as_it_is(open_window, desk, request):
    drawn = deployments.read_folder(request.config.rootpath)[FILE].decode()
    bare = re.sub(r"(?s)<bpmndi:BPMNDiagram.*</bpmndi:BPMNDiagram>", "", drawn).encode()

    def deploy():
        with desk.begin("system") as work:
            deployments.deploy(work, files={FILE: bare}, note="Utan ritning")

    with ThreadPoolExecutor(1) as thread:  # V8 refuses to be waited for where Playwright's event loop runs
        thread.submit(deploy).result()
    petra = open_window("petra", viewport={"width": 1400, "height": 1000})
    page = petra.page
    petra.go(f"/definitions/{KEY}/2")
    shapes = page.locator("[data-diagram] .djs-shape")
    expect(shapes.first).to_be_visible()
    assert shapes.count() > 40
    assert petra.problems() == []

    petra.go(f"/definitions/{KEY}/edit")
    page.get_by_role("button", name="Börja ett nytt utkast").click()
    expect(page.locator("[data-editor][data-ready]")).to_be_visible()
    expect(page.locator("[data-canvas] [data-element-id=period]")).to_be_attached()
    expect(page.locator("[data-editor]")).to_have_attribute("data-state", "fine", timeout=CHECKED)
    assert petra.problems() == []
    with desk.begin("petra") as work:
        row = drafts.current(work, file=FILE)[0]
        (kept,) = [each.content for each in drafts.one(work, row.id).files if each.name == FILE]
    assert kept == bare
