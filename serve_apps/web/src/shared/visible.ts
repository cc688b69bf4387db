/**
 * What the visitor may see of a commit, as serve_apps/gateway/visitors/visible.py tells it. Whatever is not
 * named here stays inside: notes, drafts, reasons and evidence, guard findings, costs, scores.
 */

import type {
  AssistantMessageEvent,
  EventFrame,
  ModeEvent,
  NoticeEvent,
  OperatorMessageEvent,
  Source as ShownSource,
} from "../wire/protocol";
import type { AnswerRecorded, Commit, ConversationFact, Source } from "../wire/facts";
import { markdownToHtml } from "./markdown";

/** What quotes the sources word for word, and so writes no Markdown. */
const EXTRACTIVE_MODEL = "extractive";

/** The events of `commit` that its visitor may see, in order; often none. */
export function visible(commit: Pick<Commit, "version" | "facts">): EventFrame[] {
  const frames: EventFrame[] = [];
  commit.facts.forEach((fact, index) => {
    const frame = frameOf(fact, commit.version, index);
    if (frame) frames.push(frame);
  });
  return frames;
}

function frameOf(fact: ConversationFact, version: number, index: number): EventFrame | null {
  const base = { type: "event", version, index, at: fact.at } as const;
  switch (fact.fact) {
    case "MessageReceived.v1":
      return { ...base, kind: "visitor_message", message: fact.message, text: fact.text };
    case "AnswerRecorded.v1":
      return { ...base, ...answer(fact) };
    case "OperatorReplied.v1": {
      const { message, text, html = "", operator, operator_name } = fact;
      const shown: OperatorMessageEvent = { ...base, kind: "operator_message", message, text, html, operator };
      return operator_name ? { ...shown, operator_name } : shown;
    }
    case "ModeChanged.v1": {
      const shown: ModeEvent = { ...base, kind: "mode", mode: fact.mode };
      if (fact.operator) shown.operator = fact.operator;
      if (fact.operator_name) shown.operator_name = fact.operator_name;
      return shown;
    }
    case "HandoffRequested.v1":
      return { ...base, kind: "mode", handoff: "requested" };
    case "NoticePosted.v1": {
      const { message, notice, text, operator_name, place } = fact;
      const shown: NoticeEvent = { ...base, kind: "notice", message, notice, text };
      if (operator_name) shown.operator_name = operator_name;
      if (place) shown.place = place;
      return shown;
    }
    case "ConversationResolved.v1":
      return { ...base, kind: "status", status: "resolved" };
    case "ConversationReopened.v1":
      return { ...base, kind: "status", status: "open" };
    case "AnswerRated.v1":
      return { ...base, kind: "rated", score: fact.score };
    case "TurnFailed.v1":
      if (fact.supervised) return null;
      return { ...base, kind: "turn_failed", in_reply_to: fact.in_reply_to, reason: fact.reason };
    default:
      return null;
  }
}

function answer(fact: AnswerRecorded): Omit<AssistantMessageEvent, "type" | "version" | "index" | "at"> {
  return {
    kind: "assistant_message",
    message: fact.message,
    text: fact.text,
    html: fact.html || rendered(fact),
    in_reply_to: fact.in_reply_to,
    sources: (fact.sources ?? []).map(shownSource),
    answer: fact.kind ?? "answer",
  };
}

/** Models write Markdown; quotes and our own sentences are plain text, shown as it is. */
function rendered(fact: AnswerRecorded): string {
  const model = fact.cost?.model ?? "";
  if ((fact.kind ?? "answer") !== "answer" || model === "" || model === EXTRACTIVE_MODEL) return "";
  return markdownToHtml(fact.text);
}

function shownSource({ n, title, quote, chunk, url, place, version }: Source): ShownSource {
  const shown: ShownSource = { n, title, quote, chunk };
  if (url) shown.url = url;
  if (place) shown.place = place;
  if (version) shown.version = version;
  return shown;
}
