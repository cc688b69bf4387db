import assert from "node:assert/strict";
import { test } from "node:test";

import type { ConversationFact } from "../../serve_apps/web/src/wire/facts";
import { fold, UnknownFact } from "../../serve_apps/web/src/shared/fold";
import { markdownToHtml } from "../../serve_apps/web/src/shared/markdown";
import { codePoints, firstPoints, withoutFirst } from "../../serve_apps/web/src/shared/memory";
import { differences, initial, type State, wholeState } from "../../serve_apps/web/src/shared/state";
import { visible } from "../../serve_apps/web/src/shared/visible";
import { fingerprint, jsonLines, vectors } from "./vector_files";

const VECTORS = vectors();

test("there are vectors, and they hold every kind of fact", () => {
  const tags = new Set(VECTORS.flatMap((v) => v.steps.flatMap((s) => s.commit.facts.map((f) => f.fact))));
  assert.equal(tags.size, 20, [...tags].sort().join(" "));
});

for (const { name, tenant, conversation, steps } of VECTORS) {
  test(`${name}: the State is the server's at every version`, () => {
    let state: State = initial(tenant, conversation);
    for (const step of steps) {
      state = fold(state, step.commit);
      const { version } = step.commit;
      if (step.state) assert.deepEqual(differences(state, step.state), [], `version ${version}`);
      const hint = `python tests/web/make_vectors.py show ${name} ${version}`;
      assert.equal(fingerprint(wholeState(state)), step.fingerprint, `version ${version}: ${hint}`);
    }
  });

  test(`${name}: the visitor sees of every commit what the server shows`, () => {
    for (const { commit, visible: shown } of steps) {
      const frames = visible(commit).map((frame) => ({ ...frame }) as Record<string, unknown>);
      assert.deepEqual(frames.map(tidied), shown.map(tidied), `version ${commit.version}`);
    }
  });
}

/** The server's sanitiser and ours may space the same tags differently. */
function tidied(frame: Record<string, unknown>): Record<string, unknown> {
  return "html" in frame ? { ...frame, html: tidy(String(frame["html"])) } : frame;
}

function tidy(html: string): string {
  return html
    .replace(/<a [^>]*?(href="[^"]*")[^>]*>/g, "<a $1>")
    .replace(/<a (?!href)[^>]*>([^]*?)<\/a>/g, "$1")
    .replace(/&quot;/g, '"')
    .replace(/&nbsp;/g, "\u00a0")
    .replace(/\s*\n\s*/g, "\n")
    .replace(/\n(?=<)|(?<=>)\n/g, "")
    .replace(/ (?=<\/p>)/g, "");
}

test("a model's Markdown is shown as the server shows it", () => {
  const samples = jsonLines("markdown") as { text: string; html: string }[];
  assert.ok(samples.length > 20);
  for (const { text, html } of samples) assert.equal(tidy(markdownToHtml(text)), tidy(html), text);
});

test("the State does not change when one is folded on from it", () => {
  const { tenant, conversation, steps } = VECTORS[0]!;
  let state = initial(tenant, conversation);
  const before: [State, string][] = [];
  for (const { commit } of steps) {
    before.push([state, fingerprint(state)]);
    state = fold(state, commit);
  }
  for (const [was, print] of before) assert.equal(fingerprint(was), print);
});

test("a difference is named by its path", () => {
  const state = initial("demo", "c");
  const other = { ...state, epoch: 2, memory: { ...state.memory, summary: "x" } };
  assert.deepEqual(differences(state, other), ["epoch", "memory.summary"]);
  assert.deepEqual(differences(state, { tenant: "demo", conversation: "c" }), []);
});

test("a fact that this page does not know is refused by its name", () => {
  const fact = { fact: "Sneezed.v1", at: 1 } as unknown as ConversationFact;
  assert.throws(() => fold(initial("demo", "c"), { version: 1, facts: [fact] }), UnknownFact);
});

test("lengths are code points", () => {
  assert.equal(codePoints("a💡b"), 3);
  assert.equal(firstPoints("a💡b", 2), "a💡");
  assert.equal(withoutFirst("a💡b", 1), "💡b");
  assert.equal(withoutFirst("💡b", 1), "b");
  assert.equal(firstPoints("💡", 1), "💡");
});
