/** Finds what somebody means by a few letters: all of them, in order, best where they stand together. */

/** Letters in order are looked for in texts up to this length; in longer ones they are anywhere. */
const LOOSE_CHARS = 60;

/** How well `text` fits; higher is better, null when it does not. Case and accents do not count. */
export function fit(query: string, text: string): number | null {
  const wanted = plain(query).replace(/\s+/g, "");
  if (!wanted) return 0;
  const there = plain(text);
  const whole = there.indexOf(plain(query).trim());
  if (whole >= 0) return 1000 - Math.min(whole, 100) + (startsWord(there, whole) ? 200 : 0);
  if (plain(query).trim().split(/\s+/).every((word) => there.includes(word))) return 500;
  if (there.length > LOOSE_CHARS) return null;
  let score = 0;
  let at = -1;
  for (const letter of wanted) {
    const next = nextPlace(there, letter, at + 1);
    if (next < 0) return null;
    score += next === at + 1 ? 8 : startsWord(there, next) ? 6 : 1;
    score -= Math.min(next - at - 1, 6) * 0.5;
    at = next;
  }
  return score;
}

/** The best fits first; equal ones as they came. */
export function ranked<T>(query: string, items: readonly T[], textOf: (item: T) => string): T[] {
  return items
    .map((item, place) => ({ item, place, score: fit(query, textOf(item)) }))
    .filter((one): one is typeof one & { score: number } => one.score !== null)
    .sort((a, b) => b.score - a.score || a.place - b.place)
    .map(({ item }) => item);
}

function plain(text: string): string {
  return text.normalize("NFD").replace(/\p{M}+/gu, "").toLowerCase();
}

function startsWord(text: string, at: number): boolean {
  return at === 0 || /[^\p{L}\p{N}]/u.test(text[at - 1] ?? "");
}

/** The letter at the next beginning of a word where there is one near, else anywhere. */
function nextPlace(text: string, letter: string, from: number): number {
  const next = text.indexOf(letter, from);
  if (next === from || next < 0) return next;
  for (let i = next; i >= 0 && i < from + 40; i = text.indexOf(letter, i + 1))
    if (startsWord(text, i)) return i;
  return next;
}
