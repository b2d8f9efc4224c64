// A draft's diagram: bpmn-js to draw with, our own groups in the properties panel, problems marked where they are.
import Modeler from "bpmn-js/lib/Modeler";
import { BpmnPropertiesPanelModule, BpmnPropertiesProviderModule } from "bpmn-js-properties-panel";
import minimap from "diagram-js-minimap";
import "bpmn-js/dist/assets/bpmn-js.css";
import "bpmn-js/dist/assets/diagram-js.css";
import "bpmn-js/dist/assets/bpmn-font/css/bpmn.css";
import "@bpmn-io/properties-panel/dist/assets/properties-panel.css";
import "diagram-js-minimap/assets/diagram-js-minimap.css";
import { descriptors } from "../bpmn.js";
import { marker, showElement } from "../marks.js";
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
  moddleExtensions: { ...descriptors, spiffworkflow },
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
  mark: marker(modeler, { spoken: { stops: heading("stops"), advice: heading("advice") }, pressed: (id) => draft.tell(id, { go: true }) }),
  choose,
});
modeler.on("selection.changed", ({ newSelection }) => draft.tell(newSelection[0]?.businessObject.id));
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

function heading(kind) {
  return page.querySelector(`[data-${kind}] [data-kind]`).textContent;
}

function choose(id) {
  const shape = showElement(modeler, id);
  if (shape) modeler.get("selection").select(shape);
}
