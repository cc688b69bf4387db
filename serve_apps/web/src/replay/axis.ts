/**
 * Where each position stands on the timeline: a step for each version, or by the clock with idle
 * gaps squeezed. Places are fractions, from 0 at the left end to 1 at the right.
 */

import { countUpTo } from "./history";

export type Scale = "versions" | "time";

/** Nothing happened for `ms` between two positions, and the timeline does not show all of it. */
export interface Gap {
  readonly from: number;
  readonly to: number;
  readonly ms: number;
}

export class Axis {
  /** Offsets of the positions 0 to n, growing. */
  constructor(
    readonly scale: Scale,
    readonly offsets: Float64Array,
    readonly gaps: readonly Gap[],
  ) {}

  get #length(): number {
    return this.offsets.at(-1) || 1;
  }

  place(position: number): number {
    return (this.offsets[position] ?? 0) / this.#length;
  }

  /** The position that stands nearest to a place; of several at one place the last. */
  nearest(place: number): number {
    const offset = place * this.#length;
    const after = countUpTo(this.offsets as unknown as number[], offset, (at) => at);
    const last = this.offsets.length - 1;
    if (after > last) return last;
    if (after === 0) return 0;
    const below = this.offsets[after - 1]!;
    const above = this.offsets[after]!;
    return offset - below <= above - offset ? after - 1 : this.#lastAt(after);
  }

  #lastAt(position: number): number {
    return countUpTo(this.offsets as unknown as number[], this.offsets[position]!, (at) => at) - 1;
  }
}

export function versionAxis(length: number): Axis {
  return new Axis("versions", Float64Array.from({ length: length + 1 }, (_, at) => at), []);
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const LIMITS = [2, 5, 10, 20, 30]
  .map((n) => n * SECOND)
  .concat([1, 2, 5, 10, 20, 30].map((n) => n * MINUTE))
  .concat([1, 2, 4, 8].map((n) => n * HOUR));

/**
 * What is longer than this counts as idle: well above the pauses that the talk itself has, which
 * three quarters of all steps stay within.
 */
export function idleLimit(times: readonly number[]): number {
  const steps: number[] = [];
  for (let at = 1; at < times.length; at += 1) steps.push(times[at]! - times[at - 1]!);
  steps.sort((a, b) => a - b);
  const usual = steps[Math.floor(steps.length * 0.75)] ?? 0;
  return LIMITS.find((limit) => limit >= usual * 3) ?? LIMITS.at(-1)!;
}

/** `times` of the commits, growing. An idle gap, however long, is drawn as half of the limit. */
export function timeAxis(times: readonly number[], limit = idleLimit(times)): Axis {
  const offsets = new Float64Array(times.length + 1);
  const gaps: Gap[] = [];
  // A little room before the first, so that "nothing has happened" has a place of its own.
  let offset = times.length ? limit / 4 : 0;
  times.forEach((time, at) => {
    const idle = at ? time - times[at - 1]! : 0;
    offset += idle > limit ? limit / 2 : idle;
    if (idle > limit) gaps.push({ from: at, to: at + 1, ms: idle });
    offsets[at + 1] = offset;
  });
  return new Axis("time", offsets, gaps);
}

/** The part of the timeline that is seen, as fractions of the whole. */
export interface Window {
  readonly from: number;
  readonly to: number;
}

export const WHOLE: Window = { from: 0, to: 1 };

/** Closer by `factor` (below 1: wider), with `place` where it was as far as that can be. */
export function zoomed(window: Window, factor: number, place: number): Window {
  const wide = window.to - window.from;
  const width = Math.min(1, Math.max(wide / factor, 1e-4));
  if (width >= 1) return WHOLE;
  const share = Math.min(1, Math.max(0, (place - window.from) / wide));
  return within(place - width * share, width);
}

/** The same width, moved so that `place` is seen. */
export function showing(window: Window, place: number): Window {
  const width = window.to - window.from;
  const margin = width / 20;
  const seen = place >= window.from + margin && place <= window.to - margin;
  const atEnd = place <= margin ? window.from === 0 : place >= 1 - margin && window.to === 1;
  return width >= 1 || seen || atEnd ? window : within(place - width / 2, width);
}

function within(from: number, width: number): Window {
  const start = Math.min(1 - width, Math.max(0, from));
  return { from: start, to: start + width };
}

/** `3 h 20 min`, `45 s`: two units at most. */
export function lasted(ms: number): string {
  const units: [string, number][] = [["d", 24 * HOUR], ["h", HOUR], ["min", MINUTE], ["s", SECOND]];
  const first = units.findIndex(([, size]) => ms >= size);
  if (first === -1) return `${Math.round(ms)} ms`;
  const [name, size] = units[first]!;
  const next = units[first + 1];
  if (!next) return ms < 10 * SECOND ? `${(ms / SECOND).toFixed(1)} s` : `${Math.round(ms / SECOND)} s`;
  const rest = Math.floor((ms % size) / next[1]);
  return `${Math.floor(ms / size)} ${name}${rest ? ` ${rest} ${next[0]}` : ""}`;
}
