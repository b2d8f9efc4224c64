// What the service loads into V8 to work on diagrams as drawings: lint and layout. Everything here answers
// later: `begin` gives a ticket, and `answer` its JSON text, {"value": ...} or {"problem": "words"}.
import { layoutProcess } from "bpmn-auto-layout";
import { BpmnModdle } from "bpmn-moddle";
import Linter from "bpmnlint/lib/linter.js";
import { descriptors } from "../bpmn.js";
import { RULES, resolver } from "./lint_rules.js";

async function lint(xml) {
  const { rootElement: root, elementsById, warnings } = await new BpmnModdle(descriptors).fromXML(xml);
  complete(root);
  const isMeant = judge(root, elementsById);
  const reports = await new Linter({ config: { rules: RULES }, resolver }).lint(root);
  const found = warnings.map(({ message, element }) => ({ rule: "readable", element: nearest(element), message: message.split("\n")[0] }));
  for (const [rule, each] of Object.entries(reports)) {
    for (const { id, category, message } of each) {
      if (category === "rule-error") throw new Error(`${rule}: ${message}`);
      if (isMeant(rule, id)) found.push({ rule, element: id || null, message });
    }
  }
  return found;
}

// The rules read a flow at both its ends, and every diagram's plane; many tools say the one at the flow alone, and
// some leave the other out.
function complete(root) {
  root.diagrams = (root.diagrams ?? []).filter((each) => each.plane);
  const elements = [...within(root)];
  for (const each of elements) if (each.$instanceOf("bpmn:FlowNode")) each.incoming = each.outgoing = undefined;
  for (const flow of elements.filter((each) => each.$type === "bpmn:SequenceFlow")) {
    flow.sourceRef?.get("outgoing").push(flow);
    flow.targetRef?.get("incoming").push(flow);
  }
}

function* within(container) {
  for (const each of container.rootElements ?? container.flowElements ?? []) {
    yield each;
    yield* within(each);
  }
}

function nearest(element) {
  for (let each = element; each; each = each.$parent) if (each.id) return each.id;
  return null;
}

// Two flows that are one are told at the second of them; a process that is drawn nowhere is the service's to draw.
function judge(root, elementsById) {
  const shown = new Set(root.diagrams.flatMap((each) => each.plane.planeElement ?? []).map((each) => each.bpmnElement));
  const processes = root.rootElements.filter((each) => each.$type === "bpmn:Process");
  const drawn = new Set(processes.filter((each) => each.flowElements?.some((inner) => shown.has(inner))));
  const isDrawn = (element) => {
    while (element && element.$type !== "bpmn:Process") element = element.$parent;
    return element ? drawn.has(element) : shown.size > 0;
  };
  return (rule, id) => {
    if (rule === "no-duplicate-sequence-flows") return elementsById[id]?.$type === "bpmn:SequenceFlow";
    return rule !== "no-bpmndi" || isDrawn(elementsById[id]);
  };
}

async function layout(xml) {
  return await layoutProcess(xml);
}

const WORK = { lint, layout };
const answers = new Map();
let tickets = 0;

function begin(work, ...given) {
  const ticket = String((tickets += 1));
  WORK[work](...given).then(
    (value) => answers.set(ticket, JSON.stringify({ value })),
    (error) => answers.set(ticket, JSON.stringify({ problem: String((error && error.message) || error) })),
  );
  return JSON.stringify(ticket);
}

function answer(ticket) {
  const found = answers.get(ticket) || JSON.stringify({ problem: "It never answered." });
  answers.delete(ticket);
  return found;
}

globalThis.tooling = Object.freeze({ begin, answer });
