// Single keys: ? / j k Enter t. Not inside fields, not with a modifier, and not at all for those who turned them off.
export function watchKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest("input, select, textarea, [contenteditable], dialog, .diagram")) return;
    const act = KEYS[event.key];
    if (act?.()) event.preventDefault();
  });
  const row = document.getElementById(location.hash.slice(1));
  row?.querySelector("[data-row-link]")?.focus();
}

const KEYS = {
  "?": () => {
    document.getElementById("help-dialog").showModal();
    return true;
  },
  "/": () => {
    const field = document.querySelector("[data-search]");
    if (field) field.focus();
    else location.assign("/tasks#q");
    return true;
  },
  j: () => move(1),
  k: () => move(-1),
  t: () => {
    const row = document.activeElement?.closest(".row") ?? document;
    const button = row.querySelector("[data-take]");
    button?.click();
    return Boolean(button);
  },
};

function move(by) {
  const links = [...document.querySelectorAll("[data-row-link]")];
  if (!links.length) return false;
  const at = links.indexOf(document.activeElement?.closest(".row")?.querySelector("[data-row-link]"));
  const next = at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + by));
  links[next].focus();
  // the row is part of the address, so going back comes back to it
  history.replaceState(null, "", `#${links[next].closest(".row").id}`);
  return true;
}
