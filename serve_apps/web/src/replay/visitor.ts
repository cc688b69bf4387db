/**
 * What the visitor saw, folded by the widget's own fold of what the server shows a visitor. Items
 * only come to it, so what stood there at a position is a beginning of all of them.
 */

import { onEvent } from "../widget/fold";
import { visible } from "../shared/visible";
import { INITIAL, type Item, type State as Widget } from "../widget/state";
import { countUpTo, type History } from "./history";

/** How the widget itself stands: who answers, whether a person is awaited. */
export type Standing = Pick<
  Widget,
  "mode" | "handoff" | "away" | "operator" | "resolved" | "rated"
>;

const NAMES = ["mode", "handoff", "away", "operator", "resolved", "rated"] as const;

export class VisitorSide {
  readonly items: Item[] = [];
  /** The position at which each item came. */
  readonly #came: number[] = [];
  readonly #standings: { position: number; standing: Standing }[] = [{ position: 0, standing: INITIAL }];
  #widget: Widget = INITIAL;
  #position = 0;

  /** Takes what the history has beyond what was taken. */
  follow(history: History): void {
    for (; this.#position < history.length; this.#position += 1) {
      const position = this.#position + 1;
      for (const frame of visible(history.commits[this.#position]!)) {
        const next = onEvent({ ...this.#widget, items: [] }, frame);
        for (const item of next.items) {
          this.items.push(item);
          this.#came.push(position);
        }
        if (NAMES.some((name) => next[name] !== this.#widget[name]))
          this.#standings.push({ position, standing: next });
        this.#widget = { ...next, items: [] };
      }
    }
  }

  /** How many items stood there. */
  countAt(position: number): number {
    return countUpTo(this.#came, position, (came) => came);
  }

  standingAt(position: number): Standing {
    const count = countUpTo(this.#standings, position, (one) => one.position);
    return this.#standings[Math.max(1, count) - 1]!.standing;
  }
}
