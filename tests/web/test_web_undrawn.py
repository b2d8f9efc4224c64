"""A process whose file does not say how it is drawn: drawn on every page; the file stays as it was."""

import re
from html import unescape
from pathlib import Path

from service.commands import cases, deployments, drafts

FILE = "two_steps.bpmn"
BARE = (Path(__file__).parents[1] / "commands" / "diagrams" / FILE).read_bytes()
SOURCE = re.compile(r"(?s)<textarea hidden data-(diagram-source|drawing)[^>]*>(.*?)</textarea>")


def drawn_on(page):
    assert page.status_code == 200
    (text,) = [unescape(text) for _, text in SOURCE.findall(page.text)]
    return text.count("BPMNShape bpmnElement") + len(re.findall(r'BPMNShape id="\w+" bpmnElement', text))


def test_an_undrawn_process_is_drawn_on_every_page_and_kept_byte_for_byte(window, desk):
    with desk.begin("anna") as work:
        case_id = cases.start(work, process="two_steps", unit="norrmalm", data={})
    petra, anna = window("petra"), window("anna")
    (task,) = set(re.findall(r"/tasks/[0-9a-f-]{36}", anna.get(f"/cases/{case_id}").text))
    assert drawn_on(petra.get("/definitions/two_steps/1")) == 4
    assert drawn_on(anna.get(f"/cases/{case_id}")) == 4
    assert drawn_on(anna.get(task)) == 4
    assert petra.get("/definitions/two_steps/1/bpmn").data == BARE


def test_the_editor_opens_an_undrawn_process_and_its_source_stays_as_it_is(window, desk):
    with desk.begin("petra") as work:
        draft_id = drafts.create(work, files={FILE: BARE})
    page = window("petra").get(f"/drafts/{draft_id}/files/{FILE}")
    assert drawn_on(page) == 4
    source = re.search(r"(?s)<textarea hidden data-source[^>]*>\n(.*?)</textarea>", page.text)[1]
    assert unescape(source).encode() == BARE


def test_the_deployment_tells_that_the_drawing_is_the_service_s(desk):
    with desk.begin("petra") as work:
        made = deployments.deploy(work, files={FILE: BARE + b"\n"}, note="Prov")
    assert [(each.rule, each.element) for each in made.warnings if each.rule == "laid-out"] == [
        ("laid-out", "two_steps")
    ]
