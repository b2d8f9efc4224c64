// The editors' packages write a few styles into the page, which its policy refuses: they go, or go another way,
// and editor.css says the same.
import { readFile } from "node:fs/promises";

// Where, what stands there, and what stands there instead: less style, and a logo that is a plain link.
const STYLES = [
  [/bpmn-js-properties-panel[\\/]dist[\\/]index\.esm\.js$/, 'style="height: 100%" '],
  [/dmn-js-shared[\\/]lib[\\/]util[\\/]PoweredByUtil\.js$/, "'style=\"position: absolute; bottom: 15px; right: 15px; z-index: 100;\">'", "'>'"],
  [/dmn-js-shared[\\/]lib[\\/]util[\\/]PoweredByUtil\.js$/, ' style="vertical-align:middle"'],
  [
    /dmn-js-shared[\\/]lib[\\/]util[\\/]PoweredByUtil\.js$/,
    `domEvent.bind(linkElement, 'click', function (event) {
    open();
    event.preventDefault();
  });`,
  ],
  [/style-mod[\\/]src[\\/]style-mod\.js$/, "!root.head && root.adoptedStyleSheets", "root.adoptedStyleSheets"],
  [/feel-editor[\\/]dist[\\/]index\.js$/, "domify(builtin.info)", 'domify(builtin.info.replace(/ style="[^"]*"/g, ""))'],
  [
    /dmn-js-decision-table[\\/]lib[\\/]features[\\/]drag-and-drop[\\/]DragAndDrop\.js$/,
    `<span style="
          visibility: hidden;
          position: fixed;
          top: -10000px
      "></span>`,
    '<span class="drag-image"></span>',
  ],
];

export const stylePatches = {
  name: "style-patches",
  setup(build) {
    build.onLoad({ filter: /dmn-js|properties-panel|style-mod|feel-editor/ }, async ({ path }) => {
      const patches = STYLES.filter(([file]) => file.test(path));
      if (!patches.length) return undefined;
      let contents = await readFile(path, "utf8");
      for (const [, style, instead = ""] of patches) {
        if (contents.split(style).length !== 2) throw new Error(`${path} has changed; cannot patch its style`);
        contents = contents.replace(style, () => instead);
      }
      return { contents, loader: "js" };
    });
  },
};
