/** What an edit changed, word by word: the longest common sequence is kept. */

export interface Piece {
  kind: "same" | "gone" | "new";
  text: string;
}

/** Beyond this many words on both sides (multiplied) the whole middle is shown as changed. */
const MOST_CELLS = 4_000_000;

export function changes(before: string, after: string): Piece[] {
  const a = words(before);
  const b = words(after);
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (
    end < a.length - start &&
    end < b.length - start &&
    a[a.length - 1 - end] === b[b.length - 1 - end]
  )
    end += 1;
  const pieces: Piece[] = [];
  add(pieces, "same", a.slice(0, start).join(""));
  middle(pieces, a.slice(start, a.length - end), b.slice(start, b.length - end));
  add(pieces, "same", a.slice(a.length - end).join(""));
  return pieces;
}

/** Words, spaces and single signs, in turn. */
function words(text: string): string[] {
  return text.match(/[\p{L}\p{N}\p{M}]+|\s+|[^\p{L}\p{N}\p{M}\s]/gu) ?? [];
}

function middle(pieces: Piece[], a: readonly string[], b: readonly string[]): void {
  if (!a.length || !b.length || a.length * b.length > MOST_CELLS) {
    add(pieces, "gone", a.join(""));
    add(pieces, "new", b.join(""));
    return;
  }
  const width = b.length + 1;
  /** Length of the longest common sequence of a[i..] and b[j..]. */
  const common = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1)
    for (let j = b.length - 1; j >= 0; j -= 1)
      common[i * width + j] =
        a[i] === b[j]
          ? common[(i + 1) * width + j + 1]! + 1
          : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!);
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      add(pieces, "same", a[i]!);
      i += 1;
      j += 1;
    } else if (common[(i + 1) * width + j]! >= common[i * width + j + 1]!) {
      add(pieces, "gone", a[i]!);
      i += 1;
    } else {
      add(pieces, "new", b[j]!);
      j += 1;
    }
  }
  add(pieces, "gone", a.slice(i).join(""));
  add(pieces, "new", b.slice(j).join(""));
}

function add(pieces: Piece[], kind: Piece["kind"], text: string): void {
  if (!text) return;
  const last = pieces.at(-1);
  if (last?.kind === kind) last.text += text;
  else pieces.push({ kind, text });
}
