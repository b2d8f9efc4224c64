"""What is written in a diagram, table or form never runs as a program, and no page shows it as markup."""

import re
from contextlib import suppress
from datetime import UTC, datetime
from itertools import chain
from zoneinfo import ZoneInfo

import pytest
from canaries import FILES, TAG, live, places, places_of_tools, sung, written

from service.commands import deployments, drafts, messages
from service.engine import definition, workflow
from service.engine.expressions import Moment
from service.errors import Refused, ServiceError

MOMENT = Moment(now=datetime(2026, 11, 24, 9, tzinfo=UTC), zone=ZoneInfo("Europe/Stockholm"))
RUN = "40961"  # what the canaries for templates come to


def parsed(files):
    """Read a bundle; None when it is refused, which is told with file, rule and words."""
    try:
        return definition.parse(files)
    except Refused as refused:
        problems = refused.problems
    assert problems
    assert all(each.file and each.rule and each.message for each in problems)
    return None


def is_whole(found):
    return found is not None and {"song", "verse"} <= found.processes.keys()


def walk(found):
    """Start and complete everything that can be, as a case would."""
    with suppress(ServiceError):
        step = workflow.start(found, "song", data={"what": "low"}, moment=MOMENT)
        for _ in range(4):
            for task in step.opened:
                answers = {"what": "low"}
                step = workflow.complete(found, step.snapshot, task=task.id, answers=answers, moment=MOMENT)


def tried(spots, folder):
    """Put a canary in each spot by itself; whatever is taken is run. Gives how many were, and were not."""
    taken = refused = 0
    for place, canary in spots:
        found = parsed(written((place, canary)))
        taken, refused = taken + (found is not None), refused + (found is None)
        if found is not None and canary[:1] in '"[':  # FEEL: what else is taken is only words
            walk(found)
    assert sung(folder) == []
    return taken, refused


def test_the_bundle_is_sound_and_sings_where_it_may(tmp_path):
    found = parsed(FILES)
    assert found is not None
    walk(found)
    assert sung(tmp_path) == []
    (tmp_path / "canary").touch()
    assert sung(tmp_path) == ["a file was made"]


def test_no_canary_sings_in_any_place(tmp_path):
    canaries = live(tmp_path)
    spots = [(place, canaries[at]) for place in places() for at in (0, 6, 7)]
    tools = list(places_of_tools())[::6]
    spots += [(place, canaries[number % len(canaries)]) for number, place in enumerate(tools)]
    taken, refused = tried(spots, tmp_path)
    assert taken > 300
    assert refused > 300


@pytest.mark.slow
def test_no_canary_of_all_sings_in_any_place(tmp_path):
    spots = [(place, each) for place in chain(places(), places_of_tools()) for each in live(tmp_path)]
    taken, refused = tried(spots, tmp_path)
    assert taken + refused > 20_000


@pytest.mark.parametrize("kind", ["sqlite"])
def test_no_page_shows_a_canary_as_markup_or_what_a_template_makes_of_it(window, desk, tmp_path):
    canary = live(tmp_path)[0]
    taken = [place for place in places() if is_whole(parsed(written((place, canary))))]
    assert len(taken) > 80
    files = written(*((place, f"{canary}{number}") for number, place in enumerate(taken)))
    with desk.begin("system") as work:
        deployments.deploy(work, files=files, note=canary)
    case_id = desk.start("song", what="low")
    first, second = "/definitions/song/1", f"/cases/{case_id}"
    paths = [
        "/definitions",
        "/definitions/song",
        first,
        "/tasks",
        "/cases",
        "/cases/new",
        "/deadlines",
        second,
    ]
    paths += [f"{second}/history", f"{second}/trace", f"/tasks/{desk.open(case_id)['ask']}", "/answers"]
    seen = [page for who in ("anna", "petra", "greta") for page in shown(window(who), paths)]
    desk.do(case_id, "ask", what=canary)
    paths = [second, f"{second}/history", f"{second}/trace", f"/tasks/{desk.open(case_id)['sing']}"]
    seen += shown(window("anna"), paths)
    desk.do(case_id, "sing", what=canary)
    seen += shown(window("anna"), [second, f"{second}/history", f"{second}/trace"])
    assert sum("&lt;img src=canary" in page for page in seen) > 10
    innocent(seen, tmp_path)


@pytest.mark.parametrize("kind", ["sqlite"])
def test_no_page_of_a_draft_shows_a_canary_as_markup(window, desk, tmp_path):
    canary = live(tmp_path)[0]
    bad = [place for place in places() if parsed(written((place, canary))) is None]
    files = written(*((place, f"{canary}{number}") for number, place in enumerate(bad)))
    petra, seen = window("petra"), []
    for name, content in files.items():
        with desk.begin("petra") as work:
            draft = drafts.create(work, files={name: content})
        seen += shown(
            petra,
            [f"/drafts/{draft}", f"/drafts/{draft}/files/{name}", f"/drafts/{draft}/files/{name}?as=text"],
        )
        seen.append(petra.post(f"/drafts/{draft}/submit", note=canary, revision="1").text)
        told = petra.post(f"/drafts/{draft}/check", file=name, content=content.decode(), revision="1")
        assert told.mimetype == "application/json"
    assert sum("&lt;img src=canary" in page for page in seen) > 5
    innocent(seen, tmp_path)


@pytest.mark.parametrize("kind", ["sqlite"])
def test_what_a_message_brings_is_only_text(window, desk, tmp_path):
    with desk.begin("system") as work:
        deployments.deploy(work, files=FILES, note="Prov")
    case_id = desk.start("song")
    canary = live(tmp_path)[0]
    with suppress(ServiceError), desk.begin() as work:
        messages.deliver(work, name="heard", case_id=case_id, data={"words": canary, canary: canary})
    innocent(shown(window("anna"), [f"/cases/{case_id}", f"/cases/{case_id}/trace"]), tmp_path)


def shown(browser, paths):
    answers = [browser.get(path) for path in paths]
    assert all(answer.status_code < 500 for answer in answers), [a.status_code for a in answers]
    return [answer.text for answer in answers]


def innocent(pages, folder):
    assert sung(folder) == []
    for page in pages:
        assert TAG not in page
        assert "<img src=canary" not in page
        assert RUN not in page
        assert not re.search(r'href="\s*javascript:', page)
