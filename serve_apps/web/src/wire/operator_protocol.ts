/**
 * The operator's socket, version 1, as the browser sees it (docs/operator-api.md). One frame is
 * one JSON object; fields that hold their default are left out on the wire.
 */

import type { Commit, Mode } from "./facts";

export const SUBPROTOCOL = "tandem.operator.v1.json";

export type Role = "admin" | "manager" | "viewer";

/** Who is signed in. */
export interface Me {
  operator: string;
  email: string;
  name: string;
  role: Role;
  tenant: string;
  company: string;
}

/** A viewer reads and replays; everybody else also answers. */
export function mayOrder(role: Role): boolean {
  return role !== "viewer";
}

/** A conversation as the queue shows it, at `version`. Times are ms since 1970, UTC. */
export interface Row {
  conversation: string;
  version: number;
  visitor: string;
  channel: string;
  locale: string;
  started_at: number;
  last_at: number;
  last_text: string;
  last_who: "" | "visitor" | "assistant" | "operator" | "system";
  messages: number;
  unanswered: number;
  status: "open" | "resolved";
  mode: Mode;
  epoch: number;
  operator: string;
  operator_name: string;
  waiting_since: number | null;
  reason: string;
  evidence: string;
  draft: string;
  handoffs: number;
  rating: number | null;
  resolved_at: number | null;
}

const ROW: Row = {
  conversation: "",
  version: 0,
  visitor: "",
  channel: "",
  locale: "",
  started_at: 0,
  last_at: 0,
  last_text: "",
  last_who: "",
  messages: 0,
  unanswered: 0,
  status: "open",
  mode: "ai",
  epoch: 1,
  operator: "",
  operator_name: "",
  waiting_since: null,
  reason: "",
  evidence: "",
  draft: "",
  handoffs: 0,
  rating: null,
  resolved_at: null,
};

/** A whole row from one whose defaults were left out. */
export function wholeRow(row: Partial<Row>): Row {
  return { ...ROW, ...row };
}

/** One commit of a watched conversation, whole and in order, each once. */
export type CommitFrame = { type: "commit" } & Commit;

/** What an operator asks of a conversation. `id` is the idempotency key. */
export type Order = { id: string; conversation: string } & (
  | { type: "take_over" | "supervise"; epoch: number; openly?: boolean }
  | { type: "release"; epoch: number; to?: "ai" | "queue" }
  | { type: "reply"; epoch: number; text: string }
  | { type: "note"; text: string }
  | { type: "approve"; epoch: number; draft: string; text?: string }
  | { type: "reject"; epoch: number; draft: string; reason: string }
  | { type: "resolve"; epoch: number }
  | { type: "reopen" }
);

export type ConsoleFrame =
  | Order
  | { type: "hello"; token: string }
  | { type: "watch"; conversation: string; after?: number }
  | { type: "unwatch"; conversation: string }
  | { type: "typing"; conversation: string; on: boolean }
  | { type: "ping"; at: number };

export interface Welcome {
  type: "welcome";
  me: Me;
  expires_at: number;
}

export interface Delta {
  type: "delta";
  conversation: string;
  turn: string;
  index: number;
  text: string;
}

export interface TypingShown {
  type: "typing";
  conversation: string;
  who: "visitor" | "assistant" | "operator";
  on: boolean;
  operator_name?: string;
}

/** `version` is what the visitor's page has shown: what was said up to there is delivered. */
export interface PresentShown {
  type: "present";
  conversation: string;
  who: "visitor" | "operator";
  on: boolean;
  version?: number;
  operator?: string;
  operator_name?: string;
}

export type ServerFrame =
  | Welcome
  | { type: "board"; rows: Row[] }
  | { type: "row"; row: Row }
  | CommitFrame
  | { type: "watched"; conversation: string; version: number }
  | Delta
  | TypingShown
  | PresentShown
  | { type: "accepted"; id: string; version: number; duplicate?: boolean }
  | { type: "rejected"; id: string; code: string; detail: string }
  | { type: "error"; code: string; detail?: string; conversation?: string }
  | { type: "pong"; at?: number };

/** The longest texts that the server takes, in code points. */
export const LIMITS = { text: 4000, reason: 500 };

type Kind = "string" | "number" | "boolean" | "object" | "array";

/** The fields without which a frame cannot be used. Defaults are left out on the wire. */
const NEEDED: Record<ServerFrame["type"], Record<string, Kind>> = {
  welcome: { me: "object", expires_at: "number" },
  board: { rows: "array" },
  row: { row: "object" },
  commit: { conversation: "string", version: "number", facts: "array" },
  watched: { conversation: "string", version: "number" },
  delta: { conversation: "string", turn: "string", index: "number", text: "string" },
  typing: { conversation: "string", who: "string", on: "boolean" },
  present: { conversation: "string", who: "string", on: "boolean" },
  accepted: { id: "string", version: "number" },
  rejected: { id: "string", code: "string" },
  error: { code: "string" },
  pong: {},
};

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

/** One frame off the socket, or null when it is none that this page knows. */
export function parseFrame(data: unknown): ServerFrame | null {
  if (typeof data !== "string") return null;
  let parsed: unknown;
  try {
    parsed = JSON.parse(data);
  } catch {
    return null;
  }
  if (kindOf(parsed) !== "object") return null;
  const fields = parsed as Record<string, unknown>;
  const type = String(fields["type"]);
  if (!Object.hasOwn(NEEDED, type)) return null;
  const needed = NEEDED[type as ServerFrame["type"]];
  for (const name in needed) if (kindOf(fields[name]) !== needed[name]) return null;
  const frame = parsed as ServerFrame;
  if (frame.type === "row") return { ...frame, row: wholeRow(frame.row) };
  if (frame.type === "board") return { ...frame, rows: frame.rows.map(wholeRow) };
  return frame;
}

/** An order refused with one of these may be taken in a moment: it is sent again, same id. */
export function mayPass(code: string): boolean {
  return ["unavailable", "rate_limited", "too_many_in_flight"].includes(code);
}

/** Characters as the server counts them: code points, not UTF-16 units. */
export function countChars(text: string): number {
  let n = 0;
  for (const _ of text) n += 1;
  return n;
}

/** A fresh idempotency key: 1 to 64 of `A-Z a-z 0-9 _ . : -`. */
export function freshId(): string {
  // `randomUUID` is missing on pages that came over plain http.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
