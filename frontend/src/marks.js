// What the checks found, at its elements in a drawing: what stops is a red mark with eight sides, advice a round one,
// each with its words. A press on a mark goes to the list, and the list goes to the drawing.
const SIGNS = { stops: "!", advice: "i" };
const KINDS = Object.keys(SIGNS);

// Gives a function that marks findings, [{ element, kind, words }], in place of those before; `spoken` says what the
// kinds are called, and `pressed` is told the element whose mark was pressed, and where it is drawn.
export function marker(viewer, { spoken, pressed }) {
  const canvas = viewer.get("canvas");
  keepStill(canvas.getContainer());
  return (findings) => {
    viewer.get("overlays").remove({ type: "finding" });
    viewer.get("elementRegistry").forEach((each) => KINDS.forEach((kind) => canvas.removeMarker(each, `has-${kind}`)));
    for (const [shape, told] of byShape(viewer, findings)) {
      const kind = KINDS.find((each) => told.some((one) => one.kind === each));
      canvas.addMarker(shape, `has-${kind}`);
      const html = button(told, kind, spoken);
      html.addEventListener("click", () => pressed(told[0].element, shape));
      html.addEventListener("focus", () => canvas.scrollToElement(shape, room(canvas)));
      viewer.get("overlays").add(shape, "finding", { position: place(shape), scale: { min: 1 }, html });
    }
  };
}

// Shows an element of a drawing: on its own page of it, large enough to be read.
export function showElement(viewer, id) {
  const [shape] = shapes(viewer, id);
  if (!shape) return null;
  const canvas = viewer.get("canvas");
  if (canvas.zoom() < 0.6) canvas.zoom(0.8);
  canvas.scrollToElement(shape, room(canvas));
  return shape;
}

// Beside the palette and below the button of the map, where there is room.
function room(canvas) {
  return canvas.getSize().width > 600 ? { top: 90, right: 60, bottom: 60, left: 160 } : 40;
}

// The rows of a list that tell of an element are set off; `go` moves there.
export function tell(rows, id, { go = false } = {}) {
  for (const row of rows) row.classList.toggle("is-told", row.dataset.element === id);
  const first = go && [...rows].find((row) => row.dataset.element === id);
  if (!first) return;
  first.scrollIntoView({ block: "center" });
  first.querySelector("button, a")?.focus({ preventScroll: true });
}

function button(told, kind, spoken) {
  const html = document.createElement("button");
  html.type = "button";
  html.className = `finding-mark ${kind}`;
  const sign = document.createElement("span");
  sign.setAttribute("aria-hidden", "true");
  sign.textContent = SIGNS[kind];
  const words = document.createElement("span");
  words.className = "finding-words";
  words.textContent = told.map((each) => `${spoken[each.kind]}: ${each.words}`).join("\n");
  html.append(sign, words);
  return html;
}

function byShape(viewer, findings) {
  const found = new Map();
  for (const kind of KINDS) {
    for (const each of findings.filter((one) => one.kind === kind)) {
      for (const shape of shapes(viewer, each.element)) found.set(shape, [...(found.get(shape) ?? []), each]);
    }
  }
  return found;
}

// Where an element is seen: itself, and the closed part that it is drawn inside; a process is its pool.
function shapes(viewer, id) {
  const registry = viewer.get("elementRegistry");
  const canvas = viewer.get("canvas");
  const element = registry.get(id) ?? registry.find((each) => each.businessObject.processRef?.id === id);
  if (!element || !element.parent) return [];
  const around = registry.get(canvas.findRoot(element).businessObject.id);
  return around?.parent ? [element, around] : [element];
}

// A browser brings what gets the focus into view, and would tear the drawing from its frame: the drawing moves itself.
function keepStill(container) {
  container.addEventListener("scroll", () => container.scrollTo(0, 0));
}

// The middle of a mark: the upper right corner, or the middle of a flow.
function place(shape) {
  if (!shape.waypoints) return { top: 0, right: 0 };
  const [from, to] = middle(shape.waypoints);
  const left = Math.min(...shape.waypoints.map(({ x }) => x));
  const top = Math.min(...shape.waypoints.map(({ y }) => y));
  return { left: (from.x + to.x) / 2 - left, top: (from.y + to.y) / 2 - top };
}

function middle(points) {
  const pairs = points.slice(1).map((to, n) => [points[n], to]);
  const length = ([from, to]) => Math.hypot(to.x - from.x, to.y - from.y);
  return pairs.reduce((best, each) => (length(each) > length(best) ? each : best));
}
