/** Ages and times as people read them; and a clock that components can follow. */

import { useEffect, useReducer } from "preact/hooks";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long ago, short: `12 s`, `3:07` within the hour, `2 h 05`, `4 d`. */
export function age(ms: number): string {
  if (ms < MINUTE) return `${Math.max(0, Math.floor(ms / SECOND))} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)}:${two(Math.floor((ms % MINUTE) / SECOND))}`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h ${two(Math.floor((ms % HOUR) / MINUTE))}`;
  return `${Math.floor(ms / DAY)} d`;
}

/** How long ago where seconds do not matter: `now`, `3 min`, `2 h`, `4 d`. */
export function roughAge(ms: number): string {
  if (ms < MINUTE) return "now";
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h`;
  return `${Math.floor(ms / DAY)} d`;
}

function two(n: number): string {
  return String(n).padStart(2, "0");
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const FULL = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
const DAY_NAME = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long" });
const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

export const clockTime = (at: number) => CLOCK.format(at);
export const fullTime = (at: number) => FULL.format(at);
export const dayName = (at: number) => DAY_NAME.format(at);
export const shortDate = (at: number) => DATE.format(at);

/** Whether two moments are of one calendar day here. */
export function sameDay(a: number, b: number): boolean {
  return new Date(a).toDateString() === new Date(b).toDateString();
}

/** One timer for all that tick; it rests while nobody follows. */
const followers = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function follow(tick: () => void): () => void {
  followers.add(tick);
  timer ??= setInterval(() => followers.forEach((one) => one()), SECOND);
  return () => {
    followers.delete(tick);
    if (followers.size) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** `words(now)`, drawn again only when the words change. */
export function useTicking(words: (now: number) => string): string {
  const [, redraw] = useReducer((n: number, _: undefined) => n + 1, 0);
  const shown = words(Date.now());
  useEffect(() => follow(() => words(Date.now()) !== shown && redraw(undefined)));
  return shown;
}
