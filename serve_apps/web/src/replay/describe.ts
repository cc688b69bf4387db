/** What each fact is called, whose lane it stands in, and how it is marked there. */

import type { ConversationFact, FactTag, HandoffReason, Mode } from "../wire/facts";

export type Lane = "visitor" | "ai" | "operator" | "system";
export type Mark =
  | "message"
  | "answer"
  | "draft"
  | "note"
  | "handoff"
  | "mode"
  | "notice"
  | "error"
  | "small"
  | "none";

export const LANES: readonly Lane[] = ["visitor", "ai", "operator", "system"];

/** A fact's name without its version: `MessageReceived`. */
export function nameOf(tag: string): string {
  return tag.replace(/\.v\d+$/, "");
}

const LANE: Record<FactTag, Lane> = {
  "ConversationStarted.v1": "system",
  "MessageReceived.v1": "visitor",
  "TurnBegun.v1": "ai",
  "TurnResumed.v1": "ai",
  "TurnCancelled.v1": "ai",
  "AnswerRecorded.v1": "ai",
  "TurnFailed.v1": "ai",
  "ConversationSummarized.v1": "ai",
  "HandoffRequested.v1": "system",
  "NoticePosted.v1": "system",
  "ModeChanged.v1": "system",
  "OperatorReplied.v1": "operator",
  "NoteAdded.v1": "operator",
  "DraftProposed.v1": "ai",
  "DraftApproved.v1": "operator",
  "DraftRejected.v1": "operator",
  "DraftVoided.v1": "ai",
  "ConversationResolved.v1": "operator",
  "ConversationReopened.v1": "system",
  "AnswerRated.v1": "visitor",
};

/** A turn's begin and end are its span's ends, and need no mark of their own. */
const MARK: Record<FactTag, Mark> = {
  "ConversationStarted.v1": "small",
  "MessageReceived.v1": "message",
  "TurnBegun.v1": "none",
  "TurnResumed.v1": "small",
  "TurnCancelled.v1": "none",
  "AnswerRecorded.v1": "answer",
  "TurnFailed.v1": "error",
  "ConversationSummarized.v1": "small",
  "HandoffRequested.v1": "handoff",
  "NoticePosted.v1": "notice",
  "ModeChanged.v1": "mode",
  "OperatorReplied.v1": "message",
  "NoteAdded.v1": "note",
  "DraftProposed.v1": "draft",
  "DraftApproved.v1": "draft",
  "DraftRejected.v1": "draft",
  "DraftVoided.v1": "small",
  "ConversationResolved.v1": "mode",
  "ConversationReopened.v1": "mode",
  "AnswerRated.v1": "small",
};

export function laneOf(fact: ConversationFact): Lane {
  return LANE[fact.fact] ?? "system";
}

export function markOf(fact: ConversationFact): Mark {
  return MARK[fact.fact] ?? "error";
}

export const REASON: Record<HandoffReason, string> = {
  visitor_asked: "the visitor pressed the button",
  visitor_words: "the visitor asked in words",
  distress: "anger or distress",
  low_confidence: "low confidence",
  guard: "the guard held the answer back",
  unanswered_turns: "unanswered turns in a row",
  authority: "needs a person's authority",
  operator_choice: "an operator's choice",
  lease_lapsed: "the operator has gone",
};

export const MODE: Record<Mode, string> = {
  ai: "AI answers",
  human: "a person answers",
  supervised: "AI drafts, a person approves",
};

/** One line that tells what happened. */
export function titleOf(fact: ConversationFact): string {
  switch (fact.fact) {
    case "ConversationStarted.v1":
      return `Conversation started (${[fact.channel ?? "widget", fact.locale].filter(Boolean).join(", ")})`;
    case "MessageReceived.v1":
      return `Visitor: ${short(fact.text)}`;
    case "TurnBegun.v1":
      return `AI turn begun, for ${counted(fact.answers.length, "message")}`;
    case "TurnResumed.v1":
      return `AI turn resumed, attempt ${fact.attempt}`;
    case "TurnCancelled.v1":
      return `AI turn cancelled: ${fact.reason.replace("_", " ")}`;
    case "AnswerRecorded.v1":
      return `AI: ${short(fact.text)}`;
    case "TurnFailed.v1":
      return `AI turn failed: ${fact.reason}`;
    case "ConversationSummarized.v1":
      return `Summarised: ${short(fact.text)}`;
    case "HandoffRequested.v1":
      return `A person is wanted: ${REASON[fact.reason] ?? fact.reason}`;
    case "NoticePosted.v1":
      return `Told the visitor: ${short(fact.text)}`;
    case "ModeChanged.v1":
      return modeTitle(fact);
    case "OperatorReplied.v1":
      return `${who(fact)}: ${short(fact.text)}`;
    case "NoteAdded.v1":
      return `${who(fact)} noted: ${short(fact.text)}`;
    case "DraftProposed.v1":
      return `AI drafted: ${short(fact.text)}`;
    case "DraftApproved.v1":
      return `${who(fact)} approved the draft${fact.edit_distance ? ", edited" : ""}`;
    case "DraftRejected.v1":
      return `${who(fact)} rejected the draft: ${short(fact.reason)}`;
    case "DraftVoided.v1":
      return `Draft void: ${fact.reason.replaceAll("_", " ")}`;
    case "ConversationResolved.v1":
      return `${who(fact)} resolved the conversation`;
    case "ConversationReopened.v1":
      return fact.operator ? `${fact.operator} reopened the conversation` : "Reopened by a message";
    case "AnswerRated.v1":
      return `Visitor rated ${fact.score} of 5`;
    default:
      return String((fact as { fact: unknown }).fact);
  }
}

function modeTitle(fact: Extract<ConversationFact, { fact: "ModeChanged.v1" }>): string {
  if (fact.mode === "ai") return `Back to the AI: ${fact.reason.replaceAll("_", " ")}`;
  const taken = fact.mode === "human" ? "took over" : "supervises";
  const person = fact.operator_name || fact.operator || "Any operator";
  return `${person} ${taken}${fact.previous ? ` from ${fact.previous}` : ""}`;
}

/** An operator's name, else their id. */
export function who(fact: { operator?: string; operator_name?: string }): string {
  return fact.operator_name || fact.operator || "somebody";
}

export function counted(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}

const SHORT = 120;

/** On one line, and not too long. */
export function short(text: string, most = SHORT): string {
  const line = text.slice(0, most * 4).replace(/\s+/g, " ").trim();
  const points = [...line];
  return points.length <= most && text.length <= most * 4
    ? line
    : `${points.slice(0, most - 1).join("")}…`;
}

/** Where an operator jumps to: a person was called, or who speaks has changed. */
export function isHandoff(fact: ConversationFact): boolean {
  return fact.fact === "HandoffRequested.v1" || fact.fact === "ModeChanged.v1";
}

export function isError(fact: ConversationFact): boolean {
  return fact.fact === "TurnFailed.v1" || !(fact.fact in LANE);
}
