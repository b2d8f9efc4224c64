// Bundles everything that runs as JavaScript: what the engine loads into V8, and what pages load into browsers.
// Run by hatch_build.py; by hand: `node build.js`.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { stylePatches } from "./src/editor/style_patches.js";
import { feelinPatches } from "./src/engine/feelin_patches.js";

const HERE = dirname(fileURLToPath(import.meta.url));

// One line per bundle that V8 loads: name -> source. Written as service/engine/build/<name>.js.
const ENGINE = {
  engine: "src/engine/feel.js",
  tooling: "src/engine/tooling.js",
};

// One line per script of the pages: name -> source. A style sheet imported by the source comes out beside it.
// Templates ask manifest.json for "<name>.js" and "<name>.css".
const PAGES = {
  app: "src/app/app.js",
  case: "src/case/case.js",
  findings: "src/editor/findings.js",
  trace: "src/case/trace.js",
  form: "src/editor/form.js",
  modeler: "src/editor/modeler.js",
  source: "src/editor/source.js",
  table: "src/editor/table.js",
};

// One line per file that pages load as it is.
const COPIES = {
  "htmx.js": "node_modules/htmx.org/dist/htmx.min.js",
};

const ENGINE_OUT = resolve(HERE, "../service/engine/build");
const PAGES_OUT = resolve(HERE, "../service/web/static/build");

const common = {
  absWorkingDir: HERE,
  bundle: true,
  charset: "utf8",
  legalComments: "eof",
  logLevel: "warning",
  minify: true,
  target: "es2022",
  write: false,
};

function hashed(name, contents) {
  const digest = createHash("sha256").update(contents).digest("hex").slice(0, 12);
  const dot = name.lastIndexOf(".");
  return `${name.slice(0, dot)}-${digest}${name.slice(dot)}`;
}

// Files with hashed names are added first and the manifest last, so a server that runs meanwhile never misses one.
async function settle(folder, files) {
  await mkdir(folder, { recursive: true });
  for (const [name, contents] of files) await writeFile(join(folder, name), contents);
  const wanted = new Set(files.map(([name]) => name));
  for (const name of await readdir(folder)) {
    if (!wanted.has(name) && name !== ".stamp") await rm(join(folder, name), { recursive: true });
  }
}

// The licences of every package that went into the bundles: their authors ask that they go along.
async function licences(inputs) {
  const names = inputs.map((path) => path.match(/.*node_modules\/((?:@[^/]+\/)?[^/]+)\//)?.[1]);
  const packages = new Set(names.filter(Boolean));
  const texts = [];
  for (const name of [...packages].sort()) {
    const folder = join(HERE, "node_modules", name);
    const { version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const file = (await readdir(folder)).find((each) => /^licen[cs]e/i.test(each));
    const text = file ? await readFile(join(folder, file), "utf8") : "";
    texts.push(`${name} ${version} (${license})\n\n${text.trim()}\n`);
  }
  return ["licences.txt", texts.join(`\n${"-".repeat(80)}\n\n`)];
}

async function engine() {
  const result = await build({
    ...common,
    entryPoints: ENGINE,
    banner: { js: '"use strict";' },
    format: "iife",
    metafile: true,
    outdir: ENGINE_OUT,
    platform: "neutral",
    mainFields: ["module", "main"],
    plugins: [feelinPatches],
  });
  const files = result.outputFiles.map((file) => [file.path.slice(ENGINE_OUT.length + 1), file.contents]);
  files.push(await licences(Object.keys(result.metafile.inputs)));
  await settle(ENGINE_OUT, files);
}

async function pages() {
  const result = await build({
    ...common,
    assetNames: "[name]-[hash]",
    chunkNames: "chunk-[hash]",
    entryNames: "[name]-[hash]",
    entryPoints: PAGES,
    format: "esm",
    loader: { ".svg": "file", ".woff": "file", ".woff2": "file", ".ttf": "file", ".eot": "empty" },
    metafile: true,
    outdir: PAGES_OUT,
    plugins: [stylePatches],
    splitting: true,
  });
  const files = result.outputFiles.map((file) => [file.path.slice(PAGES_OUT.length + 1), file.contents]);
  const manifest = {};
  for (const [path, output] of Object.entries(result.metafile.outputs)) {
    const file = path.slice(path.lastIndexOf("/") + 1);
    const name = Object.keys(PAGES).find((each) => PAGES[each] === output.entryPoint);
    if (!name) continue;
    manifest[`${name}.js`] = file;
    if (output.cssBundle) manifest[`${name}.css`] = output.cssBundle.slice(output.cssBundle.lastIndexOf("/") + 1);
  }
  for (const [name, source] of Object.entries(COPIES)) {
    const contents = await readFile(join(HERE, source));
    manifest[name] = hashed(name, contents);
    files.push([manifest[name], contents]);
  }
  files.push(await licences([...Object.keys(result.metafile.inputs), ...Object.values(COPIES)]));
  files.push(["manifest.json", JSON.stringify(manifest, null, 2) + "\n"]);
  await settle(PAGES_OUT, files);
}

for (const source of [...Object.values(ENGINE), ...Object.values(PAGES), ...Object.values(COPIES)]) {
  if (!existsSync(join(HERE, source))) throw new Error(`${source} is not there`);
}
await engine();
await pages();
