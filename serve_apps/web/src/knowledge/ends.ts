/** What ended a text's time: a newer version of its document, or the document's removal. Pure. */

import type { Chunk, Doc } from "./types";

export type End = { how: "replaced"; at: number; by: string } | { how: "removed"; at: number; by: string };

/** Null while the text answers, or where its end cannot be told from `versions` (newest first). */
export function endOf(chunk: Pick<Chunk, "version" | "closed_at">, versions: readonly Doc[]): End | null {
  if (!chunk.closed_at) return null;
  const later = versions.filter(({ version }) => version > chunk.version);
  const next = later.findLast(({ indexed_at }) => indexed_at > 0);
  if (next) return { how: "replaced", at: next.indexed_at, by: next.by };
  const removed = versions.find(({ state }) => state === "removed");
  return removed ? { how: "removed", at: 0, by: "" } : null;
}
