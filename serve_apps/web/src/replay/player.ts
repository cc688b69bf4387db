/** How long to wait between two steps when a conversation is played. */

export const SPEEDS = [1, 2, 4, 8, 16, 32] as const;
export type Speed = (typeof SPEEDS)[number];

/** No pause is played longer than this: an idle night is no part of the story. */
const LONGEST = 2500;
/** Nor shorter: nobody could see it. */
const SHORTEST = 30;

export function pauseBetween(before: number | undefined, next: number, speed: Speed): number {
  const ms = before === undefined ? 0 : next - before;
  return Math.max(SHORTEST, Math.min(ms, LONGEST) / speed);
}
