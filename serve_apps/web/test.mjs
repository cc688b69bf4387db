/**
 * Runs the widget's own tests (`tests/web/*.test.ts`) with node's test runner; esbuild turns
 * them into plain JavaScript first. They need no browser: the parts that do are driven in one
 * by the Python tests beside them.
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const tests = join(dirname(fileURLToPath(import.meta.url)), "../../tests/web");
const built = mkdtempSync(join(tmpdir(), "tandem-web-tests-"));

try {
  await build({
    entryPoints: readdirSync(tests)
      .filter((name) => name.endsWith(".test.ts"))
      .map((name) => join(tests, name)),
    outdir: built,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    sourcemap: "inline",
  });
  const files = readdirSync(built).map((name) => join(built, name));
  const args = ["--enable-source-maps", "--test", "--test-reporter=spec", ...files];
  const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
  process.exitCode = status ?? 1;
} finally {
  rmSync(built, { recursive: true, force: true });
}
