/**
 * Short-term memory, folded exactly as actors/memory.py folds it: the bounded window of recent
 * messages and a rolling summary of what fell out. Lengths are code points, as Python counts
 * them, not UTF-16 units.
 */

export type Role = "visitor" | "assistant" | "operator";

export const WINDOW_TOKENS = 3000;
export const WINDOW_MESSAGES = 40;
export const MESSAGE_CHARS = 4000;
export const SUMMARY_CHARS = 2000;
export const SUMMARY_LINE_CHARS = 160;

export interface Remembered {
  readonly role: Role;
  readonly message: string;
  readonly text: string;
  /** The operator's name, where a person of the company said it. */
  readonly by: string;
}

export interface Memory {
  readonly window: readonly Remembered[];
  readonly summary: string;
  readonly summarized_through: string;
}

export const NO_MEMORY: Memory = { window: [], summary: "", summarized_through: "" };

const ASTRAL = /[\ud800-\udbff][\udc00-\udfff]/;
const ASTRALS = /[\ud800-\udbff][\udc00-\udfff]/g;

/** How long `text` is in code points. */
export function codePoints(text: string): number {
  if (!ASTRAL.test(text)) return text.length;
  let pairs = 0;
  for (const _ of text.matchAll(ASTRALS)) pairs += 1;
  return text.length - pairs;
}

/** The first `count` code points. */
export function firstPoints(text: string, count: number): string {
  if (text.length <= count) return text;
  if (!ASTRAL.test(text)) return text.slice(0, count);
  return [...text].slice(0, count).join("");
}

/** The last `count` code points. */
export function lastPoints(text: string, count: number): string {
  if (text.length <= count) return text;
  if (!ASTRAL.test(text)) return text.slice(-count);
  return [...text].slice(-count).join("");
}

export function estimatedTokens(text: string): number {
  return Math.floor(codePoints(text) / 4) + 1;
}

/** Estimates are asked for again with each further message: once a text is enough. */
const estimates = new WeakMap<Remembered, number>();

export function tokensOf(item: Remembered): number {
  let tokens = estimates.get(item);
  if (tokens === undefined) estimates.set(item, (tokens = estimatedTokens(item.text)));
  return tokens;
}

/** The memory with `added` as its newest; the oldest fall out into the summary. */
export function remember(memory: Memory, added: Remembered): Memory {
  const window = [...memory.window, { ...added, text: firstPoints(added.text, MESSAGE_CHARS) }];
  let total = 0;
  for (const item of window) total += tokensOf(item);
  let fallen = 0;
  while (
    window.length - fallen > 1 &&
    (total > WINDOW_TOKENS || window.length - fallen > WINDOW_MESSAGES)
  ) {
    total -= tokensOf(window[fallen]!);
    fallen += 1;
  }
  if (!fallen) return { ...memory, window };
  const lines = memory.summary ? [memory.summary] : [];
  for (const item of window.slice(0, fallen)) lines.push(`${item.role}: ${gist(item.text)}`);
  return {
    window: window.slice(fallen),
    summary: newestLines(lines.join("\n")),
    summarized_through: window[fallen - 1]!.message,
  };
}

/** A model's summary in place of the extractive one; void when more fell out meanwhile. */
export function resummarize(memory: Memory, text: string, through: string): Memory {
  if (through !== memory.summarized_through) return memory;
  return { ...memory, summary: firstPoints(text, SUMMARY_CHARS) };
}

/** What Python's `str.split()` splits at: not the same set as JavaScript's `\s`. */
const SPACES =
  /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;
const SENTENCE_END = /(?<=[.!?]) /;

/** The first sentence, shortened. */
function gist(text: string): string {
  const words = text.split(SPACES).filter((word) => word !== "");
  const first = words.join(" ").split(SENTENCE_END, 1)[0]!;
  if (codePoints(first) <= SUMMARY_LINE_CHARS) return first;
  return `${firstPoints(first, SUMMARY_LINE_CHARS - 1)}…`;
}

function newestLines(text: string): string {
  if (codePoints(text) <= SUMMARY_CHARS) return text;
  const tail = lastPoints(text, SUMMARY_CHARS);
  const line = tail.indexOf("\n");
  return line === -1 ? tail : tail.slice(line + 1);
}
