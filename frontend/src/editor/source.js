// A table or a form as the text that its file holds, with the same live check as diagrams.
import { openDraft } from "./draft.js";

const page = document.querySelector("[data-editor]");
const area = page.querySelector("[data-source]");
const draft = openDraft(page, { read: async () => area.value, put, choose: find });
area.addEventListener("input", draft.soon);

async function put(text) {
  area.value = text;
}

// go to where the text speaks of it
function find(id) {
  const at = area.value.indexOf(`"${id}"`);
  if (at < 0) return;
  area.focus();
  area.setSelectionRange(at + 1, at + 1 + id.length);
  const line = area.value.slice(0, at).split("\n").length;
  area.scrollTop = Math.max(0, line - 5) * parseFloat(getComputedStyle(area).lineHeight);
}
