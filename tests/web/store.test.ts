import assert from "node:assert/strict";
import { test } from "node:test";

import type { EventFrame, ServerFrame, Welcome } from "../../serve_apps/web/src/protocol";
import { type Action, INITIAL, MAX_REFUSALS, reduce, sendable, type State } from "../../serve_apps/web/src/store";

const WELCOME: Welcome = {
  type: "welcome",
  conversation: "c1",
  token: "t1",
  version: 0,
  mode: "ai",
  limits: { unacknowledged: 2 },
};

/** The state after all of `steps`: frames of the server, or actions. */
function after(...steps: (ServerFrame | Action)[]): State {
  const actions = steps.map((step): Action => (isAction(step) ? step : { type: "frame", frame: step }));
  return actions.reduce(reduce, INITIAL);
}

const ACTIONS = ["status", "frame", "compose", "sent", "timeout", "retry", "discard"];
ACTIONS.push("asked_handoff", "rate", "quiet", "restart");

function isAction(step: ServerFrame | Action): step is Action {
  return ACTIONS.includes(step.type);
}

function visitor(version: number, message: string, index = 0): EventFrame {
  return { type: "event", kind: "visitor_message", version, index, at: 1, message, text: message };
}

function answer(version: number, message: string, index = 0): EventFrame {
  const base = { type: "event", kind: "assistant_message", version, index, at: 1 } as const;
  return { ...base, message, text: message, in_reply_to: [] };
}

function delta(turn: string, index: number, text: string): ServerFrame {
  return { type: "delta", turn, index, text };
}

const compose = (id: string): Action => ({ type: "compose", id, text: id, at: 1 });
const sent = (id: string): Action => ({ type: "sent", id });
const ready: Action = { type: "status", status: "ready" };
const lost: Action = { type: "status", status: "waiting" };
const keys = (state: State) => state.items.map((item) => item.key);
const deliveries = (state: State) => state.outgoing.map((o) => o.delivery);

test("an event that comes twice is shown once", () => {
  assert.deepEqual(keys(after(visitor(1, "a"), answer(2, "b"), visitor(1, "a"), answer(2, "b"))), ["a", "b"]);
});

test("an event without a message that comes twice is shown once", () => {
  const failed: EventFrame = { type: "event", kind: "turn_failed", version: 4, index: 1, at: 1 };
  assert.deepEqual(keys(after(failed, failed)), ["4:1"]);
});

test("a message that comes under another version is shown once", () => {
  assert.deepEqual(keys(after(visitor(1, "a"), visitor(3, "a"))), ["a"]);
});

test("events that come out of order stand as in the log", () => {
  assert.deepEqual(keys(after(answer(3, "c"), visitor(1, "a"), visitor(2, "b", 1), visitor(2, "x", 0))), [
    "a",
    "x",
    "b",
    "c",
  ]);
});

test("the place to go on from is the last event, index and all", () => {
  const state = after(visitor(4, "a", 0), answer(4, "b", 1), visitor(2, "late"));
  assert.deepEqual([state.version, state.index], [4, 1]);
});

test("deltas join up, and the event that follows replaces them", () => {
  const streaming = after(delta("t", 0, "It "), delta("t", 1, "ships"), delta("t", 1, "ships"));
  assert.equal(streaming.stream?.text, "It ships");
  const done = reduce(streaming, { type: "frame", frame: answer(2, "b") });
  assert.equal(done.stream, null);
  assert.deepEqual(keys(done), ["b"]);
});

test("a new turn, or index 0 again, begins the text anew", () => {
  assert.equal(after(delta("t", 0, "old"), delta("u", 0, "new")).stream?.text, "new");
  assert.equal(after(delta("t", 0, "old"), delta("t", 1, "er"), delta("t", 0, "again")).stream?.text, "again");
});

test("after a gap no text is put together that was never written so", () => {
  const state = after(delta("t", 0, "It "), delta("t", 2, "days"), delta("t", 3, "."));
  assert.equal(state.stream?.text, "It ");
  assert.equal(after(delta("t", 5, "middle")).stream?.text, "");
});

test("a second message while an answer streams takes the half answer away", () => {
  const state = after(visitor(1, "a"), delta("t", 0, "half"), visitor(2, "b"));
  assert.equal(state.stream, null);
  assert.equal(state.awaiting, true);
});

test("no more messages fly than the server allows, and the next follows an acknowledgement", () => {
  const full = after(WELCOME, ready, compose("a"), compose("b"), compose("c"), sent("a"), sent("b"));
  assert.deepEqual(sendable(full), []);
  const freed = reduce(full, { type: "frame", frame: { type: "accepted", id: "a", version: 1 } });
  assert.deepEqual(sendable(freed).map((o) => o.id), ["c"]);
});

test("nothing is sent before the welcome", () => {
  assert.deepEqual(sendable(after(compose("a"))), []);
});

