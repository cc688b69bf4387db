import assert from "node:assert/strict";
import { test } from "node:test";

import { Board, inView, needsPerson, SETTLE_MS } from "../../serve_apps/web/src/console/board";
import type { Row } from "../../serve_apps/web/src/wire/operator_protocol";
import { AT, row } from "./console_facts";
import { FakeSurroundings } from "./surroundings";

function board(): { board: Board; around: FakeSurroundings; heard: string[][] } {
  const around = new FakeSurroundings();
  const heard: string[][] = [];
  const made = new Board(
    "op-ana",
    {
      now: () => around.now(),
      setTimer: (run, ms) => around.setTimer(run, ms),
      searched: (one) => `${one.conversation} ${one.last_text}`.toLowerCase(),
    },
    (rows) => heard.push(rows.map((one) => one.conversation)),
  );
  return { board: made, around, heard };
}

const waiting = (conversation: string, since: number, fields: Partial<Row> = {}) =>
  row(conversation, { waiting_since: since, ...fields });

test("those that wait longest come first, then the newest", () => {
  const { board: made } = board();
  made.takeBoard([
    row("quiet", { last_at: AT + 1 }),
    row("newest", { last_at: AT + 9 }),
    waiting("later", AT + 5),
    waiting("first", AT + 2),
  ]);
  made.show("all");
  made.publish();
  assert.deepEqual(made.order.get(), ["first", "later", "newest", "quiet"]);
});

test("each view holds its own, and counts it", () => {
  const { board: made } = board();
  made.takeBoard([
    waiting("free", AT),
    row("mine", { operator: "op-ana", mode: "human" }),
    row("theirs", { operator: "op-bruno", mode: "human" }),
    row("ai"),
    row("done", { status: "resolved", resolved_at: AT }),
  ]);
  made.publish();
  assert.deepEqual(made.counts.get(), { unassigned: 1, mine: 1, all: 4, resolved: 1 });
  made.show("mine");
  assert.deepEqual(made.order.get(), ["mine"]);
  made.show("resolved");
  assert.deepEqual(made.order.get(), ["done"]);
});

test("a supervised conversation of nobody needs a person while something is unanswered", () => {
  assert.equal(needsPerson(row("c", { mode: "supervised", unanswered: 1 })), true);
  assert.equal(needsPerson(row("c", { mode: "supervised", unanswered: 0 })), false);
  assert.equal(needsPerson(row("c", { mode: "ai", unanswered: 1 })), false);
  assert.equal(inView(row("c", { mode: "supervised", unanswered: 1 }), "unassigned", ""), true);
});

test("an older row changes nothing", () => {
  const { board: made } = board();
  made.takeBoard([row("c", { version: 5, last_text: "new" })]);
  made.publish();
  made.take(row("c", { version: 4, last_text: "old" }));
  made.publish();
  assert.equal(made.row("c")?.last_text, "new");
});

test("only the cell of the row that changed is told", () => {
  const { board: made } = board();
  made.takeBoard([waiting("a", AT), waiting("b", AT + 1)]);
  made.publish();
  const told: string[] = [];
  made.cell("a")?.subscribe(() => told.push("a"));
  made.cell("b")?.subscribe(() => told.push("b"));
  made.order.subscribe(() => told.push("order"));
  made.take(waiting("b", AT + 1, { version: 2, last_text: "more" }));
  made.publish();
  assert.deepEqual(told, ["b"]);
});

test("among those that wait for nobody the order follows at most once a second", () => {
  const { board: made, around } = board();
  made.takeBoard([row("a", { last_at: AT + 2 }), row("b", { last_at: AT + 1 })]);
  made.show("all");
  made.publish();
  let orders = 0;
  made.order.subscribe(() => (orders += 1));
  for (let i = 0; i < 50; i += 1) {
    const fields = { version: 10 + i, last_at: AT + 10 + i };
    made.take(row(i % 2 ? "a" : "b", fields));
    made.publish();
    around.pass(20);
  }
  around.pass(SETTLE_MS);
  assert.ok(orders <= 3, `${orders} orders in two seconds`);
  assert.deepEqual(made.order.get(), ["a", "b"]);
});

test("who begins to wait is put in place at once", () => {
  const { board: made } = board();
  made.takeBoard([row("a", { last_at: AT + 2 }), row("b", { last_at: AT + 1 })]);
  made.show("all");
  made.publish();
  made.take(waiting("b", AT + 3, { version: 2 }));
  made.publish();
  assert.deepEqual(made.order.get(), ["b", "a"]);
});

test("while somebody points at the rows none moves, but new ones come at the end", () => {
  const { board: made } = board();
  made.takeBoard([waiting("a", AT + 2), waiting("b", AT + 3)]);
  made.publish();
  made.hold(true);
  made.take(waiting("c", AT + 1));
  made.publish();
  assert.deepEqual(made.order.get(), ["a", "b", "c"]);
  made.hold(false);
  assert.deepEqual(made.order.get(), ["c", "a", "b"]);
});

test("only what begins to wait after the page was opened is news", () => {
  const { board: made, heard } = board();
  made.takeBoard([waiting("old", AT), row("calm")]);
  made.publish();
  assert.deepEqual(heard, []);
  made.take(waiting("calm", AT + 1, { version: 2 }));
  made.publish();
  made.take(waiting("calm", AT + 1, { version: 3, last_text: "still" }));
  made.publish();
  assert.deepEqual(heard, [["calm"]]);
});

test("what wrote again in one's own conversation is news too", () => {
  const { board: made, heard } = board();
  const mine = { operator: "op-ana", mode: "human" as const };
  made.takeBoard([row("m", mine), row("t", { operator: "op-bruno", mode: "human" })]);
  made.publish();
  made.take(row("m", { ...mine, version: 2, unanswered: 1 }));
  made.take(row("t", { operator: "op-bruno", mode: "human", version: 2, unanswered: 1 }));
  made.publish();
  assert.deepEqual(heard, [["m"]]);
});

test("a new board takes out what the server does not know any more, and keeps what is resolved", () => {
  const { board: made } = board();
  made.takeBoard([row("gone"), row("kept"), row("done", { status: "resolved", resolved_at: AT })]);
  made.publish();
  made.takeBoard([row("kept")]);
  made.publish();
  made.show("all");
  assert.deepEqual(made.order.get(), ["kept"]);
  assert.equal(made.counts.get().resolved, 1);
});

test("a search looks through all views, and what the server found comes after", () => {
  const { board: made } = board();
  made.takeBoard([row("a", { last_text: "Where is my Lamp?" }), row("b", { last_text: "Hello" })]);
  made.publish();
  made.searchFor("lamp");
  assert.deepEqual(made.order.get(), ["a"]);
  made.found([row("old", { status: "resolved", resolved_at: AT, last_text: "said long ago" })]);
  assert.deepEqual(made.order.get(), ["a", "old"]);
  made.searchFor("");
  assert.deepEqual(made.order.get(), []);
});
