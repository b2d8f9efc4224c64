"""Files for spreadsheets and process mining: every kind of the contract is given, and logged."""

import io
import zipfile

import pytest
from calling import is_problem

KINDS = {
    "csv": ("text/csv; charset=utf-8", b"\xef\xbb\xbf"),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", b"PK"),
    "json": ("application/json", b"{"),
}


@pytest.mark.parametrize("ending", KINDS)
@pytest.mark.parametrize("what", ["cases", "events", "statistics"])
def test_every_file_of_the_contract_is_given_and_logged(bo, caller, what, ending):
    bo.start()
    kind, start = KINDS[ending]
    answer = bo.get(f"exports/{what}.{ending}")
    assert (answer.status_code, answer.content_type) == (200, kind), answer.text
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{what}.{ending}"'
    assert answer.data.startswith(start)
    if ending == "xlsx":
        assert zipfile.ZipFile(io.BytesIO(answer.data)).testzip() is None
    rows = caller("greta").get("audit/access-log?action=export").get_json()["items"]
    assert [(each["actor"], each["subject"]) for each in rows] == [("bo", what)]


def test_a_file_holds_only_ones_own_cases_and_nothing_without_an_identity(bo, elin, caller):
    reference = bo.start()["reference"]
    assert reference in bo.get("exports/cases.json").text
    assert reference not in elin.get("exports/cases.json").text
    is_problem(caller(None).get("exports/cases.xlsx"), 401)
    is_problem(bo.get("exports/statistics.xlsx?unit=farsta"), 404)
    is_problem(bo.get("exports/cases.xlsx?from=i+fjol"), 422)
    assert bo.get("exports/events.xes").data.startswith(b"<?xml")
