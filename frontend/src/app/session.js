// The session's end: two minutes before it a dialog asks; one key keeps it. Other tabs may have kept it meanwhile.
const WARN = 120;

export function watchSession(seconds) {
  const dialog = document.getElementById("session-dialog");
  const left = dialog.querySelector("[data-session-left]");
  let ends = Date.now() + seconds * 1000;
  let last = "";

  const say = (remaining) => {
    const words =
      remaining > 60
        ? dialog.dataset.left.replace("{n}", String(Math.ceil(remaining / 60)))
        : dialog.dataset.one.replace("{n}", String(remaining));
    if (words !== last) left.textContent = last = words;
  };

  const ask = async () => {
    const answer = await fetch("/session", { headers: { Accept: "application/json" } });
    if (answer.ok) ends = Date.now() + (await answer.json()).seconds * 1000;
    else ends = Date.now();
  };

  dialog.querySelector("[data-session-stay]").addEventListener("click", () => stay());
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    stay();
  });

  async function stay() {
    const answer = await fetch("/session", {
      method: "POST",
      headers: { "X-CSRF-Token": document.querySelector("meta[name=csrf]").content },
    });
    if (!answer.ok) {
      location.assign(`/login?ended=1&next=${encodeURIComponent(location.pathname + location.search)}`);
      return;
    }
    ends = Date.now() + (await answer.json()).seconds * 1000;
    dialog.close();
  }

  document.addEventListener("andrum:alive", (event) => {
    ends = Date.now() + event.detail * 1000;
    if (dialog.open) dialog.close();
  });

  setInterval(async () => {
    const remaining = Math.round((ends - Date.now()) / 1000);
    if (remaining > WARN) return;
    if (!dialog.open) {
      try {
        await ask();
      } catch {
        return;
      }
      if ((ends - Date.now()) / 1000 > WARN) return;
      dialog.showModal();
    }
    if (remaining <= 0) {
      document.documentElement.classList.add("blanked");
      location.replace(`/login?ended=1&next=${encodeURIComponent(location.pathname + location.search)}`);
      return;
    }
    say(remaining);
  }, 1000);
}
