import assert from "node:assert/strict";
import { test } from "node:test";

import type { EventFrame, Welcome } from "../../serve_apps/web/src/wire/protocol";
import { ACCEPT_WITHIN, QUIET_AFTER, SEEN_AFTER, Session } from "../../serve_apps/web/src/widget/session";
import { Keeper, parseKept, SCHEMA, type Shelf } from "../../serve_apps/web/src/widget/storage";
import { FakeSurroundings } from "./surroundings";

function welcome(conversation = "c1", unacknowledged = 8): Welcome {
  const limits = { unacknowledged };
  return { type: "welcome", conversation, token: `token-${conversation}`, version: 0, mode: "ai", limits };
}

function shelf(): Shelf & { content: Map<string, string> } {
  const content = new Map<string, string>();
  return {
    content,
    getItem: (name) => content.get(name) ?? null,
    setItem: (name, value) => void content.set(name, value),
    removeItem: (name) => void content.delete(name),
  };
}

interface Page {
  around: FakeSurroundings;
  session: Session;
  keeper: Keeper;
}

let ids = 0;

/** A page that is loaded over `kept`: another call with the same shelf is a reload. */
function load(kept: () => Shelf | null): Page {
  const around = new FakeSurroundings();
  const keeper = new Keeper("pk_demo", kept);
  const newId = () => `m${(ids += 1)}`;
  const options = { key: "pk_demo", locale: "es", around, keeper, newId, onChange: () => {} };
  return { around, keeper, session: new Session(options) };
}

function greet({ around }: Page, frame: Welcome = welcome()): void {
  around.socket.accept();
  around.socket.receive(frame);
}

function visitorEvent(version: number, message: string): EventFrame {
  return { type: "event", kind: "visitor_message", version, index: 0, at: 1, message, text: message };
}

function answerEvent(version: number, message: string, index = 0): EventFrame {
  return { type: "event", kind: "assistant_message", version, index, at: 1, message, text: message };
}

const messages = (page: Page) => page.around.socket.ofType("message").map((m) => m.id);

test("the first hello of a visitor carries the key and the locale alone", () => {
  const page = load(() => null);
  page.session.connect();
  page.around.socket.accept();
  assert.deepEqual(page.around.socket.sent, [{ type: "hello", key: "pk_demo", locale: "es" }]);
});

test("a message written before the welcome is sent after it", () => {
  const page = load(() => null);
  const id = page.session.say("  Where is my order?  ");
  assert.deepEqual(page.around.socket.sent, []);
  greet(page);
  assert.deepEqual(page.around.socket.ofType("message"), [{ type: "message", id, text: "Where is my order?" }]);
});

test("no more than the allowed messages are in flight, the rest follow one by one", () => {
  const page = load(() => null);
  page.session.connect();
  greet(page, welcome("c1", 2));
  const written = ["a", "b", "c"].map((text) => page.session.say(text));
  assert.deepEqual(messages(page), written.slice(0, 2));
  page.around.socket.receive({ type: "accepted", id: written[0]!, version: 1 });
  assert.deepEqual(messages(page), written);
});

test("on the same page a new hello resumes after the last event, by version and index", () => {
  const page = load(() => null);
  page.session.connect();
  greet(page);
  page.around.socket.receive(answerEvent(7, "x", 1));
  page.around.socket.break();
  page.around.pass(500);
  page.around.socket.accept();
  assert.deepEqual(page.around.socket.sent, [
    {
      type: "hello",
      key: "pk_demo",
      locale: "es",
      token: "token-c1",
      conversation: "c1",
      after: 7,
      after_index: 1,
    },
  ]);
});

test("what was not acknowledged goes again after the welcome, with the same id and once", () => {
  const page = load(() => null);
  page.session.connect();
  greet(page);
  const [first, second] = [page.session.say("one"), page.session.say("two")];
  page.around.socket.receive({ type: "accepted", id: first!, version: 1 });
  page.around.socket.break();
  page.around.pass(500);
  greet(page);
  assert.deepEqual(messages(page), [second]);
});

