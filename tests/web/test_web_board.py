"""The board of deadlines and its list on paper; the watchdog that an alarm outside the service asks."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
import time_machine
from browsing import words
from crowd import crowd

from service.commands import cases, upkeep
from service.models.cases import Task
from service.models.history import AccessEvent
from service.models.jobs import Heartbeat, Job
from service.queries import board
from service.queries.board import NOBODY, Wanted
from service.rules.permissions import Protection

BORN = datetime(2030, 1, 7, 8, tzinfo=UTC)  # a Monday


def at(**later):
    return time_machine.travel(BORN + timedelta(**later), tick=False)


@pytest.fixture
def town(desk):
    """Four cases: two by anna in Norrmalm, a protected one of bo's there, one by elin in Farsta."""
    with at():
        found = {
            "reminded": desk.start("reminded"),
            "steps": desk.start("two_steps"),
            "guarded": desk.start("reminded", who="bo"),
            "farsta": desk.start("reminded", who="elin", unit="farsta"),
        }
        with desk.begin("bo") as work:
            cases.protect(work, found["guarded"], protection=Protection.PROTECTED, reason="Hot")
        desk.claim(found["guarded"], "do", who="bo")
    return found


def shown(desk, who, **wanted):
    with desk.begin(who) as work:
        return board.board(work, Wanted(**wanted)).items


def test_the_board_holds_due_tasks_and_timers_by_urgency(desk, town):
    with at(hours=1):
        rows = shown(desk, "anna")
    assert [(row.case_id, row.kind, row.name.sv) for row in rows] == [
        (town["reminded"], "timer", "Efter ett dygn"),
        *sorted(
            ((row.case_id, row.kind, row.name.sv) for row in rows[1:4]), key=lambda each: order(rows, each)
        ),
    ]
    assert [row.due_at for row in rows] == sorted(row.due_at for row in rows)
    (last,) = [row for row in rows if row.name.sv == "Efter tre dygn"]
    assert (last.legal_basis, last.consequence.sv) == ("Test 1 §", "Någon annan gör det.")
    assert {row.window for row in rows} == {"week"}


def order(rows, each):
    return [(row.case_id, row.kind, row.name.sv) for row in rows].index(each)


def test_nobody_sees_deadlines_of_cases_that_are_closed_to_them(desk, town):
    with at(hours=1):
        assert {row.case_id for row in shown(desk, "anna")} == {town["reminded"], town["steps"]}
        assert {row.case_id for row in shown(desk, "elin")} == {town["farsta"]}
        assert town["guarded"] in {row.case_id for row in shown(desk, "bo")}
        with desk.begin("anna") as work:
            counted = board.counts(work, Wanted())
    assert counted.all == 4
    assert counted.units == {"norrmalm": 4}


@pytest.mark.usefixtures("town")
def test_each_filter_shows_as_many_as_its_count_says(desk):
    with at(days=2, hours=1), desk.begin("bo") as work:
        given = Wanted()
        counted = board.counts(work, given)
        assert counted.all == len(board.board(work, given).items) == 7
        for name, numbers in {
            "window": counted.windows, "unit": counted.units, "kind": counted.kinds,
            "person": {who: n for who, _, n in counted.persons},
        }.items():  # fmt: skip
            assert sum(numbers.values()) == counted.all, name
            for value, number in numbers.items():
                assert len(board.board(work, Wanted(**{name: value})).items) == number, (name, value)
        both = Wanted(kind="timer", window="overdue")
        assert board.counts(work, both).windows["overdue"] == len(board.board(work, both).items) == 2
        assert {who for who, _, _ in counted.persons} == {NOBODY, "anna", "bo"}


@pytest.mark.usefixtures("town")
def test_windows_are_counted_on_the_legal_calendar(desk):
    windows = {}
    for hours in (0, 15, 16, 24):
        with at(hours=hours):
            rows = shown(desk, "elin")
        windows[hours] = {row.name.sv: row.window for row in rows}["Efter ett dygn"]
    assert windows == {0: "week", 15: "today", 16: "today", 24: "today"}
    with at(hours=24, seconds=1):
        assert shown(desk, "elin")[0].window == "overdue"


def test_a_paused_timer_stands_last_and_a_stopped_one_is_told(desk, town):
    with desk.begin("system") as work:
        first, second = work.session.scalars(
            sa.select(Job).where(Job.case_id == town["farsta"]).order_by(Job.due_at)
        )
        first.paused_at, first.run_at, second.run_at = BORN, None, None
    with at(days=9):
        rows = shown(desk, "elin")
    told = [(row.name.sv, row.window, row.given_up) for row in rows]
    assert sorted(told[:2]) == [("Efter tre dygn", "overdue", True), ("Gör", "overdue", False)]
    assert told[2:] == [("Efter ett dygn", "paused", False)]


def test_the_board_takes_as_many_statements_for_a_hundred_rows_as_for_one(desk, town):
    def statements():
        said = []
        listener = lambda *told: said.append(told[2])  # noqa: E731
        sa.event.listen(desk.platform.engine, "before_cursor_execute", listener)
        with desk.begin("anna") as work:
            found = board.board(work, Wanted(), limit=200).items
            board.counts(work, Wanted())
        sa.event.remove(desk.platform.engine, "before_cursor_execute", listener)
        return len(found), len([each for each in said if each.startswith("SELECT")])

    few, before = statements()
    crowd(desk.platform, town["steps"], 100)
    many, after = statements()
    assert (few, many) == (4, 104)
    assert before == after == 2


