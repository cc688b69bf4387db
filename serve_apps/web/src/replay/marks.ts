/** The lanes' marks, thinned out so that a picture of any history has about as many as pixels. */

import type { Axis, Window } from "./axis";
import { type Lane, laneOf, type Mark, markOf } from "./describe";
import type { Entry } from "./history";

export interface Dot {
  readonly lane: Lane;
  readonly mark: Mark;
  /** Pixels from the left end of the picture. */
  readonly x: number;
  /** The position to go to, and the fact that is marked. */
  readonly entry: Entry;
  /** How many facts stand in this place. */
  readonly count: number;
}

/** Marks that are closer than this are one. */
export const CELL = 11;

/** Of several in one place the gravest is shown. */
const GRAVITY: Record<Mark, number> = {
  error: 9,
  handoff: 8,
  mode: 7,
  draft: 6,
  message: 5,
  answer: 5,
  note: 4,
  notice: 3,
  small: 2,
  none: 0,
};

export function dots(entries: readonly Entry[], axis: Axis, window: Window, width: number): Dot[] {
  const found: Dot[] = [];
  const open = new Map<Lane, { cell: number; place: number }>();
  const scale = width / (window.to - window.from);
  for (const entry of entries) {
    const mark = markOf(entry.fact);
    if (mark === "none") continue;
    const x = (axis.place(entry.position) - window.from) * scale;
    if (x < -CELL || x > width + CELL) continue;
    const lane = laneOf(entry.fact);
    const cell = Math.floor(x / CELL);
    const before = open.get(lane);
    if (before?.cell === cell) {
      found[before.place] = merged(found[before.place]!, entry, mark);
    } else {
      open.set(lane, { cell, place: found.length });
      found.push({ lane, mark, x, entry, count: 1 });
    }
  }
  return found;
}

function merged(dot: Dot, entry: Entry, mark: Mark): Dot {
  const graver = GRAVITY[mark] > GRAVITY[dot.mark];
  const count = dot.count + 1;
  return graver ? { ...dot, mark, entry, count } : { ...dot, count };
}

/** The mark that is meant by a point of the picture, when one is near. */
export function dotAt(found: readonly Dot[], lane: Lane, x: number, reach = 9): Dot | null {
  let best: Dot | null = null;
  for (const dot of found)
    if (dot.lane === lane && Math.abs(dot.x - x) <= (best ? Math.abs(best.x - x) : reach)) best = dot;
  return best;
}
