"""A draft on its page and in its editor: what stops it, what to think of, and throwing it away."""

from pathlib import Path

import pytest
from browsing import words

from service.commands import drafts
from service.queries import drafts as queries

DIAGRAM = Path(__file__).parents[1] / "commands" / "diagrams" / "two_steps.bpmn"
TABLE = Path(__file__).parents[2] / "processes" / "case" / "move_grounds.dmn"
GUIDED = '<spiffworkflow:property name="guidance" value="Gör det." />'

pytestmark = pytest.mark.parametrize("kind", ["sqlite"])


def begin(desk, name="two_steps.bpmn", content=None, *, old="", new=""):
    content = (content or DIAGRAM).read_text(encoding="utf-8")
    assert old in content
    with desk.begin("petra") as work:
        return drafts.create(
            work, files={name: content.replace(old, new, 1).encode() if old else content.encode()}
        )


def test_what_to_think_of_is_told_apart_from_what_stops(window, desk):
    draft = begin(desk, old=GUIDED, new="")
    page = words(window("petra").get(f"/drafts/{draft}"))
    assert "Att tänka på two_steps.bpmn, Fråga : Uppgiften säger för lite" in page
    assert "Stoppar" not in page


def test_the_live_check_tells_warnings_beside_problems(window, desk):
    draft = begin(desk)
    content = DIAGRAM.read_text(encoding="utf-8")
    petra = window("petra")
    path = f"/drafts/{draft}/check"
    same = petra.post(path, file="two_steps.bpmn", content=content, revision="1").json
    assert (same["problems"], same["warnings"]) == ([], [])
    changed = content.replace(GUIDED, "", 1)
    told = petra.post(path, file="two_steps.bpmn", content=changed, revision="1").json
    assert told["problems"] == []
    assert {each["rule"] for each in told["warnings"]} == {"task-incomplete", "laid-out"}
    broken = changed.replace('targetRef="check"', 'targetRef="nobody"')
    told = petra.post(path, file="two_steps.bpmn", content=broken, revision="1").json
    assert told["problems"]


def test_a_table_that_the_service_cannot_read_stops_the_draft(window, desk):
    draft = begin(desk, "move_grounds.dmn", TABLE, old='name="legal_basis"', new='name="basis"')
    page = words(window("petra").get(f"/drafts/{draft}"))
    assert "Stoppar move_grounds.dmn" in page
    assert "legal_basis" in page


def test_a_draft_is_thrown_away_by_another_owner_after_a_question(window, desk):
    draft = begin(desk)
    pia, path = window("pia"), f"/drafts/{draft}/discard"
    assert "Det som är ritat i utkastet går förlorat." in words(pia.get(f"/drafts/{draft}"))
    assert pia.post(path, csrf="wrong", headers={}).status_code in {400, 403}
    assert window("anna").post(path).status_code == 403
    answer = pia.post(path)
    assert "Utkastet är slängt." in words(pia.get(answer.location))
    with desk.begin("petra") as work:
        row = queries.one(work, draft).row
    assert (row.state, row.saved_by.username, row.files) == ("discarded", "pia", ())
    assert pia.post(path).status_code == 409
