import assert from "node:assert/strict";
import { test } from "node:test";

import type { Commit, ConversationFact } from "../../serve_apps/web/src/wire/facts";
import { fold } from "../../serve_apps/web/src/shared/fold";
import { initial, type State } from "../../serve_apps/web/src/shared/state";
import { CELL, dots } from "../../serve_apps/web/src/replay/marks";
import { versionAxis, WHOLE } from "../../serve_apps/web/src/replay/axis";
import { CHECKPOINT_EVERY, History } from "../../serve_apps/web/src/replay/history";
import { Spans } from "../../serve_apps/web/src/replay/spans";
import { sections } from "../../serve_apps/web/src/replay/statetree";
import { outcomeAt, Turns } from "../../serve_apps/web/src/replay/turns";
import { VisitorSide } from "../../serve_apps/web/src/replay/visitor";
import { fingerprint, type Vector, vector, vectors } from "./vector_files";

function historyOf({ tenant, conversation, steps }: Vector): History {
  const history = new History(tenant, conversation);
  history.append(steps.map((step) => step.commit));
  return history;
}

function commit(number: number, ...facts: ConversationFact[]): Commit {
  const link = { hash: `h${number}`, previous_hash: number > 1 ? `h${number - 1}` : "" };
  return { conversation: "c", version: number * 3, number, commit: `x${number}`, ...link, facts };
}

function message(n: number): ConversationFact {
  return { fact: "MessageReceived.v1", at: n * 1000, message: `m${n}`, text: `message ${n}` };
}

test("State at any position is the fold of all before it, in whatever order it is asked for", () => {
  for (const one of vectors()) {
    const history = historyOf(one);
    const folded: State[] = [initial(one.tenant, one.conversation)];
    for (const step of one.steps) folded.push(fold(folded.at(-1)!, step.commit));
    const prints = folded.map(fingerprint);
    let at = 0;
    for (let asked = 0; asked < folded.length * 3; asked += 1) {
      at = (at * 7 + 13 * asked + 1) % folded.length;
      assert.equal(fingerprint(history.stateAt(at)), prints[at], `${one.name} at ${at}`);
    }
  }
});

test("checkpoints keep every version near", () => {
  const history = new History("demo", "c");
  const many = Array.from({ length: CHECKPOINT_EVERY * 5 + 7 }, (_, at) => commit(at + 1, message(at + 1)));
  history.append(many);
  for (const at of [0, 1, 99, 100, 101, 250, 499, 500, 507])
    assert.equal(history.stateAt(at).version, at * 3);
  assert.equal(history.stateAt(250).memory.window.at(-1)?.message, "m250");
});

test("a version leads to the last commit up to it", () => {
  const history = new History("demo", "c");
  history.append([commit(1, message(1)), commit(2, message(2)), commit(3, message(3))]);
  const found = [0, 2, 3, 5, 6, 9, 1e9].map((version) => history.positionOf(version));
  assert.deepEqual(found, [0, 0, 1, 1, 2, 3, 3]);
});

test("a commit that comes twice is taken once", () => {
  const history = new History("demo", "c");
  history.append([commit(1, message(1))]);
  assert.equal(history.append([commit(1, message(1)), commit(2, message(2))]), 1);
  assert.deepEqual(history.entries.map((entry) => entry.position), [1, 2]);
});

test("a hole and a fork in the chain are faults where they are found", () => {
  const history = new History("demo", "c");
  history.append([commit(1, message(1)), commit(3, message(3))]);
  const forged = { ...commit(4, message(4)), previous_hash: "other" };
  history.append([forged]);
  assert.deepEqual(history.faults.map((fault) => fault.position), [2, 3]);
  assert.match(history.faultAt(2), /hole/);
  assert.match(history.faultAt(3), /fork/);
  assert.equal(history.faultAt(1), "");
});

test("a fact from the future is a fault, and what comes after it still folds", () => {
  const history = new History("demo", "c");
  const unknown = { fact: "Sneezed.v9", at: 2 } as unknown as ConversationFact;
  history.append([commit(1, message(1)), commit(2, unknown), commit(3, message(3))]);
  assert.match(history.faultAt(2), /Sneezed\.v9/);
  assert.equal(history.stateAt(3).memory.window.length, 2);
});

