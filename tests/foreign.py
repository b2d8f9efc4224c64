"""BPMN files as other tools and bad people write them: self-made, in the style of each, good and broken."""

from collections.abc import Iterator

from toolmade import MODEL, of_tools

XSI = "http://www.w3.org/2001/XMLSchema-instance"

# What each tool adds: (its prefix, its namespace, an attribute on a task, an element in extensionElements).
TOOLS = {
    "camunda7": (
        "camunda", "http://camunda.org/schema/1.0/bpmn", 'camunda:assignee="${execution.eval()}"',
        '<camunda:executionListener class="java.lang.Runtime" event="start"/>',
    ),
    "zeebe": (
        "zeebe", "http://camunda.org/schema/zeebe/1.0", 'zeebe:modelerTemplate="io.camunda.x"',
        '<zeebe:taskDefinition type="http-json"/>',
    ),
    "signavio": (
        "signavio", "http://www.signavio.com", 'signavio:x="1"',
        '<signavio:signavioMetaData metaKey="bgcolor" metaValue="#ffffcc"/>',
    ),
    "bizagi": (
        "bizagi", "http://www.bizagi.com/bpmn20", 'bizagi:x="1"',
        "<bizagi:BizagiExtensions><bizagi:BizagiProperties/></bizagi:BizagiExtensions>",
    ),
    "flowable": (
        "flowable", "http://flowable.org/bpmn", 'flowable:candidateGroups="x"',
        "<flowable:taskListener expression=\"${''.getClass()}\"/>",
    ),
    "activiti": (
        "activiti", "http://activiti.org/bpmn", 'activiti:formKey="f"',
        '<activiti:formProperty id="a" type="string"/>',
    ),
    "drools": (
        "drools", "http://www.jboss.org/drools", 'drools:taskName="rm"',
        '<drools:onEntry-script scriptFormat="http://www.java.com/java">System.exit(1)</drools:onEntry-script>',
    ),
    "bpmn_io": ("bioc", "http://bpmn.io/schema/bpmn/biocolor/1.0", 'bioc:fill="red"', "<bioc:x/>"),
}  # fmt: skip

# What stands between the start and the end; {a} is the tool's attribute, {e} its element.
BODIES = {
    "user_task": '<b:userTask id="t" name="T" {a}><b:extensionElements>{e}</b:extensionElements>'
    "</b:userTask>",
    "plain_task": '<b:task id="t" name="&lt;script&gt;alert(1)&lt;/script&gt;"/>',
    "service_task": '<b:serviceTask id="t" {a} implementation="##WebService"/>',
    "script_task": '<b:scriptTask id="t" scriptFormat="groovy"><b:script>"rm".execute()</b:script>'
    "</b:scriptTask>",
    "python": '<b:scriptTask id="t"><b:script>x = __import__("os").system("id")</b:script></b:scriptTask>',
    "rule_task": '<b:businessRuleTask id="t" {a}/>',
    "call": '<b:callActivity id="t" calledElement="nobody" {a}/>',
    "ad_hoc": '<b:adHocSubProcess id="t"><b:task id="i"/></b:adHocSubProcess>',
    "transaction": '<b:transaction id="t"><b:task id="i"/></b:transaction>',
    "empty_sub_process": '<b:subProcess id="t"/>',
    "complex_gateway": '<b:complexGateway id="t"/>',
    "two_ids": '<b:task id="t"/><b:task id="t"/>',
    "odd_timer": '<b:intermediateCatchEvent id="t"><b:timerEventDefinition><b:timeDate>${now}</b:timeDate>'
    "</b:timerEventDefinition></b:intermediateCatchEvent>",
    "cron": '<b:intermediateCatchEvent id="t"><b:timerEventDefinition><b:timeCycle>0 0 * * ?</b:timeCycle>'
    "</b:timerEventDefinition></b:intermediateCatchEvent>",
    "many": '<b:task id="t"><b:multiInstanceLoopCharacteristics {a}><b:loopCardinality>999999999'
    "</b:loopCardinality></b:multiInstanceLoopCharacteristics></b:task>",
}  # fmt: skip


