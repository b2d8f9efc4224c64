"""Every page in a real browser: nothing for axe-core to find, none wider than a phone, no policy broken."""

import gzip
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from service import scheduler
from service.commands import cases, deadlines, documents, tasks
from service.models.cases import Task
from service.models.documents import DocumentKind
from service.models.jobs import Job
from service.rules.permissions import Protection

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("real_processes")]
DAY = timedelta(days=1)
TODAY = datetime.now(UTC).date()
PERIOD = {"valid_from": f"{TODAY}", "valid_to": f"{TODAY + 29 * DAY}", "crime": "trafficking"}


@pytest.fixture
def paths(desk, platform) -> dict[str, list[str]]:
    """The pages of each person, with something on them."""
    case_id = desk.start("case")
    task_id = desk.claim(case_id, "register_report")
    done = desk.start()
    desk.do(done, "ask")
    closed = desk.start()
    guarded = desk.start(who="bo")
    running = desk.start("reflection_period", **PERIOD)
    left = desk.claim(running, "hold_talk")
    held = desk.start("reflection_period", **PERIOD)
    with desk.begin("anna") as work:
        tasks.save_draft(work, left, data={"stance_own_words": "”Jag vill att det tar slut.” (påhittat)"})
    with desk.begin("anna") as work:
        for title in ("Beslut (påhittat)", "Fel_intyg_" * 12):
            paper = documents.add(work, case_id, kind=DocumentKind.DECISION, content=b"Hej", title=title)
    with desk.begin("anna") as work:
        documents.withdraw(work, paper, reason="Hör till ett annat ärende")
    with desk.begin("system") as work:  # the days have passed: overdue, due today, and a timer that gave up
        work.session.execute(sa.update(Job).where(Job.case_id == running).values(run_at=work.now))
        work.session.execute(sa.update(Task).where(Task.id == left).values(due_at=work.now - DAY))
        last = sa.select(Job.id).where(Job.case_id == held).order_by(Job.due_at.desc()).limit(1)
        paused = work.session.scalars(last).one()
        work.session.execute(
            sa.update(Job).where(Job.case_id == held, Job.element == "day_10").values(run_at=None)
        )
    with ThreadPoolExecutor(1) as beside:  # V8 is not waited for where an event loop runs
        beside.submit(scheduler.tick, platform).result()
    with desk.begin("bo") as work:
        deadlines.pause(work, paused, reason="Väntar på beslut", legal_basis="court_decided")
        cases.suspend(work, held, reason="Väntar på tolk")
    settle = desk.open(running)["settle"]
    with desk.begin("bo") as work:
        cases.cancel(work, closed, reason="Fel person")
        cases.protect(work, guarded, protection=Protection.PROTECTED, reason="Hot")
    return {
        "": ["/login", "/neutral", "/accessibility", "/nowhere"],
        "anna": [
            "/tasks", "/tasks?show=all", "/tasks?q=nothing", f"/tasks/{task_id}",
            "/cases", "/cases/new", f"/cases/{case_id}", f"/cases/{done}", f"/cases/{closed}",
            f"/cases/{guarded}", "/settings", "/help",
        ],
        "bo": [
            f"/cases/{case_id}", f"/cases/{guarded}", f"/cases/{done}/history",
            "/incidents", "/access-log", "/deadlines", "/deadlines?show=overdue&kind=timer",
            "/deadlines?show=paused", "/deadlines?person=none", "/deadlines/print",
            f"/tasks/{left}", f"/tasks/{settle}",
        ],
        "petra": ["/definitions", "/definitions/case/1", "/definitions/right/1"],
    }  # fmt: skip


def test_there_is_nothing_for_axe_to_find(open_window, paths):
    for who, pages in paths.items():
        window = open_window(who or None)
        for path in pages:
            window.go(path)
            window.page.wait_for_load_state("networkidle")
            assert window.problems() == [], path
        window.complaints[:] = [each for each in window.complaints if "404" not in each]


def test_every_page_fits_the_narrowest_screen(open_window, paths):
    for who, pages in paths.items():
        window = open_window(who or None, viewport={"width": 320, "height": 640})
        for path in pages:
            window.go(path)
            window.page.wait_for_load_state("networkidle")
            assert window.page.evaluate("document.documentElement.scrollWidth") <= 320, path
            small = window.page.evaluate(SMALL)
            assert small == [], (path, small)
        window.complaints[:] = [each for each in window.complaints if "404" not in each]


SMALL = """() => [...document.querySelectorAll('button, input, select, textarea, summary, nav a, .button')]
  .filter(each => each.checkVisibility() && !each.closest('.diagram'))
  .map(each => [each.outerHTML.slice(0, 100), each.getBoundingClientRect()])
  .filter(([, box]) => box.width > 1 && (box.width < 20 || box.height < 20))
  .map(([html]) => html)"""


def test_a_page_and_all_it_loads_is_light(open_window, paths):
    window = open_window("anna")
    answers = []
    window.page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108  Playwright marks it
    window.go(paths["anna"][6])
    window.page.wait_for_load_state("networkidle")
    size = sum(len(gzip.compress(each.body())) for each in answers if each.ok)
    assert size < 130_000, size


def test_print_leaves_out_what_is_not_of_the_case(open_window, paths):
    window = open_window("bo")
    window.go(paths["bo"][1])
    window.page.emulate_media(media="print")
    assert not window.page.locator("header.top").is_visible()
    assert not window.page.locator("#leave-form").is_visible()
    named = window.page.evaluate("getComputedStyle(document.body).page")
    assert named == "guarded-sv"  # whose margin holds the marker, on every sheet
