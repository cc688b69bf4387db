/**
 * Short-term memory, folded exactly as actors/conversation/memory.py folds it: the bounded window of recent
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

/** Whether two UTF-16 units at `at` are one code point. */
function isPair(text: string, at: number): boolean {
  const first = text.charCodeAt(at);
  if (first < 0xd800 || first > 0xdbff) return false;
  const second = text.charCodeAt(at + 1);
  return second >= 0xdc00 && second <= 0xdfff;
}

/** How long `text` is in code points. */
export function codePoints(text: string): number {
  let points = text.length;
  for (let at = 0; at < text.length; at += 1) if (isPair(text, at)) points -= 1;
  return points;
}

/** The first `count` code points. */
export function firstPoints(text: string, count: number): string {
  if (text.length <= count) return text;
  let at = 0;
  for (let n = 0; n < count && at < text.length; n += 1) at += isPair(text, at) ? 2 : 1;
  return text.slice(0, at);
}

/** What is left of `text` without its first `count` code points. */
export function withoutFirst(text: string, count: number): string {
  let at = 0;
  for (let n = 0; n < count && at < text.length; n += 1) at += isPair(text, at) ? 2 : 1;
  return text.slice(at);
}

export function estimatedTokens(text: string): number {
  return Math.floor(codePoints(text) / 4) + 1;
}

export function tokensOf(item: Remembered): number {
  return estimatedTokens(item.text);
}

/**
 * What each further message asks again of the memory before it. It is kept beside the memories, so
 * that ten thousand messages fold as fast as ten: a text is measured once as it comes and once as
 * it goes.
 */
interface Measure {
  /** Of the window, in tokens. */
  readonly tokens: number;
  /** Of the summary, in code points. */
  readonly points: number;
}

const measures = new WeakMap<Memory, Measure>();

function measureOf(memory: Memory): Measure {
  const known = measures.get(memory);
  if (known) return known;
  const tokens = memory.window.reduce((sum, item) => sum + tokensOf(item), 0);
  const measure = { tokens, points: codePoints(memory.summary) };
  measures.set(memory, measure);
  return measure;
}

/** The memory with `added` as its newest; the oldest fall out into the summary. */
export function remember(memory: Memory, added: Remembered): Memory {
  const { tokens: before, points } = measureOf(memory);
  const kept = { ...added, text: firstPoints(added.text, MESSAGE_CHARS) };
  const window = [...memory.window, kept];
  let tokens = before + tokensOf(kept);
  let fallen = 0;
  while (
    window.length - fallen > 1 &&
    (tokens > WINDOW_TOKENS || window.length - fallen > WINDOW_MESSAGES)
  ) {
    tokens -= tokensOf(window[fallen]!);
    fallen += 1;
  }
  if (!fallen) return measured({ ...memory, window }, { tokens, points });
  let summary: Summary = { text: memory.summary, points };
  for (const item of window.slice(0, fallen)) summary = withLine(summary, `${item.role}: ${gist(item.text)}`);
  summary = newestLines(summary);
  const summarized_through = window[fallen - 1]!.message;
  const next = { window: window.slice(fallen), summary: summary.text, summarized_through };
  return measured(next, { tokens, points: summary.points });
}

function measured(memory: Memory, measure: Measure): Memory {
  measures.set(memory, measure);
  return memory;
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

/** A text and its length in code points. */
interface Summary {
  readonly text: string;
  readonly points: number;
}

function withLine({ text, points }: Summary, line: string): Summary {
  if (!text) return { text: line, points: codePoints(line) };
  return { text: `${text}\n${line}`, points: points + 1 + codePoints(line) };
}

function newestLines({ text, points }: Summary): Summary {
  if (points <= SUMMARY_CHARS) return { text, points };
  const tail = withoutFirst(text, points - SUMMARY_CHARS);
  const line = tail.indexOf("\n");
  if (line === -1) return { text: tail, points: SUMMARY_CHARS };
  return { text: tail.slice(line + 1), points: SUMMARY_CHARS - codePoints(tail.slice(0, line + 1)) };
}
