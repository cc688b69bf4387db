/** The list of documents, what was just added, and the feed that keeps both up. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Additions, comeThrough, MOST_BYTES } from "../../serve_apps/web/src/knowledge/additions";
import { Feed, type FeedParts, SILENT_FOR } from "../../serve_apps/web/src/knowledge/feed";
import { comeOf, emptyShelf, withDocument, withPage } from "../../serve_apps/web/src/knowledge/shelf";
import { type Doc, wholeDoc } from "../../serve_apps/web/src/knowledge/types";
import { ApiError } from "../../serve_apps/web/src/wire/http";

const doc = (document: string, fields: Partial<Doc> = {}) =>
  wholeDoc({ document, name: document, version: 1, state: "indexed", ...fields });

function shelf(names: string, next: string | null = null, filter = { state: "", search: "" }) {
  return withPage(emptyShelf(filter), [...names].map((name) => doc(name)), next, false);
}
const names = (found: { rows: readonly Doc[] }) => found.rows.map((row) => row.document).join("");

test("a new document comes to its place by name, one beyond what was read waits", () => {
  assert.equal(names(withDocument(shelf("bd"), doc("c"))), "bcd");
  assert.equal(names(withDocument(shelf("bd"), doc("e"))), "bde");
  assert.equal(names(withDocument(shelf("bd", "more"), doc("e"))), "bd");
  assert.equal(names(withPage(shelf("bd", "more"), [doc("d"), doc("f")], null, true)), "bdf");
});

test("a document that no longer fits the list leaves it, and one that fits again comes back", () => {
  const failed = shelf("b", null, { state: "failed", search: "" });
  assert.equal(names(withDocument(failed, doc("b"))), "");
  assert.equal(names(withDocument(failed, doc("c", { state: "failed" }))), "bc");
  assert.equal(names(withDocument(shelf("bc"), doc("b", { state: "removed" }))), "c");
  const searched = shelf("b", null, { state: "", search: "LAMP" });
  assert.equal(names(withDocument(searched, doc("x", { title: "Floor lamps" }))), "bx");
  assert.equal(names(withDocument(searched, doc("y"))), "b");
});

test("an older version that is told late changes nothing", () => {
  const now = withDocument(shelf("b"), doc("b", { version: 3, state: "parsed" }));
  assert.equal(withDocument(now, doc("b", { version: 2 })), now);
});

test("a bar never goes back, and heeds only its own version", () => {
  const chunked = doc("b", { state: "chunked", version: 2 });
  const beat = { document: "b", version: 2, stage: "embed" as const, done: 5, total: 10 };
  assert.equal(comeOf(chunked, undefined), 0.55);
  assert.equal(comeOf(chunked, beat), 0.75);
  assert.equal(comeOf(chunked, { ...beat, stage: "parse", done: 1 }), 0.55);
  assert.equal(comeOf(chunked, { ...beat, version: 1, done: 10 }), 0.55);
  assert.equal(comeOf(chunked, { ...beat, done: 0, total: 0 }), 0.55);
  assert.equal(comeOf(doc("b"), beat), 1);
});

const settled = () => new Promise((done) => setTimeout(done));
const file = (name: string, size = 3) => ({ name, size }) as File;

type Upload = ConstructorParameters<typeof Additions>[0]["upload"];
const additionsOf = (upload: Upload, wait?: (ms: number) => Promise<void>) =>
  new Additions({ upload, addUrl: () => Promise.reject(new ApiError("refused_address", 422, "private")) }, wait);
const taken = (name: string, changed = true) => ({ document: name, version: 5, changed, name });
const linesOf = (additions: Additions) =>
  Object.fromEntries(additions.cell.get().map((line) => [line.name, line]));

test("files go together, each has its own outcome, and one too large is not sent", async () => {
  const open: (() => void)[] = [];
  const sent: string[][] = [];
  const additions = additionsOf((files) => {
    sent.push(files.map(({ name }) => name));
    const documents = [taken("good"), taken("same", false)];
    const refused = [{ name: "bad", code: "unsupported_document", detail: "no reader" }];
    return new Promise((take) => open.push(() => take({ documents, refused })));
  });
  additions.files([file("good"), file("bad"), file("same"), file("huge", MOST_BYTES + 1)]);
  assert.deepEqual(sent, [["good", "bad", "same"]]);
  // The feed may be faster than the answer to the upload.
  additions.hear(doc("good", { version: 5, state: "parsed" }));
  open.splice(0).forEach((end) => end());
  await settled();
  additions.url({ url: "http://10.0.0.1", what: "page" });
  await settled();
  const lines = linesOf(additions);
  assert.equal(lines["good"]?.doc?.state, "parsed");
  assert.deepEqual([lines["bad"]?.step, lines["bad"]?.reason], ["refused", "no reader"]);
  assert.equal(lines["same"]?.step, "unchanged");
  assert.equal(lines["huge"]?.code, "too_large");
  assert.equal(lines["http://10.0.0.1"]?.code, "refused_address");
  additions.hear(doc("good", { version: 4, state: "failed" }));
  additions.hear(doc("good", { version: 5, state: "indexed" }));
  assert.equal(additions.cell.get().find(({ name }) => name === "good")?.doc?.state, "indexed");
  additions.clear();
  assert.deepEqual(additions.cell.get(), []);
});

test("eighty small files are a few requests, and none is lost where the server says slow down", async () => {
  const sizes: number[] = [];
  const waited: number[] = [];
  let most = 0;
  let running = 0;
  const additions = additionsOf(
    async (files) => {
      most = Math.max(most, (running += 1));
      await settled();
      running -= 1;
      if (waited.length < 3) throw new ApiError("rate_limited", 429, "slow down", 7);
      sizes.push(files.length);
      return { documents: files.map(({ name }) => taken(name)), refused: [] };
    },
    async (ms) => {
      waited.push(ms);
      assert.ok(additions.cell.get().some(({ step }) => step === "waiting"));
      await settled();
    },
  );
  additions.files(Array.from({ length: 80 }, (_, n) => file(`f${n}`)));
  assert.deepEqual(comeThrough(additions.cell.get()), { done: 0, of: 80 });
  while (comeThrough(additions.cell.get())) await settled();
  assert.deepEqual([sizes, most], [[20, 20, 20, 20], 2]);
  assert.ok(waited.length >= 3 && waited.every((ms) => ms === 7000));
  assert.ok(additions.cell.get().every(({ step }) => step === "taken"));
});

test("large files go alone, and so do two of one name", async () => {
  const sent: string[][] = [];
  const additions = additionsOf(async (files) => {
    sent.push(files.map(({ name }) => name));
    return { documents: files.map(({ name }) => taken(name)), refused: [] };
  });
  additions.files([file("a", MOST_BYTES - 5), file("b", 9), file("b"), file("c")]);
  while (comeThrough(additions.cell.get())) await settled();
  assert.deepEqual(sent, [["a"], ["b"], ["b", "c"]]);
});

test("where a request is refused for one of its files each is sent alone, and a server away is told of", async () => {
  const sent: string[][] = [];
  const additions = additionsOf(async (files) => {
    sent.push(files.map(({ name }) => name));
    if (files.some(({ name }) => name === "away")) throw new ApiError("offline", 0, "");
    if (files.some(({ name }) => name === "bad")) throw new ApiError("too_large", 413, "too large");
    // The server may know a file by another name than the browser.
    return { documents: files.map(({ name }) => taken(name.replace("\n", ""))), refused: [] };
  });
  additions.files([file("good"), file("bad"), file("o\ndd")]);
  while (comeThrough(additions.cell.get())) await settled();
  additions.files([file("fine"), file("e\nven")]);
  while (comeThrough(additions.cell.get())) await settled();
  additions.files([file("away")]);
  while (comeThrough(additions.cell.get())) await settled();
  assert.deepEqual(sent.slice(1, 4), [["good"], ["bad"], ["o\ndd"]]);
  assert.deepEqual(sent.slice(4), [["fine", "e\nven"], ["e\nven"], ["away"]]);
  const steps = Object.fromEntries(additions.cell.get().map(({ name, step }) => [name, step]));
  assert.deepEqual(steps, {
    good: "taken", bad: "refused", "o\ndd": "taken", fine: "taken", "e\nven": "taken", away: "refused",
  });
});

function feedOf(open: FeedParts["open"]) {
  const timers = new Map<number, { run: () => void; ms: number }>();
  const heard: string[] = [];
  let count = 0;
  const feed = new Feed({
    open,
    onLive: () => heard.push("live"),
    onDocument: (one) => heard.push(`document ${one.document}`),
    onProgress: ({ document, done, total }) => heard.push(`${document} ${done}/${total}`),
    setTimer: (run, ms) => (timers.set((count += 1), { run, ms }), count),
    clearTimer: (timer) => void timers.delete(timer as number),
  });
  const fire = (ms?: number) => {
    for (const [key, timer] of [...timers])
      if (ms === undefined || timer.ms === ms) {
        timers.delete(key);
        timer.run();
      }
  };
  return { feed, heard, fire };
}

function stream() {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream<Uint8Array>({ start: (given) => void (controller = given) });
  const say = (text: string) => controller.enqueue(new TextEncoder().encode(text));
  return { response: new Response(body), say, end: () => controller.close() };
}

test("the feed tells what comes, and is taken up again when it ends or falls silent", async () => {
  const streams = [stream(), stream(), stream()];
  let opened = 0;
  const { feed, heard, fire } = feedOf(() => Promise.resolve(streams[opened++]!.response));
  const over = feed.run();
  await settled();
  streams[0]!.say('event: document\ndata: {"document":"a"}\n\nevent: progress\nda');
  streams[0]!.say('ta: {"document":"a","version":1,"stage":"embed"}\n\ndata: no json\n\n');
  await settled();
  assert.deepEqual(heard, ["live", "document a", "a 0/0"]);
  streams[0]!.end();
  await settled();
  assert.equal(feed.state.get(), "away");
  fire();
  await settled();
  assert.deepEqual([feed.state.get(), opened], ["live", 2]);
  fire(SILENT_FOR);
  await settled();
  fire();
  await settled();
  assert.deepEqual([feed.state.get(), opened, heard.at(-1)], ["live", 3, "live"]);
  feed.stop();
  await over;
});

test("the feed goes on trying while the server is away, and not where it may not listen", async () => {
  let tries = 0;
  const away = feedOf(() => {
    tries += 1;
    return Promise.reject(new ApiError("offline", 0, ""));
  });
  const over = away.feed.run();
  for (let n = 0; n < 3; n += 1) {
    await settled();
    away.fire();
  }
  await settled();
  assert.equal(tries, 4);
  away.feed.stop();
  await over;
  const refused = feedOf(() => Promise.reject(new ApiError("forbidden", 403, "")));
  await refused.feed.run();
  assert.equal(refused.feed.state.get(), "refused");
});
