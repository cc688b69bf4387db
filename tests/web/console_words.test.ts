import assert from "node:assert/strict";
import { test } from "node:test";

import { able, colleagueIn, type Footing } from "../../serve_apps/web/src/console/able";
import { Alerts, RING_PAUSE_MS } from "../../serve_apps/web/src/console/alerts";
import { Batch } from "../../serve_apps/web/src/console/batch";
import { fitting, slashWord } from "../../serve_apps/web/src/console/Canned";
import { changes } from "../../serve_apps/web/src/console/diff";
import { fit, ranked } from "../../serve_apps/web/src/console/fuzzy";
import { Preferences } from "../../serve_apps/web/src/console/prefs";
import { Scratch } from "../../serve_apps/web/src/console/scratch";
import { age, roughAge } from "../../serve_apps/web/src/console/time";
import { SAY_AGAIN_MS, STOPPED_MS, TypingSign } from "../../serve_apps/web/src/console/typing";
import { ANA } from "./console_facts";
import { FakeSurroundings } from "./surroundings";

test("a few letters find what is meant, the beginnings of words first", () => {
  const names = ["Release to the AI", "Resolve", "Reply", "Queue: Resolved"];
  assert.deepEqual(ranked("res", names, (n) => n).slice(0, 2), ["Resolve", "Queue: Resolved"]);
  assert.equal(ranked("rta", names, (n) => n)[0], "Release to the AI");
  assert.equal(fit("xyz", "Resolve"), null);
  assert.notEqual(fit("accion", "Acción"), null);
});

test("in a long text words must stand as they are, in any order", () => {
  const text = `${"lorem ipsum dolor ".repeat(10)} where is my lamp`;
  assert.notEqual(fit("lamp where", text), null);
  assert.equal(fit("wlm", text), null);
});

test("an edit shows what went and what came, and nothing else", () => {
  const pieces = changes("The money is back within five days.", "The money is back within two days!");
  assert.deepEqual(
    pieces.map(({ kind, text }) => [kind, text]),
    [
      ["same", "The money is back within "],
      ["gone", "five"],
      ["new", "two"],
      ["same", " days"],
      ["gone", "."],
      ["new", "!"],
    ],
  );
});

test("both texts can be read off the changes, whatever they are", () => {
  const texts = ["", "a", "a b c", "c b a", "  spaces \n lines ", "ñandú [1], ok?", "x".repeat(500)];
  for (const before of texts) {
    for (const after of texts) {
      const pieces = changes(before, after);
      const read = (...kinds: string[]) =>
        pieces.filter(({ kind }) => kinds.includes(kind)).map(({ text }) => text).join("");
      assert.equal(read("same", "gone"), before);
      assert.equal(read("same", "new"), after);
    }
  }
});

test("a slash asks for canned replies where a word may begin, and nowhere else", () => {
  assert.deepEqual(slashWord("/he", 3), { from: 0, word: "he" });
  assert.deepEqual(slashWord("Hi /", 4), { from: 3, word: "" });
  assert.equal(slashWord("and/or", 6), null);
  assert.equal(slashWord("https://x", 9), null);
  assert.equal(slashWord("/he llo", 7), null);
});

test("canned replies are found by name first, then by what they say", () => {
  const replies = [
    { name: "hours", text: "We are there from nine." },
    { name: "refund", text: "It takes five days." },
    { name: "where", text: "It is on its way." },
  ];
  assert.deepEqual(fitting(replies, "re").map((r) => r.name), ["refund", "where", "hours"]);
  assert.deepEqual(fitting(replies, "").map((r) => r.name), ["hours", "refund", "where"]);
  assert.deepEqual(fitting(replies, "zzz"), []);
});

test("ages are short, and never below nothing", () => {
  const minute = 60_000;
  assert.deepEqual(
    [-5, 12_000, 3 * minute + 7_000, 125 * minute, 50 * 60 * minute].map(age),
    ["0 s", "12 s", "3:07", "2 h 05", "2 d"],
  );
  assert.deepEqual([0, 3 * minute, 90 * minute].map(roughAge), ["now", "3 min", "1 h"]);
});

const footing = (fields: Partial<Footing>): Footing => ({
  conversation: "c1",
  mode: "ai",
  epoch: 1,
  operator: "",
  operatorName: "",
  draft: "",
  resolved: false,
  ...fields,
});

test("only the owner replies and releases; only a draft can be decided on", () => {
  const mine = able(footing({ mode: "human", operator: "op-ana" }), ANA);
  assert.deepEqual([...mine].sort(), ["note", "queue", "release", "reply", "resolve", "supervise"]);
  const theirs = able(footing({ mode: "human", operator: "op-b", draft: "d1" }), ANA);
  assert.deepEqual([...theirs].sort(), ["note", "supervise", "take_over"]);
  const draft = able(footing({ mode: "supervised", operator: "op-ana", draft: "d1" }), ANA);
  assert.ok(draft.has("draft") && draft.has("take_over") && !draft.has("supervise"));
});

test("a supervised conversation of nobody is anybody's to decide on and to release", () => {
  const deeds = able(footing({ mode: "supervised", draft: "d1" }), ANA);
  assert.ok(deeds.has("draft") && deeds.has("release") && !deeds.has("reply"));
});

