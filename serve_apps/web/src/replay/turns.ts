/** The AI's turns: from the message that a turn was begun for to what came of it, one object each. */

import type {
  AnswerRecorded,
  DraftApproved,
  DraftProposed,
  DraftRejected,
  DraftVoided,
  HandoffRequested,
  TurnCancelled,
  TurnFailed,
} from "../wire/facts";
import { who } from "./describe";
import { countUpTo, type Entry } from "./history";

interface Placed<T> {
  readonly position: number;
  readonly fact: T;
}

export interface Turn {
  /** Counts the conversation's turns from 1. */
  readonly number: number;
  readonly turn: string;
  readonly epoch: number;
  /** The visitor's messages that it was to answer, with their texts. */
  readonly asked: readonly { message: string; text: string }[];
  readonly begun: number;
  readonly begunAt: number;
  attempts: number;
  end: Placed<TurnCancelled | AnswerRecorded | TurnFailed | DraftProposed> | null;
  draftEnd: Placed<DraftApproved | DraftRejected | DraftVoided> | null;
  /** What was published of a draft. */
  published: Placed<AnswerRecorded> | null;
  /** The calls for a person that came of it. */
  readonly handoffs: Placed<HandoffRequested>[];
}

/** The calls that an operator, or none, made: they do not come of a turn. */
const NOT_OF_A_TURN = ["operator_choice", "lease_lapsed", "visitor_asked"];

/** Grows with a history. */
export class Turns {
  readonly all: Turn[] = [];
  readonly #texts = new Map<string, string>();
  readonly #byDraft = new Map<string, Turn>();
  #open: Turn | null = null;
  #lastEnded: Turn | null = null;

  take({ fact, position }: Entry): void {
    switch (fact.fact) {
      case "MessageReceived.v1":
        this.#texts.set(fact.message, fact.text);
        return;
      case "TurnBegun.v1": {
        const { turn, epoch, at } = fact;
        const asked = fact.answers.map((message) => ({ message, text: this.#texts.get(message) ?? "" }));
        const number = this.all.length + 1;
        const ends = { end: null, draftEnd: null, published: null, handoffs: [] };
        this.#open = { number, turn, epoch, asked, begun: position, begunAt: at, attempts: 1, ...ends };
        this.all.push(this.#open);
        return;
      }
      case "TurnResumed.v1":
        if (this.#open?.turn === fact.turn) this.#open.attempts = fact.attempt;
        return;
      case "AnswerRecorded.v1": {
        const of = fact.draft ? this.#byDraft.get(fact.draft) : undefined;
        if (of) of.published = { position, fact };
        else this.#ended({ position, fact });
        return;
      }
      case "TurnCancelled.v1":
      case "TurnFailed.v1":
        return this.#ended({ position, fact });
      case "DraftProposed.v1":
        if (this.#open) this.#byDraft.set(fact.draft, this.#open);
        return this.#ended({ position, fact });
      case "DraftApproved.v1":
      case "DraftRejected.v1":
      case "DraftVoided.v1": {
        const of = this.#byDraft.get(fact.draft);
        if (of) of.draftEnd = { position, fact };
        return;
      }
      case "HandoffRequested.v1": {
        const of = this.#lastEnded;
        if (of?.end?.position === position && !NOT_OF_A_TURN.includes(fact.reason))
          of.handoffs.push({ position, fact });
        return;
      }
      default:
        return;
    }
  }

  /** The turn that a position is in, or was in last. */
  at(position: number): Turn | null {
    return this.all[countUpTo(this.all, position, (turn) => turn.begun) - 1] ?? null;
  }

  named(turn: string): Turn | null {
    return this.all.findLast((one) => one.turn === turn) ?? null;
  }

  #ended(end: NonNullable<Turn["end"]>): void {
    const turn = this.#open;
    if (turn?.turn !== end.fact.turn) return;
    turn.end = end;
    this.#lastEnded = turn;
    this.#open = null;
  }
}

export type OutcomeKind =
  | "running"
  | "answered"
  | "unknown"
  | "smalltalk"
  | "cancelled"
  | "failed"
  | "waiting"
  | "approved"
  | "edited"
  | "rejected"
  | "void";

export interface Outcome {
  readonly kind: OutcomeKind;
  readonly words: string;
}

const CANCELLED: Record<string, string> = {
  superseded: "Cancelled: superseded by what came next",
  taken_over: "Cancelled: a person took over",
  handed_off: "Ended without an answer: handed off to a person",
  closed: "Cancelled: the conversation was resolved",
};

/** What has come of a turn by a position. */
export function outcomeAt(turn: Turn, position: number): Outcome {
  if (!turn.end || turn.end.position > position) return { kind: "running", words: "Running" };
  const { fact } = turn.end;
  switch (fact.fact) {
    case "TurnCancelled.v1":
      return { kind: "cancelled", words: CANCELLED[fact.reason] ?? `Cancelled: ${fact.reason}` };
    case "TurnFailed.v1":
      return { kind: "failed", words: `Failed: ${fact.reason}` };
    case "AnswerRecorded.v1":
      if (fact.kind === "unknown") return { kind: "unknown", words: "Said that it does not know" };
      if (fact.kind === "smalltalk") return { kind: "smalltalk", words: "Answered with small talk" };
      return { kind: "answered", words: "Answered" };
    case "DraftProposed.v1":
      return draftOutcome(turn, position);
  }
}

function draftOutcome({ draftEnd }: Turn, position: number): Outcome {
  if (!draftEnd || draftEnd.position > position)
    return { kind: "waiting", words: "Drafted, and waits for a person" };
  const { fact } = draftEnd;
  if (fact.fact === "DraftVoided.v1")
    return { kind: "void", words: `Draft void: ${fact.reason.replaceAll("_", " ")}` };
  if (fact.fact === "DraftRejected.v1")
    return { kind: "rejected", words: `Draft rejected by ${who(fact)}: ${fact.reason}` };
  if (!fact.edit_distance) return { kind: "approved", words: `Draft approved by ${who(fact)}` };
  return {
    kind: "edited",
    words: `Draft approved by ${who(fact)} with ${fact.edit_distance} characters changed`,
  };
}
