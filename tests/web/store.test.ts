import assert from "node:assert/strict";
import { test } from "node:test";

import type { EventFrame, ServerFrame, Welcome } from "../../serve_apps/web/src/wire/protocol";
import { wishOf } from "../../serve_apps/web/src/widget/state";
import { type Action, INITIAL, MAX_REFUSALS, reduce, sendable, type State } from "../../serve_apps/web/src/widget/store";

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
ACTIONS.push("asked_handoff", "unheard_handoff", "rate", "quiet", "restart");

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

/** The events of one commit, in its order. */
function commit(version: number, ...kinds: object[]): EventFrame[] {
  return kinds.map((kind, index) => ({ type: "event", version, index, at: 1, ...kind }) as EventFrame);
}

const notice = (kind: string, more: object = {}) => ({
  kind: "notice",
  notice: kind,
  message: `notice ${kind}`,
  text: `The house says: ${kind}`,
  ...more,
});
const REQUESTED = [{ kind: "mode", handoff: "requested" }, notice("handoff_queued", { place: 2 })];
const JOINED = [
  { kind: "mode", mode: "human", operator: "op_1", operator_name: "Ana" },
  notice("operator_joined", { operator_name: "Ana" }),
];
const BACK = [{ kind: "mode", mode: "ai" }, notice("assistant_back")];
const RESOLVED = [{ kind: "status", status: "resolved" }, notice("resolved")];
const REOPENED = [{ kind: "status", status: "open" }];

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
  const state = after(WELCOME, visitor(1, "a"), delta("t", 0, "half"), ...commit(5, ...JOINED));
  assert.equal(state.stream, null);
  assert.equal(state.operator, "Ana");
  assert.equal(state.awaiting, false);
  const back = commit(6, ...BACK).reduce((s, frame) => reduce(s, { type: "frame", frame }), state);
  assert.deepEqual([back.mode, back.operator], ["ai", ""]);
  assert.deepEqual(
    back.items.map((item) => (item.kind === "notice" ? item.text : item.kind)),
    ["visitor", "The house says: operator_joined", "The house says: assistant_back"],
  );
});

test("an operator without a name is not called by their id", () => {
  const taken = { kind: "mode", mode: "human", operator: "op_1" };
  const said = { kind: "operator_message", message: "m", text: "hi", operator: "op_1" };
  const state = after(WELCOME, ...commit(1, taken, said));
  assert.equal(state.operator, "");
  assert.equal(state.items[0]?.kind === "operator" && state.items[0].name, "");
});

for (const mode of ["human", "supervised"] as const) {
  test(`in mode ${mode} no piece of an answer is shown, not even of a turn not seen before`, () => {
    const taken = commit(5, { kind: "mode", mode });
    const state = after(WELCOME, visitor(1, "a"), ...taken, delta("t", 0, "late"), delta("u", 0, "new"));
    assert.equal(state.stream, null);
    assert.equal(state.awaiting, false);
  });

  test(`what a turn wrote before mode ${mode} does not come back when the assistant does`, () => {
    const taken = commit(5, { kind: "mode", mode });
    const half = [WELCOME, visitor(1, "a"), delta("t", 0, "ha")];
    const state = after(...half, ...taken, delta("u", 0, "x"), ...commit(7, ...BACK), delta("t", 1, "lf"), delta("u", 1, "y"));
    assert.equal(state.stream, null);
    assert.equal(after(...half, ...taken, ...commit(7, ...BACK), delta("v", 0, "new")).stream?.text, "new");
  });
}

test("a piece of an answer that came after its own end is shown no more", () => {
  assert.equal(after(visitor(1, "a"), delta("t", 0, "ha"), answer(2, "b"), delta("t", 1, "lf")).stream, null);
  assert.equal(after(visitor(1, "a"), delta("t", 0, "ha"), visitor(2, "b"), delta("t", 1, "lf")).stream, null);
});

test("an answer goes on after the connection was lost in the middle of it", () => {
  const state = after(WELCOME, ready, delta("t", 0, "It "), lost, WELCOME, ready, delta("t", 0, "It "), delta("t", 1, "ships"));
  assert.equal(state.stream?.text, "It ships");
});

test("only who may speak is shown at the keys", () => {
  const writing = (who: "assistant" | "operator"): ServerFrame => ({ type: "typing", who, on: true });
  assert.equal(after(WELCOME, writing("operator")).typing, null);
  assert.equal(after(WELCOME, writing("assistant")).typing, "assistant");
  assert.equal(after(WELCOME, ...commit(1, ...JOINED), writing("assistant")).typing, null);
  assert.equal(after(WELCOME, ...commit(1, ...JOINED), writing("operator")).typing, "operator");
  assert.equal(after(WELCOME, ...commit(1, ...JOINED), writing("operator"), ...commit(2, ...BACK)).typing, null);
});

