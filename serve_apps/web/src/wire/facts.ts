/**
 * The facts of a conversation as they stand on the wire (events/conversation.py): the field
 * `fact` tells which one it is, and fields that hold their default may be left out. Times are
 * whole milliseconds since 1970, UTC.
 */

import type { Place } from "../widget/place";

export type Mode = "ai" | "human" | "supervised";
export type TurnEnd = "superseded" | "taken_over" | "handed_off" | "closed";
export type AnswerKind = "answer" | "unknown" | "smalltalk";
export type HandoffReason =
  | "visitor_asked"
  | "visitor_words"
  | "distress"
  | "low_confidence"
  | "guard"
  | "unanswered_turns"
  | "authority"
  | "operator_choice"
  | "lease_lapsed";
export type Notice =
  | "handoff_queued"
  | "handoff_away"
  | "operator_joined"
  | "operator_changed"
  | "operator_left"
  | "assistant_back"
  | "supervised"
  | "resolved"
  | "reopened";
export type DraftVoidReason = "visitor_wrote" | "operator_replied" | "mode_changed" | "resolved";

/** The exact text that a claim was drawn from; `n` is the number that the text cites it by. */
export interface Source {
  n: number;
  chunk: string;
  document: string;
  title: string;
  quote: string;
  url?: string;
  score?: number;
  place?: Place | null;
  /** The document's version; 0 where none is known. */
  version?: number;
}

/** What a turn took; latencies are milliseconds by stage name. */
export interface TurnCost {
  model?: string;
  prompt_version?: string;
  input_tokens?: number;
  output_tokens?: number;
  latency_ms?: Record<string, number>;
  /** The version of the knowledge that was searched; 0: nothing was. */
  knowledge?: number;
  /** The embedding space that it was searched in. */
  space?: string;
  /** What was searched for, where that is not what the visitor wrote. */
  searched?: string;
}

/** What the guard found, by the name of the finding. */
export type GuardFindings = Record<string, string | number | boolean>;

interface At {
  at: number;
}

export interface ConversationStarted extends At {
  fact: "ConversationStarted.v1";
  tenant: string;
  conversation: string;
  locale?: string;
  channel?: string;
  visitor?: string;
}

export interface MessageReceived extends At {
  fact: "MessageReceived.v1";
  message: string;
  text: string;
  locale?: string;
}

export interface TurnBegun extends At {
  fact: "TurnBegun.v1";
  turn: string;
  epoch: number;
  answers: string[];
}

export interface TurnResumed extends At {
  fact: "TurnResumed.v1";
  turn: string;
  attempt: number;
}

export interface TurnCancelled extends At {
  fact: "TurnCancelled.v1";
  turn: string;
  reason: TurnEnd;
}

/** What an answer and a draft have in common: what came of a turn. */
interface Composed extends At {
  turn: string;
  epoch: number;
  text: string;
  in_reply_to: string[];
  kind?: AnswerKind;
  locale?: string;
  sources?: Source[];
  confidence?: number;
  guard?: GuardFindings;
  cost?: TurnCost;
}

export interface AnswerRecorded extends Composed {
  fact: "AnswerRecorded.v1";
  message: string;
  html?: string;
  draft?: string;
  approved_by?: string;
}

export interface TurnFailed extends At {
  fact: "TurnFailed.v1";
  turn: string;
  epoch: number;
  in_reply_to: string[];
  reason: string;
  detail?: string;
  /** A person looks over the AI: the visitor is not told of it, and still waits. */
  supervised?: boolean;
}

export interface ConversationSummarized extends At {
  fact: "ConversationSummarized.v1";
  text: string;
  through: string;
}

export interface HandoffRequested extends At {
  fact: "HandoffRequested.v1";
  epoch: number;
  reason: HandoffReason;
  evidence?: string;
  message?: string;
  score?: number;
  silent?: boolean;
}

export interface NoticePosted extends At {
  fact: "NoticePosted.v1";
  message: string;
  notice: Notice;
  text: string;
  locale: string;
  operator?: string;
  operator_name?: string;
  place?: number;
}

export interface ModeChanged extends At {
  fact: "ModeChanged.v1";
  mode: Mode;
  epoch: number;
  reason: string;
  operator?: string;
  operator_name?: string;
  previous?: string;
}

