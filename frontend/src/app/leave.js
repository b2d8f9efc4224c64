// Quick exit: the button, the skip link and Shift three times. Blank at once, the draft kept, the session ended,
// this entry of the browser's history replaced by a page that tells nothing.
const WITHIN = 5000;

export function watchExit() {
  const form = document.getElementById("leave-form");
  if (!form) return;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    leave(form);
  });
  let presses = [];
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Shift") {
      presses = [];
      return;
    }
    if (event.repeat) return;
    const now = performance.now();
    presses = [...presses.filter((at) => now - at < WITHIN), now];
    if (presses.length === 3) leave(form);
  });
}

async function leave(form) {
  document.documentElement.classList.add("blanked");
  document.title = " ";
  const told = new FormData(form);
  const typed = document.getElementById("task-form");
  if (typed) {
    for (const [name, value] of new FormData(typed)) if (name !== "csrf") told.append(name, value);
    told.append("_task", typed.dataset.draft);
  }
  try {
    await fetch(form.action, { method: "POST", body: told, keepalive: true, redirect: "manual" });
  } finally {
    location.replace("/neutral");
  }
}
