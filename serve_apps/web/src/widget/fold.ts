/**
 * How the log's events, and the live pieces of an answer, change the state. Pure; live frames,
 * catching up and a reload all come through here.
 */

import type { Delta, EventFrame, ModeEvent, Typing } from "../wire/protocol";
import type { Item, State } from "./state";

/** So many turns are remembered as over. */
const ENDED_KEPT = 8;

export function onEvent(state: State, frame: EventFrame): State {
  const latest = before(state, frame);
  const { version, index } = frame;
  if (!latest && state.items.some((i) => i.version === version && i.index === index)) return state;
  const next: State = latest ? { ...state, version, index } : { ...state };
  if (frame.kind === "visitor_message")
    next.outgoing = state.outgoing.filter((o) => o.id !== frame.message);
  // What stands under another version already: a message is shown once.
  if ("message" in frame && isShown(state, frame.message)) return next;
  const changed = latest ? applyEvent(next, frame) : next;
  const item = itemOf(frame);
  return item ? { ...changed, items: place(changed.items, item) } : changed;
}

export function isShown(state: State, message: string): boolean {
  return state.items.some((item) => item.key === message);
}

export function onDelta(state: State, { turn, index, text }: Delta): State {
  if (state.ended.includes(turn)) return state;
  // Who speaks now is a person, or lets nothing out unread: this turn is over.
  if (state.mode !== "ai") return { ...state, ended: withTurn(state.ended, turn) };
  const current = state.stream;
  if (index === 0) return { ...state, stream: { turn, text, next: 1 }, awaiting: false, typing: null };
  if (current?.turn !== turn) {
    // The beginning was missed: show that something is being written, not its middle.
    return { ...state, stream: { turn, text: "", next: -1 }, awaiting: false };
  }
  const { held: _, ...seen } = current;
  if (seen.next === -1 || index < seen.next) return state;
  if (index > seen.next) return { ...state, stream: { ...seen, next: -1 } };
  return { ...state, stream: { turn, text: current.text + text, next: index + 1 } };
}

/** Only who may speak in this mode is shown at the keys. */
export function onTyping(state: State, frame: Typing): State {
  if (frame.who !== (state.mode === "ai" ? "assistant" : "operator")) return state;
  if (frame.on) return { ...state, typing: frame.who };
  return state.typing === frame.who ? { ...state, typing: null } : state;
}

/** Whether an answer may be taken for owed to a message. While a person is waited for the AI may
 * be silent: then only its own typing says that it writes. */
export function answers(state: State): boolean {
  return state.mode === "ai" && state.handoff !== "requested";
}

/** Whether `a` stands before `b` in the log. */
function before(a: { version: number; index: number }, b: { version: number; index: number }) {
  return a.version < b.version || (a.version === b.version && a.index < b.index);
}

/** Items come in order; one that does not is put where the log has it. */
function place(items: Item[], item: Item): Item[] {
  let at = items.length;
  while (at > 0 && before(item, items[at - 1]!)) at -= 1;
  return [...items.slice(0, at), item, ...items.slice(at)];
}

function withTurn(ended: string[], turn: string): string[] {
  return [...ended, turn].slice(-ENDED_KEPT);
}

/** Nothing is being written any more, and the half of an answer that stood there is void. */
function settle(state: State): State {
  const ended = state.stream ? withTurn(state.ended, state.stream.turn) : state.ended;
  return { ...state, ended, stream: null, awaiting: false, typing: null };
}

/** All that an event changes besides the list of items. */
function applyEvent(state: State, frame: EventFrame): State {
  switch (frame.kind) {
    case "visitor_message":
      // One message more: the running turn is cancelled, and one answer will address both.
      return { ...settle(state), typing: state.typing, awaiting: answers(state) };
    case "assistant_message":
    case "operator_message":
    case "turn_failed":
      return settle(state);
    case "mode":
      return onMode(state, frame);
    case "notice":
      if (frame.notice === "handoff_away") return { ...state, away: true };
      return frame.notice === "handoff_queued" ? { ...state, away: false } : state;
    case "status": {
      if (frame.status !== "resolved") return { ...state, resolved: false };
      // How the whole of it was is asked now, whatever a single answer got.
      return { ...settle(state), resolved: true, handoff: "none", rated: 0 };
    }
    case "rated":
      return { ...state, rated: frame.score };
    default:
      return state;
  }
}

function onMode(state: State, frame: ModeEvent): State {
  const handoff = frame.handoff ?? "none";
  if (!frame.mode) {
    // Who speaks has not changed. But the turn may have ended with this request: what was being
    // written is out of sight until more of it comes.
    const stream = state.stream && { ...state.stream, held: true as const };
    return { ...state, handoff, stream, awaiting: false, typing: null };
  }
  const operator = frame.operator_name ?? "";
  return { ...settle(state), handoff, mode: frame.mode, operator, away: false };
}

function itemOf(frame: EventFrame): Item | null {
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
      const { message: key, text, html = "", operator_name: name = "" } = frame;
      return { ...base, kind: "operator", key, text, html, name };
    }
    case "notice":
      return { ...base, kind: "notice", key: frame.message, notice: frame.notice, text: frame.text };
    case "turn_failed":
      return { ...base, kind: "turn_failed", inReplyTo: frame.in_reply_to ?? [] };
    default:
      // `mode`, `status` and `rated` are told by notices and by the window itself; others are
      // kinds that a later server may send.
      return null;
  }
}
