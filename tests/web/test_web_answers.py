"""The council's questions, answered on a page, as JSON and in files."""

import csv
import io
import re

from browsing import words
from test_http_cost import counting

from service.commands import people
from service.queries import export, sheets


def get(window, who, path):
    answer = window(who).get(path)
    assert answer.status_code == 200, answer.text
    return answer


def figure(answer, key):
    """What the page says of one figure."""
    shown = re.search(rf'id="{key}".*?figure-value">(.*?)</p>', answer.text, re.DOTALL)[1]
    return " ".join(re.sub("<[^>]+>", " ", shown).split())


def test_only_those_with_a_role_in_a_unit_read_figures_and_only_of_their_units(service, desk, window):
    client = service.test_client()
    with desk.begin("system") as work:
        people.add_user(work, username="utan", name="Utan Roll", language="sv", grants=[])
    with desk.begin("system") as work:
        client.set_cookie("andrum", people.token(work, username="utan"))
    assert client.get("/answers").status_code == 403
    assert window("anna").get("/answers?unit=farsta").status_code == 404
    assert window("anna").get("/api/v1/statistics?unit=farsta").status_code == 404


def test_wrong_days_are_told_and_kept(window):
    answer = window("anna").get("/answers?since=i+fjol")
    assert answer.status_code == 422
    assert 'value="i fjol"' in answer.text
    assert "ÅÅÅÅ-MM-DD" in words(answer)
    for path in (
        "since=2027-01-01&until=2026-01-01",
        "since=0001-01-01",
        "since=9998-01-01&until=9999-12-31",
    ):
        assert window("anna").get(f"/answers?{path}").status_code == 422


def test_the_register_of_delegations_and_the_changes_are_shown(window):
    told = words(get(window, "anna", "/answers"))
    assert "enhetschef" in told
    assert "SN 2026/17" in told
    assert "Ingen regionkoordinator har delegation i dag" in told
    assert "Små diagram för tester" in told
    assert "Utbildningsregistret är tomt" in told


def test_a_regional_coordinator_with_a_delegation_is_named(desk, window):
    with desk.begin("system") as work:
        people.delegate(
            work, username="kim", code="x", position="Regionkoordinator", unit="norrmalm",
            valid_from=work.today, basis="SN 1",
        )  # fmt: skip
    assert "En regionkoordinator har delegation i dag: Kim" in words(get(window, "bo", "/answers"))


def test_what_no_diagram_marks_is_not_counted_rather_than_none(window):
    assert figure(get(window, "bo", "/answers"), "appeals") == "räknas inte ännu"
    measures = window("bo").get("/api/v1/statistics").get_json()["measures"]
    assert (measures["appeals"]["value"], measures["appeals"]["state"]) == (None, "not_counted")
    assert measures["staff_trained"]["state"] == "not_counted"


def test_files_for_spreadsheets_hold_every_figure_with_its_definition(window):
    answer = get(window, "bo", "/api/v1/exports/statistics.csv")
    assert answer.data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig")), delimiter=";"))
    assert tuple(rows[0]) == export.STATISTICS
    assert all(row["definition"] for row in rows)
    listed = get(window, "bo", "/api/v1/exports/statistics.json").get_json()["statistics"]
    assert {each["measure"] for each in listed} == {row["measure"] for row in rows}


def test_small_counts_are_hidden_from_those_who_may_not_see_them(applications, window):
    applications(1)
    assert figure(get(window, "bo", "/answers"), "applications_sent") == "1"
    assert "färre än 5" in figure(get(window, "bo", "/answers?veiled=1"), "applications_sent")
    assert "färre än 5" in figure(get(window, "anna", "/answers"), "applications_sent")
    found = window("anna").get("/api/v1/statistics").get_json()
    sent = found["measures"]["applications_sent"]
    assert (found["exact"], sent["value"], sent["state"]) == (False, None, "hidden")
    assert not any(each["value"] for each in sent["spans"] + sent["units"])
    rows = window("anna").get("/api/v1/exports/statistics.json").get_json()["statistics"]
    assert not any(each["value"] for each in rows if each["measure"] == "applications_sent")
    applications(4)
    assert figure(get(window, "anna", "/answers"), "applications_sent") == "5"


def test_the_cost_does_not_grow_with_the_cases(applications, window, platform):
    anna = window("anna")
    applications(1)
    anna.get("/answers")
    with counting(platform.engine) as few:
        anna.get("/answers")
    applications(4)
    with counting(platform.engine) as many:
        anna.get("/answers")
    assert len(many.statements) == len(few.statements), many.told()


def test_a_note_like_a_formula_is_text_in_files_and_on_the_page(applications, window):
    applications(1)
    assert "=1+1" in words(get(window, "bo", "/answers"))
    rows = [dict.fromkeys(export.STATISTICS, "=1+1")]
    assert b"\r\n'=1+1;'=1+1" in sheets.as_csv(rows, export.STATISTICS)
    told = get(window, "bo", "/api/v1/exports/statistics.csv").data.decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(told), delimiter=";") for cell in row]
    assert not any(cell.startswith(sheets.FORMULA) for cell in cells)
