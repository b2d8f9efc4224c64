"""A draft tried on real cases, on a page: references, outcomes, steps; only for owners, nothing personal."""

from pathlib import Path

import pytest
from browsing import words

from service.commands import drafts

DIAGRAM = Path(__file__).parents[1] / "commands" / "diagrams" / "two_steps.bpmn"


@pytest.fixture
def draft(desk):
    """Begin a draft of the two steps with something written differently."""

    def begun(old, new):
        content = DIAGRAM.read_bytes()
        assert old in content
        with desk.begin("petra") as work:
            return drafts.create(work, files={DIAGRAM.name: content.replace(old, new)})

    return begun


def test_the_page_of_a_draft_offers_to_try_it_and_tells_how_cases_went(window, desk, draft):
    longer, shorter = desk.start(secret="Rut"), desk.start()
    desk.do(shorter, "ask")
    draft_id = draft(b"P3D", b"P9D")
    petra = window("petra")
    assert f"/drafts/{draft_id}/replays" in petra.get(f"/drafts/{draft_id}").text
    page = petra.post(f"/drafts/{draft_id}/replays")
    told = words(page)
    assert page.status_code == 200
    assert "Annan väg 2 ärenden" in told
    assert "Fråga" in told
    assert "Uppgiften får en annan frist." in told
    assert "Rut" not in page.text
    assert "sten" not in page.text
    log = words(window("greta").get("/access-log"))
    assert log.count("Prövade ett utkast mot ärendet") >= 2
    assert not {str(longer), str(shorter)} & set(page.text.split('"'))


def test_what_keeps_a_draft_from_running_is_told_instead(window, desk, draft):
    desk.start()
    draft_id = draft(b"<bpmn:userTask", b"<bpmn:serviceTask")
    page = window("petra").post(f"/drafts/{draft_id}/replays")
    assert page.status_code == 422
    assert "Utkastet kan inte prövas" in words(page)


@pytest.mark.parametrize("who", ["anna", "bo", "greta", "sam"])
def test_nobody_but_a_process_owner_tries_a_draft(window, desk, draft, who):
    desk.start()
    draft_id = draft(b"P3D", b"P9D")
    other = window(who)
    assert f"/drafts/{draft_id}/replays" not in other.get(f"/drafts/{draft_id}").text
    assert other.post(f"/drafts/{draft_id}/replays").status_code == 403