export interface OperatorReplied extends At {
  fact: "OperatorReplied.v1";
  message: string;
  operator: string;
  epoch: number;
  text: string;
  html?: string;
  operator_name?: string;
}

export interface NoteAdded extends At {
  fact: "NoteAdded.v1";
  note: string;
  operator: string;
  text: string;
  operator_name?: string;
}

export interface DraftProposed extends Composed {
  fact: "DraftProposed.v1";
  draft: string;
}

export interface DraftApproved extends At {
  fact: "DraftApproved.v1";
  draft: string;
  operator: string;
  epoch: number;
  text: string;
  edit_distance?: number;
  operator_name?: string;
}

export interface DraftRejected extends At {
  fact: "DraftRejected.v1";
  draft: string;
  operator: string;
  epoch: number;
  reason: string;
  operator_name?: string;
}

export interface DraftVoided extends At {
  fact: "DraftVoided.v1";
  draft: string;
  reason: DraftVoidReason;
}

export interface ConversationResolved extends At {
  fact: "ConversationResolved.v1";
  operator: string;
  operator_name?: string;
}

export interface ConversationReopened extends At {
  fact: "ConversationReopened.v1";
  operator?: string;
}

export interface AnswerRated extends At {
  fact: "AnswerRated.v1";
  score: number;
}

export type ConversationFact =
  | ConversationStarted
  | MessageReceived
  | TurnBegun
  | TurnResumed
  | TurnCancelled
  | AnswerRecorded
  | TurnFailed
  | ConversationSummarized
  | HandoffRequested
  | NoticePosted
  | ModeChanged
  | OperatorReplied
  | NoteAdded
  | DraftProposed
  | DraftApproved
  | DraftRejected
  | DraftVoided
  | ConversationResolved
  | ConversationReopened
  | AnswerRated;

export type FactTag = ConversationFact["fact"];

/** All facts of one decision, with their place in the log and their chain (`events.log.Commit`). */
export interface Commit {
  conversation: string;
  /** Its place in the stream of all conversations: grows, with holes. */
  version: number;
  /** Its place in its own conversation: counts from 1, without holes. */
  number: number;
  commit: string;
  hash: string;
  previous_hash: string;
  correlation?: string;
  causation?: string;
  facts: ConversationFact[];
}

/** The fields without which a fact cannot be folded, by tag: what an import checks. */
export const NEEDED: Record<FactTag, Record<string, "string" | "number" | "strings">> = {
  "ConversationStarted.v1": { tenant: "string", conversation: "string" },
  "MessageReceived.v1": { message: "string", text: "string" },
  "TurnBegun.v1": { turn: "string", epoch: "number", answers: "strings" },
  "TurnResumed.v1": { turn: "string", attempt: "number" },
  "TurnCancelled.v1": { turn: "string", reason: "string" },
  "AnswerRecorded.v1": {
    turn: "string",
    epoch: "number",
    message: "string",
    text: "string",
    in_reply_to: "strings",
  },
  "TurnFailed.v1": { turn: "string", epoch: "number", in_reply_to: "strings", reason: "string" },
  "ConversationSummarized.v1": { text: "string", through: "string" },
  "HandoffRequested.v1": { epoch: "number", reason: "string" },
  "NoticePosted.v1": { message: "string", notice: "string", text: "string", locale: "string" },
  "ModeChanged.v1": { mode: "string", epoch: "number", reason: "string" },
  "OperatorReplied.v1": { message: "string", operator: "string", epoch: "number", text: "string" },
  "NoteAdded.v1": { note: "string", operator: "string", text: "string" },
  "DraftProposed.v1": {
    draft: "string",
    turn: "string",
    epoch: "number",
    text: "string",
    in_reply_to: "strings",
  },
  "DraftApproved.v1": { draft: "string", operator: "string", epoch: "number", text: "string" },
  "DraftRejected.v1": { draft: "string", operator: "string", epoch: "number", reason: "string" },
  "DraftVoided.v1": { draft: "string", reason: "string" },
  "ConversationResolved.v1": { operator: "string" },
  "ConversationReopened.v1": {},
  "AnswerRated.v1": { score: "number" },
};
