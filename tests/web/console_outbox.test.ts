import assert from "node:assert/strict";
import { test } from "node:test";

import {
  ANSWER_WITHIN,
  CLICK_HOLDS,
  type Entry,
  Outbox,
} from "../../serve_apps/web/src/console/outbox";
import type { Order } from "../../serve_apps/web/src/wire/operator_protocol";
import { FakeSurroundings } from "./surroundings";

class Shelf {
  readonly kept = new Map<string, string>();
  getItem(name: string): string | null {
    return this.kept.get(name) ?? null;
  }
  setItem(name: string, text: string): void {
    this.kept.set(name, text);
  }
}

function outbox(shelf: Shelf | null = new Shelf()) {
  const around = new FakeSurroundings();
  const sent: Order[] = [];
  const refused: Entry[] = [];
  const line = { up: true };
  const made = new Outbox("op-ana", {
    now: () => around.now(),
    setTimer: (run, ms) => around.setTimer(run, ms),
    clearTimer: (timer) => around.clearTimer(timer),
    send: (order) => {
      if (line.up) sent.push(order);
      return line.up;
    },
    shelf: () => shelf,
    refused: (entry) => refused.push(entry),
  });
  return { outbox: made, around, sent, refused, line, shelf };
}

const reply = (id: string, text = "Hello"): Order => ({
  type: "reply",
  id,
  conversation: "c1",
  epoch: 2,
  text,
});
const take = (id: string): Order => ({ type: "take_over", id, conversation: "c1", epoch: 1 });

test("a text is shown from the moment it is sent until its commit is there", () => {
  const { outbox: box } = outbox();
  box.ask(reply("r1"));
  assert.equal(box.entries.get()[0]?.state, "sending");
  box.accepted("r1", 30);
  assert.equal(box.entries.get()[0]?.state, "saved");
  box.shown("c1", 20, () => false);
  assert.equal(box.entries.get().length, 1);
  box.shown("c1", 30, () => false);
  assert.deepEqual(box.entries.get(), []);
});

test("a text whose message stands in the log is shown no more, accepted or not", () => {
  const { outbox: box } = outbox();
  box.ask(reply("r1"));
  box.shown("c1", 10, (message) => message === "r1");
  assert.deepEqual(box.entries.get(), []);
});

test("what has no answer is asked again after a reconnect, with the same id", () => {
  const { outbox: box, sent, line } = outbox();
  box.ask(reply("r1"));
  line.up = false;
  box.disconnected();
  box.ask(reply("r2"));
  assert.deepEqual(box.entries.get().map((e) => e.state), ["waiting", "waiting"]);
  line.up = true;
  box.ready();
  assert.deepEqual(sent.map((order) => order.id), ["r1", "r1", "r2"]);
});

test("what was accepted is not asked again", () => {
  const { outbox: box, sent } = outbox();
  box.ask(reply("r1"));
  box.accepted("r1", 10);
  box.disconnected();
  box.ready();
  assert.equal(sent.length, 1);
});

test("a silent server is asked again in a while, with the same id", () => {
  const { outbox: box, sent, around } = outbox();
  box.ask(reply("r1"));
  around.pass(ANSWER_WITHIN);
  assert.deepEqual(sent.map((order) => order.id), ["r1", "r1"]);
});

test("a refusal that may pass is tried again, later each time", () => {
  const { outbox: box, sent, around, refused } = outbox();
  box.ask(reply("r1"));
  box.rejected("r1", "unavailable", "");
  around.pass(1000);
  assert.equal(sent.length, 2);
  box.rejected("r1", "unavailable", "");
  around.pass(1000);
  assert.equal(sent.length, 2);
  around.pass(1000);
  assert.equal(sent.length, 3);
  assert.deepEqual(refused, []);
});

test("a text that is refused for good stays, and says why", () => {
  const { outbox: box, refused } = outbox();
  box.ask(reply("r1"));
  box.rejected("r1", "not_owner", "Bruno has this conversation");
  assert.deepEqual(
    box.entries.get().map(({ state, code, detail }) => [state, code, detail]),
    [["failed", "not_owner", "Bruno has this conversation"]],
  );
  assert.equal(refused.length, 1);
});

test("a click that is refused is told of and forgotten", () => {
  const { outbox: box, refused } = outbox();
  box.ask(take("t1"));
  box.rejected("t1", "taken", "Bruno has this conversation");
  assert.deepEqual(box.entries.get(), []);
  assert.equal(refused[0]?.code, "taken");
});

test("a click that is too old when the line is back is given up; a text never is", () => {
  const { outbox: box, sent, refused, around, line } = outbox();
  line.up = false;
  box.ask(take("t1"));
  box.ask(reply("r1"));
  around.pass(CLICK_HOLDS + 1);
  line.up = true;
  box.ready();
  assert.deepEqual(sent.map((order) => order.id), ["r1"]);
  assert.equal(refused[0]?.code, "given_up");
});

test("unsent texts survive a reload and go out with the ids they had", () => {
  const first = outbox();
  first.line.up = false;
  first.outbox.ask(reply("r1", "Not lost"));
  first.outbox.ask(take("t1"));
  const second = outbox(first.shelf);
  assert.deepEqual(second.outbox.entries.get().map((e) => e.order.id), ["r1"]);
  second.outbox.ready();
  assert.deepEqual(second.sent, [reply("r1", "Not lost")]);
});

test("storage that is spoilt or missing is no hindrance", () => {
  const shelf = new Shelf();
  shelf.setItem("tandem:outbox:op-ana", '[{"order":{"type":"reply"}},7,null]');
  assert.deepEqual(outbox(shelf).outbox.entries.get(), []);
  const { outbox: box, sent } = outbox(null);
  box.ask(reply("r1"));
  assert.equal(sent.length, 1);
});

test("a refused text is sent again as another message", () => {
  const { outbox: box, sent } = outbox();
  box.ask(reply("r1"));
  box.rejected("r1", "stale_epoch", "");
  box.again("r1", { ...reply("r2"), epoch: 5 } as Order);
  assert.deepEqual(sent.map((order) => order.id), ["r1", "r2"]);
  assert.deepEqual(box.entries.get().map((e) => e.order.id), ["r2"]);
});

test("whether something is on its way is known by conversation and kind", () => {
  const { outbox: box } = outbox();
  box.ask(take("t1"));
  assert.equal(box.busy("c1", "take_over"), true);
  assert.equal(box.busy("c1", "release"), false);
  assert.equal(box.busy("c2", "take_over"), false);
  box.accepted("t1", 10);
  assert.equal(box.busy("c1", "take_over"), false);
});
