// What the service loads into V8 to work on diagrams as drawings: lint and layout. Everything here answers
// later: `begin` gives a ticket, and `answer` its JSON text, {"value": ...} or {"problem": "words"}.
import { layoutProcess } from "bpmn-auto-layout";
import { BpmnModdle } from "bpmn-moddle";
import Linter from "bpmnlint/lib/linter.js";
import { RULES, resolver } from "./lint_rules.js";

async function read(xml) {
  const { rootElement, warnings } = await new BpmnModdle().fromXML(xml);
  return { root: rootElement, warnings };
}

async function lint(xml) {
  const { root, warnings } = await read(xml);
  const reports = await new Linter({ config: { rules: RULES }, resolver }).lint(root);
  const found = warnings.map(({ message, element }) => finding("readable", "warn", element && element.id, message));
  for (const [rule, each] of Object.entries(reports)) {
    for (const { id, category, message } of each) found.push(finding(rule, category, id, message));
  }
  return found;
}

function finding(rule, category, element, message) {
  return { rule, category: category === "rule-error" ? "error" : category, element: element || null, message };
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
