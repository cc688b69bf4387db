import assert from "node:assert/strict";
import { test } from "node:test";

import { Api } from "../../serve_apps/web/src/wire/api";
import type { Commit } from "../../serve_apps/web/src/wire/facts";
import { Replay } from "../../serve_apps/web/src/replay/replay";
import { NO_QUERY } from "../../serve_apps/web/src/replay/search";
import { Follower, loadCommits } from "../../serve_apps/web/src/replay/server";
import { FakeSurroundings } from "./surroundings";
import { vector } from "./vector_files";

const COMMITS = vector("two_handoffs").steps.map((step) => step.commit);

/** Time in the hands of the test. */
class Timers {
  #waiting: { run: () => void; ms: number } | null = null;

  setTimer(run: () => void, ms: number): unknown {
    return (this.#waiting = { run, ms });
  }

  clearTimer(timer: unknown): void {
    if (timer === this.#waiting) this.#waiting = null;
  }

  /** Lets what is waited for happen; how long it was waited. */
  pass(): number | null {
    const due = this.#waiting;
    this.#waiting = null;
    due?.run();
    return due?.ms ?? null;
  }
}

function opened(version: number | null, commits: readonly Commit[] = COMMITS) {
  const timers = new Timers();
  const replay = new Replay("demo", "two-handoffs", timers, { grows: true, version });
  replay.append(commits);
  replay.loaded();
  return { replay, timers, view: () => replay.view.get() };
}

test("the end is followed until one looks elsewhere, and again when asked to", () => {
  const { replay, view } = opened(null, COMMITS.slice(0, 8));
  assert.deepEqual([view().position, view().live], [8, true]);
  replay.append(COMMITS.slice(8, 9));
  assert.deepEqual([view().position, view().live], [9, true]);
  replay.step(-2);
  assert.deepEqual([view().position, view().live], [7, false]);
  replay.append(COMMITS.slice(9, 12));
  assert.equal(view().position, 7, "what comes does not move who looks back");
  replay.goLive();
  assert.deepEqual([view().position, view().live], [12, true]);
});

test("a version that was asked for is gone to once it is here", () => {
  const wanted = COMMITS[5]!.version;
  const timers = new Timers();
  const replay = new Replay("demo", "two-handoffs", timers, { grows: true, version: wanted });
  replay.append(COMMITS.slice(0, 3));
  assert.equal(replay.view.get().position, 0);
  replay.append(COMMITS.slice(3));
  replay.loaded();
  assert.deepEqual([replay.view.get().position, replay.view.get().live], [6, false]);
  assert.equal(opened(10 ** 9).view().position, COMMITS.length);
  assert.equal(opened(0).view().position, 0);
});

test("no step leaves the conversation", () => {
  const { replay, view } = opened(null);
  replay.step(5);
  assert.equal(view().position, COMMITS.length);
  replay.goTo(-3);
  assert.equal(view().position, 0);
  replay.step(-1);
  assert.equal(view().position, 0);
});

test("turns, handoffs and errors are gone to in their order", () => {
  const { replay, view } = opened(null);
  replay.goTo(0);
  const visited: number[] = [];
  for (let n = 0; n < 20; n += 1) {
    replay.jump("handoff", 1);
    if (view().position !== visited.at(-1)) visited.push(view().position);
  }
  const wanted = COMMITS.flatMap((commit, at) =>
    commit.facts.some((f) => ["HandoffRequested.v1", "ModeChanged.v1"].includes(f.fact)) ? [at + 1] : [],
  );
  assert.deepEqual(visited, wanted);
  replay.jump("error", -1);
  assert.ok(COMMITS[view().position - 1]!.facts.some((f) => f.fact === "TurnFailed.v1"));
  replay.stepTurn(-1);
  assert.ok(COMMITS[view().position - 1]!.facts.some((f) => f.fact === "TurnBegun.v1"));
});

test("playing goes step by step to the end, and a move of one's own stops it", () => {
  const { replay, timers, view } = opened(null);
  replay.togglePlay();
  assert.deepEqual([view().position, view().playing], [0, true], "from the end it begins anew");
  timers.pass();
  assert.equal(view().position, 1);
  replay.setSpeed(4);
  const slow = timers.pass()!;
  const fast = timers.pass()!;
  assert.ok(slow > 0 && fast <= slow);
  replay.step(1);
  assert.equal(view().playing, false);
  assert.equal(timers.pass(), null, "nothing is waited for any more");
  replay.togglePlay();
  for (let n = 0; n < COMMITS.length + 2; n += 1) timers.pass();
  assert.deepEqual([view().position, view().playing], [COMMITS.length, false]);
});

test("what is found is gone through from where one looks, and around", () => {
  const { replay, view } = opened(null);
  replay.goTo(0);
  replay.search({ ...NO_QUERY, type: "ModeChanged.v1" });
  const places = view().hits.map((hit) => replay.history.entries[hit]!.position);
  replay.goTo(places[2]! - 1);
  replay.goToHit(1);
  assert.deepEqual([view().position, view().hit], [places[2], 2]);
  replay.goToHit(1);
  assert.equal(view().hit, 3);
  replay.goTo(places[1]! + 1);
  replay.goToHit(-1);
  assert.deepEqual([view().position, view().hit], [places[1], 1]);
  for (let n = 0; n < places.length - 1; n += 1) replay.goToHit(1);
  assert.equal(view().hit, 0, "after the last comes the first");
  replay.search({ ...NO_QUERY, text: "no such words" });
  replay.goToHit(1);
  assert.deepEqual([view().hits, view().hit], [[], -1]);
});

test("a turn that was asked about is shown until one moves on", () => {
  const { replay, view } = opened(null);
  const first = replay.turns.all[0]!;
  replay.showTurn(first);
  assert.equal(replay.turn, first);
  replay.step(-1);
  assert.equal(replay.turn, replay.turns.at(view().position));
});

// The server.

/** Serves `commits` as the API does; every page that was asked for. */
function serving(commits: () => readonly Commit[]) {
  const asked: string[] = [];
  const fetch = (url: string): Promise<Response> => {
    asked.push(url);
    const query = new URL(url, "http://x").searchParams;
    const after = Number(query.get("after"));
    const page = commits().filter((one) => one.version > after).slice(0, Number(query.get("limit")));
    return Promise.resolve(new Response(JSON.stringify(page)));
  };
  const tokens = { token: () => Promise.resolve("t"), renewed: () => Promise.resolve("t") };
  return { api: new Api(tokens, fetch), tokens, asked };
}

test("commits are read page by page until a page is not full", async () => {
  const many = Array.from({ length: 2300 }, (_, at) => ({ ...COMMITS[0]!, version: at * 2 + 1 }));
  const { api, asked } = serving(() => many);
  const pages: number[] = [];
  await loadCommits(api, "c", 0, (page) => pages.push(page.length));
  assert.deepEqual(pages, [1000, 1000, 300]);
  assert.equal(asked.length, 3);
  const full = serving(() => many.slice(0, 1000));
  pages.length = 0;
  await loadCommits(full.api, "c", 0, (page) => pages.push(page.length));
  assert.deepEqual(pages, [1000, 0]);
});

test("a page that cannot be had ends the reading with the reason", async () => {
  const tokens = { token: () => Promise.resolve("t"), renewed: () => Promise.resolve("t") };
  const refused = () => Promise.resolve(new Response("{}", { status: 404 }));
  await assert.rejects(loadCommits(new Api(tokens, refused), "c", 0, () => undefined), { status: 404 });
});

test("what a socket skipped is read before what it brought is shown", async () => {
  const { replay, view } = opened(null, COMMITS.slice(0, 5));
  const { api, tokens } = serving(() => COMMITS.slice(0, 8));
  const network = new FakeSurroundings();
  const taken: number[] = [];
  const listener = {
    onCommits: (commits: readonly Commit[]) => {
      taken.push(...commits.map((one) => one.number));
      replay.append(commits);
    },
    onStatus: () => undefined,
    onTrouble: (code: string) => assert.fail(code),
  };
  const end = () => ({ version: replay.history.version, number: replay.history.commits.at(-1)!.number });
  const follower = new Follower("two-handoffs", api, end, listener, tokens, network);
  follower.start();
  network.socket.accept();
  await settled();
  const receive = (frame: object) => network.socket.receive(frame as never);
  receive({ type: "welcome", me: {}, expires_at: 1 });
  const [watch] = network.socket.sent.filter((frame) => (frame.type as string) === "watch");
  assert.deepEqual(watch, { type: "watch", conversation: "two-handoffs", after: COMMITS[4]!.version });
  receive({ type: "commit", ...COMMITS[7]! });
  assert.deepEqual(taken, [], "commit 8 after commit 5 is not shown yet");
  await settled();
  assert.deepEqual(taken, [6, 7, 8]);
  receive({ type: "commit", ...COMMITS[8]! });
  assert.equal(view().position, 9);
  assert.deepEqual(replay.history.faults, []);
  follower.stop();
});

/** Everything that was under way without time passing has happened. */
async function settled(): Promise<void> {
  for (let n = 0; n < 20; n += 1) await new Promise((done) => setImmediate(done));
}
