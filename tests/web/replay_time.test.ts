import assert from "node:assert/strict";
import { test } from "node:test";

import {
  idleLimit,
  lasted,
  showing,
  timeAxis,
  versionAxis,
  WHOLE,
  zoomed,
} from "../../serve_apps/web/src/replay/axis";
import { addressOf, searchOf } from "../../serve_apps/web/src/replay/address";
import { pauseBetween } from "../../serve_apps/web/src/replay/player";

const SECOND = 1000;
const HOUR = 3600 * SECOND;

test("by versions every step is as wide as the others", () => {
  const axis = versionAxis(4);
  assert.deepEqual([0, 1, 2, 3, 4].map((at) => axis.place(at)), [0, 0.25, 0.5, 0.75, 1]);
  assert.deepEqual([0, 0.12, 0.13, 0.6, 1, 2].map((at) => axis.nearest(at)), [0, 0, 1, 2, 4, 4]);
});

test("an idle night is squeezed, and marked with how long it was", () => {
  const times = [0, 2, 5, 9, 9 + 8 * 3600, 12 + 8 * 3600].map((s) => s * SECOND);
  const axis = timeAxis(times);
  assert.deepEqual(axis.gaps, [{ from: 4, to: 5, ms: 8 * HOUR }]);
  const widths = [2, 3, 4, 5, 6].map((at) => axis.place(at) - axis.place(at - 1));
  assert.ok(widths[3]! < 0.5, "the night does not push the rest together");
  assert.ok(widths.every((width) => width > 0.02), widths.join(" "));
  assert.ok(widths[3]! >= Math.max(...widths), "and is still the longest here");
});

test("within a talk the clock's proportions hold", () => {
  const axis = timeAxis([0, 1, 3, 6].map((s) => s * SECOND), 60 * SECOND);
  const width = (at: number) => axis.place(at) - axis.place(at - 1);
  assert.ok(Math.abs(width(3) / width(2) - 2) < 1e-9);
  assert.ok(Math.abs(width(4) / width(2) - 3) < 1e-9);
  assert.deepEqual(axis.gaps, []);
});

test("places never go back, and each leads to its position again", () => {
  const times = [5, 5, 5, 900, 901, 70_000, 70_000, 9_000_000].map((s) => s * SECOND);
  const axis = timeAxis(times);
  for (let at = 1; at <= times.length; at += 1) assert.ok(axis.place(at) >= axis.place(at - 1));
  for (const at of [0, 3, 4, 5, 7, 8]) assert.equal(axis.nearest(axis.place(at)), at);
  assert.equal(axis.nearest(axis.place(1)), 3, "of several at once the last");
});

test("an empty conversation has a timeline too", () => {
  assert.equal(timeAxis([]).place(0), 0);
  assert.equal(timeAxis([]).nearest(0.7), 0);
  assert.equal(versionAxis(0).place(0), 0);
});

test("what counts as idle follows the talk's own pace", () => {
  const steady = (step: number) => Array.from({ length: 20 }, (_, at) => at * step);
  assert.ok(idleLimit(steady(SECOND)) >= 2 * SECOND);
  assert.ok(idleLimit(steady(60 * SECOND)) >= 120 * SECOND);
  assert.ok(idleLimit(steady(SECOND)) < idleLimit(steady(60 * SECOND)));
});

test("zooming keeps the place where it is, and never leaves the timeline", () => {
  const close = zoomed(WHOLE, 4, 0.5);
  assert.deepEqual(close, { from: 0.375, to: 0.625 });
  assert.deepEqual(zoomed(close, 1 / 8, 0.5), WHOLE);
  const left = zoomed(WHOLE, 4, 0);
  assert.deepEqual(left, { from: 0, to: 0.25 });
  assert.deepEqual(showing(left, 0.1), left);
  const moved = showing(left, 0.9);
  assert.ok(moved.from <= 0.9 && moved.to >= 0.9 && moved.to <= 1);
  assert.deepEqual(showing(WHOLE, 1), WHOLE);
});

test("lengths of time are said in two units at most", () => {
  const said = [12, 2500, 45_000, 60_000, 3 * HOUR + 20 * 60_000, 49 * HOUR].map(lasted);
  assert.deepEqual(said, ["12 ms", "2.5 s", "45 s", "1 min", "3 h 20 min", "2 d 1 h"]);
});

test("played faster the pauses are shorter, and none is too long or too short", () => {
  assert.equal(pauseBetween(0, 1000, 1), 1000);
  assert.equal(pauseBetween(0, 1000, 4), 250);
  assert.equal(pauseBetween(0, 9 * HOUR, 1), 2500);
  assert.equal(pauseBetween(0, 0, 32), 30);
  assert.equal(pauseBetween(undefined, 5, 1), 30);
});

test("the address leads back to where it was taken", () => {
  for (const address of [
    { conversation: "abc-1", version: 41 },
    { conversation: "abc-1", version: null },
    { conversation: "", version: null },
  ])
    assert.deepEqual(addressOf(searchOf(address)), address);
  assert.deepEqual(addressOf("?c=../x&v=-1"), { conversation: "", version: null });
  assert.deepEqual(addressOf("?c=a&v=1e3"), { conversation: "a", version: null });
});
