// A draft's diagram: bpmn-js to draw with, our own groups in the properties panel, problems marked where they are.
import Modeler from "bpmn-js/lib/Modeler";
import { BpmnPropertiesPanelModule, BpmnPropertiesProviderModule } from "bpmn-js-properties-panel";
import minimap from "diagram-js-minimap";
import "bpmn-js/dist/assets/bpmn-js.css";
import "bpmn-js/dist/assets/diagram-js.css";
import "bpmn-js/dist/assets/bpmn-font/css/bpmn.css";
import "@bpmn-io/properties-panel/dist/assets/properties-panel.css";
import "diagram-js-minimap/assets/diagram-js-minimap.css";
import { openDraft } from "./draft.js";
import ownGroups from "./properties.js";
import spiffworkflow from "./spiffworkflow.json";
import swedish from "./sv.json";
import { words } from "./words.js";

const page = document.querySelector("[data-editor]");
const source = page.querySelector("[data-source]");
const modeler = new Modeler({
  container: page.querySelector("[data-canvas]"),
  propertiesPanel: { parent: page.querySelector("[data-panel]") },
  additionalModules: [BpmnPropertiesPanelModule, BpmnPropertiesProviderModule, ownGroups(JSON.parse(page.dataset.choices)), minimap, words(swedish)],
  moddleExtensions: { spiffworkflow },
});

// a file that does not say how it is drawn comes with a drawing beside it, which is kept once something is changed
await modeler.importXML((page.querySelector("[data-drawing]") ?? source).value);
fit();
// a file that nobody has touched stays as it is, byte for byte
let touched = false;
const draft = openDraft(page, {
  read: async () => (touched ? (await modeler.saveXML({ format: true })).xml : source.value),
  put: async (xml) => {
    await modeler.importXML(xml);
    touched = true;
    fit();
  },
  mark,
  choose,
});
modeler.on("commandStack.changed", () => {
  touched = true;
  draft.soon();
});
page.dataset.ready = "true";

// a drawing that would be too small to read opens at its left, beside the palette
function fit() {
  const canvas = modeler.get("canvas");
  canvas.zoom("fit-viewport", "auto");
  if (canvas.zoom() > 0.6) return;
  canvas.zoom(0.75);
  const { inner, width, height } = canvas.viewbox();
  canvas.viewbox({ x: inner.x - 160, y: inner.y + inner.height / 2 - height / 2, width, height });
}

function mark(problems) {
  const overlays = modeler.get("overlays");
  const canvas = modeler.get("canvas");
  const registry = modeler.get("elementRegistry");
  overlays.remove({ type: "problem" });
  registry.forEach((element) => canvas.removeMarker(element, "is-wrong"));
  for (const id of new Set(problems.map((each) => each.element))) {
    const element = registry.get(id);
    if (!element || element === canvas.getRootElement()) continue;
    canvas.addMarker(id, "is-wrong");
    const html = document.createElement("div");
    html.className = "problem-mark";
    html.textContent = "!";
    html.title = problems.filter((each) => each.element === id).map((each) => each.words).join("\n");
    overlays.add(id, "problem", { position: { top: -12, right: 12 }, html });
  }
}

function choose(id) {
  const element = modeler.get("elementRegistry").get(id);
  if (!element) return;
  modeler.get("selection").select(element);
  modeler.get("canvas").scrollToElement(element);
}
