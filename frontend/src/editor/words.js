// The Swedish words of the editors that come as packages; what has none is shown as it came.
export function words(swedish) {
  const isSwedish = document.documentElement.lang === "sv";
  const translate = (text, values = {}) =>
    ((isSwedish && swedish[text]) || text).replace(/{\s*(\w+)\s*}/g, (whole, name) => values[name] ?? whole);
  return { translate: ["value", translate] };
}
