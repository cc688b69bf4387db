/** Short messages that pass: seen in a corner, and read aloud. */

import { Cell } from "../shared/cells";

export interface Toast {
  id: number;
  tone: "info" | "bad";
  text: string;
}

export const INFO_MS = 5_000;
export const BAD_MS = 12_000;

export class Toasts {
  readonly shown = new Cell<readonly Toast[]>([]);
  /** What a screen reader reads next. */
  readonly said = new Cell("");
  #last = 0;

  constructor(private readonly setTimer: (run: () => void, ms: number) => unknown) {}

  show(text: string, tone: Toast["tone"] = "info"): void {
    const id = (this.#last += 1);
    this.shown.update((shown) => [...shown.filter((t) => t.text !== text).slice(-2), { id, tone, text }]);
    this.setTimer(() => this.dismiss(id), tone === "bad" ? BAD_MS : INFO_MS);
    this.say(text);
  }

  dismiss(id: number): void {
    this.shown.update((shown) => shown.filter((toast) => toast.id !== id));
  }

  /** Read aloud only. The same words twice are two announcements. */
  say(text: string): void {
    this.said.set(this.said.get() === text ? `${text}\u00a0` : text);
  }
}
