// A task's form keeps what is typed: within three seconds, and when a field or the page is left.
const DELAY = 1500;

export function watchDraft() {
  const form = document.getElementById("task-form");
  if (!form?.dataset.draft) return;
  const status = form.querySelector("[data-saved]");
  let timer = null;
  let saving = null;
  let saved = written(form);

  const save = async () => {
    clearTimeout(timer);
    timer = null;
    if (saving) await saving;
    const now = written(form);
    if (now === saved || form.dataset.sent) return;
    const told = new FormData(form);
    told.set("_draft_revision", form.dataset.draftRevision);
    saving = send(form, told, status).then((kept) => {
      if (kept) saved = now;
      saving = null;
    });
    await saving;
  };

  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(save, DELAY);
  });
  // leaving a field saves soon after: at once it would race with the button that was pressed
  form.addEventListener("focusout", () => {
    clearTimeout(timer);
    timer = setTimeout(save, 400);
  });
  form.addEventListener("submit", () => clearTimeout(timer));
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") save();
  });
}

function written(form) {
  return JSON.stringify([...new FormData(form)].filter(([name]) => name !== "csrf"));
}

async function send(form, told, status) {
  try {
    const answer = await fetch(form.dataset.draft, {
      method: "POST",
      body: told,
      headers: { Accept: "application/json", "X-CSRF-Token": told.get("csrf") },
      keepalive: true,
    });
    if (answer.status === 412) {
      showBoth(form, await answer.json());
      return false;
    }
    if (!answer.ok) throw new Error(String(answer.status));
    const kept = await answer.json();
    form.dataset.draftRevision = kept.revision;
    status.textContent = form.dataset.wordSaved.replace("{time}", kept.time);
    document.dispatchEvent(new CustomEvent("andrum:alive", { detail: kept.seconds }));
    return true;
  } catch {
    status.textContent = form.dataset.wordFailed;
    return false;
  }
}

// another window saved first: both values are shown, and nothing is written over until the person has chosen
function showBoth(form, { words, revision, differing }) {
  const note = document.getElementById("draft-conflict");
  if (!note.hidden) return;
  note.querySelector("[data-words]").textContent = words;
  note.querySelector("tbody").replaceChildren(
    ...differing.map((cells) => {
      const row = document.createElement("tr");
      row.append(
        ...cells.map((text, column) => {
          const cell = document.createElement(column ? "td" : "th");
          if (!column) cell.scope = "row";
          cell.textContent = text;
          return cell;
        }),
      );
      return row;
    }),
  );
  note.querySelector("[data-keep]").onclick = () => {
    form.dataset.draftRevision = revision;
    note.hidden = true;
    form.dispatchEvent(new Event("input"));
  };
  note.hidden = false;
  note.focus();
}
