"""Logging in through the API, who one is, what administrators do; the cookie needs its token on change."""

import pytest
from calling import V1, Caller, is_problem

PASSWORD = "en lång mening om havet"
ONE = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)  # the database has no part in these


def logged_in(app) -> Caller:
    caller = Caller(app.test_client(), None)
    answer = caller.post("session", {"username": "anna", "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    return caller


def test_a_session_lasts_until_it_is_ended(app):
    caller = logged_in(app)
    me = caller.get("me").get_json()
    assert (me["username"], me["roles"]) == ("anna", [{"role": "caseworker", "unit": "norrmalm"}])
    cookie = caller.client.get_cookie("andrum")
    assert cookie.http_only
    caller.headers = {"X-CSRF-Token": me["csrf"]}
    assert caller.delete("session").status_code == 204
    caller.client.set_cookie("andrum", cookie.value)
    is_problem(caller.get("me"), 401)


def test_with_a_cookie_a_change_needs_its_token(app):
    caller = logged_in(app)
    body = {"process": "two_steps", "unit": "norrmalm"}
    is_problem(caller.post("cases", body), 403)
    is_problem(caller.post("cases", body, X_CSRF_Token="x" * 64), 403)
    token = caller.get("me").get_json()["csrf"]
    is_problem(caller.post("cases", body, X_CSRF_Token=token, Sec_Fetch_Site="cross-site"), 403)
    is_problem(caller.post("cases", body, X_CSRF_Token=token, Origin="https://evil.example"), 403)
    is_problem(caller.post("cases", body, X_CSRF_Token=logged_in(app).get("me").get_json()["csrf"]), 403)
    assert caller.get("cases").get_json()["total"] == 0
    assert caller.post("cases", body, X_CSRF_Token=token).status_code == 201


@pytest.mark.parametrize(
    "given",
    [
        {"username": "anna", "password": "fel mening om havet"},
        {"username": "nobody", "password": PASSWORD},
        {"username": "kim", "password": PASSWORD},
    ],
)
def test_what_is_wrong_with_a_login_is_not_told(caller, given):
    answer = caller(None).post("session", given)
    is_problem(answer, 401)
    assert answer.get_json()["detail"] == "Username, password or code is wrong."
    assert "Set-Cookie" not in answer.headers


def test_a_login_says_what_is_missing(caller):
    is_problem(caller(None).post("session", {"username": "anna"}), 422, pointer="/password", rule="required")
    is_problem(caller(None).post("session", {"username": "a", "password": "b", "admin": True}), 422)


def test_guessing_is_slowed_down(caller):
    nobody = caller(None)
    wrong = {"username": "anna", "password": "gissning nummer ett till tio"}
    statuses = [nobody.post("session", wrong).status_code for _ in range(12)]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert nobody.post("session", wrong).headers["Retry-After"]


def test_a_program_tells_no_token_of_its_own(anna):
    me = anna.get("me").get_json()
    assert "csrf" not in me
    assert me["delegations"] == []


def test_delegations_are_shown_with_their_holder(bo):
    assert bo.get("me").get_json()["delegations"] == ["reflection-period-application"]
    (row,) = bo.get("delegations").get_json()["items"]
    assert (row["user"], row["code"], row["valid_to"]) == ("bo", "reflection-period-application", None)


def test_administrators_add_units_users_and_delegations(caller, anna):
    sam = caller("sam")
    assert sam.post("units", {"key": "hagsatra", "name": "Hagsätra"}).status_code == 201
    user = {"username": "nora", "name": "Nora Ek", "roles": [{"role": "team_leader", "unit": "hagsatra"}]}
    made = sam.post("users", user)
    assert made.status_code == 201
    rows = sam.get("users").get_json()["items"]
    nora = next(row for row in rows if row["username"] == "nora")
    assert (nora["id"], nora["roles"]) == (made.get_json()["id"], user["roles"])
    assert not any("password" in key or "secret" in key for row in rows for key in row)
    given = {
        "user": "nora",
        "code": "reflection-period-appeal",
        "position": "enhetschef",
        "unit": "hagsatra",
        "valid_from": "2026-01-01",
        "basis": "SN 2026/18",
    }
    assert sam.post("delegations", given).status_code == 201
    is_problem(sam.post("users", user), 409)
    is_problem(sam.post("users", {**user, "username": "ny", "is_admin": True}), 422, pointer="/is_admin")
    is_problem(
        sam.post("users", {**user, "username": "ny", "roles": [{"role": "king", "unit": "x"}]}),
        422,
        pointer="/roles/0/role",
    )
    for path, body in (("users", user), ("units", {"key": "x", "name": "X"}), ("delegations", given)):
        is_problem(anna.post(path, body), 403)
    is_problem(anna.get("users"), 403)


USER = {"username": "nora", "name": "Nora Ek", "roles": [{"role": "auditor", "unit": "farsta"}]}
DELEGATION = {
    "user": "bo", "code": "x", "position": "chef", "unit": "norrmalm", "basis": "SN",
    "valid_from": "2026-01-01",
}  # fmt: skip


@ONE
@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("users", {**USER, "name": " \t "}, "/name"),
        ("users", {**USER, "roles": [*USER["roles"], {"role": "auditor", "unit": "none"}]}, "/roles/1/unit"),
        ("units", {"key": "ny", "name": "  "}, "/name"),
        ("delegations", {**DELEGATION, "user": "nobody"}, "/user"),
        ("delegations", {**DELEGATION, "unit": "none"}, "/unit"),
        ("delegations", {**DELEGATION, "code": " "}, "/code"),
        ("delegations", {**DELEGATION, "position": " "}, "/position"),
        ("delegations", {**DELEGATION, "basis": " "}, "/basis"),
        ("delegations", {**DELEGATION, "valid_to": "2025-12-31"}, "/valid_to"),
    ],
)
def test_what_cannot_be_entered_is_pointed_at_where_it_stands(caller, path, body, pointer):
    sam = caller("sam")
    before = sam.get(path).get_json()["total"]
    is_problem(sam.post(path, body), 422, pointer=pointer)
    assert sam.get(path).get_json()["total"] == before


