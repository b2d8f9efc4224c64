// What is typed and not yet saved outlives a crash: this browser keeps it until it is saved, and offers it again.
export function watchUnsaved() {
  const note = document.querySelector("[data-unsaved]");
  const key = note.dataset.unsaved;

  const found = () => {
    try {
      return JSON.parse(localStorage.getItem(key));
    } catch {
      return null;
    }
  };

  return {
    keep(value) {
      try {
        localStorage.setItem(key, JSON.stringify({ value, at: Date.now() }));
      } catch {
        // a full or closed store: what is typed is still on the page
      }
    },
    forget() {
      localStorage.removeItem(key);
      note.hidden = true;
    },
    // show that there is something, if it is other than what stands in the draft; `take` puts it on the page
    offer(present, take) {
      const left = found();
      if (!left || left.value === present) return this.forget();
      const time = new Date(left.at).toLocaleString(document.documentElement.lang, { dateStyle: "short", timeStyle: "short" });
      note.querySelector("p").textContent = note.dataset.words.replace("{time}", time);
      note.querySelector("[data-take]").addEventListener("click", () => {
        note.hidden = true;
        take(left.value);
      });
      note.querySelector("[data-drop]").addEventListener("click", () => this.forget());
      note.hidden = false;
    },
  };
}
