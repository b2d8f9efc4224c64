"""The page of trainings: a form that keeps what was typed, entries that can be withdrawn."""

import re

import pytest
from browsing import words

GIVEN = {"who": "norrmalm/anna", "course": "Kurs <b> (påhittad)", "given_on": "2026-01-15"}


def test_a_team_leader_enters_and_the_page_shows_it(window):
    bo = window("bo")
    assert "Inga utbildningar är införda här" in words(bo.get("/trainings"))
    answer = bo.post("/trainings", **GIVEN)
    assert (answer.status_code, answer.location) == (303, "/trainings?said=training_registered")
    told = words(bo.get(answer.location))
    assert "Utbildningen är införd" in told
    assert "Kurs <b> (påhittad)" in told
    assert "2026-01-15" in told
    assert "tills vidare" in told


@pytest.mark.parametrize(
    ("given", "said", "status"),
    [
        ({"given_on": "i fjol"}, "Skriv datum som ÅÅÅÅ-MM-DD", 422),
        ({"given_on": ""}, "Skriv dagen då utbildningen gavs", 422),
        ({"given_on": "2999-01-01"}, "Skriv dagen då utbildningen gavs", 422),
        ({"valid_until": "2025-01-01"}, "Låt utbildningen gälla", 422),
        ({"who": ""}, "Välj någon som arbetar eller har arbetat", 422),
        ({"who": "norrmalm/elin"}, "Välj någon som arbetar eller har arbetat", 422),
        ({"who": "norrmalm/x", "course": ""}, "Skriv vilken utbildning det var", 422),
        ({}, "redan införd", 409),
    ],
)
def test_what_is_wrong_is_told_in_swedish_at_its_field_and_the_text_is_kept(window, given, said, status):
    bo = window("bo")
    if status == 409:
        bo.post("/trainings", **GIVEN)
    answer = bo.post("/trainings", **GIVEN | {"valid_until": ""} | given)
    assert answer.status_code == status
    assert words(answer).count(said) == 2  # at the field, and in the summary
    assert 'aria-invalid="true"' in answer.text
    for name, value in (GIVEN | given).items():
        if name != "who" and value:
            assert f'value="{value.replace("<", "&lt;").replace(">", "&gt;")}"' in answer.text


def test_who_may_not_read_or_enter_is_refused(window):
    assert window("anna").get("/trainings").status_code == 403
    assert window("bo").get("/trainings?unit=farsta").status_code == 404
    greta = window("greta").get("/trainings")
    assert greta.status_code == 200
    assert "För in en utbildning" not in words(greta)
    assert window("greta").post("/trainings", **GIVEN).status_code == 403
    assert window("bo").post("/trainings", **GIVEN | {"who": "farsta/elin"}).status_code == 403


def test_a_mistake_is_withdrawn_with_a_reason(window):
    bo = window("bo")
    bo.post("/trainings", **GIVEN)
    address = re.search(r'action="(/trainings/[^"]+/withdraw)"', bo.get("/trainings").text)[1]
    answer = bo.post(address, reason=" ")
    assert answer.status_code == 422
    assert words(answer).count("Skriv varför den återtas") == 2
    assert bo.post(address, reason="Fel").location == "/trainings?said=training_withdrawn"
    told = words(bo.get("/trainings"))
    assert "återtagen" in told
    assert "Fel infört?" not in told
    assert bo.post(address, reason="Fel").status_code == 303


def test_the_answers_lead_to_the_register_for_those_who_may_read_it(window):
    assert 'href="/trainings"' in window("bo").get("/answers").text
    assert 'href="/trainings"' not in window("anna").get("/answers").text
