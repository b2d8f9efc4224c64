"""Answers that are compared with though no form offers them: in conditions, forms and tables."""

import json

import pytest
from test_knowledge import ASK, CHOICE, FORM, flows
from test_variables import DMN, NS, field

from service.commands.deployments import read_folder
from service.engine import choices, definition, variables


def choice(key, *values, **more):
    options = {
        "type": "radio",
        "values": [{"label": each, "value": each} for each in values],
        "properties": {"label_en": key} | {f"option_en:{each}": each for each in values},
    }
    return field(key) | options | more


def told(*conditions, asked=("yes", "no"), more=(), test='"yes"', script=""):
    """What is told when a case goes by these conditions after a form that asks for `wants`."""
    ends = "".join(f'<b:endEvent id="e{number}"/>' for number in range(len(conditions)))
    ways = [
        ("s", "ask", "work", "rule", "x", "e"),
        *(("x", f"e{number}") for number in range(len(conditions))),
    ]
    said = {("x", f"e{number}"): each.replace("<", "&lt;") for number, each in enumerate(conditions)}
    body = (
        f'<b:startEvent id="s"/><b:endEvent id="e"/>{ends}{ASK}{CHOICE}'
        f'<b:scriptTask id="work"><b:script>n = 1{script}</b:script></b:scriptTask>'
        '<b:businessRuleTask id="rule"><b:extensionElements><s:calledDecisionId>level</s:calledDecisionId>'
        '<s:properties><s:property name="resultVariable" value="outcome"/></s:properties>'
        f"</b:extensionElements></b:businessRuleTask>{flows(*ways, conditions=said)}"
    )
    form = FORM | {"id": "asked", "components": [choice("wants", *asked), field("age"), *more]}
    files = {
        "p.bpmn": f'<b:definitions {NS} id="d" targetNamespace="t"><b:process id="p" isExecutable="true">'
        f"{body}</b:process></b:definitions>",
        "asked.form.json": json.dumps(form),
        "level.dmn": DMN.format("wants", test).replace('typeRef="number"', 'typeRef="string"'),
    }
    content = {name: text.encode() for name, text in files.items()}
    return [
        (each.element, each.rule, each.message.split("”")[1].rpartition("“")[2])
        for each in variables.warnings(definition.parse(content), {"asked.form.json"})
    ]


@pytest.mark.parametrize(
    "condition",
    [
        'wants = "maybe"',
        'age = 1 and "maybe" != wants',
        'wants in ("yes", "maybe")',
        'list contains(["maybe", "no"], wants)',
        'list contains(wants, "maybe")',
    ],
)
def test_an_answer_that_the_form_does_not_offer_is_told_at_the_condition(condition):
    assert told(condition) == [("x_e0", "answer-unknown", "maybe")]
    assert told(condition, asked=("yes", "no", "maybe")) == []


def test_tables_and_other_parts_of_forms_are_looked_at_too():
    assert told(test='"maybe"') == [("r", "answer-unknown", "maybe")]
    assert told(test='not("yes", "maybe")') == [("r", "answer-unknown", "maybe")]
    hidden = field("why", conditional={"hide": '=wants = "maybe"'})
    assert told(more=[hidden]) == [("f_why", "answer-unknown", "maybe")]


@pytest.mark.parametrize(
    "condition",
    [
        'case.wants = "maybe"',
        'string length("wants = maybe") = 1',
        'some wants in ["maybe"] satisfies wants = "maybe"',
        'count([{wants: "maybe"}][wants = "maybe"]) = 1',
    ],
)
def test_another_thing_of_the_same_name_is_let_be(condition):
    assert [each for each in told(condition) if each[1] == "answer-unknown"] == []


def test_what_something_else_gives_as_well_may_be_anything():
    assert told('wants = "maybe"', script='\nwants = "maybe"') == []


def test_a_renamed_answer_of_our_own_forms_is_found_where_it_is_compared_with(request):
    files = read_folder(request.config.rootpath)
    form = files["appeal_choice.form.json"]
    renamed = form.replace(b'"value": "appeal"', b'"value": "go_on"').replace(
        b"option_en:appeal", b"option_en:go_on"
    )
    assert renamed != form
    found = variables.warnings(
        definition.parse(files | {"appeal_choice.form.json": renamed}), {"appeal_choice.form.json"}
    )
    assert {(each.element, each.rule) for each in found} >= {
        ("appeal_wanted_to_write_appeal", "answer-unknown")
    }


def test_cells_that_test_otherwise_give_no_texts():
    assert choices.tested('"a", "b"') == ["a", "b"]
    assert choices.tested('list contains(?, "a") or list contains(?, "b")') == ["a", "b"]
    assert (
        choices.tested('starts with(?, "a")') == choices.tested('? = name + "a"') == choices.tested("-") == []
    )