def test_pages_of_the_board_follow_one_another(desk, town):
    crowd(desk.platform, town["steps"], 20)
    seen, cursor = [], None
    with desk.begin("anna") as work:
        while True:
            page = board.board(work, Wanted(), limit=7, cursor=cursor)
            seen += [row.id for row in page.items]
            if (cursor := page.next) is None:
                break
    assert len(seen) == len(set(seen)) == 24


def test_the_page_leads_to_the_case_and_says_what_happens_if_nobody_acts(window, town):
    with at(hours=1):
        answer = window("anna").get("/deadlines")
    page = words(answer)
    assert f'href="/cases/{town["reminded"]}#deadlines"' in answer.text
    assert "Rättslig grund: Test 1 § Om inget görs: Någon annan gör det." in page
    assert "Alla 4 Försenade 0 I dag 0 Inom 7 dagar 4 Senare 0" in page
    assert 'href="/deadlines" aria-current="page"' in answer.text


@pytest.mark.usefixtures("town")
def test_a_filter_narrows_the_page(window):
    with at(hours=1):
        browser = window("anna")
        timers = browser.get("/deadlines?kind=timer&show=week")
        nothing = browser.get("/deadlines?show=overdue")
        nonsense = browser.get("/deadlines?show=x&kind=y")
    assert timers.text.count('id="deadline-') == 2
    assert "Inga frister att visa" in words(nothing)
    assert nonsense.text.count('id="deadline-') == 4


@pytest.mark.usefixtures("town")
def test_who_works_with_no_cases_has_no_board(window):
    for who in ("petra", "sam"):
        assert window(who).get("/deadlines").status_code == 403
        assert window(who).get("/deadlines/print").status_code == 403


def test_the_list_on_paper_holds_nothing_personal_and_repeats_the_marker(window, desk, town):
    with at(days=2):
        plain = window("anna").get("/deadlines/print")
        guarded = window("bo").get("/deadlines/print?unit=norrmalm")
    assert plain.text.count('<th scope="row" data-label="Ärende') == 4
    for name in ("Anna Ek", "Bo Lind"):
        assert name not in plain.text.split("<main")[1]
        assert name not in guarded.text.split("<main")[1]
    assert "guarded" not in plain.text
    assert 'class="guarded"' in guarded.text
    assert words(guarded).count("Skyddat ärende: se akten") == 3
    assert "Försenad" in words(plain)
    with desk.begin("system") as work:
        printed = work.session.scalars(sa.select(AccessEvent.case_id).where(AccessEvent.action == "print"))
        assert set(printed) == {town["reminded"], town["steps"], town["guarded"]}


@pytest.mark.usefixtures("town")
def test_a_list_that_is_too_long_says_so(window, monkeypatch):
    monkeypatch.setattr(board, "SHEET", 3)
    with at(days=2):
        assert "1 frist till får inte plats" in words(window("anna").get("/deadlines/print"))


def test_the_watchdog_is_calm_when_all_is_well(service, desk):
    with desk.begin("system") as work:
        upkeep.beat(work, worker="w")
    answer = service.test_client().get("/deadlines/health")
    assert answer.status_code == 200
    told = answer.get_json()
    assert (told["status"], told["wrong"]) == ("ok", [])
    numbers = {"overdue", "poll", "stuck", "unsent", "unsent_age", "undelivered"}
    assert set(told) == {"status", "wrong", "backup", "held", *numbers}
    assert all(isinstance(told[key], int | float) for key in numbers)
    assert (told["backup"], told["held"]) == (None, False)


def overdue(work, case):
    work.session.execute(
        sa.update(Job).where(Job.case_id == case).values(run_at=work.now - timedelta(seconds=301))
    )


def silent(work, case):
    del case
    work.session.execute(sa.update(Heartbeat).values(at=work.now - timedelta(seconds=121)))


def from_the_future(work, case):
    """The clock was put back two hours, and the worker died."""
    del case
    work.session.execute(sa.update(Heartbeat).values(at=work.now + timedelta(hours=2)))


def stuck(work, case):
    work.session.execute(sa.delete(Task).where(Task.case_id == case))
    work.session.execute(sa.delete(Job).where(Job.case_id == case))


@pytest.mark.parametrize(
    ("fault", "wrong"), [(overdue, "overdue"), (silent, "poll"), (from_the_future, "poll"), (stuck, "stuck")]
)
def test_the_watchdog_names_what_is_wrong(service, desk, fault, wrong):
    case = desk.start("reminded")
    with desk.begin("system") as work:
        upkeep.beat(work, worker="w")
    assert service.test_client().get("/deadlines/health").status_code == 200
    with desk.begin("system") as work:
        fault(work, case)
    answer = service.test_client().get("/deadlines/health")
    assert (answer.status_code, answer.get_json()["wrong"]) == (503, [wrong])
    numbers = service.test_client().get("/metrics").text
    assert f"andrum_cases_stuck {1.0 if fault is stuck else 0.0}" in numbers


@pytest.mark.parametrize("kind", ["postgresql"])  # an SQLite file does not go away while it is open
def test_the_watchdog_answers_when_the_database_does_not(service, desk, request):
    server, name = request.getfixturevalue("postgresql"), desk.platform.engine.url.database
    desk.platform.engine.dispose()
    server.tell(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    server.tell(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")  # noqa: S608  our own name
    answer = service.test_client().get("/deadlines/health")
    assert (answer.status_code, answer.get_json()) == (503, {"status": "alarm", "wrong": ["database"]})
    server.tell(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
