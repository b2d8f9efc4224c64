// Leaving by a link waits for what is being saved: the next page would show the draft at a revision that is no longer its own,
// and take the owner's next change there for one made over another owner's.
export function waitBeforeLeaving(isBusy, settled) {
  document.addEventListener("click", async (event) => {
    const link = event.target.closest("a[href]");
    if (!link || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    if (link.target || link.hasAttribute("download") || link.getAttribute("href").startsWith("#") || !isBusy()) return;
    event.preventDefault();
    if (await settled()) location.assign(link.href);
  });
  // a page that the browser kept as it was shows a draft as it was
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
}
