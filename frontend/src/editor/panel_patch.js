// The properties panel writes one style attribute, which the pages' policy refuses; editor.css says the same.
import { readFile } from "node:fs/promises";

const STYLE = '<div style="height: 100%" tabindex="-1" class="bio-properties-panel-container">';

export const panelPatch = {
  name: "panel-patch",
  setup(build) {
    build.onLoad({ filter: /bpmn-js-properties-panel[\\/]dist[\\/]index\.esm\.js$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      if (source.split(STYLE).length !== 2) throw new Error("the properties panel has changed; cannot patch its style");
      return { contents: source.replace(STYLE, STYLE.replace('style="height: 100%" ', "")), loader: "js" };
    });
  },
};