def document(body: str, *, around: str = "", head: str = '<?xml version="1.0" encoding="UTF-8"?>') -> bytes:
    """A process named `foreign` that goes from a start over `t` to an end."""
    return (
        f'{head}<b:definitions xmlns:b="{MODEL}" xmlns:xsi="{XSI}" {around} id="d" targetNamespace="t">'
        f'<b:process id="foreign" isExecutable="true"><b:startEvent id="s"/>{body}<b:endEvent id="e"/>'
        '<b:sequenceFlow id="f1" sourceRef="s" targetRef="t"/>'
        '<b:sequenceFlow id="f2" sourceRef="t" targetRef="e"/></b:process></b:definitions>'
    ).encode()


def files() -> Iterator[tuple[str, bytes]]:
    """Every file with a name that tells what it is."""
    for tool, (prefix, namespace, attribute, element) in TOOLS.items():
        around = f'xmlns:{prefix}="{namespace}"'
        for kind, body in BODIES.items():
            filled = body.replace("{a}", attribute).replace("{e}", element)
            yield f"{tool}-{kind}", document(filled, around=around)
    yield from hostile()
    yield from of_tools()


def hostile() -> Iterator[tuple[str, bytes]]:
    """What is meant to break, to read or to hang."""
    good = document('<b:task id="t"/>')
    bomb = (
        '<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;">]>'
    )
    outside = '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    parameter = '<!DOCTYPE d [<!ENTITY % p SYSTEM "http://127.0.0.1:1/x"> %p;]>'
    yield "bomb", document('<b:task id="t" name="&c;"/>', head=bomb)
    yield "external", document('<b:task id="t" name="x"/>', head=outside)
    yield "parameter", document('<b:task id="t"/>', head=parameter)
    yield "deep", document('<b:subProcess id="t">' * 5_000 + "</b:subProcess>" * 5_000)
    yield "wide", document('<b:task id="t"/>' * 60_000)
    yield "large", good + b" " * 50_000_000
    yield "large-attribute", document(f'<b:task id="t" name="{"x" * 1_900_000}"/>')
    yield "nul", good.replace(b'id="t"', b'id="t\x00"')
    yield "nul-only", b"\x00" * 1_000
    yield "utf16", good.decode().encode("utf-16")
    yield "latin1", good.decode().replace("UTF-8", "ISO-8859-1").encode("latin-1")
    yield "empty", b""
    yield "truncated", good[: len(good) // 2]
    yield "html", b"<html><script>alert(1)</script></html>"
    yield "zip", b"PK\x03\x04" + bytes(range(256))
    yield "two-roots", good + good
    yield "no-process", f'<b:definitions xmlns:b="{MODEL}"/>'.encode()
    yield "not-executable", good.replace(b'isExecutable="true"', b'isExecutable="false"')
    yield "other-namespace", good.replace(MODEL.encode(), b"http://example.org/not-bpmn")
    yield "surrogate", document('<b:task id="t" name="&#xD800;"/>')
    yield "control", document('<b:task id="t" name="&#x1;"/>')
    yield "loop", document('<b:exclusiveGateway id="t"/><b:sequenceFlow id="l" sourceRef="t" targetRef="t"/>')
    yield "self", document('<b:callActivity id="t" calledElement="foreign"/>')
    chain = "".join(f'<b:task id="c{n}"/>' for n in range(3_000))
    flows = "".join(
        f'<b:sequenceFlow id="g{n}" sourceRef="c{n}" targetRef="c{n + 1}"/>' for n in range(2_999)
    )
    yield "chain", document(f'<b:task id="t"/>{chain}{flows}')
    feel = "(" * 2_000 + "1" + ")" * 2_000
    condition = f"<b:conditionExpression>{feel}</b:conditionExpression>"
    yield (
        "deep-feel",
        document(
            f'<b:task id="t"/><b:sequenceFlow id="x" sourceRef="t" targetRef="e">{condition}</b:sequenceFlow>'
        ),
    )
    yield "instruction", document('<?php system("id"); ?><b:task id="t"/><!-- ${7*7} -->')
    yield (
        "include",
        document(
            '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>'
            '<b:task id="t"/>'
        ),
    )
    yield "no-ids", document('<b:task/><b:task id=""/>')
    yield "dangling", document('<b:boundaryEvent id="t" attachedToRef="nobody"/>')