test("a viewer may do nothing", () => {
  assert.equal(able(footing({}), { ...ANA, role: "viewer" }).size, 0);
});

test("a colleague is named; oneself and nobody are no colleague", () => {
  assert.equal(colleagueIn(footing({ operator: "op-b", operatorName: "Bruno" }), ANA), "Bruno");
  assert.equal(colleagueIn(footing({ operator: "op-ana" }), ANA), "");
  assert.equal(colleagueIn(footing({}), ANA), "");
});

function alerts(prefs: { sound: boolean; flash: boolean }) {
  const around = new FakeSurroundings();
  const seen = { title: "", rings: 0, looks: false };
  const tick = (run: () => void, ms: number) => {
    const again = { timer: null as unknown };
    const next = () => {
      again.timer = around.setTimer(next, ms);
      run();
    };
    again.timer = around.setTimer(next, ms);
    return again;
  };
  const made = new Alerts(
    "Console",
    {
      setTitle: (title) => (seen.title = title),
      lookedAt: () => seen.looks,
      ring: () => (seen.rings += 1),
      every: tick,
      clear: (timer) => around.clearTimer((timer as { timer: unknown } | null)?.timer),
      prefs: () => ({ theme: "auto", keys: true, ...prefs }),
    },
    () => around.now(),
  );
  return { alerts: made, around, seen };
}

test("the title counts who waits, and flashes until somebody looks", () => {
  const { alerts: made, around, seen } = alerts({ sound: true, flash: true });
  made.count(2);
  assert.equal(seen.title, "(2) Console");
  made.call("New");
  assert.equal(seen.title, "● New");
  around.pass(1000);
  assert.equal(seen.title, "(2) Console");
  around.pass(1000);
  assert.equal(seen.title, "● New");
  made.seen();
  around.pass(5000);
  assert.equal(seen.title, "(2) Console");
});

test("who does not want to be rung or flashed at is not", () => {
  const { alerts: made, seen } = alerts({ sound: false, flash: false });
  made.count(1);
  made.call("New");
  assert.deepEqual([seen.title, seen.rings], ["(1) Console", 0]);
});

test("many at once ring once", () => {
  const { alerts: made, around, seen } = alerts({ sound: true, flash: false });
  made.call("a");
  made.call("b");
  assert.equal(seen.rings, 1);
  around.pass(RING_PAUSE_MS);
  made.call("c");
  assert.equal(seen.rings, 2);
});

test("frames that come between two pictures are taken in together", () => {
  const due: (() => void)[] = [];
  const taken: number[][] = [];
  const batch = new Batch<number>({ soon: (run) => due.push(run) }, (items) => taken.push([...items]));
  batch.push(1);
  batch.push(2);
  assert.equal(due.length, 1);
  due[0]!();
  batch.push(3);
  batch.flush();
  assert.deepEqual(taken, [[1, 2], [3]]);
  assert.equal(due.length, 2);
  due[1]!();
  assert.equal(taken.length, 2);
});

test("typing is told at once, then seldom, and when it stops", () => {
  const around = new FakeSurroundings();
  const told: boolean[] = [];
  const sign = new TypingSign((on) => told.push(on), around);
  sign.set(true);
  around.pass(1000);
  sign.set(true);
  assert.deepEqual(told, [true]);
  around.pass(SAY_AGAIN_MS);
  sign.set(true);
  assert.deepEqual(told, [true, true]);
  around.pass(STOPPED_MS);
  assert.deepEqual(told, [true, true, false]);
  sign.set(false);
  assert.equal(told.length, 3);
});

class Shelf {
  readonly kept = new Map<string, string>();
  full = false;
  getItem(name: string): string | null {
    return this.kept.get(name) ?? null;
  }
  setItem(name: string, text: string): void {
    if (this.full) throw new Error("full");
    this.kept.set(name, text);
  }
  removeItem(name: string): void {
    this.kept.delete(name);
  }
}

test("choices are remembered, and spoilt ones are not minded", () => {
  const shelf = new Shelf();
  new Preferences(shelf).set({ theme: "dark", sound: false });
  const again = new Preferences(shelf).cell.get();
  assert.deepEqual([again.theme, again.sound, again.flash], ["dark", false, true]);
  assert.equal(shelf.getItem("tandem:theme"), "dark");
  shelf.setItem("tandem:console", '{"sound": "loud"');
  shelf.setItem("tandem:theme", "<script>");
  assert.deepEqual(new Preferences(shelf).cell.get().theme, "auto");
});

test("what is being written is kept by conversation and purpose, storage or none", () => {
  const shelf = new Shelf();
  const scratch = new Scratch("op-ana", shelf);
  scratch.set("reply", "c1", "one");
  scratch.set("note", "c1", "two");
  assert.deepEqual([scratch.get("reply", "c1"), scratch.get("note", "c1")], ["one", "two"]);
  assert.equal(new Scratch("op-bruno", shelf).get("reply", "c1"), "");
  shelf.full = true;
  scratch.set("reply", "c2", "three");
  assert.equal(scratch.get("reply", "c2"), "three");
  const none = new Scratch("op-ana", null);
  none.set("reply", "c1", "four");
  assert.equal(none.get("reply", "c1"), "four");
});
