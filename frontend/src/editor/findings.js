// A draft's page: what its check found is marked in the drawings below the list.
import { show } from "../case/diagram.js";
import { marker, showElement, tell } from "../marks.js";

const page = document.querySelector("[data-found]");
const spoken = {};
for (const each of page.querySelectorAll("[data-kind]")) spoken[each.dataset.kind] = each.textContent;

for (const place of page.querySelectorAll("[data-found-in]")) {
  const rows = [...page.querySelectorAll("[data-finding]")].filter((row) => row.dataset.file === place.dataset.foundIn && row.dataset.element);
  place.hidden = false;
  const drawing = await show(place.querySelector("[data-diagram]"));
  if (drawing && rows.length) link(rows, drawing.viewer, place);
}

function link(rows, viewer, drawn) {
  const canvas = viewer.get("canvas");
  let chosen = null;
  const choose = (shape) => {
    if (chosen) canvas.removeMarker(chosen, "is-chosen");
    chosen = shape;
    if (chosen) canvas.addMarker(chosen, "is-chosen");
  };
  const pressed = (id, shape) => {
    choose(shape);
    tell(rows, id, { go: true });
  };
  const found = rows.map((row) => ({ element: row.dataset.element, kind: row.dataset.finding, words: row.querySelector("[data-words]").textContent }));
  marker(viewer, { spoken, pressed })(found);
  // a drawing that would be too small to read opens where the first mark is
  if (canvas.zoom() < 0.55) showElement(viewer, found[0].element);
  for (const row of rows) {
    const place = row.querySelector("[data-place]");
    const way = document.createElement("a");
    way.href = `#${drawn.id}`;
    way.textContent = place.textContent;
    place.replaceWith(way);
    way.addEventListener("click", (event) => {
      event.preventDefault();
      tell(rows, row.dataset.element);
      choose(showElement(viewer, row.dataset.element));
      drawn.scrollIntoView({ block: "nearest" });
    });
  }
}
