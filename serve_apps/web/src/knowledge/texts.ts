/** Pure work on the texts of chunks. Offsets are the server's: code points, not UTF-16 units. */

export interface Piece {
  text: string;
  /** How well the sentence answers, 0 to 1 of the best; null: not one of those named. */
  weight: number | null;
}

/** `text` cut at the sentences that the search named, each with its weight. */
export function marked(text: string, sentences: readonly (readonly [string, number])[]): Piece[] {
  const best = Math.max(0, ...sentences.map(([, score]) => score));
  const spans: { from: number; to: number; weight: number }[] = [];
  for (const [sentence, score] of sentences) {
    const span = spanOf(text, sentence);
    const apart = span && spans.every((other) => span.to <= other.from || span.from >= other.to);
    if (apart) spans.push({ ...span, weight: best > 0 ? Math.max(0, score) / best : 0 });
  }
  spans.sort((a, b) => a.from - b.from);
  const pieces: Piece[] = [];
  let at = 0;
  for (const { from, to, weight } of spans) {
    if (from > at) pieces.push({ text: text.slice(at, from), weight: null });
    pieces.push({ text: text.slice(from, to), weight });
    at = to;
  }
  if (at < text.length) pieces.push({ text: text.slice(at), weight: null });
  return pieces;
}

/** Where a sentence stands, spaces and line ends counted alike; null: nowhere. */
function spanOf(text: string, sentence: string): { from: number; to: number } | null {
  const words = sentence.trim().split(/\s+/).filter(Boolean);
  if (!words.length || words.length > 2000) return null;
  const plain = text.indexOf(sentence.trim());
  if (plain >= 0) return { from: plain, to: plain + sentence.trim().length };
  const escaped = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const match = new RegExp(escaped.join("\\s+")).exec(text);
  return match ? { from: match.index, to: match.index + match[0].length } : null;
}

interface Cut {
  start: number;
  end: number;
  text: string;
}

/** A chunk's text in two: what the one before it ends with too, and what is its own. */
export function shared(previous: Cut | null, chunk: Cut): [string, string] {
  const count = previous ? Math.min(previous.end, chunk.end) - chunk.start : 0;
  if (!previous || count <= 0) return ["", chunk.text];
  const points = [...chunk.text];
  const both = points.slice(0, count).join("");
  // Where a text is not the document's own character for character, nothing is claimed.
  if (!both.trim() || !previous.text.trimEnd().endsWith(both.trim())) return ["", chunk.text];
  return [both, points.slice(count).join("")];
}

/** `text` with every hidden character told by its number, as `U+200B`. */
export function revealed(text: string): { text: string; hidden: boolean }[] {
  const parts: { text: string; hidden: boolean }[] = [];
  let from = 0;
  for (const match of text.matchAll(HIDDEN)) {
    if (match.index > from) parts.push({ text: text.slice(from, match.index), hidden: false });
    parts.push({ text: numberOf(match[0]), hidden: true });
    from = match.index + match[0].length;
  }
  if (from < text.length) parts.push({ text: text.slice(from), hidden: false });
  return parts;
}

/** Told already by the server, or still there as they are: format characters, tags, odd spaces. */
const HIDDEN = /U\+[0-9A-F]{4,6}|[\p{Cf}\u115f\u1160\u3164\uffa0\u2800\p{Variation_Selector}]/gu;

function numberOf(found: string): string {
  if (found.startsWith("U+")) return found;
  const code = found.codePointAt(0) ?? 0;
  return `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}
