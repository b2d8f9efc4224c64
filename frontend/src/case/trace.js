// The trace: slider, timeline, diagram and step table move together, by hand or played through. The server says how the case,
// or the run of a draft, stood; without this, links and buttons do.
import { show } from "./diagram.js";

const WAIT = 150; // ms that the slider must rest before the server is asked
const PACE = 1400; // ms that each row is looked at when they are played through
// a run that is not kept travels in a form of its page; all else has an address
const carrier = document.querySelector("[data-rewind-carrier]");
const player = document.querySelector("[data-play]");
const slider = document.querySelector("[data-rewind-slider]");
const container = document.querySelector("[data-diagram]");
let drawing = null;
let { drawn, digest } = part("trace-steps")?.dataset ?? {};
let asked = null;
let timer = null;
let playing = null;
let at = Number(slider?.value);

document.querySelectorAll("[data-rewind-button]").forEach((each) => (each.hidden = true));
if (container) {
  drawing = await show(container, { chosen: highlight });
  links();
  highlight(part("trace-steps").dataset.chosen || null);
}
now();

slider?.addEventListener("input", () => {
  pause();
  clearTimeout(timer);
  timer = setTimeout(() => rewind(to(slider.value)), WAIT);
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-rewind]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  pause();
  rewind(link.href ?? to(link.value), { focus: link });
});

document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-rewind-drawing]")) return;
  pause();
  rewind(to(at, event.target.value));
});

if (!carrier) addEventListener("popstate", () => rewind(location.href, { keep: "nothing" }));

// who has asked for less motion goes through the rows by hand
if (player && slider && !matchMedia("(prefers-reduced-motion: reduce)").matches) {
  player.hidden = false;
  player.addEventListener("click", () => (playing ? pause() : play()));
}

function play() {
  player.textContent = player.dataset.wordPause;
  playing = setTimeout(onwards, at < slider.max ? 0 : PACE);
  if (at >= slider.max) rewind(to(1), { keep: "latest" });
}

async function onwards() {
  await rewind(to(at + 1), { keep: "latest" });
  if (playing === null) return;
  if (at >= slider.max) pause();
  else playing = setTimeout(onwards, PACE);
}

function pause() {
  if (playing === null) return;
  clearTimeout(playing);
  playing = null;
  player.textContent = player.dataset.wordPlay;
}

function part(id) {
  return document.getElementById(id);
}

// what to ask the server for: an address, or the form that carries the run
function to(row, process = document.querySelector("[data-rewind-process]")?.value) {
  if (carrier) {
    const form = new FormData(carrier);
    form.set("_at", row);
    if (process) form.set("_go", "drawing");
    return form;
  }
  const url = new URL(location.pathname, location.href);
  url.searchParams.set("at", row);
  if (process) url.searchParams.set("process", process);
  return url.href;
}

function ask(place, signal) {
  const headers = { Accept: "text/html" };
  if (typeof place === "string") return fetch(place, { signal, headers });
  return fetch(carrier.action, { signal, headers, method: "POST", body: place });
}

async function rewind(place, { keep = "all", focus = null } = {}) {
  asked?.abort();
  asked = new AbortController();
  let answer;
  try {
    answer = await ask(place, asked.signal);
  } catch (error) {
    if (error.name === "AbortError") return;
    throw error;
  }
  if (!answer.ok || answer.redirected) {
    location.assign(carrier ? location.href : place);
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const top = part("trace-timeline").scrollTop;
  const box = focus?.closest("[data-part]")?.id;
  for (const old of document.querySelectorAll("[data-part]")) old.replaceWith(document.adoptNode(page.getElementById(old.id)));
  part("trace-timeline").scrollTop = top;
  const fresh = page.querySelector("[data-rewind-slider]");
  at = Number(fresh.value);
  if (document.activeElement !== slider) slider.value = fresh.value;
  slider.setAttribute("aria-valuetext", fresh.getAttribute("aria-valuetext"));
  const wanted = document.querySelector("[data-rewind-process]");
  if (wanted) wanted.value = page.querySelector("[data-rewind-process]").value;
  document.querySelectorAll("[data-rewind-button]").forEach((each) => (each.hidden = true));
  if (!carrier && keep === "all") history.pushState(null, "", place);
  if (!carrier && keep === "latest") history.replaceState(null, "", place);
  await redraw();
  now();
  if (box) refocus(part(box), focus);
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
  const item = box?.querySelector(".now");
  if (!item) return;
  const above = item.getBoundingClientRect().top - box.getBoundingClientRect().top;
  if (above < 0 || above + item.offsetHeight > box.clientHeight) box.scrollTop += above - box.clientHeight / 3;
}

// the same link again, or the same step of a row that is another one now
function refocus(box, was) {
  const links = [...box.querySelectorAll("[data-rewind]")];
  const step = was.dataset.rewind;
  const same = links.find((each) => (step ? each.dataset.rewind === step : each.href === was.href && each.value === was.value));
  (same ?? box.querySelector("[aria-current=step], [data-rewind]"))?.focus({ preventScroll: true });
}
