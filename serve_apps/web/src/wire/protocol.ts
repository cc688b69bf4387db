/** The wire protocol, version 1, as the browser sees it. One frame is one JSON object. */

import type { Place } from "../widget/place";

export const SUBPROTOCOL = "tandem.v1.json";

export type Mode = "ai" | "human" | "supervised";

/** The exact text that a claim was drawn from; `n` is the number that the answer cites it by. */
export interface Source {
  n: number;
  title: string;
  url?: string;
  quote?: string;
  chunk?: string;
  place?: Place | null;
  /** The document's version, where one is known. */
  version?: number;
}

export interface Hello {
  type: "hello";
  key: string;
  token?: string;
  conversation?: string;
  /** Version and index of the last `event` frame seen: the next one follows it exactly. */
  after?: number;
  after_index?: number;
  locale?: string;
  /** Begin another conversation of the visitor whom `token` names. */
  fresh?: true;
}

export type ClientFrame =
  | Hello
  | { type: "message"; id: string; text: string }
  | { type: "typing"; on: boolean }
  | { type: "handoff" }
  | { type: "rate"; score: number }
  /** The page has shown the events up to `version`, to somebody who could see them. */
  | { type: "seen"; version: number }
  | { type: "ping"; at: number };

export interface Limits {
  message_chars: number;
  frame_bytes: number;
  unacknowledged: number;
}

export interface Welcome {
  type: "welcome";
  conversation: string;
  token: string;
  version: number;
  mode: Mode;
  limits?: Partial<Limits>;
  company?: string;
}

interface EventBase {
  type: "event";
  version: number;
  index: number;
  /** Milliseconds since 1970, UTC. */
  at: number;
}

export type VisitorMessageEvent = EventBase & {
  kind: "visitor_message";
  message: string;
  text: string;
};

export type AssistantMessageEvent = EventBase & {
  kind: "assistant_message";
  message: string;
  text: string;
  html?: string;
  in_reply_to?: string[];
  sources?: Source[];
  answer?: "answer" | "unknown" | "smalltalk";
};

export type OperatorMessageEvent = EventBase & {
  kind: "operator_message";
  message: string;
  text: string;
  html?: string;
  operator?: string;
  operator_name?: string;
};

/** `handoff` alone: a person was asked for, and who speaks has not changed yet. */
export type ModeEvent = EventBase & {
  kind: "mode";
  mode?: Mode;
  handoff?: "requested";
  operator?: string;
  operator_name?: string;
};

/** What the house itself tells the visitor, in the visitor's language. */
export type NoticeEvent = EventBase & {
  kind: "notice";
  message: string;
  notice: string;
  text: string;
  operator_name?: string;
  /** In the queue when it was posted. */
  place?: number;
};

export type StatusEvent = EventBase & { kind: "status"; status: "resolved" | "open" };

export type RatedEvent = EventBase & { kind: "rated"; score: number };

export type TurnFailedEvent = EventBase & {
  kind: "turn_failed";
  in_reply_to?: string[];
  reason?: string;
};

export type EventFrame =
  | VisitorMessageEvent
  | AssistantMessageEvent
  | OperatorMessageEvent
  | ModeEvent
  | NoticeEvent
  | StatusEvent
  | RatedEvent
  | TurnFailedEvent;

export interface Delta {
  type: "delta";
  turn: string;
  index: number;
  text: string;
}

export interface Typing {
  type: "typing";
  who: "visitor" | "assistant" | "operator";
  on: boolean;
}

export type ServerFrame =
  | Welcome
  | EventFrame
  | Delta
  | Typing
  /** The visitor's place among those who wait for a person, now; 0 when not waiting. */
  | { type: "queue"; place: number }
  | { type: "accepted"; id: string; version: number }
  | { type: "rejected"; id: string; code: string; detail?: string }
  | { type: "error"; code: string; detail?: string }
  | { type: "pong"; at?: number };

export const DEFAULT_LIMITS: Limits = { message_chars: 2000, frame_bytes: 65536, unacknowledged: 8 };

/** The fields without which a frame cannot be used; others may be absent. */
const NEEDED: Record<ServerFrame["type"], Record<string, "string" | "number" | "boolean">> = {
  welcome: { conversation: "string", token: "string" },
  accepted: { id: "string", version: "number" },
  event: { version: "number", index: "number", kind: "string" },
  delta: { turn: "string", index: "number", text: "string" },
  typing: { who: "string", on: "boolean" },
  queue: { place: "number" },
  rejected: { id: "string", code: "string" },
  error: { code: "string" },
  pong: {},
};

/**
 * One frame off the socket, or null when it is none of ours. A type that a later server sends
 * is skipped, not an error: an old widget may stay open in a tab for days.
 */
export function parseFrame(data: unknown): ServerFrame | null {
  if (typeof data !== "string") return null;
  let frame: unknown;
  try {
    frame = JSON.parse(data);
  } catch {
    return null;
  }
  if (typeof frame !== "object" || frame === null) return null;
  const fields = frame as Record<string, unknown>;
  const needed = Object.hasOwn(NEEDED, String(fields["type"]))
    ? NEEDED[fields["type"] as ServerFrame["type"]]
    : undefined;
  if (!needed) return null;
  for (const name in needed) if (typeof fields[name] !== needed[name]) return null;
  return frame as ServerFrame;
}

/** What an `error` frame asks of the client, by its code. */
export type Remedy =
  /** Nothing that waiting could mend: the key, the origin or the protocol is wrong. */
  | "stop"
  /** The token is of no use any more: begin a new conversation. */
  | "forget"
  /** Come again later. */
  | "wait";

export function remedyFor(code: string): Remedy {
  if (code === "bad_token" || code === "wrong_conversation") return "forget";
  return code === "wrong_key" || code === "foreign_origin" ? "stop" : "wait";
}

/** A message refused with one of these may be taken in a moment, so it is sent again by itself. */
export function mayPass(code: string): boolean {
  return ["unavailable", "rate_limited", "too_many_unacknowledged", "not_ready"].includes(code);
}

/** A locale as the server takes it (a BCP 47 tag), or "" when this is none. */
export function wireLocale(locale: string): string {
  const tag = locale.replaceAll("_", "-");
  return tag.length <= 35 && /^[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8}){0,4}$/.test(tag) ? tag : "";
}

/** Characters as the server counts them: code points, not UTF-16 units. */
export function countChars(text: string): number {
  let n = 0;
  for (const _ of text) n += 1;
  return n;
}
