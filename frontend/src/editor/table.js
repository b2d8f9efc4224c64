// A draft's decision table: dmn-js to change cells, rows and columns with; problems marked in their cells.
import EditingManager from "dmn-js-shared/lib/base/EditingManager";
import { is } from "dmn-js-shared/lib/util/ModelUtil";
import DecisionTableEditor from "dmn-js-decision-table/lib/Editor";
import LiteralExpressionEditor from "dmn-js-literal-expression/lib/Editor";
import "dmn-js/dist/assets/diagram-js.css";
import "dmn-js/dist/assets/dmn-js-shared.css";
import "dmn-js/dist/assets/dmn-js-decision-table.css";
import "dmn-js/dist/assets/dmn-js-decision-table-controls.css";
import "dmn-js/dist/assets/dmn-js-literal-expression.css";
import "dmn-js/dist/assets/dmn-font/css/dmn.css";
import { openDraft } from "./draft.js";
import { watchKeys } from "./table_keys.js";
import swedish from "./table_sv.json";
import { words } from "./words.js";

// Tables and expressions; the drawing of how decisions depend on each other stays in the file as it is.
class Tables extends EditingManager {
  _getViewProviders() {
    const shows = (kind) => (element) => is(element, "dmn:Decision") && is(element.decisionLogic, kind);
    return [
      { id: "decisionTable", constructor: DecisionTableEditor, opens: shows("dmn:DecisionTable") },
      { id: "literalExpression", constructor: LiteralExpressionEditor, opens: shows("dmn:LiteralExpression") },
    ];
  }
}

const page = document.querySelector("[data-editor]");
const source = page.querySelector("[data-source]");
const canvas = page.querySelector("[data-canvas]");
const modules = { additionalModules: [words(swedish)] };
const tables = new Tables({ container: canvas, decisionTable: modules, literalExpression: modules });
let touched = false; // a file that nobody has touched stays as it is, byte for byte
let draft;

tables.on("viewer.created", ({ viewer }) => viewer.on("commandStack.changed", () => {
  touched = true;
  draft?.soon();
}));

watchKeys(canvas);

try {
  await show(source.value);
  draft = openDraft(page, { read: async () => (touched ? saved() : source.value), put, mark, choose });
  page.dataset.ready = "true";
} catch {
  location.replace(page.dataset.text); // what is no table can still be changed as text
}

async function show(xml) {
  await tables.importXML(xml);
  notes(true);
  await tables.open(tables.getViews()[0]);
  offerTables();
  canvas.querySelector("th.index-column")?.setAttribute("role", "cell"); // it heads nothing
}

async function put(xml) {
  await show(xml);
  touched = true;
}

// dmn-js shows a rule's description in its column of notes; our tables keep their notes as DMN 1.3 does
function notes(shown) {
  for (const { element } of tables.getViews()) {
    const table = element.decisionLogic;
    if (!table?.get("annotation")?.length) continue;
    for (const rule of table.get("rule") ?? []) {
      const kept = rule.get("annotationEntry");
      if (shown) rule.description = kept[0]?.text ?? rule.description;
      else if (kept[0]) kept[0].text = rule.description ?? "";
      else if (rule.description) kept.push(noteOf(rule));
      if (!shown) rule.description = undefined;
    }
  }
}

function noteOf(rule) {
  const note = rule.$model.create("dmn:RuleAnnotation", { text: rule.description });
  note.$parent = rule;
  return note;
}

async function saved() {
  notes(false);
  try {
    return (await tables.saveXML({ format: true })).xml;
  } finally {
    notes(true);
  }
}

// a file with several decisions lets the owner choose which one to look at
function offerTables() {
  const views = tables.getViews();
  const choice = page.querySelector("[data-tables]");
  choice.hidden = views.length < 2;
  const list = choice.querySelector("select");
  list.replaceChildren(...views.map(({ name, id }, number) => new Option(name || id, number)));
  list.onchange = () => tables.open(tables.getViews()[list.value]);
}

function cells(id) {
  return canvas.querySelectorAll(`[data-element-id="${CSS.escape(id)}"], [data-row-id="${CSS.escape(id)}"]`);
}

function mark(found) {
  const problems = found.filter((each) => each.kind === "stops");
  canvas.querySelectorAll("[data-wrong]").forEach((cell) => cell.removeAttribute("data-wrong"));
  for (const each of problems) cells(each.element).forEach((cell) => (cell.dataset.wrong = each.words));
}

function choose(id) {
  const [cell] = cells(id);
  if (!cell) return;
  cell.scrollIntoView({ block: "center", inline: "center" });
  (cell.querySelector("[contenteditable]") ?? cell).focus();
}
