// Every cell of a decision table by keyboard: arrows go from cell to cell where the caret stands at the edge of what is written,
// Escape leaves the cell for the table. Tab and Enter are the editor's own.
const WAYS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }; // rows, columns

export function watchKeys(canvas) {
  canvas.addEventListener("keydown", (event) => {
    const cell = event.target.closest("[contenteditable]");
    if (!cell || event.isComposing || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.key === "Escape") canvas.focus();
    const way = WAYS[event.key];
    const next = way && isAtEdge(cell, way) && beside(cell, way);
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
}

function beside(cell, [rows, columns]) {
  const row = cell.closest("tr");
  const lines = [...row.parentElement.rows];
  const column = [...row.cells].indexOf(cell.closest("td, th"));
  return lines[lines.indexOf(row) + rows]?.cells[column + columns]?.querySelector("[contenteditable]");
}

function isAtEdge(cell, [rows, columns]) {
  const selection = getSelection();
  if (!selection.isCollapsed || !cell.contains(selection.anchorNode)) return false;
  const part = document.createRange();
  part.selectNodeContents(cell);
  const isAhead = rows > 0 || columns > 0;
  if (isAhead) part.setStart(selection.anchorNode, selection.anchorOffset);
  else part.setEnd(selection.anchorNode, selection.anchorOffset);
  const rest = part.cloneContents();
  const breaks = rest.querySelectorAll("br").length - (isAhead ? 1 : 0); // the last one only makes room for the caret
  return breaks <= 0 && (rows !== 0 || rest.textContent === "");
}