test("what flew when the socket was lost goes again under its own id, what was accepted does not", () => {
  const state = after(
    WELCOME,
    ready,
    compose("a"),
    compose("b"),
    sent("a"),
    sent("b"),
    { type: "accepted", id: "a", version: 1 },
    lost,
    ready,
  );
  assert.deepEqual(deliveries(state), ["accepted", "queued"]);
  assert.deepEqual(sendable(state).map((o) => o.id), ["b"]);
});

test("my own message leaves the outbox when the log shows it", () => {
  const state = after(WELCOME, ready, compose("a"), sent("a"), visitor(1, "a"));
  assert.deepEqual(state.outgoing, []);
  assert.deepEqual(keys(state), ["a"]);
});

test("a message that the log has already shown is not composed again", () => {
  assert.deepEqual(after(visitor(1, "a"), compose("a")).outgoing, []);
});

test("an acknowledgement that comes after the answer owes no second one", () => {
  const state = after(compose("a"), visitor(1, "a"), answer(2, "b"), { type: "accepted", id: "a", version: 1 });
  assert.equal(state.awaiting, false);
});

test("a rejected message can be tried again under the same id", () => {
  const no: ServerFrame = { type: "rejected", id: "a", code: "message_length" };
  const failed = after(WELCOME, ready, compose("a"), sent("a"), no);
  assert.deepEqual(deliveries(failed), ["failed"]);
  assert.equal(failed.outgoing[0]?.code, "message_length");
  const again = reduce(failed, { type: "retry", id: "a" });
  assert.deepEqual(sendable(again).map((o) => o.id), ["a"]);
  assert.equal(again.outgoing[0]?.code, undefined);
});

test("a message refused for the moment rests, and fails only when that is said too often", () => {
  const no: ServerFrame = { type: "rejected", id: "a", code: "unavailable" };
  let state = after(WELCOME, ready, compose("a"));
  for (let n = 0; n < MAX_REFUSALS; n += 1) {
    state = [sent("a"), { type: "frame", frame: no } as Action].reduce(reduce, state);
    assert.deepEqual(deliveries(state), ["resting"]);
    assert.deepEqual(sendable(state), []);
    state = reduce(state, { type: "retry", id: "a" });
  }
  state = [sent("a"), { type: "frame", frame: no } as Action].reduce(reduce, state);
  assert.deepEqual(deliveries(state), ["failed"]);
});

test("a time-out that comes after the acknowledgement changes nothing", () => {
  const state = after(ready, compose("a"), sent("a"), { type: "accepted", id: "a", version: 1 }, { type: "timeout", id: "a" });
  assert.deepEqual(deliveries(state), ["accepted"]);
});

test("a late acknowledgement mends a message that was given up", () => {
  const state = after(ready, compose("a"), sent("a"), { type: "timeout", id: "a" }, { type: "accepted", id: "a", version: 1 });
  assert.deepEqual(deliveries(state), ["accepted"]);
});

test("a welcome to another conversation clears the screen but keeps what is unsent", () => {
  const state = after(WELCOME, visitor(1, "a"), compose("b"), { ...WELCOME, conversation: "c2" });
  assert.deepEqual(keys(state), []);
  assert.deepEqual(state.outgoing.map((o) => o.id), ["b"]);
  assert.equal(state.version, 0);
});

test("a person who takes over ends the stream and is named", () => {
  const taken = { type: "event", kind: "mode", version: 5, index: 0, at: 1 } as const;
  const state = after(WELCOME, visitor(1, "a"), delta("t", 0, "half"), { ...taken, mode: "human", operator: "Ana" });
  assert.equal(state.stream, null);
  assert.equal(state.operator, "Ana");
  assert.equal(state.awaiting, false);
  const back = reduce(state, { type: "frame", frame: { ...taken, version: 6, mode: "ai" } });
  assert.deepEqual(
    back.items.map((item) => (item.kind === "notice" ? item.notice : item.kind)),
    ["visitor", "human", "ai"],
  );
});

test("a request for a person is a notice and can be made once", () => {
  const asked = after(WELCOME, { type: "asked_handoff" });
  assert.equal(asked.handoff, "asked");
  const state = reduce(asked, {
    type: "frame",
    frame: { type: "event", kind: "mode", version: 2, index: 0, at: 1, handoff: "requested" },
  });
  assert.equal(state.handoff, "requested");
  assert.equal(state.mode, "ai");
  assert.equal(reduce(state, { type: "asked_handoff" }), state);
});

test("a kind of event that a later server sends moves the place and shows nothing", () => {
  const state = after({ type: "event", kind: "party", version: 9, index: 2, at: 1 } as never);
  assert.deepEqual([state.items.length, state.version, state.index], [0, 9, 2]);
});

test("untouched items stay the same objects", () => {
  const first = after(visitor(1, "a"));
  const second = reduce(first, { type: "frame", frame: answer(2, "b") });
  assert.equal(second.items[0], first.items[0]);
});