test("after a reload the whole conversation is asked for, and unsent messages are there again", () => {
  const kept = shelf();
  const before = load(() => kept);
  before.session.connect();
  greet(before);
  before.around.socket.receive(answerEvent(7, "x"));
  const id = before.session.say("still unsent");
  const page = load(() => kept);
  assert.equal(page.session.worthResuming, true);
  page.session.connect();
  page.around.socket.accept();
  assert.deepEqual(page.around.socket.sent, [
    { type: "hello", key: "pk_demo", locale: "es", token: "token-c1", conversation: "c1" },
  ]);
  page.around.socket.receive(welcome());
  assert.deepEqual(messages(page), [id]);
});

test("a message that the log shows is unsent no longer, even if its acknowledgement was lost", () => {
  const kept = shelf();
  const page = load(() => kept);
  page.session.connect();
  greet(page);
  const id = page.session.say("hello");
  page.around.socket.receive(visitorEvent(1, id));
  assert.deepEqual(page.keeper.get().unsent, []);
  assert.deepEqual(page.session.state.outgoing, []);
});

test("a message without a word from the server fails, and its retry has the same id", () => {
  const page = load(() => null);
  page.session.connect();
  greet(page);
  const id = page.session.say("hello");
  page.around.pass(ACCEPT_WITHIN);
  assert.equal(page.session.state.outgoing[0]?.delivery, "failed");
  page.session.retry(id);
  assert.deepEqual(messages(page), [id, id]);
});

test("a token that is refused is dropped, and what was unsent goes into the new conversation", () => {
  const kept = shelf();
  const before = load(() => kept);
  before.session.connect();
  greet(before);
  const page = load(() => kept);
  const id = page.session.say("hello");
  page.around.socket.accept();
  page.around.socket.receive({ type: "error", code: "bad_token" });
  page.around.pass(500);
  page.around.socket.accept();
  assert.deepEqual(page.around.socket.sent, [{ type: "hello", key: "pk_demo", locale: "es" }]);
  page.around.socket.receive(welcome("c2"));
  assert.deepEqual(messages(page), [id]);
  assert.equal(page.keeper.get().conversation, "c2");
});

test("an empty or too long message is not sent", () => {
  const page = load(() => null);
  page.session.connect();
  greet(page);
  assert.equal(page.session.say("   "), "");
  assert.equal(page.session.say("x".repeat(2001)), "");
  assert.notEqual(page.session.say("😀".repeat(2000)), "");
  assert.equal(messages(page).length, 1);
});

test("asking again after a failed turn sends the same words as a new message", () => {
  const page = load(() => null);
  page.session.connect();
  greet(page);
  const id = page.session.say("Do you ship to Spain?");
  page.around.socket.receive(visitorEvent(1, id));
  page.session.askAgain([id]);
  const [first, second] = page.around.socket.ofType("message");
  assert.notEqual(second?.id, first?.id);
  assert.equal(second?.text, id);
});

test("a wish for a person that was uttered offline is sent after the welcome", () => {
  const page = load(() => null);
  page.session.say("hello");
  page.session.handoff("A person, please");
  greet(page);
  const [first] = messages(page);
  page.around.socket.receive({ type: "accepted", id: first!, version: 1 });
  page.around.socket.receive(answerEvent(3, "x"));
  assert.deepEqual(page.around.socket.sent.map((f) => f.type), ["hello", "message", "handoff"]);
});

test("a wish for a person in an empty conversation is said first, for it begins with a message", () => {
  const page = load(() => null);
  page.session.connect();
  greet(page);
  page.session.handoff("A person, please");
  assert.deepEqual(page.around.socket.ofType("message").map((m) => m.text), ["A person, please"]);
  assert.deepEqual(page.around.socket.ofType("handoff"), []);
  page.around.socket.receive({ type: "accepted", id: messages(page)[0]!, version: 1 });
  assert.equal(page.around.socket.ofType("handoff").length, 1);
});

test("a wish for a person that the server refuses can be uttered again", () => {
  const page = load(() => null);
  page.session.connect();
  greet(page);
  page.around.socket.receive(answerEvent(3, "x"));
  page.session.handoff("A person, please");
  page.around.socket.receive({ type: "error", code: "unavailable" });
  assert.equal(page.session.state.handoff, "none");
  page.session.handoff("A person, please");
  assert.equal(page.around.socket.ofType("handoff").length, 2);
});

