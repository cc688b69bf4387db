/**
 * The state that is shown, and the one pure function that changes it. No clock, no socket, no
 * page: a frame or an action goes in, the next state comes out; untouched items stay the same
 * objects, so a view can tell by identity what to draw again.
 */

import type { Status } from "../wire/connection";
import { answers, isShown, onDelta, onEvent, onTyping } from "./fold";
import { DEFAULT_LIMITS, mayPass, type ServerFrame, type Welcome } from "../wire/protocol";
import { INITIAL, type Outgoing, type State } from "./state";

export { INITIAL, type Item, type Outgoing, type State, type Stream } from "./state";

/** So many refusals "for the moment" are believed. */
export const MAX_REFUSALS = 4;

export type Action =
  | { type: "status"; status: Status }
  | { type: "frame"; frame: ServerFrame }
  /** Something to send: written now, or found unsent in storage. */
  | { type: "compose"; id: string; text: string; at: number }
  | { type: "sent"; id: string }
  | { type: "timeout"; id: string }
  | { type: "retry"; id: string }
  | { type: "discard"; id: string }
  | { type: "asked_handoff" }
  /** The wish came to nothing: it may be uttered again. */
  | { type: "unheard_handoff" }
  | { type: "rate"; score: number }
  /** The indicators have stood too long without a word. */
  | { type: "quiet" }
  | { type: "restart" };

export function reduce(state: State, action: Action): State {
  switch (action.type) {
    case "status":
      return onStatus(state, action.status);
    case "frame":
      return onFrame(state, action.frame);
    case "compose": {
      const known = state.outgoing.some((o) => o.id === action.id);
      if (known || isShown(state, action.id)) return state;
      const { id, text, at } = action;
      const composed: Outgoing = { id, text, at, delivery: "queued", refusals: 0 };
      return { ...state, outgoing: [...state.outgoing, composed] };
    }
    case "sent":
      return deliver(state, action.id, "flying");
    case "timeout":
      return deliver(state, action.id, "failed", "timeout", "flying");
    case "retry":
      return deliver(state, action.id, "queued", undefined, "failed", "resting");
    case "discard":
      return { ...state, outgoing: state.outgoing.filter((o) => o.id !== action.id) };
    case "asked_handoff":
      return state.handoff === "none" ? { ...state, handoff: "asked" } : state;
    case "unheard_handoff":
      return state.handoff === "asked" ? { ...state, handoff: "none" } : state;
    case "rate":
      return { ...state, rated: action.score };
    case "quiet":
      return { ...state, awaiting: false, typing: null };
    case "restart":
      return { ...INITIAL, status: state.status, company: state.company, limits: state.limits };
  }
}

/** The ids that may be sent now, oldest first: never more in flight than the server allows. */
export function sendable(state: State): Outgoing[] {
  if (state.status !== "ready") return [];
  const flying = state.outgoing.filter((o) => o.delivery === "flying").length;
  const credit = Math.max(0, state.limits.unacknowledged - flying);
  return state.outgoing.filter((o) => o.delivery === "queued").slice(0, credit);
}

/** What the visitor wrote, found by its message id. */
export function textOf(state: State, id: string): string | undefined {
  const shown = state.items.find((item) => item.kind === "visitor" && item.key === id);
  if (shown?.kind === "visitor") return shown.text;
  return state.outgoing.find((o) => o.id === id)?.text;
}

function onStatus(state: State, status: Status): State {
  if (status === "ready") return { ...state, status };
  // What flew on a lost socket is unknown: it goes again, under the same id.
  const outgoing = state.outgoing.map((o): Outgoing =>
    o.delivery === "flying" || o.delivery === "resting" ? { ...o, delivery: "queued" } : o,
  );
  // The place in the queue is told anew after a welcome.
  return { ...state, status, outgoing, stream: null, typing: null, awaiting: false, place: 0 };
}

function deliver(
  state: State,
  id: string,
  delivery: Outgoing["delivery"],
  code?: string,
  ...from: Outgoing["delivery"][]
): State {
  const outgoing = state.outgoing.map((o): Outgoing => {
    if (o.id !== id || (from.length && !from.includes(o.delivery))) return o;
    const { code: _, ...rest } = o;
    return code === undefined ? { ...rest, delivery } : { ...rest, delivery, code };
  });
  return { ...state, outgoing };
}

function onFrame(state: State, frame: ServerFrame): State {
  switch (frame.type) {
    case "welcome":
      return onWelcome(state, frame);
    case "event":
      return onEvent(state, frame);
    case "delta":
      return onDelta(state, frame);
    case "typing":
      return onTyping(state, frame);
    case "accepted": {
      // Sent again and long since answered: then no answer is owed for it any more.
      if (!state.outgoing.some((o) => o.id === frame.id)) return state;
      const owed = answers(state) && !state.stream;
      return { ...deliver(state, frame.id, "accepted"), awaiting: owed };
    }
    case "rejected":
      return onRejected(state, frame.id, frame.code);
    case "error":
      return reduce(state, { type: "unheard_handoff" });
    case "queue":
      return { ...state, place: frame.place };
    default:
      return state;
  }
}

function onRejected(state: State, id: string, code: string): State {
  const refusals = (state.outgoing.find((o) => o.id === id)?.refusals ?? 0) + 1;
  const resting = mayPass(code) && refusals <= MAX_REFUSALS;
  const next = deliver(state, id, resting ? "resting" : "failed", code);
  return { ...next, outgoing: next.outgoing.map((o) => (o.id === id ? { ...o, refusals } : o)) };
}

function onWelcome(state: State, frame: Welcome): State {
  // Another conversation than the one on the screen: what stands there is not its history.
  const base = state.conversation && state.conversation !== frame.conversation;
  return {
    ...(base ? { ...INITIAL, status: state.status, outgoing: state.outgoing } : state),
    conversation: frame.conversation,
    company: frame.company ?? state.company,
    mode: frame.mode ?? "ai",
    limits: { ...DEFAULT_LIMITS, ...frame.limits },
  };
}
