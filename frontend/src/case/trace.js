// The trace: slider, timeline, diagram and step table move together. The server says how the case stood; without this, links do.
import { show } from "./diagram.js";

const WAIT = 150; // ms that the slider must rest before the server is asked
const slider = document.querySelector("[data-rewind-slider]");
const container = document.querySelector("[data-diagram]");
let drawing = null;
let { drawn, digest } = part("trace-steps")?.dataset ?? {};
let asked = null;
let timer = null;

document.querySelectorAll("[data-rewind-button]").forEach((each) => (each.hidden = true));
if (container) {
  drawing = await show(container, { chosen: highlight });
  links();
  highlight(part("trace-steps").dataset.chosen || null);
}
now();

slider.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(() => rewind(address(slider.value)), WAIT);
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-rewind]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  rewind(link.href, { focus: link.closest("[data-part]")?.id });
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-rewind-drawing]")) rewind(address(slider.value, event.target.value));
});

addEventListener("popstate", () => rewind(location.href, { push: false }));

function part(id) {
  return document.getElementById(id);
}

function address(at, process = document.querySelector("[data-rewind-process]").value) {
  const url = new URL(location.pathname, location.href);
  url.searchParams.set("at", at);
  if (process) url.searchParams.set("process", process);
  return url.href;
}

async function rewind(href, { push = true, focus = null } = {}) {
  asked?.abort();
  asked = new AbortController();
  let answer;
  try {
    answer = await fetch(href, { signal: asked.signal, headers: { Accept: "text/html" } });
  } catch (error) {
    if (error.name === "AbortError") return;
    throw error;
  }
  if (!answer.ok || answer.redirected) {
    location.assign(href);
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const top = part("trace-timeline").scrollTop;
  const was = document.activeElement?.getAttribute("href");
  for (const old of document.querySelectorAll("[data-part]")) old.replaceWith(document.adoptNode(page.getElementById(old.id)));
  part("trace-timeline").scrollTop = top;
  const fresh = page.querySelector("[data-rewind-slider]");
  if (document.activeElement !== slider) slider.value = fresh.value;
  slider.setAttribute("aria-valuetext", fresh.getAttribute("aria-valuetext"));
  document.querySelector("[data-rewind-process]").value = page.querySelector("[data-rewind-process]").value;
  document.querySelectorAll("[data-rewind-button]").forEach((each) => (each.hidden = true));
  if (push) history.pushState(null, "", href);
  await redraw();
  now();
  refocus(focus, was);
  document.querySelector("[data-rewound]").textContent = document.querySelector("[data-said]").textContent;
}

async function redraw() {
  const steps = part("trace-steps");
  if (!drawing) return;
  // the same process looks otherwise on the version that the case was on before it was moved
  const other = steps.dataset.drawn !== drawn || steps.dataset.digest !== digest;
  ({ drawn, digest } = steps.dataset);
  await drawing.refresh(other ? steps.querySelector("[data-diagram-next]").value : null);
  links();
  const chosen = steps.dataset.chosen || null;
  drawing.choose(chosen, { scroll: !other && !chosen });
  highlight(chosen);
}

// called processes open in place
function links() {
  const found = new Map();
  for (const row of part("trace-steps").querySelectorAll("tr[data-element]")) {
    const link = row.querySelector("a[data-opens]");
    if (link) found.set(row.dataset.element, { href: link.href, words: link.textContent.trim() });
  }
  drawing?.link(found);
}

// one selection: what is chosen in the drawing or its table shows in the timeline and among the open tasks
function highlight(element) {
  for (const each of document.querySelectorAll("#trace-timeline [data-element], #trace-standing [data-element]")) {
    const same = element !== null && each.dataset.element === element && (each.dataset.drawing ?? drawn) === drawn;
    each.classList.toggle("selected", same);
  }
}

// the event looked at is in view inside the timeline, without moving the page
function now() {
  const box = part("trace-timeline");
  const item = box?.querySelector("li.now");
  if (!item) return;
  const above = item.getBoundingClientRect().top - box.getBoundingClientRect().top;
  if (above < 0 || above + item.offsetHeight > box.clientHeight) box.scrollTop += above - box.clientHeight / 3;
}

function refocus(id, href) {
  if (!id) return;
  const box = part(id);
  const same = href && [...box.querySelectorAll("a[data-rewind]")].find((each) => each.getAttribute("href") === href);
  (same ?? box.querySelector("[aria-current=step], a[data-rewind]"))?.focus({ preventScroll: true });
}
