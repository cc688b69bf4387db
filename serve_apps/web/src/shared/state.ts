/**
 * The State of a conversation, as actors/conversation/state.py has it: all that a decision needs. Here every
 * field stands; the server leaves those out that hold their default (`wholeState` puts them in).
 */

import type { AnswerKind, GuardFindings, HandoffReason, Mode, Source, TurnCost } from "../wire/facts";
import { type Memory, NO_MEMORY, type Remembered } from "./memory";

export interface OpenTurn {
  readonly turn: string;
  readonly epoch: number;
  readonly answers: readonly string[];
  readonly attempt: number;
  readonly begun_at: number;
}

/** A message, note or notice that stands in the log, and the version that holds it. */
export type Seen = readonly [message: string, version: number];

/** A person was asked for and none has come yet. */
export interface Waiting {
  readonly reason: HandoffReason;
  readonly at: number;
  readonly evidence: string;
  readonly message: string;
  readonly silent: boolean;
}

/** An answer that waits for a person. */
export interface Draft {
  readonly draft: string;
  readonly turn: string;
  readonly epoch: number;
  readonly at: number;
  readonly text: string;
  readonly in_reply_to: readonly string[];
  readonly kind: AnswerKind;
  readonly locale: string;
  readonly sources: readonly Source[];
  readonly confidence: number;
  readonly guard: GuardFindings;
  readonly cost: TurnCost;
}

export interface EndedDraft {
  readonly draft: string;
  readonly end: "approved" | "rejected" | "voided";
  readonly operator: string;
  readonly operator_name: string;
}

export interface State {
  readonly tenant: string;
  readonly conversation: string;
  readonly visitor: string;
  readonly locale: string;
  readonly version: number;
  readonly mode: Mode;
  readonly epoch: number;
  readonly operator: string;
  readonly operator_name: string;
  readonly resolved: boolean;
  readonly handoff: Waiting | null;
  readonly handed_off: readonly string[];
  readonly turn: OpenTurn | null;
  readonly ended_turn: string;
  readonly draft: Draft | null;
  readonly ended_draft: EndedDraft | null;
  readonly unanswered: readonly string[];
  readonly unanswered_in_a_row: number;
  readonly rating: number;
  readonly memory: Memory;
  readonly seen: readonly Seen[];
}

export function initial(tenant: string, conversation: string): State {
  return {
    tenant,
    conversation,
    visitor: "",
    locale: "",
    version: 0,
    mode: "ai",
    epoch: 1,
    operator: "",
    operator_name: "",
    resolved: false,
    handoff: null,
    handed_off: [],
    turn: null,
    ended_turn: "",
    draft: null,
    ended_draft: null,
    unanswered: [],
    unanswered_in_a_row: 0,
    rating: 0,
    memory: NO_MEMORY,
    seen: [],
  };
}

type Fields = Record<string, unknown>;

const WAITING = { evidence: "", message: "", silent: false };
const ENDED = { operator: "", operator_name: "" };
const DRAFT = { kind: "answer", locale: "", sources: [], confidence: 0, guard: {}, cost: {} };
const COST = {
  model: "",
  prompt_version: "",
  input_tokens: 0,
  output_tokens: 0,
  latency_ms: {},
  knowledge: 0,
  space: "",
  searched: "",
};
const SOURCE = { url: "", score: 0, place: null, version: 0 };
const PLACE = { page: 0, slide: 0, sheet: "", row: 0, anchor: "" };

/** A State with every field, from one whose defaults were left out, at any depth. */
export function wholeState(encoded: unknown): State {
  const fields = objectOf(encoded);
  const memory = objectOf(fields["memory"]);
  const window = Array.isArray(memory["window"]) ? memory["window"] : [];
  return {
    ...initial("", ""),
    ...(fields as Partial<State>),
    handoff: filled(fields["handoff"], WAITING) as Waiting | null,
    draft: wholeDraft(fields["draft"]),
    ended_draft: filled(fields["ended_draft"], ENDED) as EndedDraft | null,
    memory: {
      ...NO_MEMORY,
      ...(memory as Partial<Memory>),
      window: window.map((item) => ({ by: "", ...objectOf(item) }) as Remembered),
    },
  };
}

function wholeDraft(encoded: unknown): Draft | null {
  const draft = filled(encoded, DRAFT) as Draft | null;
  if (!draft) return null;
  const sources = draft.sources.map((source) => ({
    ...SOURCE,
    ...source,
    place: filled(source.place, PLACE),
  }));
  return { ...draft, sources, cost: { ...COST, ...draft.cost } };
}

function filled(encoded: unknown, defaults: Fields): Fields | null {
  return encoded ? { ...defaults, ...objectOf(encoded) } : null;
}

function objectOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

/** Where two States differ, as paths such as `memory.window.3.text`; empty: they are the same. */
export function differences(a: unknown, b: unknown): string[] {
  const found: string[] = [];
  compare(wholeState(a), wholeState(b), "", found);
  return found;
}

function compare(a: unknown, b: unknown, path: string, found: string[]): void {
  if (Object.is(a, b) || found.length >= 50) return;
  const bothObjects = typeof a === "object" && typeof b === "object" && a !== null && b !== null;
  if (!bothObjects || Array.isArray(a) !== Array.isArray(b)) {
    found.push(path);
    return;
  }
  const [left, right] = [a as Fields, b as Fields];
  for (const name of new Set([...Object.keys(left), ...Object.keys(right)]))
    compare(left[name], right[name], path ? `${path}.${name}` : name, found);
}
