/** Commits and rows for the console's tests: what is not said is as it was at the beginning. */

import type { Commit, ConversationFact } from "../../serve_apps/web/src/wire/facts";
import { type Me, type Row, wholeRow } from "../../serve_apps/web/src/wire/operator_protocol";

export const AT = 1_760_000_000_000;

export const ANA: Me = {
  operator: "op-ana",
  email: "ana@casa-lumen.example",
  name: "Ana Ruiz",
  role: "manager",
  tenant: "casa-lumen",
  company: "Casa Lumen",
};

export function row(conversation: string, fields: Partial<Row> = {}): Row {
  return wholeRow({ conversation, version: 1, started_at: AT, last_at: AT, ...fields });
}

/** The `n`-th commit of a conversation; versions have holes, numbers have none. */
export function commit(n: number, ...facts: ConversationFact[]): Commit {
  return {
    conversation: "c1",
    version: n * 10,
    number: n,
    commit: `commit-${n}`,
    hash: "",
    previous_hash: "",
    facts,
  };
}

export const started: ConversationFact = {
  fact: "ConversationStarted.v1",
  at: AT,
  tenant: "casa-lumen",
  conversation: "c1",
  locale: "en",
  visitor: "v1",
};

export function written(message: string, text: string): ConversationFact {
  return { fact: "MessageReceived.v1", at: AT, message, text };
}

export function begun(turn: string, ...answers: string[]): ConversationFact {
  return { fact: "TurnBegun.v1", at: AT, turn, epoch: 1, answers };
}

export function answered(turn: string, text: string): ConversationFact {
  return {
    fact: "AnswerRecorded.v1",
    at: AT,
    turn,
    epoch: 1,
    message: `answer-${turn}`,
    text,
    in_reply_to: [],
  };
}

export function proposed(draft: string, turn: string, text: string): ConversationFact {
  return { fact: "DraftProposed.v1", at: AT, draft, turn, epoch: 2, text, in_reply_to: ["m1"] };
}

export function taken(epoch: number, operator: string, name: string): ConversationFact {
  return {
    fact: "ModeChanged.v1",
    at: AT,
    mode: "human",
    epoch,
    reason: "operator_choice",
    operator,
    operator_name: name,
  };
}

export function told(notice: "operator_joined" | "handoff_queued", text: string): ConversationFact {
  return { fact: "NoticePosted.v1", at: AT, message: `n-${text}`, notice, text, locale: "en" };
}

export function called(evidence: string): ConversationFact {
  return { fact: "HandoffRequested.v1", at: AT, epoch: 1, reason: "visitor_words", evidence };
}
