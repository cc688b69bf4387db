import assert from "node:assert/strict";
import { test } from "node:test";

import { fold } from "../../serve_apps/web/src/shared/fold";
import { initial } from "../../serve_apps/web/src/shared/state";
import { linesOf, parseLines } from "../../serve_apps/web/src/replay/jsonl";
import { exportedLines, vector, vectors } from "./vector_files";

const TEXT = exportedLines("two_handoffs");
const LINES = TEXT.trim().split("\n");

/** The export with one line changed (from 1); null takes it out. */
function withLine(n: number, change: (line: Record<string, unknown>) => unknown): string {
  const changed = LINES.map((line, at) => {
    if (at + 1 !== n) return line;
    const made = change(JSON.parse(line) as Record<string, unknown>);
    return typeof made === "string" ? made : JSON.stringify(made);
  });
  return changed.filter((line) => line !== "").join("\n");
}

test("an export is read whole, and its State is the one that its facts fold to", () => {
  const read = parseLines(TEXT);
  assert.deepEqual(read.problems, []);
  assert.equal(read.sameState, true);
  assert.equal(read.conversation, "two-handoffs");
  const commits = vector("two_handoffs").steps.map((step) => step.commit);
  assert.deepEqual(read.commits.map((one) => one.facts), commits.map((one) => one.facts));
  assert.deepEqual(read.commits.map((one) => one.version), commits.map((one) => one.version));
});

test("what is written from commits is read as the same commits", () => {
  for (const { tenant, conversation, steps } of vectors()) {
    const commits = steps.map((step) => step.commit);
    const state = commits.reduce(fold, initial(tenant, conversation));
    const read = parseLines(linesOf(commits, state));
    assert.deepEqual(read.problems, [], conversation);
    assert.equal(read.sameState, true);
    assert.deepEqual(read.commits.map((one) => one.facts), commits.map((one) => one.facts));
  }
});

const WRONG: [what: string, n: number, change: (line: Record<string, unknown>) => unknown, says: RegExp][] = [
  ["no JSON", 7, () => "{oops", /is no JSON/],
  ["a list", 7, () => [], /no JSON object/],
  ["a version that is text", 7, (line) => ({ ...line, version: "7" }), /"version"/],
  ["an older version", 7, (line) => ({ ...line, version: 1, index: 0 }), /version 1, after version/],
  ["a commit that begins in its middle", 4, (line) => ({ ...line, index: 3 }), /index 3/],
  ["no hash", 7, (line) => ({ ...line, hash: undefined }), /"hash"/],
  ["a fact without its text", 2, (line) => ({ ...line, text: undefined }), /MessageReceived\.v1 has no string in "text"/],
  ["answers that are no list", 3, (line) => ({ ...line, answers: "m1" }), /list of texts in "answers"/],
  ["sources that are no sources", 4, (line) => ({ ...line, sources: [{ n: 1 }] }), /"sources"/],
  [
    "a place that is text",
    4,
    (line) => ({
      ...line,
      sources: [{ n: 1, chunk: "c", document: "d", title: "t", quote: "q", place: "page 3" }],
    }),
    /"sources"/,
  ],
  ["a cost that is text", 4, (line) => ({ ...line, cost: { latency_ms: "x" } }), /"cost"/],
  ["a score that is an object", 6, (line) => ({ ...line, operator_name: {} }), /"operator_name"/],
];

for (const [what, n, change, says] of WRONG)
  test(`${what} stops the reading at its line, and what came before can be looked at`, () => {
    const read = parseLines(withLine(n, change));
    assert.equal(read.problems.length, 1, JSON.stringify(read.problems));
    assert.equal(read.problems[0]!.line, n);
    assert.ok(read.problems[0]!.stops);
    assert.match(read.problems[0]!.what, says);
    assert.ok(read.commits.length > 0 && read.commits.length < 10);
  });

test("a line that was taken out is found by the chain, and the rest is read", () => {
  const at = LINES.findIndex((line) => line.includes("NoteAdded"));
  const read = parseLines(LINES.filter((_, place) => place !== at).join("\n"));
  const [hole, state] = read.problems;
  assert.match(hole!.what, /a hole/);
  assert.equal(hole!.line, at + 1);
  assert.ok(!hole!.stops);
  assert.match(state!.what, /State differs/);
  assert.equal(read.sameState, false);
});

test("a hash that was changed is a fork at the line after it", () => {
  const read = parseLines(withLine(4, (line) => ({ ...line, hash: "0".repeat(64) })));
  assert.match(read.problems[0]!.what, /a fork/);
  assert.equal(read.problems[0]!.line, 5);
});

test("a text that was changed shows in the State", () => {
  const read = parseLines(withLine(2, (line) => ({ ...line, text: "forged" })));
  assert.match(read.problems[0]!.what, /State differs from what the facts fold to, at memory\.window\.0\.text/);
});

test("a newer fact is told of and kept", () => {
  const text = withLine(2, (line) => ({ ...line, fact: "Sneezed.v9" }));
  const read = parseLines(text);
  assert.match(read.problems[0]!.what, /Sneezed\.v9/);
  assert.equal(read.commits.length, vector("two_handoffs").steps.length);
});

test("files that are none of ours are said to be so", () => {
  assert.match(parseLines("").problems[0]!.what, /holds no fact/);
  assert.match(parseLines("hello\nworld").problems[0]!.what, /is no JSON/);
  assert.match(parseLines(LINES.slice(3).join("\n")).problems[0]!.what, /stands where|follows|begin/);
  const windows = parseLines(`\ufeff${TEXT.replaceAll("\n", "\r\n")}`);
  assert.deepEqual(windows.problems, []);
});
