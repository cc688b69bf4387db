/**
 * The state that is shown, and the one pure function that changes it. No clock, no socket, no
 * page: a frame or an action goes in, the next state comes out; untouched items stay the same
 * objects, so a view can tell by identity what to draw again.
 */

import {
  DEFAULT_LIMITS,
  type Delta,
  type EventFrame,
  type Limits,
  mayPass,
  type Mode,
  type ServerFrame,
  type Source,
  type Typing,
  type Welcome,
} from "./protocol";
import type { Status } from "./connection";

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

export type Item =
  | { kind: "visitor"; key: string; version: number; index: number; at: number; text: string }
  | {
      kind: "assistant";
      key: string;
      version: number;
      index: number;
      at: number;
      text: string;
      html: string;
      answer: "answer" | "unknown" | "smalltalk";
      sources: Source[];
      inReplyTo: string[];
    }
  | {
      kind: "operator";
      key: string;
      version: number;
      index: number;
      at: number;
      text: string;
      html: string;
      operator: string;
    }
  | {
      kind: "notice";
      key: string;
      version: number;
      index: number;
      at: number;
      notice: "requested" | "human" | "ai";
      operator: string;
    }
  | {
      kind: "turn_failed";
      key: string;
      version: number;
      index: number;
      at: number;
      inReplyTo: string[];
    };

export interface Stream {
  turn: string;
  text: string;
  /** Index of the next delta that fits; -1 after a gap: what follows would not join up. */
  next: number;
}

export interface State {
  status: Status;
  conversation: string;
  company: string;
  mode: Mode;
  handoff: "none" | "asked" | "requested";
  operator: string;
  limits: Limits;
  /** The log as far as we saw it, in its own order; `key` is a message's id or its place. */
  items: Item[];
  outgoing: Outgoing[];
  /** The last event seen; version 0 means none. */
  version: number;
  index: number;
  stream: Stream | null;
  /** An answer is owed and nothing of it has come yet. */
  awaiting: boolean;
  typing: "assistant" | "operator" | null;
  rated: number;
}

/** So many refusals "for the moment" are believed. */
export const MAX_REFUSALS = 4;

export const INITIAL: State = {
  status: "idle",
  conversation: "",
  company: "",
  mode: "ai",
  handoff: "none",
  operator: "",
  limits: DEFAULT_LIMITS,
  items: [],
  outgoing: [],
  version: 0,
  index: -1,
  stream: null,
  awaiting: false,
  typing: null,
  rated: 0,
};

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
  return { ...state, status, outgoing, stream: null, typing: null, awaiting: false };
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
      const owed = state.mode === "ai" && !state.stream;
      return { ...deliver(state, frame.id, "accepted"), awaiting: owed };
    }
    case "rejected":
      return onRejected(state, frame.id, frame.code);
    case "error":
      // A wish that was refused may be uttered again.
      return state.handoff === "asked" ? { ...state, handoff: "none" } : state;
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

function onDelta(state: State, { turn, index, text }: Delta): State {
  const current = state.stream;
  if (index === 0) return { ...state, stream: { turn, text, next: 1 }, awaiting: false, typing: null };
  if (current?.turn !== turn) {
    // The beginning was missed: show that something is being written, not its middle.
    return { ...state, stream: { turn, text: "", next: -1 }, awaiting: false };
  }
  if (current.next === -1 || index < current.next) return state;
  if (index > current.next) return { ...state, stream: { ...current, next: -1 } };
  return { ...state, stream: { turn, text: current.text + text, next: index + 1 } };
}

function onTyping(state: State, frame: Typing): State {
  if (frame.who === "visitor") return state;
  if (frame.on) return { ...state, typing: frame.who };
  return state.typing === frame.who ? { ...state, typing: null } : state;
}

/** Whether `a` stands before `b` in the log. */
function before(a: { version: number; index: number }, b: { version: number; index: number }) {
  return a.version < b.version || (a.version === b.version && a.index < b.index);
}

function onEvent(state: State, frame: EventFrame): State {
  const latest = before(state, frame);
  const { version, index } = frame;
  if (!latest && state.items.some((i) => i.version === version && i.index === index)) return state;
  const next: State = latest ? { ...state, version, index } : { ...state };
  if (frame.kind === "visitor_message")
    next.outgoing = state.outgoing.filter((o) => o.id !== frame.message);
  // What stands under another version already: a message is shown once.
  if ("message" in frame && isShown(state, frame.message)) return next;
  const changed = latest ? applyEvent(next, frame) : next;
  const item = itemOf(frame, state);
  return item ? { ...changed, items: place(changed.items, item) } : changed;
}

function isShown(state: State, message: string): boolean {
  return state.items.some((item) => item.key === message);
}

/** Items come in order; one that does not is put where the log has it. */
function place(items: Item[], item: Item): Item[] {
  let at = items.length;
  while (at > 0 && before(item, items[at - 1]!)) at -= 1;
  return [...items.slice(0, at), item, ...items.slice(at)];
}

/** All that an event changes besides the list of items. */
function applyEvent(state: State, frame: EventFrame): State {
  const settled = { stream: null, awaiting: false, typing: null };
  switch (frame.kind) {
    case "visitor_message":
      return {
        ...state,
        // One message more: the running turn is cancelled, and one answer will address both.
        stream: null,
        awaiting: state.mode === "ai",
      };
    case "assistant_message":
    case "operator_message":
    case "turn_failed":
      return { ...state, ...settled };
    case "mode":
      return {
        ...state,
        ...(frame.mode && frame.mode !== "ai" ? settled : {}),
        mode: frame.mode ?? state.mode,
        handoff: frame.handoff ?? "none",
        operator: frame.mode ? (frame.operator ?? "") : state.operator,
      };
    case "rated":
      return { ...state, rated: frame.score };
    default:
      return state;
  }
}

function itemOf(frame: EventFrame, previous: State): Item | null {
  const { version, index, at } = frame;
  const base = { key: `${version}:${index}`, version, index, at };
  switch (frame.kind) {
    case "visitor_message":
      return { ...base, kind: "visitor", key: frame.message, text: frame.text };
    case "assistant_message":
      return {
        ...base,
        kind: "assistant",
        key: frame.message,
        text: frame.text,
        html: frame.html ?? "",
        answer: frame.answer ?? "answer",
        sources: frame.sources ?? [],
        inReplyTo: frame.in_reply_to ?? [],
      };
    case "operator_message": {
      const { message: key, text, html = "", operator = "" } = frame;
      return { ...base, kind: "operator", key, text, html, operator };
    }
    case "mode": {
      const operator = frame.operator ?? "";
      if (frame.handoff) return { ...base, kind: "notice", notice: "requested", operator };
      // A conversation begins with the AI: only the way back to it is news.
      if (!frame.mode || frame.mode === previous.mode) return null;
      return { ...base, kind: "notice", notice: frame.mode === "human" ? "human" : "ai", operator };
    }
    case "turn_failed":
      return { ...base, kind: "turn_failed", inReplyTo: frame.in_reply_to ?? [] };
    default:
      // `rated`, and kinds that a later server may send.
      return null;
  }
}
