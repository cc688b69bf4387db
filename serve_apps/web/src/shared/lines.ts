/** The lines of a conversation as an operator reads them, and how it stands after the last. */

import type {
  AnswerKind,
  DraftProposed,
  DraftVoidReason,
  GuardFindings,
  HandoffReason,
  Mode,
  Source,
  TurnCost,
} from "../wire/facts";

export interface Placed {
  /** Unique within the conversation. */
  readonly key: string;
  readonly version: number;
  /** Milliseconds since 1970, UTC. */
  readonly at: number;
  /** What the house told the visitor about it, word for word. */
  readonly told?: string;
}

export type VisitorLine = Placed & { kind: "visitor"; message: string; text: string; locale: string };
export type OperatorLine = Placed & {
  kind: "operator";
  message: string;
  text: string;
  html: string;
  operator: string;
  name: string;
};
export type AssistantLine = Placed & {
  kind: "assistant";
  turn: string;
  message: string;
  text: string;
  html: string;
  answer: AnswerKind;
  locale: string;
  sources: readonly Source[];
  confidence: number;
  guard: GuardFindings;
  cost: TurnCost;
  /** Where a person approved it: what the AI had written, and how far it was changed. */
  draft: { text: string; distance: number; by: string } | null;
};
export type NoteLine = Placed & { kind: "note"; note: string; text: string; operator: string; name: string };
export type HandoffLine = Placed & {
  kind: "handoff";
  reason: HandoffReason;
  evidence: string;
  message: string;
  score: number;
  silent: boolean;
};
export type ModeLine = Placed & {
  kind: "mode";
  mode: Mode;
  operator: string;
  name: string;
  previous: string;
  reason: string;
};
export type DraftLine = Placed & {
  kind: "draft";
  fate: "rejected" | "voided";
  text: string;
  reason: string;
  name: string;
};
export type Line =
  | VisitorLine
  | OperatorLine
  | AssistantLine
  | NoteLine
  | HandoffLine
  | ModeLine
  | DraftLine
  | (Placed & { kind: "notice"; notice: string })
  | (Placed & { kind: "failed"; reason: string; detail: string })
  | (Placed & { kind: "resolved" | "reopened"; operator: string; name: string })
  | (Placed & { kind: "rated"; score: number });

/** An answer that waits for a person. */
export type Draft = Pick<DraftProposed, "draft" | "turn" | "text" | "at"> & {
  kind: AnswerKind;
  sources: readonly Source[];
  confidence: number;
  guard: GuardFindings;
  answers: readonly string[];
};

/** How it stands after the last commit. */
export interface Standing {
  conversation: string;
  version: number;
  startedAt: number;
  channel: string;
  locale: string;
  visitor: string;
  mode: Mode;
  epoch: number;
  operator: string;
  operatorName: string;
  /** The request that still waits for a person. */
  waiting: HandoffLine | null;
  /** The turn that the AI is at. */
  turn: string;
  draft: Draft | null;
  /** The last draft that was set aside unread, and why. */
  voided: { draft: string; reason: DraftVoidReason } | null;
  resolved: boolean;
  rating: number;
}

export interface Timeline {
  readonly standing: Standing;
  readonly lines: readonly Line[];
  readonly handoffs: readonly HandoffLine[];
  readonly notes: readonly NoteLine[];
  readonly answers: readonly AssistantLine[];
}