test("a message refused for the moment goes again by itself, under its own id", () => {
  const page = load(() => null);
  page.session.connect();
  greet(page);
  const id = page.session.say("hello");
  page.around.socket.receive({ type: "rejected", id, code: "unavailable" });
  page.around.pass(1000);
  assert.deepEqual(messages(page), [id, id]);
  page.around.socket.receive({ type: "accepted", id, version: 1 });
  page.around.pass(20_000);
  assert.deepEqual(messages(page), [id, id]);
});

test("a rating is sent again until the log has it", () => {
  const page = load(() => null);
  page.session.connect();
  greet(page);
  page.session.rate(4);
  page.around.socket.break();
  page.around.pass(500);
  greet(page);
  assert.deepEqual(page.around.socket.ofType("rate"), [{ type: "rate", score: 4 }]);
  page.around.socket.receive({ type: "event", kind: "rated", version: 3, index: 0, at: 1, score: 4 });
  page.around.socket.break();
  page.around.pass(1000);
  greet(page);
  assert.deepEqual(page.around.socket.ofType("rate"), []);
});

test("typing is told once in a while, and its end by itself", () => {
  const page = load(() => null);
  page.session.connect();
  greet(page);
  for (let n = 0; n < 10; n += 1) {
    page.session.typing(true);
    page.around.pass(200);
  }
  page.around.pass(10_000);
  assert.deepEqual(page.around.socket.ofType("typing").map((t) => t.on), [true, false]);
});

test("an indicator that nobody renews goes out", () => {
  const page = load(() => null);
  page.session.connect();
  greet(page);
  page.around.socket.receive({ type: "typing", who: "assistant", on: true });
  assert.equal(page.session.state.typing, "assistant");
  page.around.pass(QUIET_AFTER);
  assert.equal(page.session.state.typing, null);
});

test("what came after the last look is unread, also after a reload", () => {
  const kept = shelf();
  const before = load(() => kept);
  before.session.connect();
  greet(before);
  before.around.socket.receive(answerEvent(2, "a"));
  before.session.markRead();
  before.around.socket.receive(answerEvent(4, "b"));
  assert.equal(before.session.unread(), 1);
  const page = load(() => kept);
  page.session.connect();
  greet(page);
  page.around.socket.receive(answerEvent(2, "a"));
  page.session.markRead();
  page.around.socket.receive(answerEvent(4, "b"));
  assert.equal(page.session.unread(), 1);
});

test("beginning anew keeps nothing of the old conversation but who the visitor is", () => {
  const kept = shelf();
  const page = load(() => kept);
  page.session.connect();
  greet(page);
  page.around.socket.receive(answerEvent(2, "a"));
  page.session.say("still unsent");
  page.session.markRead();
  page.session.restart();
  assert.deepEqual(page.session.state.items, []);
  const { conversation, version, unsent } = page.keeper.get();
  assert.deepEqual([conversation, version, unsent], ["", 0, []]);
  page.around.socket.accept();
  const hello = { type: "hello", key: "pk_demo", locale: "es", token: "token-c1", fresh: true };
  assert.deepEqual(page.around.socket.sent, [hello]);
  page.around.socket.receive(welcome("c2"));
  page.around.socket.break();
  page.around.pass(500);
  page.around.socket.accept();
  const back = { type: "hello", key: "pk_demo", locale: "es", token: "token-c2", conversation: "c2" };
  assert.deepEqual(page.around.socket.sent, [back]);
});

test("a new beginning that the page did not live to see is begun after the reload", () => {
  const kept = shelf();
  const before = load(() => kept);
  before.session.connect();
  greet(before);
  before.session.restart();
  const page = load(() => kept);
  assert.equal(page.session.worthResuming, false);
  page.session.say("hello");
  page.around.socket.accept();
  assert.equal(page.around.socket.ofType("hello")[0]?.fresh, true);
});

test("who never said a word begins anew without a token", () => {
  const page = load(() => null);
  page.session.restart();
  page.around.socket.accept();
  assert.deepEqual(page.around.socket.sent, [{ type: "hello", key: "pk_demo", locale: "es" }]);
});

