// The Swedish words of the editors that come as packages; what has none is shown as it came.
export function words(swedish) {
  const isSwedish = document.documentElement.lang === "sv";
  const translate = (text, values = {}) =>
    ((isSwedish && (swedish[text] || swedish[plain(`${text}`)])) || text).replace(/{\s*(\w+)\s*}/g, (whole, name) => values[name] ?? whole);
  return { translate: ["value", translate] };
}

// The panel's heading names kinds of elements in other letters than the menus: "Timer Boundary Event (Non Interrupting)".
function plain(text) {
  return `${text.charAt(0)}${text.slice(1).toLowerCase().replace("(non interrupting)", "(non-interrupting)")}`;
}
