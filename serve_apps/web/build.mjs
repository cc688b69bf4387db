/**
 * Builds `dist/` (or the folder that is named as its argument): the widget as one minified file,
 * the operators' pages (console, replay, knowledge), the static pages, and the API docs' viewer.
 * Fails when the widget is heavier than a page should have to bear.
 */

import { cpSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const MAX_GZIP_BYTES = 20 * 1024;

const here = dirname(fileURLToPath(import.meta.url));
const dist = resolve(process.argv[2] ?? join(here, "dist"));

/** Spaces and line ends in the style sheet cost bytes and say nothing. */
const tightStyles = {
  name: "tight-styles",
  setup(bundle) {
    bundle.onLoad({ filter: /styles\.ts$/ }, async ({ path }) => {
      const source = readFileSync(path, "utf8");
      const sheet = /const CSS = `([^`]*)`;/.exec(source);
      if (!sheet) throw new Error("styles.ts must hold its sheet in `const CSS = ...`");
      const { transform } = await import("esbuild");
      const { code } = await transform(sheet[1], { loader: "css", minify: true });
      return {
        contents: source.replace(sheet[0], () => `const CSS = ${JSON.stringify(code.trim())};`),
        loader: "ts",
      };
    });
  },
};

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
cpSync(join(here, "static"), dist, { recursive: true });

await build({
  entryPoints: [join(here, "src/widget/main.ts")],
  outfile: join(dist, "widget.js"),
  bundle: true,
  minify: true,
  format: "iife",
  target: ["es2022", "chrome111", "firefox113", "safari16.4"],
  legalComments: "none",
  plugins: [tightStyles],
});

/** The operators' pages: one script and one style sheet each, Preact inside. */
await build({
  entryPoints: {
    console: join(here, "src/console/main.tsx"),
    replay: join(here, "src/replay/main.tsx"),
    knowledge: join(here, "src/knowledge/main.tsx"),
  },
  outdir: dist,
  bundle: true,
  minify: true,
  format: "iife",
  jsx: "automatic",
  jsxImportSource: "preact",
  target: ["es2022", "chrome111", "firefox113", "safari16.4"],
  legalComments: "none",
});

const swagger = join(here, "node_modules/swagger-ui-dist");
for (const name of ["swagger-ui-bundle.js", "swagger-ui.css", "LICENSE"])
  cpSync(join(swagger, name), join(dist, "swagger", name));

const widget = readFileSync(join(dist, "widget.js"));
const gzip = gzipSync(widget, { level: 9 }).length;
const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;
console.log(`widget.js: ${kib(widget.length)} raw, ${kib(gzip)} gzip (limit ${kib(MAX_GZIP_BYTES)})`);
if (gzip > MAX_GZIP_BYTES) {
  console.error("widget.js is too heavy");
  process.exit(1);
}
