import type { Surroundings } from "./replay";

/** The browser's own time. */
export const browserTimers: Surroundings = {
  setTimer: (run, ms) => setTimeout(run, ms),
  clearTimer: (timer) => clearTimeout(timer as number | undefined),
};
