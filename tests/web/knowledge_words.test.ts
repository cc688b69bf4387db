/** The knowledge page's pure parts: its address, the stream of events, texts, and what ended one. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { addressOf, type Route, routeOf } from "../../serve_apps/web/src/knowledge/address";
import { endOf } from "../../serve_apps/web/src/knowledge/ends";
import { bytes } from "../../serve_apps/web/src/knowledge/format";
import { EventParser } from "../../serve_apps/web/src/knowledge/sse";
import { marked, revealed, shared } from "../../serve_apps/web/src/knowledge/texts";
import { wholeChunk, wholeDoc } from "../../serve_apps/web/src/knowledge/types";

test("every place of the page has an address that leads back to it", () => {
  const routes: Route[] = [
    { at: "documents", state: "", search: "" },
    { at: "documents", state: "failed", search: "lámparas & más" },
    { at: "document", document: "a b&c", version: 41, tab: "told" },
    { at: "chunk", chunk: "0f" },
    { at: "search", question: "¿Cuánto?", locale: "es", asOf: 12, source: "x.example", mediaType: "text/csv" },
    { at: "gaps", days: 90 },
    { at: "counts" },
    { at: "settings" },
  ];
  for (const route of routes) {
    const address = addressOf(route);
    assert.deepEqual(routeOf(address.slice(address.indexOf("?") + 1 || address.length)), route);
  }
});

test("an address that says nonsense leads to the documents or to a default", () => {
  assert.deepEqual(routeOf("?view=nonsense"), { at: "documents", state: "", search: "" });
  assert.deepEqual(routeOf("?view=gaps&days=x"), { at: "gaps", days: 30 });
  const told = routeOf("?document=d&version=-4&tab=odd");
  assert.deepEqual(told, { at: "document", document: "d", version: 0, tab: "chunks" });
});

test("events come whole, however the network cuts them", () => {
  const text = ': hello\r\n\r\nevent: document\r\ndata: {"a":\ndata: 1}\n\nid: 4\ndata: x\r\r';
  const wanted = [
    { event: "document", data: '{"a":\n1}' },
    { event: "message", data: "x" },
  ];
  for (let cut = 1; cut < text.length; cut += 1) {
    const parser = new EventParser();
    const found = [...parser.push(text.slice(0, cut)), ...parser.push(text.slice(cut)), ...parser.push("\n")];
    assert.deepEqual(found, wanted, `cut at ${cut}`);
  }
});

test("an event without end is given up, not kept for ever", () => {
  const parser = new EventParser();
  assert.throws(() => {
    for (let n = 0; n < 10; n += 1) parser.push("x".repeat(1024 * 1024));
  }, RangeError);
});

test("the sentences of a hit are marked where they stand, the best the strongest", () => {
  const text = "One (1) thing.  Another\nthing? The last.";
  const pieces = marked(text, [
    ["Another thing?", 0.4],
    ["One (1) thing.", 0.8],
    ["not there", 0.9],
    ["", 1],
  ]);
  assert.equal(pieces.map((piece) => piece.text).join(""), text);
  const weights = pieces.filter(({ weight }) => weight !== null);
  assert.deepEqual(weights, [
    { text: "One (1) thing.", weight: 0.8 },
    { text: "Another\nthing?", weight: 0.4 },
  ]);
});

test("what two chunks share is counted in the server's characters, and only where it is true", () => {
  const first = { start: 0, end: 8, text: "💡 a 💡 b 💡".slice(0) };
  const points = [...first.text].length;
  const second = { start: points - 3, end: points + 5, text: "b 💡 next" };
  assert.deepEqual(shared({ ...first, end: points }, second), ["b 💡", " next"]);
  assert.deepEqual(shared(null, second), ["", second.text]);
  assert.deepEqual(shared({ ...first, end: points - 3 }, second), ["", second.text]);
  const other = { start: 0, end: points, text: "another block's text" };
  assert.deepEqual(shared(other, second), ["", second.text]);
});

test("what cannot be seen is told by its number", () => {
  const parts = revealed("a\u200bb U+202E\u{e0041}.");
  assert.deepEqual(
    parts.map(({ text, hidden }) => (hidden ? `<${text}>` : text)).join(""),
    "a<U+200B>b <U+202E><U+E0041>.",
  );
  assert.equal(revealed("plain ñ 中文").length, 1);
});

test("what ended a text is the next version that was indexed, or the document's removal", () => {
  const version = (number: number, fields: object) => wholeDoc({ document: "d", version: number, ...fields });
  const old = version(10, { state: "replaced", indexed_at: 100, by: "ana" });
  const failed = version(20, { state: "failed" });
  const next = version(30, { state: "replaced", indexed_at: 300, by: "ben" });
  const last = version(40, { state: "indexed", indexed_at: 400, by: "cleo" });
  const chunk = wholeChunk({ version: 10, closed_at: 31 });
  assert.deepEqual(endOf(chunk, [last, next, failed, old]), { how: "replaced", at: 300, by: "ben" });
  assert.equal(endOf({ ...chunk, closed_at: 0 }, [last, next, failed, old]), null);
  const removed = [{ ...old, state: "removed" as const }];
  assert.deepEqual(endOf(chunk, removed), { how: "removed", at: 0, by: "" });
  assert.equal(endOf(chunk, []), null);
});

test("what the wire leaves out stands as its default", () => {
  const doc = wholeDoc({ document: "d", flags: [{ kind: "hidden_text", sample: "x" } as never] });
  assert.deepEqual(doc.flags, [{ kind: "hidden_text", sample: "x", where: "", count: 1 }]);
  assert.equal(wholeDoc({ failure: null, indexed_at: null as never }).indexed_at, 0);
  assert.equal(wholeChunk({ closed_at: null as never }).closed_at, 0);
});

test("sizes are told as people read them", () => {
  assert.deepEqual([0, 999, 4200, 999_499, 999_500, 10_485_760].map(bytes), [
    "0 B", "999 B", "4.2 kB", "999 kB", "1.0 MB", "10 MB",
  ]);
});
