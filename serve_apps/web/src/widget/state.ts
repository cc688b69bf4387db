/** What is shown, as plain data: the state that `store.ts` changes and the views draw. */

import type { Status } from "../wire/connection";
import { DEFAULT_LIMITS, type Limits, type Mode, type Source } from "../wire/protocol";

/** What the visitor wrote and the log has not shown to us yet. */
export interface Outgoing {
  id: string;
  text: string;
  at: number;
  /**
   * queued: waits for a socket or for credit; flying: sent, no word yet; accepted: durable;
   * resting: refused for the moment, goes again by itself; failed: only the visitor can retry.
   */
  delivery: "queued" | "flying" | "accepted" | "resting" | "failed";
  /** How often it was refused for the moment. */
  refusals: number;
  /** Why it failed: a code of the server's, or `timeout`. */
  code?: string;
}

/** Its place in the log; `key` is a message's id or that place. */
interface Placed {
  key: string;
  version: number;
  index: number;
  at: number;
}

export type Item = Placed &
  (
    | { kind: "visitor"; text: string }
    | {
        kind: "assistant";
        text: string;
        html: string;
        answer: "answer" | "unknown" | "smalltalk";
        sources: Source[];
        inReplyTo: string[];
      }
    | { kind: "operator"; text: string; html: string; name: string }
    | { kind: "notice"; notice: string; text: string }
    | { kind: "turn_failed"; inReplyTo: string[] }
  );

export interface Stream {
  turn: string;
  text: string;
  /** Index of the next delta that fits; -1 after a gap: what follows would not join up. */
  next: number;
  /** A person was asked for: it is shown again only when it goes on. */
  held?: true;
}

export interface State {
  status: Status;
  conversation: string;
  company: string;
  mode: Mode;
  /** asked: the wish has not reached the log yet; requested: a person was asked for, none came. */
  handoff: "none" | "asked" | "requested";
  /** A person was asked for outside of the hours. */
  away: boolean;
  /** In the queue, from 1, as it was told last; 0 when it is not known. It counts for who waits. */
  place: number;
  /** The name of the person who has the conversation, where it is known. */
  operator: string;
  resolved: boolean;
  limits: Limits;
  /** The log as far as we saw it, in its own order. */
  items: Item[];
  outgoing: Outgoing[];
  /** The last event seen; version 0 means none. */
  version: number;
  index: number;
  stream: Stream | null;
  /** The turns that are over, the last few of them: a late piece of one is shown no more. */
  ended: string[];
  /** An answer is owed and nothing of it has come yet. */
  awaiting: boolean;
  typing: "assistant" | "operator" | null;
  rated: number;
}

export const INITIAL: State = {
  status: "idle",
  conversation: "",
  company: "",
  mode: "ai",
  handoff: "none",
  away: false,
  place: 0,
  operator: "",
  resolved: false,
  limits: DEFAULT_LIMITS,
  items: [],
  outgoing: [],
  version: 0,
  index: -1,
  stream: null,
  ended: [],
  awaiting: false,
  typing: null,
  rated: 0,
};

/** How the wish for a person stands: free to be uttered, under way, or granted. */
export type Wish = "free" | "asked" | "waiting" | "away" | "here";

export function wishOf(state: State): Wish {
  if (state.mode === "human") return "here";
  if (state.handoff === "requested") return state.away ? "away" : "waiting";
  return state.handoff === "asked" ? "asked" : "free";
}
