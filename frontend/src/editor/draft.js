// What every editor of a draft has in common: keep what is made, ask what is wrong with it, tell of other owners.
import { tell } from "../marks.js";
import { waitBeforeLeaving } from "./leaving.js";
import { watchUnsaved } from "./unsaved.js";

const SAVE = 900;

// `read` gives the file's text and `put` takes another in its place; `mark` is told what was found in this file, and
// whether it stops the draft or is advice; `choose` goes to an element, if it can.
export function openDraft(page, { read, put, mark = () => {}, choose = () => false }) {
  const unsaved = watchUnsaved();
  const words = JSON.parse(page.dataset.words);
  const said = document.querySelector("[data-saved]");
  const list = page.querySelector("[data-problems]");
  const other = page.querySelector("[data-other]");
  let revision = page.dataset.revision;
  let kept = null;
  let busy = null;
  let overtaken = false;
  let timer = null;
  let saving = null;

  const send = async (address, values) => {
    const body = new FormData();
    for (const [name, value] of Object.entries(values)) body.set(name, value);
    const token = document.querySelector("meta[name=csrf]").content;
    return fetch(address, { method: "POST", body, headers: { "X-CSRF-Token": token } });
  };

  const save = async (content) => {
    const answer = await send(page.dataset.save, { content, revision });
    const told = await answer.json();
    if (answer.status === 412) {
      other.querySelector("p").textContent = told.words;
      other.hidden = false;
      overtaken = true;
      said.textContent = words.failed;
      return;
    }
    if (!answer.ok) throw new Error(String(answer.status));
    revision = told.revision;
    kept = content;
    unsaved.forget();
    said.textContent = words.saved.replace("{time}", told.time);
    document.dispatchEvent(new CustomEvent("andrum:alive", { detail: told.seconds }));
  };

  const check = async (content) => {
    const answer = await send(page.dataset.check, { file: page.dataset.file, content, revision });
    if (!answer.ok) throw new Error(String(answer.status));
    const told = await answer.json();
    if (told.other && other.hidden) {
      other.querySelector("p").textContent = told.other;
      other.hidden = false;
    }
    show(told.problems, told.warnings);
  };

  const line = (each) => {
    const item = document.createElement("li");
    const isHere = each.file === page.dataset.file && each.element;
    if (isHere) item.dataset.element = each.element;
    const place = document.createElement(isHere ? "button" : "strong");
    if (isHere) {
      place.type = "button";
      place.className = "linkish";
      place.addEventListener("click", () => choose(each.element));
    }
    place.textContent = isHere ? each.name : [each.file, each.name].filter(Boolean).join(", ");
    item.append(place, `: ${each.words}`);
    return item;
  };

  const here = (found, kind) => found.filter((each) => each.file === page.dataset.file && each.element).map((each) => ({ ...each, kind }));

  // what stops the draft and what is only to think of are told apart, and so are their marks
  const show = (problems, warnings) => {
    const told = problems.length ? words.wrong.replace("{n}", problems.length) : words.fine;
    const more = warnings.length ? words.advice.replace("{n}", warnings.length) : "";
    page.querySelector("[data-count]").textContent = [told, more].filter(Boolean).join(" ");
    page.dataset.state = problems.length ? "wrong" : "fine";
    page.querySelector("[data-stops]").hidden = !problems.length;
    page.querySelector("[data-advice]").hidden = !warnings.length;
    list.replaceChildren(...problems.map(line));
    page.querySelector("[data-warnings]").replaceChildren(...warnings.map(line));
    mark([...here(problems, "stops"), ...here(warnings, "advice")]);
  };

  const keep = async () => {
    const content = await read();
    if (content !== kept && !page.hasAttribute("data-only-read")) {
      unsaved.keep(content);
      if (!overtaken) {
        saving = save(content).finally(() => (saving = null));
        await saving;
      }
    }
    return content;
  };

  const work = async () => check(await keep());

  const soon = () => {
    if (page.hasAttribute("data-only-read")) return;
    said.textContent = words.saving;
    stop();
    timer = setTimeout(now, SAVE);
  };

  const stop = () => {
    clearTimeout(timer);
    timer = null;
  };

  const now = async () => {
    stop();
    if (busy) await busy;
    busy = work().catch(() => {
      said.textContent = words.failed;
    });
    await busy;
    busy = null;
  };

  waitBeforeLeaving(() => saving || timer, async () => {
    stop();
    await saving?.catch(() => {});
    await keep().catch(() => {});
    return true;
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") now();
  });
  read().then((content) => {
    kept = content;
    if (!page.hasAttribute("data-only-read")) {
      unsaved.offer(content, async (left) => {
        await put(left);
        soon();
      });
    }
    now();
  });
  return { soon, now, tell: (id, how) => tell(page.querySelectorAll(".editor-problems li"), id, how) };
}
