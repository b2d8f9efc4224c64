// The form editor of a draft: what is typed saves itself, parts move by keyboard. Everything works without it too.
import { waitBeforeLeaving } from "./leaving.js";
import { watchUnsaved } from "./unsaved.js";

const DELAY = 1000;
const form = document.getElementById("form-editor");
const unsaved = watchUnsaved();
const typed = () => JSON.stringify(controls().map((each) => [each.name, each.type === "checkbox" ? each.checked : each.value]));
let saved = JSON.stringify(controls().map((each) => [each.name, sent(each)]));
let saving = null;
let timer = null;
let sentOff = false; // a button has sent all that stands here
let waited = false; // a button has waited for what was to be saved
let overtaken = false; // by another owner; the page that tells so is on its way

if (form.querySelector(".part-details:enabled")) unsaved.offer(saved, take);
if (typed() !== saved) {
  unsaved.keep(typed()); // somebody was quicker than this script
  timer = setTimeout(keep, DELAY);
}

form.addEventListener("input", (event) => {
  if (!event.target.closest(".part-details")) return;
  unsaved.keep(typed());
  clearTimeout(timer);
  timer = setTimeout(keep, DELAY);
});

// another kind of part has other controls, and another place another address
form.addEventListener("change", (event) => {
  if (["p:type", "p:holder"].includes(event.target.name)) form.requestSubmit(form.querySelector("button[value=save]"));
});

// a button waits for what is being saved: it would come with a revision that is no longer the draft's
form.addEventListener("submit", (event) => {
  clearTimeout(timer);
  const tries = event.submitter?.hasAttribute("formaction"); // the preview keeps nothing
  if (!saving && (!tries || waited || typed() === saved)) {
    sentOff = !tries;
    waited = false;
    return;
  }
  event.preventDefault();
  event.stopImmediatePropagation();
  (saving ?? keep()).then(() => {
    waited = true;
    if (!overtaken) form.requestSubmit(event.submitter);
  });
}, { capture: true });

form.addEventListener("keydown", (event) => {
  const by = { ArrowUp: "up", ArrowDown: "down" }[event.key];
  if (!by || !event.altKey || event.ctrlKey || event.metaKey) return;
  const row = event.target.closest(".part")?.querySelector(".part-row");
  const button = row?.querySelector(`[data-move="${by}"]`);
  if (!button) return;
  event.preventDefault();
  button.click();
});

addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden" && typed() !== saved) keep();
});
waitBeforeLeaving(() => saving || typed() !== saved, async () => {
  await keep();
  return !overtaken;
});
// the address names the part too, which takes the focus from the button that was pressed
addEventListener("load", () => setTimeout(() => document.querySelector("[data-focus]")?.focus()));
document.body.dataset.ready = "true";

function controls() {
  return [...form.querySelectorAll(".part-details :is(input, select, textarea)")].filter((each) => each.name && each.type !== "hidden");
}

// what stood in a control when the page came
function sent(control) {
  if (control.type === "checkbox") return control.defaultChecked;
  if (!control.options) return control.defaultValue;
  return ([...control.options].find((each) => each.defaultSelected) ?? control.options[0])?.value;
}

async function keep() {
  clearTimeout(timer);
  if (saving) await saving;
  const now = typed();
  // what a button has sent is saved by that: sent once more, it would come too late for its revision
  if (now === saved || sentOff || overtaken) return;
  tell(form.dataset.saving);
  saving = send(now).catch(() => {
    tell(form.dataset.failed);
  });
  await saving;
  saving = null;
}

async function send(now) {
  const body = new FormData(form);
  body.set("e:do", "keep");
  const answer = await fetch(form.dataset.kept, { method: "POST", body, headers: { "X-Kept": "1", "X-CSRF-Token": body.get("csrf") } });
  if (answer.status === 412) {
    overtaken = true;
    setTimeout(() => form.requestSubmit(form.querySelector("button[value=save]"))); // the page tells who was first
    return;
  }
  if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
  show(new DOMParser().parseFromString(await answer.text(), "text/html"));
  saved = now;
  unsaved.forget();
  document.querySelector("[data-undo]")?.remove(); // it would take back what was written since
}

function tell(words) {
  document.getElementById("saved").textContent = words;
}

// what the server says of the draft now; the controls stay as they are, somebody is typing in them
function show(page) {
  for (const old of document.querySelectorAll("[data-live]")) {
    const fresh = page.getElementById(old.id);
    if (!fresh) continue;
    if (old.contains(document.activeElement)) continue;
    old.replaceWith(document.adoptNode(fresh));
    const control = fresh.dataset.of && document.getElementById(fresh.dataset.of);
    const told = control && page.getElementById(control.id);
    for (const name of told ? ["aria-invalid", "aria-describedby"] : []) {
      if (told.hasAttribute(name)) control.setAttribute(name, told.getAttribute(name));
      else control.removeAttribute(name);
    }
  }
  document.getElementById("preview-fields").dispatchEvent(new Event("change"));
}

function take(value) {
  const left = new Map(JSON.parse(value));
  for (const each of controls()) {
    if (!left.has(each.name)) continue;
    if (each.type === "checkbox") each.checked = left.get(each.name);
    else each.value = left.get(each.name);
  }
  keep();
}
