// What every page does: quick exit, the session's end, keyboard shortcuts, focus. Everything works without it too.
import { watchDraft } from "./draft.js";
import { watchExit } from "./leave.js";
import { watchSession } from "./session.js";
import { watchKeys } from "./shortcuts.js";

const body = document.body;

watchExit();
if (body.dataset.session) watchSession(Number(body.dataset.session));
if (body.dataset.shortcuts === "on") watchKeys();
watchDraft();

for (const each of document.querySelectorAll("[data-focus]")) {
  each.focus();
  break;
}

const help = document.getElementById("help-dialog");
document.querySelector("[data-open-help]")?.addEventListener("click", (event) => {
  event.preventDefault();
  help.showModal();
});

// a link in the error summary goes to the field itself, not only to its place on the page
document.querySelector(".error-summary")?.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  const field = link && document.getElementById(link.hash.slice(1));
  if (!field) return;
  event.preventDefault();
  const target = field.matches("input, select, textarea, button") ? field : field.querySelector("input, select, textarea, button");
  (field.closest(".field, fieldset") ?? field).scrollIntoView({ block: "nearest" });
  (target ?? field).focus();
});

// a form is sent once, however often its button is pressed
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "1";
  setTimeout(() => delete form.dataset.sent, 4000);
});
addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});