test("the visitor's side at a version is what the server shows up to it", () => {
  for (const one of vectors()) {
    const history = historyOf(one);
    const side = new VisitorSide();
    side.follow(history);
    const shown: string[] = [];
    one.steps.forEach((step, at) => {
      for (const frame of step.visible) {
        if (["mode", "status", "rated"].includes(String(frame["kind"]))) continue;
        shown.push(String(frame["text"] ?? frame["reason"] ?? ""));
      }
      const items = side.items.slice(0, side.countAt(at + 1));
      assert.equal(items.length, shown.length, `${one.name} at ${at + 1}`);
      const texts = items.filter((item) => "text" in item).map((item) => "text" in item && item.text);
      assert.deepEqual(texts, shown.filter((_, i) => "text" in items[i]!));
      assert.equal(side.standingAt(at + 1).mode, history.stateAt(at + 1).mode);
      assert.equal(side.standingAt(at + 1).resolved, history.stateAt(at + 1).resolved);
    });
  }
});

test("turns know what came of them at each moment", () => {
  const history = historyOf(vector("supervised"));
  const turns = new Turns();
  for (const entry of history.entries) turns.take(entry);
  const kinds = turns.all.map((turn) => outcomeAt(turn, history.length).kind);
  for (const kind of ["waiting", "approved", "edited", "rejected", "void", "failed"] as const)
    if (kind !== "waiting") assert.ok(kinds.includes(kind), `${kind} in ${kinds.join(" ")}`);
  const edited = turns.all.find((turn) => outcomeAt(turn, history.length).kind === "edited")!;
  assert.equal(outcomeAt(edited, edited.begun).kind, "running");
  assert.equal(outcomeAt(edited, edited.end!.position).kind, "waiting");
  assert.equal(outcomeAt(edited, edited.draftEnd!.position).kind, "edited");
  assert.match(edited.published!.fact.text, /hábiles/);
  assert.equal(turns.at(edited.begun), edited);
});

test("a handoff belongs to the turn that it ended", () => {
  const history = historyOf(vector("two_handoffs"));
  const turns = new Turns();
  for (const entry of history.entries) turns.take(entry);
  const called = turns.all.filter((turn) => turn.handoffs.length);
  assert.deepEqual(called.map((turn) => turn.handoffs[0]!.fact.reason), ["visitor_words", "distress"]);
  assert.equal(outcomeAt(called[0]!, history.length).kind, "cancelled");
});

test("spans tell who owned the conversation, and how long a person was awaited", () => {
  const history = historyOf(vector("two_handoffs"));
  const spans = new Spans();
  for (const entry of history.entries) spans.take(entry);
  const owners = spans.all.filter((span) => span.kind === "owner").map((span) => span.label);
  assert.deepEqual(owners, ["Ana", "Ben Ölsen", "Ana", "Chloé <b>"]);
  const waits = spans.all.filter((span) => span.kind === "waiting");
  assert.equal(waits.length, 3);
  assert.ok(waits.every((span) => span.to !== null));
});

test("State's rows show what changed since the version before, and nothing else", () => {
  const history = historyOf(vector("two_handoffs"));
  const at = history.entries.find((entry) => entry.fact.fact === "ModeChanged.v1")!.position;
  const shown = sections(history.stateAt(at), history.stateAt(at - 1));
  const changed = shown.flatMap((section) => section.rows.filter((row) => row.change));
  const keys = changed.map((row) => row.key);
  for (const key of ["mode", "epoch", "operator", "handoff", "version"]) assert.ok(keys.includes(key), key);
  assert.ok(!keys.includes("rating"));
  const epoch = changed.find((row) => row.key === "epoch")!;
  assert.deepEqual([epoch.was, epoch.value], ["1", "2"]);
  const nothing = sections(history.stateAt(at), history.stateAt(at));
  assert.equal(nothing.reduce((sum, section) => sum + section.changes, 0), 0);
});

test("a picture of 10,000 facts has no more marks than it has room for", () => {
  const history = new History("demo", "c");
  const many = Array.from({ length: 10_000 }, (_, at) => commit(at + 1, message(at + 1)));
  history.append(many);
  const found = dots(history.entries, versionAxis(history.length), WHOLE, 1000);
  assert.ok(found.length <= 1000 / CELL + 2, String(found.length));
  assert.equal(found.reduce((sum, dot) => sum + dot.count, 0), 10_000);
});
