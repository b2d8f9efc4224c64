// The diagrams of the case page, the task page and others. Two that stand beside each other over one table, an older and a newer
// version, follow each other: what is chosen in one is shown in the other.
import { show } from "./diagram.js";

const drawings = new Map();

for (const container of document.querySelectorAll("[data-diagram]")) {
  show(container, { chosen: (id) => follow(container, id) }).then((drawing) => drawings.set(container, drawing));
}

function follow(container, id) {
  const { column } = container.dataset;
  if (!column || !id) return;
  const scope = container.closest("[data-diagram-scope]");
  const row = [...scope.querySelectorAll("[data-steps] tr")].find((each) => each.dataset[column] === id);
  for (const other of scope.querySelectorAll("[data-diagram]")) {
    const its = row.dataset[other.dataset.column];
    if (other !== container && its) drawings.get(other)?.choose(its);
  }
}
