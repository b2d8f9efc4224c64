// A diagram with what has happened in it: bpmn-js draws it, the step table on the same page says the states, and the two are one selection.
import NavigatedViewer from "bpmn-js/lib/NavigatedViewer";
import "bpmn-js/dist/assets/bpmn-js.css";
import "bpmn-js/dist/assets/diagram-js.css";

const STATES = {
  done: "is-done",
  here: "is-here",
  later: "is-later",
  skipped: "is-skipped",
  // of a move to another version
  ok: "is-ok",
  attention: "is-attention",
  blocked: "is-blocked",
};
const SHAPES = { here: "◉", done: "✓", skipped: "–", ok: "✓", attention: "!", blocked: "✕" };
const ALWAYS_MARKED = new Set(["here", "attention", "blocked"]); // on small elements too
const WANTED = ["blocked", "here", "attention"]; // where a drawing opens that is too large to be seen whole

// Draws; gives what a page can do with the drawing, or nothing when the process has no drawing.
export async function show(container, { chosen = () => {} } = {}) {
  const source = container.parentElement.querySelector("[data-diagram-source]");
  const viewer = new NavigatedViewer({ container, additionalModules: [inOwnWords(container)] });
  if (document.documentElement.lang === "en") viewer.on("import.parse.complete", inEnglish);
  try {
    await viewer.importXML(source.value);
  } catch {
    // a process without a drawing: the table says it all
    const words = document.createElement("p");
    words.className = "muted";
    words.textContent = container.dataset.wordNone;
    container.replaceWith(words);
    return null;
  }
  shape(viewer, container);
  let rows = rowsOf(container);
  mark(viewer, rows, container);
  fit(viewer, container);
  tools(viewer, container);
  const choose = select(viewer, () => rows, chosen);
  offer(rows, choose);
  if (container.dataset.chosen) viewer.get("canvas").addMarker(container.dataset.chosen, "is-chosen");
  return {
    viewer,
    choose,
    // the step table has been replaced: show its states, in another drawing when one is given
    async refresh(xml = null) {
      if (xml !== null) {
        await viewer.importXML(xml);
        viewer.get("canvas").zoom("fit-viewport", "auto");
      }
      rows = rowsOf(container);
      unmark(viewer);
      mark(viewer, rows, container);
      offer(rows, choose);
    },
    // links on elements of the drawing: id -> address and words
    link(addresses) {
      for (const [id, { href, words }] of addresses) {
        if (!viewer.get("elementRegistry").get(id)) continue;
        const html = document.createElement("a");
        html.className = "diagram-open";
        html.href = href;
        html.dataset.rewind = "";
        html.textContent = words;
        viewer.get("overlays").add(id, "open", { position: { bottom: 12, right: 60 }, html });
      }
    },
  };
}

// the one text of the viewer that people meet: the button that opens a collapsed part
function inOwnWords(container) {
  const translate = (text, values = {}) =>
    (text === "Open {element}" ? container.dataset.wordOpen : text).replace(/{(\w+)}/g, (whole, name) => values[name] ?? whole);
  return { translate: ["value", translate] };
}

// diagrams are named in Swedish; their extension texts hold the English names
function inEnglish({ elementsById = {} }) {
  for (const element of Object.values(elementsById)) {
    const name = extensionText(element, "name_en") ?? extensionText(element.processRef, "title_en");
    if (name) element.name = name;
  }
}

function extensionText(element, name) {
  const values = element?.extensionElements?.values ?? [];
  const properties = values.filter((each) => each.$type === "spiffworkflow:properties").flatMap((each) => each.$children ?? []);
  return properties.find((each) => each.name === name)?.value;
}

// a wide drawing needs no tall box
function shape(viewer, container) {
  const { inner } = viewer.get("canvas").viewbox();
  const wanted = (inner.height / inner.width) * container.clientWidth + 48;
  const most = container.clientHeight;
  container.style.height = `${Math.round(Math.min(most, Math.max(wanted, 240)))}px`;
  viewer.get("canvas").resized();
}

function rowsOf(container) {
  const scope = container.closest("[data-diagram-scope]") ?? container.parentElement;
  const found = new Map();
  const column = container.dataset.column ?? "element";
  for (const row of scope.querySelectorAll("[data-steps] tr[data-element]")) {
    if (row.dataset[column]) found.set(row.dataset[column], row);
  }
  return found;
}

