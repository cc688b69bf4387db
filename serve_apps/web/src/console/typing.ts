/** Tells the visitor that one types: at once, then every few seconds, and when one stops. */

import { useEffect, useRef } from "preact/hooks";

export const SAY_AGAIN_MS = 3_000;
export const STOPPED_MS = 5_000;

export class TypingSign {
  #said = -Infinity;
  #on = false;
  #timer: unknown;

  constructor(
    private readonly tell: (on: boolean) => void,
    private readonly around: {
      now(): number;
      setTimer(run: () => void, ms: number): unknown;
      clearTimer(timer: unknown): void;
    },
  ) {}

  /** A key was pressed and text stands there (`on`), or it is empty, sent, or left. */
  set(on: boolean): void {
    this.around.clearTimer(this.#timer);
    if (!on) {
      if (this.#on) this.tell(false);
      this.#on = false;
      this.#said = -Infinity;
      return;
    }
    if (this.around.now() - this.#said >= SAY_AGAIN_MS) {
      this.#said = this.around.now();
      this.tell(true);
    }
    this.#on = true;
    this.#timer = this.around.setTimer(() => this.set(false), STOPPED_MS);
  }
}

export function useTypingSign(tell: (on: boolean) => void): (on: boolean) => void {
  const latest = useRef(tell);
  latest.current = tell;
  const sign = useRef<TypingSign | null>(null);
  sign.current ??= new TypingSign((on) => latest.current(on), {
    now: () => Date.now(),
    setTimer: (run, ms) => setTimeout(run, ms),
    clearTimer: (timer) => clearTimeout(timer as number),
  });
  useEffect(() => () => sign.current?.set(false), []);
  return (on) => sign.current?.set(on);
}
