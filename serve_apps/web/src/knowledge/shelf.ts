/** The documents of the list: read in pages, kept up by what the feed tells. Pure. */

import type { Doc, DocumentState, Progress } from "./types";

export interface Filter {
  /** Empty: all but those that were removed. */
  state: string;
  search: string;
}

export interface Shelf {
  readonly filter: Filter;
  readonly rows: readonly Doc[];
  /** What asks for the page after these; null: all are here. */
  readonly next: string | null;
  readonly loading: boolean;
  readonly failed: string;
}

export function emptyShelf(filter: Filter): Shelf {
  return { filter, rows: [], next: null, loading: true, failed: "" };
}

export function withPage(shelf: Shelf, rows: readonly Doc[], next: string | null, more: boolean): Shelf {
  const before = more ? shelf.rows : [];
  const known = new Set(before.map((row) => row.document));
  const all = [...before, ...rows.filter((row) => !known.has(row.document))];
  return { ...shelf, rows: all, next, loading: false, failed: "" };
}

/** The list after a document changed: where it stands, a new one at its place, gone if it fits no more. */
export function withDocument(shelf: Shelf, doc: Doc): Shelf {
  const at = shelf.rows.findIndex((row) => row.document === doc.document);
  const old = shelf.rows[at];
  // Told late: what stands here is newer.
  if (old && old.version > doc.version) return shelf;
  if (!fits(shelf.filter, doc)) {
    return old ? { ...shelf, rows: shelf.rows.filter((row) => row !== old) } : shelf;
  }
  if (old) return { ...shelf, rows: shelf.rows.map((row) => (row === old ? doc : row)) };
  const place = shelf.rows.findIndex((row) => byName(doc, row) < 0);
  // Beyond the last row is what has not been read yet.
  if (place < 0 && shelf.next !== null) return shelf;
  const cut = place < 0 ? shelf.rows.length : place;
  return { ...shelf, rows: [...shelf.rows.slice(0, cut), doc, ...shelf.rows.slice(cut)] };
}

export function fits({ state, search }: Filter, doc: Doc): boolean {
  if (state ? doc.state !== state : doc.state === "removed") return false;
  const wanted = search.trim().toLowerCase();
  return !wanted || [doc.name, doc.title, doc.url].some((text) => text.toLowerCase().includes(wanted));
}

function byName(a: Doc, b: Doc): number {
  const [left, right] = [a.name || a.document, b.name || b.document];
  return left < right ? -1 : left > right ? 1 : a.document < b.document ? -1 : 1;
}

/** Work goes on at it. */
export function inWork(state: DocumentState): boolean {
  return ["requested", "submitted", "parsed", "chunked"].includes(state);
}

const SPAN: Record<string, readonly [number, number]> = {
  fetch: [0, 0.1],
  parse: [0.1, 0.45],
  chunk: [0.45, 0.55],
  embed: [0.55, 0.95],
  index: [0.95, 1],
};
const BEGUN: Partial<Record<DocumentState, number>> = { requested: 0, submitted: 0.1, parsed: 0.45, chunked: 0.55 };

/** How far a document has come, 0 to 1: what is known from its state, and from the last beat. */
export function comeOf(doc: Doc, progress: Progress | undefined): number {
  const least = BEGUN[doc.state] ?? 1;
  if (!progress || progress.version !== doc.version) return least;
  const [from, to] = SPAN[progress.stage] ?? [0, 0];
  const part = progress.total > 0 ? Math.min(1, Math.max(0, progress.done / progress.total)) : 0;
  return Math.max(least, from + (to - from) * part);
}
