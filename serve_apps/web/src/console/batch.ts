/**
 * Frames of the socket, gathered and taken in once for each picture that the browser draws: two
 * thousand changes a second cost sixty drawings, not two thousand.
 */

/** What lies outside. `soon` calls back before the next picture, or after a while when hidden. */
export interface Pace {
  soon(run: () => void): void;
}

export class Batch<T> {
  #gathered: T[] = [];
  #due = false;

  constructor(
    private readonly pace: Pace,
    private readonly take: (items: readonly T[]) => void,
  ) {}

  push(item: T): void {
    this.#gathered.push(item);
    if (this.#due) return;
    this.#due = true;
    this.pace.soon(() => this.flush());
  }

  flush(): void {
    this.#due = false;
    if (!this.#gathered.length) return;
    const items = this.#gathered;
    this.#gathered = [];
    this.take(items);
  }
}

/** A hidden page draws no pictures, and still has to ring. */
export const HIDDEN_PACE = 200;

export const browserPace: Pace = {
  soon(run) {
    let ran = false;
    const once = () => {
      if (ran) return;
      ran = true;
      clearTimeout(timer);
      run();
    };
    const timer = setTimeout(once, HIDDEN_PACE);
    requestAnimationFrame(once);
  },
};
