/** The vectors that tests/web/make_vectors.py made with the server's own decider. */

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { Commit } from "../../serve_apps/web/src/wire/facts";

/** The tests run in serve_apps/web (`npm test`), wherever they were built to. */
const FOLDER = join(process.cwd(), "../../tests/web/vectors");

export interface Step {
  commit: Commit;
  fingerprint: string;
  visible: Record<string, unknown>[];
  state?: unknown;
}

export interface Vector {
  name: string;
  tenant: string;
  conversation: string;
  steps: Step[];
}

export function vectors(): Vector[] {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith(".json"));
  return names.map((name) => JSON.parse(readFileSync(join(FOLDER, name), "utf8")) as Vector);
}

export function vector(name: string): Vector {
  return JSON.parse(readFileSync(join(FOLDER, `${name}.json`), "utf8")) as Vector;
}

export function exportedLines(name: string): string {
  return readFileSync(join(FOLDER, `${name}.jsonl`), "utf8");
}

export function jsonLines(name: string): unknown[] {
  return exportedLines(name).trim().split("\n").map((line): unknown => JSON.parse(line));
}

/** As make_vectors.py takes it: of JSON with sorted names and no spaces. */
export function fingerprint(value: unknown): string {
  return createHash("sha256").update(sorted(value)).digest("hex").slice(0, 16);
}

function sorted(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sorted).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, inner]) => `${JSON.stringify(name)}:${sorted(inner)}`).join(",")}}`;
}