test("a request for a person is a notice and can be made once", () => {
  const asked = after(WELCOME, { type: "asked_handoff" });
  assert.equal(wishOf(asked), "asked");
  const state = after(WELCOME, { type: "asked_handoff" }, ...commit(2, ...REQUESTED));
  assert.equal(wishOf(state), "waiting");
  assert.equal(state.mode, "ai");
  assert.equal(reduce(state, { type: "asked_handoff" }), state);
});

test("a wish that nobody heard can be uttered again, one that was heard stands", () => {
  const unheard: Action = { type: "unheard_handoff" };
  assert.equal(wishOf(after(WELCOME, { type: "asked_handoff" }, unheard)), "free");
  assert.equal(wishOf(after(WELCOME, { type: "asked_handoff" }, ...commit(2, ...REQUESTED), unheard)), "waiting");
});

test("who asks outside of the hours is told that nobody is here, until somebody comes", () => {
  const away = commit(2, { kind: "mode", handoff: "requested" }, notice("handoff_away"));
  assert.equal(wishOf(after(WELCOME, ...away)), "away");
  assert.equal(wishOf(after(WELCOME, ...away, ...commit(3, ...JOINED))), "here");
  const left = commit(4, { kind: "mode", mode: "ai" }, { kind: "mode", handoff: "requested" }, notice("operator_left"));
  assert.equal(wishOf(after(WELCOME, ...away, ...commit(3, ...JOINED), ...left)), "waiting");
  assert.equal(wishOf(after(WELCOME, ...away, ...commit(3, ...JOINED), ...commit(4, ...BACK), ...commit(5, ...REQUESTED))), "waiting");
});

test("a person who left in favour of the queue leaves the visitor waiting again", () => {
  const requeued = commit(6, { kind: "mode", mode: "ai" }, { kind: "mode", handoff: "requested" }, notice("operator_left"));
  assert.equal(wishOf(after(WELCOME, ...commit(5, ...JOINED), ...requeued)), "waiting");
});

test("the place in the queue is the one told last, and is forgotten with the socket", () => {
  const queue = (place: number): ServerFrame => ({ type: "queue", place });
  const state = after(WELCOME, ready, queue(3), ...commit(2, ...REQUESTED), queue(2));
  assert.equal(state.place, 2);
  assert.equal(reduce(state, { type: "frame", frame: queue(0) }).place, 0);
  assert.equal(reduce(state, lost).place, 0);
});

test("while a person is waited for no answer is taken for owed: the assistant may be silent", () => {
  const waiting = [WELCOME, ...commit(2, ...REQUESTED), visitor(3, "a")] as const;
  assert.equal(after(...waiting).awaiting, false);
  assert.equal(after(...waiting, { type: "typing", who: "assistant", on: true }).typing, "assistant");
  assert.equal(after(...waiting, delta("t", 0, "It")).stream?.text, "It");
});

test("a resolved conversation is rated as a whole, and written into it is open again", () => {
  const rated = { type: "event", kind: "rated", version: 3, index: 0, at: 1, score: 2 } as const;
  const over = after(WELCOME, visitor(1, "a"), answer(2, "b"), rated, ...commit(5, ...RESOLVED));
  assert.deepEqual([over.resolved, over.rated], [true, 0]);
  const again = [...commit(7, ...REOPENED), visitor(8, "c")].reduce(
    (s, frame) => reduce(s, { type: "frame", frame }),
    over,
  );
  assert.equal(again.resolved, false);
  assert.equal(again.items.length, over.items.length + 1);
});

test("with a request for a person what is being written is out of sight until it goes on", () => {
  const state = after(WELCOME, visitor(1, "a"), delta("t", 0, "It "), ...commit(2, ...REQUESTED));
  assert.equal(state.stream?.held, true);
  const on = reduce(state, { type: "frame", frame: delta("t", 1, "ships") });
  assert.deepEqual(on.stream, { turn: "t", text: "It ships", next: 2 });
  assert.equal(after(WELCOME, visitor(1, "a"), ...commit(2, ...REQUESTED)).awaiting, false);
});

test("told again from the beginning, a conversation ends in the same state", () => {
  const log = [
    visitor(1, "a"),
    answer(2, "b"),
    ...commit(3, ...REQUESTED),
    ...commit(4, ...JOINED),
    visitor(5, "c"),
    ...commit(6, { kind: "operator_message", message: "m", text: "hi", operator_name: "Ana" }),
    ...commit(7, ...BACK),
    ...commit(8, { kind: "mode", mode: "supervised", operator_name: "Bea" }, notice("supervised")),
    ...commit(9, ...RESOLVED),
  ];
  for (let cut = 0; cut <= log.length; cut += 1) {
    const told = after(WELCOME, ...log.slice(0, cut));
    const broken = after(WELCOME, ...log.slice(0, cut >> 1), lost, WELCOME, ...log.slice(0, cut));
    const { status: _, ...one } = told;
    const { status: __, ...other } = broken;
    assert.deepEqual(other, one, `after ${cut} events`);
  }
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
