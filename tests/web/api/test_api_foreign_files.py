"""Files of other tools and hostile ones through the API: taken, or refused in words, at once, never a 500."""

import time
from io import BytesIO

import pytest
from calling import V1
from foreign import files

SECONDS = 2.0
FILES = dict(files())


@pytest.mark.parametrize("kind", ["sqlite"])
def test_every_file_is_taken_or_refused_with_a_reason_within_two_seconds(caller):
    petra = caller("petra")
    assert len(FILES) >= 100
    wrong = {}
    taken = []
    for name, content in FILES.items():
        began = time.perf_counter()
        answer = petra.client.post(
            f"{V1}/deployments",
            data={"files": [(BytesIO(content), "foreign.bpmn")], "dry_run": "true", "note": "Prov"},
            headers={"Authorization": f"Bearer {petra.token}"},
            content_type="multipart/form-data",
        )
        took = time.perf_counter() - began
        told = answer.get_json(silent=True) or {}
        if answer.status_code == 200:
            taken.append(name)
        reasons = [each.get("detail") or each.get("message") for each in told.get("errors", [])]
        is_told = answer.status_code in {200, 413} or (answer.status_code == 422 and all(reasons) and reasons)
        if not is_told or took > SECONDS:
            wrong[name] = (answer.status_code, round(took, 2), answer.text[:300])
    assert wrong == {}
    assert {"camunda7-plain_task", "instruction"} <= set(taken)
    assert "camunda7-many" not in taken  # what the tool says of the repetition would be lost
    assert not [name for name in taken if name.endswith(("script_task", "service_task", "-python", "bomb"))]
