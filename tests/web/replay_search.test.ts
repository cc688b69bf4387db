import assert from "node:assert/strict";
import { test } from "node:test";

import { History } from "../../serve_apps/web/src/replay/history";
import { choices, folded, NO_QUERY, Search } from "../../serve_apps/web/src/replay/search";
import { vector } from "./vector_files";

function opened(name: string): History {
  const { tenant, conversation, steps } = vector(name);
  const history = new History(tenant, conversation);
  history.append(steps.map((step) => step.commit));
  return history;
}

const history = opened("two_handoffs");
const search = new Search(history.entries);
const found = (query: Partial<typeof NO_QUERY>) =>
  search.find({ ...NO_QUERY, ...query }).map((place) => history.entries[place]!.fact.fact);

test("words are found in whatever field they stand, in any order and case", () => {
  assert.deepEqual(found({ text: "DAMAGED box" }), ["NoteAdded.v1"]);
  assert.deepEqual(found({ text: "box damaged" }), ["NoteAdded.v1"]);
  assert.ok(found({ text: "30 days" }).includes("AnswerRecorded.v1"), "a source's quote");
  assert.deepEqual(found({ text: "no such words" }), []);
});

test("accents need not be typed", () => {
  const spanish = opened("supervised");
  const hits = new Search(spanish.entries).find({ ...NO_QUERY, text: "lampara" });
  assert.ok(hits.length > 0);
  assert.equal(folded("¿Está la LÁMPARA?"), "¿esta la lampara?");
});

test("a kind of fact and an operator narrow it", () => {
  assert.equal(found({ type: "ModeChanged.v1" }).length, 7);
  assert.deepEqual(found({ type: "OperatorReplied.v1", operator: "ben" }), ["OperatorReplied.v1"]);
  assert.deepEqual(found({ text: "hello", type: "MessageReceived.v1" }), []);
  const kinds = found({ operator: "ben" });
  assert.ok(kinds.includes("NoteAdded.v1") && kinds.includes("ModeChanged.v1"));
});

test("nothing is asked for, nothing is found", () => {
  assert.deepEqual(found({}), []);
  assert.deepEqual(found({ text: "   " }), []);
});

test("what can be chosen is what there is", () => {
  const { types, operators } = choices(history.entries);
  assert.ok(types.includes("HandoffRequested.v1"));
  assert.ok(!types.includes("DraftProposed.v1"));
  assert.deepEqual([...operators], [["ana", "Ana"], ["ben", "Ben Ölsen"], ["chloe", "Chloé <b>"]]);
});

test("what is appended later is found", () => {
  const { tenant, conversation, steps } = vector("two_handoffs");
  const growing = new History(tenant, conversation);
  const looking = new Search(growing.entries);
  growing.append(steps.slice(0, 5).map((step) => step.commit));
  const before = looking.find({ ...NO_QUERY, text: "damaged" });
  growing.append(steps.map((step) => step.commit));
  assert.deepEqual([before.length, looking.find({ ...NO_QUERY, text: "damaged" }).length], [0, 1]);
});