function mark(viewer, rows, container) {
  const canvas = viewer.get("canvas");
  const registry = viewer.get("elementRegistry");
  const states = new Map([...rows].map(([id, row]) => [id, row.dataset.state]));
  const count = (id) => rows.get(id).dataset.count ?? "";
  for (const element of registry.filter((each) => each.type !== "label")) {
    const state = states.get(element.id);
    if (state && isExpanded(element)) {
      if (state === "here") canvas.addMarker(element.id, "is-around");
      if (state === "blocked") badge(viewer, element, state, count(element.id));
    } else if (state) {
      canvas.addMarker(element.id, STATES[state]);
      badge(viewer, element, state, state === "here" ? container.dataset.wordHere : count(element.id));
    } else if (element.waypoints && taken(element, states)) {
      canvas.addMarker(element.id, "is-taken");
    }
  }
}

function unmark(viewer) {
  const canvas = viewer.get("canvas");
  for (const element of viewer.get("elementRegistry").filter(() => true)) {
    for (const marker of [...Object.values(STATES), "is-around", "is-taken", "is-chosen"]) canvas.removeMarker(element.id, marker);
  }
  viewer.get("overlays").clear();
}

function isExpanded(element) {
  return element.type === "bpmn:SubProcess" && element.width > 120;
}

// a flow was taken when what it leaves is done and what it reaches was reached
function taken(flow, states) {
  const from = states.get(flow.source?.id);
  const to = states.get(flow.target?.id);
  return from === "done" && (to === "done" || to === "here");
}

function badge(viewer, element, state, words) {
  const isTask = element.width >= 80;
  if (state === "later" || (!isTask && !ALWAYS_MARKED.has(state))) return;
  const html = document.createElement("div");
  html.className = `diagram-mark ${state}`;
  html.setAttribute("aria-hidden", "true");
  html.textContent = words ? `${SHAPES[state]} ${words}` : SHAPES[state];
  viewer.get("overlays").add(element.id, { position: { top: -12, left: isTask ? 8 : -6 }, html });
}

function fit(viewer, container) {
  const canvas = viewer.get("canvas");
  canvas.zoom("fit-viewport", "auto");
  const wanted = container.dataset.chosen ?? WANTED.map((state) => first(viewer, state)).find(Boolean);
  // a drawing that would be too small to read opens where the token is
  if (canvas.zoom() < 0.55 && wanted) centre(viewer, wanted, 0.8);
}

function first(viewer, state) {
  return viewer.get("elementRegistry").find((each) => viewer.get("canvas").hasMarker(each, STATES[state]))?.id;
}

function centre(viewer, id, scale) {
  const element = viewer.get("elementRegistry").get(id);
  if (!element) return;
  const canvas = viewer.get("canvas");
  canvas.zoom(scale);
  const box = canvas.viewbox();
  canvas.viewbox({
    x: element.x + element.width / 2 - box.width / 2,
    y: element.y + element.height / 2 - box.height / 2,
    width: box.width,
    height: box.height,
  });
}

function tools(viewer, container) {
  const bar = container.parentElement.querySelector("[data-diagram-tools]");
  if (!bar) return;
  bar.hidden = false;
  const canvas = viewer.get("canvas");
  const on = (name, act) => bar.querySelector(`[data-diagram-${name}]`)?.addEventListener("click", act);
  on("fit", () => canvas.zoom("fit-viewport", "auto"));
  on("here", () => centre(viewer, container.dataset.chosen ?? first(viewer, "here"), 1));
  on("in", () => canvas.zoom(canvas.zoom() * 1.25));
  on("out", () => canvas.zoom(canvas.zoom() / 1.25));
}

function select(viewer, rowsNow, told) {
  const canvas = viewer.get("canvas");
  let chosen = null;
  const choose = (id, { scroll = false, tell = false } = {}) => {
    const rows = rowsNow();
    if (chosen) {
      if (viewer.get("elementRegistry").get(chosen)) canvas.removeMarker(chosen, "is-chosen");
      rows.get(chosen)?.classList.remove("selected");
    }
    chosen = viewer.get("elementRegistry").get(id) ? id : null;
    if (tell) told(chosen);
    if (!chosen) return;
    canvas.addMarker(chosen, "is-chosen");
    rows.get(chosen)?.classList.add("selected");
    if (scroll) rows.get(chosen)?.scrollIntoView({ block: "nearest" });
    else centre(viewer, chosen, Math.max(canvas.zoom(), 0.8));
  };
  viewer.on("element.click", ({ element }) => rowsNow().has(element.id) && choose(element.id, { scroll: true, tell: true }));
  return choose;
}

// each row of the step table shows its element in the drawing
function offer(rows, choose) {
  for (const [id, row] of rows) {
    const button = row.querySelector("[data-show-element]");
    if (!button) continue;
    button.hidden = false;
    row.querySelector("[data-plain-name]").hidden = true;
    button.addEventListener("click", () => choose(id, { tell: true }));
  }
}
