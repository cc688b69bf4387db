/** What lasts: the AI's turns, who owns the conversation, the wait for a person. */

import type { Mode } from "../wire/facts";
import type { Lane } from "./describe";
import { REASON } from "./describe";
import type { Entry } from "./history";

export interface Span {
  readonly lane: Lane;
  readonly kind: "turn" | "owner" | "waiting";
  /** For `turn` how it ended (empty while it runs), for `owner` the mode. */
  style: string;
  readonly label: string;
  /** The position at which it begins, and the one at which it is over; null: it goes on. */
  readonly from: number;
  to: number | null;
}

/** Grows with a history; spans that are open are ended by what comes. */
export class Spans {
  readonly all: Span[] = [];
  #turn: Span | null = null;
  #owner: Span | null = null;
  #waiting: Span | null = null;

  take({ fact, position }: Entry): void {
    switch (fact.fact) {
      case "TurnBegun.v1":
        this.#endTurn(position, "cancelled");
        this.#turn = this.#begin("ai", "turn", position, fact.turn, "");
        return;
      case "TurnCancelled.v1":
        return this.#endTurn(position, "cancelled");
      case "TurnFailed.v1":
        return this.#endTurn(position, "failed");
      case "AnswerRecorded.v1":
        return this.#endTurn(position, "answered");
      case "DraftProposed.v1":
        return this.#endTurn(position, "drafted");
      case "HandoffRequested.v1":
        this.#endWaiting(position);
        this.#waiting = this.#begin("system", "waiting", position, REASON[fact.reason] ?? fact.reason, "");
        return;
      case "ModeChanged.v1":
        this.#endWaiting(position);
        return this.#owned(position, fact.mode, fact.operator_name || fact.operator || "");
      case "ConversationResolved.v1":
        return this.#endWaiting(position);
      default:
        return;
    }
  }

  #begin(lane: Lane, kind: Span["kind"], from: number, label: string, style: string): Span {
    const span: Span = { lane, kind, style, label, from, to: null };
    this.all.push(span);
    return span;
  }

  #endTurn(position: number, how: string): void {
    if (!this.#turn) return;
    this.#turn.to = position;
    this.#turn.style = how;
    this.#turn = null;
  }

  #endWaiting(position: number): void {
    if (this.#waiting) this.#waiting.to = position;
    this.#waiting = null;
  }

  #owned(position: number, mode: Mode, name: string): void {
    if (this.#owner) this.#owner.to = position;
    this.#owner = mode === "ai" ? null : this.#begin("operator", "owner", position, name, mode);
  }
}
