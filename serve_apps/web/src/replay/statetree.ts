/** State as rows that a person can read, each marked where it changed since an earlier State. */

import type { Remembered } from "../shared/memory";
import { tokensOf, WINDOW_MESSAGES, WINDOW_TOKENS } from "../shared/memory";
import type { State } from "../shared/state";
import { counted, MODE, REASON } from "./describe";

export type Change = "" | "changed" | "added" | "gone";

export interface Row {
  readonly key: string;
  readonly label: string;
  readonly value: string;
  /** What stood there before, where it changed. */
  readonly was: string;
  readonly change: Change;
  /** The parts of a list, each unchanged, added or gone. */
  readonly parts?: readonly Row[];
}

export interface Section {
  readonly key: string;
  readonly title: string;
  readonly rows: readonly Row[];
  /** How many rows changed. */
  readonly changes: number;
}

type Reader = (state: State) => string;
interface Part {
  key: string;
  label: string;
  value: string;
}
type Field = [key: string, label: string, read: Reader, parts?: (state: State) => Part[]];

const yes = (value: boolean) => (value ? "yes" : "no");
const time = (at: number) => (at ? new Date(at).toISOString().replace("T", " ").replace("Z", "") : "");
const ids = (list: readonly string[]): Part[] => list.map((id) => ({ key: id, label: "", value: id }));
const person = (name: string, id: string) => (name && name !== id ? `${name} (${id})` : id);

const SECTIONS: [key: string, title: string, fields: Field[]][] = [
  [
    "speaks",
    "Who speaks",
    [
      ["mode", "Mode", (s) => `${s.mode}: ${MODE[s.mode] ?? ""}`],
      ["epoch", "Epoch", (s) => String(s.epoch)],
      ["operator", "Owner", (s) => person(s.operator_name, s.operator) || "nobody"],
      ["resolved", "Resolved", (s) => yes(s.resolved)],
    ],
  ],
  [
    "handoff",
    "Waiting for a person",
    [
      ["handoff", "Wanted", (s) => (s.handoff ? (REASON[s.handoff.reason] ?? s.handoff.reason) : "no")],
      ["handoff.at", "Since", (s) => time(s.handoff?.at ?? 0)],
      ["handoff.evidence", "Evidence", (s) => s.handoff?.evidence ?? ""],
      ["handoff.message", "In message", (s) => s.handoff?.message ?? ""],
      ["handoff.silent", "AI silent meanwhile", (s) => (s.handoff ? yes(s.handoff.silent) : "")],
      ["handed_off", "Handed off already", (s) => counted(s.handed_off.length, "message"), (s) => ids(s.handed_off)],
    ],
  ],
  [
    "turn",
    "The AI's turn",
    [
      ["turn", "Open turn", (s) => s.turn?.turn ?? "none"],
      ["turn.answers", "It answers", (s) => (s.turn ? s.turn.answers.join(", ") : "")],
      ["turn.epoch", "Under epoch", (s) => (s.turn ? String(s.turn.epoch) : "")],
      ["turn.attempt", "Attempt", (s) => (s.turn ? String(s.turn.attempt) : "")],
      ["turn.begun_at", "Begun", (s) => time(s.turn?.begun_at ?? 0)],
      ["ended_turn", "Ended last", (s) => s.ended_turn],
      ["unanswered", "Unanswered", (s) => counted(s.unanswered.length, "message"), (s) => ids(s.unanswered)],
      ["unanswered_in_a_row", "Turns without an answer", (s) => String(s.unanswered_in_a_row)],
    ],
  ],
  [
    "draft",
    "Draft",
    [
      ["draft", "Waiting", (s) => s.draft?.draft ?? "none"],
      ["draft.text", "Text", (s) => s.draft?.text ?? ""],
      ["draft.confidence", "Confidence", (s) => (s.draft ? String(s.draft.confidence) : "")],
      ["draft.sources", "Sources", (s) => (s.draft ? String(s.draft.sources.length) : "")],
      ["ended_draft", "Ended last", (s) => (s.ended_draft ? `${s.ended_draft.draft}: ${s.ended_draft.end}` : "")],
      [
        "ended_draft.by",
        "Decided by",
        (s) => (s.ended_draft ? person(s.ended_draft.operator_name, s.ended_draft.operator) : ""),
      ],
    ],
  ],
  [
    "memory",
    "Short-term memory",
    [
      ["memory.window", "Window", windowSize, (s) => s.memory.window.map(remembered)],
      ["memory.summary", "Summary", (s) => s.memory.summary],
      ["memory.summarized_through", "Summary through", (s) => s.memory.summarized_through],
    ],
  ],
  [
    "about",
    "About",
    [
      ["version", "Version", (s) => String(s.version)],
      ["rating", "Rating", (s) => (s.rating ? `${s.rating} of 5` : "none")],
      ["locale", "Language", (s) => s.locale],
      ["visitor", "Visitor", (s) => s.visitor],
      ["conversation", "Conversation", (s) => s.conversation],
      ["tenant", "Tenant", (s) => s.tenant],
      [
        "seen",
        "Known ids",
        (s) => String(s.seen.length),
        (s) => s.seen.map(([message, version]) => ({ key: message, label: `v${version}`, value: message })),
      ],
    ],
  ],
];

/** All rows of `state`; changes are those since `before`. Rows that are empty in both are left out. */
export function sections(state: State, before: State | null): Section[] {
  return SECTIONS.map(([key, title, fields]) => {
    const rows = fields
      .map((field) => rowOf(field, state, before))
      .filter((row) => row.value !== "" || row.change !== "");
    return { key, title, rows, changes: rows.filter((row) => row.change !== "").length };
  });
}

function rowOf([key, label, read, parts]: Field, state: State, before: State | null): Row {
  const value = read(state);
  const was = before ? read(before) : value;
  const listed = parts ? partRows(parts(state), before ? parts(before) : null) : undefined;
  const moved = listed?.some((part) => part.change !== "") ?? false;
  const change: Change = value === was && !moved ? "" : was === "" ? "added" : value === "" ? "gone" : "changed";
  const row = { key, label, value, was: change && value !== was ? was : "", change };
  return listed ? { ...row, parts: listed } : row;
}

/** What is gone first, as it was at the front, then what is there. */
function partRows(parts: Part[], before: Part[] | null): Row[] {
  if (!before) return parts.map((part) => ({ ...part, was: "", change: "" }));
  const now = new Set(parts.map((part) => part.key));
  const then = new Set(before.map((part) => part.key));
  const gone = before.filter((part) => !now.has(part.key));
  return [
    ...gone.map((part): Row => ({ ...part, was: "", change: "gone" })),
    ...parts.map((part): Row => ({ ...part, was: "", change: then.has(part.key) ? "" : "added" })),
  ];
}

function windowSize({ memory }: State): string {
  const tokens = memory.window.reduce((sum, item) => sum + tokensOf(item), 0);
  return `${memory.window.length} of ${WINDOW_MESSAGES} messages, about ${tokens} of ${WINDOW_TOKENS} tokens`;
}

function remembered({ role, message, text, by }: Remembered): Part {
  return { key: message, label: by ? `${role} ${by}` : role, value: text };
}