@ONE
def test_who_leads_a_unit_is_told_of_units_and_people_that_there_are(caller):
    sam = caller("sam")
    is_problem(sam.put("units/none/head", {"user": "bo"}), 404)
    is_problem(sam.put("units/norrmalm/head", {"user": "nobody"}), 422, pointer="/user")


@ONE
def test_names_are_kept_without_blanks_around_them(caller):
    sam = caller("sam")
    assert sam.post("units", {"key": "ny", "name": "  Nya \n enheten "}).get_json()["name"] == "Nya enheten"
    assert sam.post("users", {**USER, "roles": USER["roles"] * 2}).status_code == 201
    nora = next(row for row in sam.get("users").get_json()["items"] if row["username"] == "nora")
    assert nora["roles"] == USER["roles"]


def test_a_login_is_ended_from_another_place(caller, kim):
    first, second = caller("anna"), caller("anna")
    rows = second.get("sessions").get_json()["items"]
    assert [row["kind"] for row in rows] == ["token", "token"]
    is_problem(kim.delete(f"sessions/{rows[0]['id']}"), 404)
    assert second.delete(f"sessions/{rows[-1]['id']}").status_code == 204, "the oldest"
    is_problem(first.get("me"), 401)
    assert second.get("me").status_code == 200


def test_units_are_listed(anna):
    assert {"key": "farsta", "name": "Farsta", "head": None} in anna.get("units").get_json()["items"]


def test_health_is_told_to_anyone_and_readiness_says_what_is_missing(caller, desk):
    nobody = caller(None)
    assert nobody.get("/healthz").get_json() == {"status": "ok"}
    unready = nobody.get("/readyz")
    assert unready.status_code == 503
    assert unready.get_json()["checks"]["database"] == "ok"
    assert "worker" in unready.get_json()["checks"]["scheduler"]
    from service.commands import upkeep  # noqa: PLC0415  only here

    with desk.begin("system") as work:
        upkeep.beat(work, worker="test")
    ready = nobody.get("/readyz")
    assert (ready.status_code, ready.get_json()["status"]) == (200, "ready")


def test_metrics_count_and_name_nobody(anna, caller):
    anna.task(anna.start()["id"])
    text = caller(None).get("/metrics").text
    assert 'andrum_cases{status="open"} 1.0' in text
    assert "andrum_tasks_open 1.0" in text
    assert "anna" not in text
    assert V1 not in text
