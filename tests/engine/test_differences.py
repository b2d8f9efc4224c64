"""Two deployments compared: diagrams by element, tables by cell, forms by field, in words."""

import json
from pathlib import Path

from service.engine import definition, differences

DIAGRAMS = Path(__file__).parents[1] / "commands" / "diagrams"
FILES = {path.name: path.read_bytes() for path in sorted(DIAGRAMS.iterdir())}


def compared(process, **files):
    changed = {name.replace("__", "."): content for name, content in files.items()}
    return {
        (each.kind, each.key): each
        for each in differences.between(definition.parse(FILES), definition.parse(FILES | changed), process)
    }


def test_the_same_is_no_difference():
    assert compared("two_steps") == {}


def test_a_diagram_is_compared_by_element_and_told_in_both_languages():
    bpmn = FILES["two_steps.bpmn"].replace('name="Fråga"'.encode(), 'name="Fråga om"'.encode())
    found = compared("two_steps", two_steps__bpmn=bpmn)["process", "two_steps"]
    (change,) = found.changed
    assert (change.element, change.what, change.old, change.new) == ("ask", "name", "Fråga", "Fråga om")
    assert found.words[0].sv == "“Fråga om”: name var “Fråga”, är “Fråga om”."
    assert "was" in found.words[0].en


def test_a_form_is_compared_by_field():
    said = json.loads(FILES["small.form.json"])
    said["components"][0]["label"] = "Något annat"
    said["components"].append({"type": "number", "id": "n", "key": "weight_kg", "label": "Vikt"})
    found = compared("two_steps", small__form__json=json.dumps(said).encode())["form", "small"]
    assert found.added == ("weight_kg",)
    assert "label sv" in {each.what for each in found.changed}


def test_a_table_is_compared_by_cell():
    key = next(key for key, each in definition.parse(FILES).processes.items() if _asks(each))
    dmn = FILES["weight.dmn"].replace(b"sten", b"bly")
    found = compared(key, weight__dmn=dmn)["decision", "weight"]
    assert found.changed
    assert all("sten" in (each.old or "") for each in found.changed)


def _asks(process):
    return any(node.decision == "weight" for level in process.levels for node in level.nodes.values())
