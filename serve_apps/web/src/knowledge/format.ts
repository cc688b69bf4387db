/** Sizes, moments and kinds in words, and the colours of states. */

import { ApiError } from "../wire/http";
import { K } from "./strings";
import type { Doc, DocumentState } from "./types";

export type Tone = "good" | "bad" | "warn" | "accent" | "plain";

const TONES: Partial<Record<DocumentState, Tone>> = {
  indexed: "good",
  failed: "bad",
  requested: "accent",
  submitted: "accent",
  parsed: "accent",
  chunked: "accent",
};

export function toneOf(state: DocumentState): Tone {
  return TONES[state] ?? "plain";
}

/** `312 B`, `4.5 kB`, `9.8 MB`. */
export function bytes(n: number): string {
  if (n < 1000) return `${n} B`;
  const [size, unit] = n < 999_500 ? [n / 1000, "kB"] : [n / 1e6, "MB"];
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} ${unit}`;
}

export function milliseconds(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

/** What a document is called: its title, else its name, else its id. */
export function nameOf(doc: Pick<Doc, "title" | "name" | "document">): string {
  return doc.title || doc.name || doc.document;
}

/** What went wrong, for a person. */
export function troubleWords(error: unknown): string {
  if (!(error instanceof ApiError)) throw error;
  if (error.code === "offline" || error.code === "timeout") return K.away;
  return error.detail || error.code;
}

/** What a search took: one figure, or those of its stages summed up. */
export function tookOf(latency: Record<string, number> | number): number {
  if (typeof latency === "number") return latency;
  return latency["total"] ?? Object.values(latency).reduce((sum, ms) => sum + ms, 0);
}