test("a token refused at a new beginning is dropped, and the beginning is an ordinary one", () => {
  const page = load(() => null);
  page.session.connect();
  greet(page);
  page.session.restart();
  page.around.socket.accept();
  page.around.socket.receive({ type: "error", code: "bad_token" });
  page.around.pass(500);
  page.around.socket.accept();
  assert.deepEqual(page.around.socket.sent, [{ type: "hello", key: "pk_demo", locale: "es" }]);
});

const seen = (page: Page) => page.around.socket.ofType("seen").map((frame) => frame.version);

test("a burst of events that were shown is told as seen once, by the last of them", () => {
  const page = load(() => null);
  page.session.connect();
  greet(page);
  for (const version of [2, 4, 6]) {
    page.around.socket.receive(answerEvent(version, `m${version}`));
    page.session.markRead();
    page.around.pass(100);
  }
  page.around.pass(SEEN_AFTER);
  assert.deepEqual(seen(page), [6]);
  page.around.socket.receive(answerEvent(8, "m8"));
  page.around.pass(10 * SEEN_AFTER);
  assert.deepEqual(seen(page), [6], "what nobody looked at was told as seen");
  page.session.markRead();
  page.session.markRead();
  page.around.pass(SEEN_AFTER);
  assert.deepEqual(seen(page), [6, 8]);
});

test("a new socket is told what was seen, once", () => {
  const page = load(() => null);
  page.session.connect();
  greet(page);
  page.around.socket.receive(answerEvent(2, "a"));
  page.session.markRead();
  page.around.pass(SEEN_AFTER);
  assert.deepEqual(seen(page), [2]);
  page.around.socket.break();
  page.around.pass(500);
  greet(page);
  page.around.pass(10 * SEEN_AFTER);
  assert.deepEqual(seen(page), [2]);
});

test("nothing is told as seen of a conversation that was left", () => {
  const page = load(() => null);
  page.session.connect();
  greet(page);
  page.around.socket.receive(answerEvent(2, "a"));
  page.session.markRead();
  page.session.restart();
  greet(page, welcome("c2"));
  page.around.pass(10 * SEEN_AFTER);
  assert.deepEqual(seen(page), []);
});

test("a wish for a person without a word from the server can be uttered again", () => {
  const page = load(() => null);
  page.session.connect();
  greet(page);
  page.around.socket.receive(answerEvent(3, "x"));
  page.session.handoff("A person, please");
  page.around.pass(ACCEPT_WITHIN);
  assert.equal(page.session.state.handoff, "none");
});

test("storage that throws is done without", () => {
  const refuse = (): never => {
    throw new Error("SecurityError");
  };
  const broken: Shelf = { getItem: refuse, setItem: refuse, removeItem: refuse };
  const full: Shelf = { getItem: () => null, setItem: refuse, removeItem: () => {} };
  for (const kept of [refuse, () => broken, () => full]) {
    const page = load(kept);
    page.session.connect();
    greet(page);
    const id = page.session.say("hello");
    assert.deepEqual(messages(page), [id]);
    page.around.socket.break();
    page.around.pass(500);
    greet(page);
    assert.deepEqual(messages(page), [id]);
    assert.equal(page.around.socket.ofType("hello")[0]?.token, "token-c1");
  }
});

test("two tabs do not wipe out each other's unsent messages", () => {
  const kept = shelf();
  const [one, two] = [new Keeper("pk", () => kept), new Keeper("pk", () => kept)];
  one.addUnsent({ id: "a", text: "a", at: 1 });
  two.addUnsent({ id: "b", text: "b", at: 1 });
  one.removeUnsent("a");
  assert.deepEqual(two.get().unsent.map((u) => u.id), ["b"]);
});

test("what another schema wrote, or somebody spoilt, is not read", () => {
  const good = { schema: SCHEMA, token: "t", conversation: "c", version: 1, index: 0, unsent: [] };
  assert.equal(parseKept(JSON.stringify(good)).token, "t");
  for (const raw of [null, "", "{", "null", "7", JSON.stringify({ ...good, schema: 0 })])
    assert.equal(parseKept(raw).token, "");
  const odd = { ...good, version: "x", unsent: [{ id: 1 }, null, { id: "a", text: "b", at: 1 }] };
  assert.equal(parseKept(JSON.stringify(odd)).unsent.length, 1);
});
