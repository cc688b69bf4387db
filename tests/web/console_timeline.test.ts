import assert from "node:assert/strict";
import { test } from "node:test";

import { Thread } from "../../serve_apps/web/src/console/thread";
import { emptyTimeline, extended } from "../../serve_apps/web/src/shared/timeline";
import type { Commit } from "../../serve_apps/web/src/wire/facts";
import {
  answered,
  AT,
  begun,
  called,
  commit,
  proposed,
  started,
  taken,
  told,
  written,
} from "./console_facts";
import { FakeSurroundings } from "./surroundings";

const timelineOf = (...commits: Commit[]) => extended(emptyTimeline("c1"), commits);

test("facts become lines, in the order in which they happened", () => {
  const { lines, standing } = timelineOf(
    commit(1, started, written("m1", "Hello?"), begun("t1", "m1")),
    commit(2, answered("t1", "Good day.")),
  );
  assert.deepEqual(lines.map((line) => line.kind), ["visitor", "assistant"]);
  assert.equal(standing.turn, "");
  assert.equal(standing.version, 20);
});

test("folding one by one gives what folding all at once gives", () => {
  const commits = [
    commit(1, started, written("m1", "a person!"), begun("t1", "m1")),
    commit(2, called("a person!"), told("handoff_queued", "I have asked.")),
    commit(3, taken(2, "op-ana", "Ana"), told("operator_joined", "Ana is here.")),
  ];
  const whole = timelineOf(...commits);
  const steps = commits.reduce((line, one) => extended(line, [one]), emptyTimeline("c1"));
  assert.deepEqual(steps, whole);
});

test("a commit that is there already changes nothing, and makes no new timeline", () => {
  const first = timelineOf(commit(1, started, written("m1", "Hello?")));
  assert.equal(extended(first, [commit(1, written("m1", "Hello?"))]), first);
});

test("what the visitor was told stands with the change that it tells of", () => {
  const { lines, handoffs, standing } = timelineOf(
    commit(1, started, written("m1", "x")),
    commit(2, called("x"), told("handoff_queued", "I have asked.")),
    commit(3, told("operator_joined", "Alone.")),
  );
  assert.deepEqual(
    lines.map((line) => [line.kind, line.told]),
    [["visitor", undefined], ["handoff", "I have asked."], ["notice", "Alone."]],
  );
  assert.equal(handoffs[0]?.told, "I have asked.");
  assert.equal(standing.waiting?.told, "I have asked.");
});

test("who takes over owns it, and the request waits no more", () => {
  const { standing } = timelineOf(
    commit(1, started, written("m1", "x"), called("x")),
    commit(2, taken(2, "op-ana", "Ana")),
  );
  assert.equal(standing.operator, "op-ana");
  assert.equal(standing.epoch, 2);
  assert.equal(standing.waiting, null);
});

test("a conversation that goes back to the AI belongs to nobody, whoever let it go", () => {
  const { standing } = timelineOf(
    commit(1, started, taken(2, "op-ana", "Ana")),
    commit(2, {
      fact: "ModeChanged.v1",
      at: AT,
      mode: "ai",
      epoch: 3,
      reason: "released",
      operator: "op-ana",
      operator_name: "Ana",
    }),
  );
  assert.deepEqual([standing.mode, standing.operator, standing.epoch], ["ai", "", 3]);
});

test("an approved draft is an answer that says what the AI had written", () => {
  const { lines, standing } = timelineOf(
    commit(1, started, written("m1", "x"), begun("t1", "m1")),
    commit(2, proposed("d1", "t1", "Five days.")),
    commit(
      3,
      {
        fact: "DraftApproved.v1",
        at: AT,
        draft: "d1",
        operator: "op-ana",
        epoch: 2,
        text: "Two days.",
        edit_distance: 4,
        operator_name: "Ana",
      },
      { ...answered("t1", "Two days."), draft: "d1" } as never,
    ),
  );
  const line = lines.at(-1);
  assert.equal(line?.kind === "assistant" && line.draft?.text, "Five days.");
  assert.equal(standing.draft, null);
});

test("a draft that was overtaken leaves a word", () => {
  const { lines, standing } = timelineOf(
    commit(1, started, proposed("d1", "t1", "Five days.")),
    commit(2, { fact: "DraftVoided.v1", at: AT, draft: "d1", reason: "visitor_wrote" }),
  );
  assert.deepEqual(standing.voided, { draft: "d1", reason: "visitor_wrote" });
  assert.equal(lines.at(-1)?.kind, "draft");
});

test("what a later server may say is passed over", () => {
  const odd = { fact: "SomethingNew.v9", at: AT } as never;
  assert.equal(timelineOf(commit(1, started, odd, written("m1", "x"))).lines.length, 1);
});

function thread(): { thread: Thread; around: FakeSurroundings } {
  const around = new FakeSurroundings();
  return { thread: new Thread("c1", around), around };
}

const delta = (index: number, text: string, turn = "t1") => ({
  type: "delta" as const,
  conversation: "c1",
  turn,
  index,
  text,
});

test("an answer is streamed, and replaced by what was recorded", () => {
  const { thread: made } = thread();
  made.takeDelta(delta(0, "Two "));
  made.takeDelta(delta(1, "days."));
  made.takeDelta(delta(1, "days."));
  made.publish();
  assert.deepEqual(made.live.get().stream, { turn: "t1", text: "Two days.", torn: false });
  made.takeCommit(commit(1, started, answered("t1", "Two days.")));
  made.publish();
  assert.equal(made.live.get().stream, null);
});

test("a lost piece is owned up to", () => {
  const { thread: made } = thread();
  made.takeDelta(delta(0, "Two "));
  made.takeDelta(delta(2, "days."));
  made.publish();
  assert.equal(made.live.get().stream?.torn, true);
});

test("nothing of an answer stays when a person takes over", () => {
  const { thread: made } = thread();
  made.takeDelta(delta(0, "Two "));
  made.takeCommit(commit(1, started, taken(2, "op-ana", "Ana")));
  made.publish();
  assert.equal(made.live.get().stream, null);
});

test("nothing is shown before it is published, and then all at once", () => {
  const { thread: made } = thread();
  let shown = 0;
  made.timeline.subscribe(() => (shown += 1));
  made.takeCommit(commit(1, started));
  made.takeCommit(commit(2, written("m1", "x")));
  assert.equal(shown, 0);
  assert.equal(made.version, 20);
  made.publish();
  assert.equal(shown, 1);
});

test("a hole between commits is noticed", () => {
  const { thread: made } = thread();
  assert.equal(made.takeCommit(commit(1, started)), true);
  assert.equal(made.takeCommit(commit(3, written("m2", "x"))), false);
  assert.equal(made.version, 10);
});

test("who typed and says nothing more is taken not to type any more", () => {
  const { thread: made, around } = thread();
  made.takeTyping({ type: "typing", conversation: "c1", who: "visitor", on: true });
  made.publish();
  assert.equal(made.live.get().visitorTypes, true);
  around.pass(10_000);
  assert.equal(made.live.get().visitorTypes, false);
});

test("what the visitor's page has shown never goes back", () => {
  const { thread: made } = thread();
  const present = { type: "present" as const, conversation: "c1", who: "visitor" as const };
  made.takePresent({ ...present, on: true, version: 20 });
  made.takePresent({ ...present, on: false });
  made.publish();
  assert.equal(made.live.get().seen, 20);
  assert.equal(made.live.get().visitorHere, false);
});
