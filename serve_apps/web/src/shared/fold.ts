/**
 * What each fact does to the State, exactly as actors/conversation/evolve.py does it: `evolve` only folds, it
 * never decides. Vectors made by the server's own fold hold both together (tests/web/vectors).
 */

import type {
  AnswerKind,
  ConversationFact,
  DraftProposed,
  HandoffRequested,
  ModeChanged,
} from "../wire/facts";
import { type Memory, remember, resummarize } from "./memory";
import type { Draft, EndedDraft, OpenTurn, Seen, State } from "./state";

export { initial, type State } from "./state";

const SEEN = 128;
const UNANSWERED = 100;

/** A fact that this page does not know: a newer server wrote it. */
export class UnknownFact extends Error {
  constructor(readonly tag: string) {
    super(`${tag} is no fact of a conversation that this page knows`);
  }
}

/** The state after one commit. Throws UnknownFact. */
export function fold(
  state: State,
  commit: { version: number; facts: readonly ConversationFact[] },
): State {
  let folded: State = { ...state, version: commit.version };
  for (const fact of commit.facts) folded = evolve(folded, fact);
  return folded;
}

export function evolve(state: State, fact: ConversationFact): State {
  switch (fact.fact) {
    case "MessageReceived.v1":
      return {
        ...state,
        memory: said(state, "visitor", fact),
        unanswered: [...state.unanswered, fact.message].slice(-UNANSWERED),
        seen: withSeen(state, fact.message),
        locale: fact.locale || state.locale,
      };
    case "TurnBegun.v1": {
      const { turn, epoch, answers, at } = fact;
      return { ...state, turn: { turn, epoch, answers, attempt: 1, begun_at: at }, ended_turn: "" };
    }
    case "AnswerRecorded.v1":
      return {
        ...state,
        turn: null,
        ended_turn: fact.turn,
        unanswered: without(state.unanswered, fact.in_reply_to),
        unanswered_in_a_row: row(state, fact.kind ?? "answer"),
        memory: said(state, "assistant", fact),
      };
    case "TurnResumed.v1":
      return { ...state, turn: resumed(state.turn, fact) };
    case "TurnCancelled.v1":
      return {
        ...state,
        turn: null,
        ended_turn: fact.reason === "handed_off" ? fact.turn : state.ended_turn,
      };
    case "TurnFailed.v1":
      return {
        ...state,
        turn: null,
        ended_turn: fact.turn,
        // Where a person looks over the AI, the visitor is not told and still waits.
        unanswered: fact.supervised
          ? state.unanswered
          : without(state.unanswered, fact.in_reply_to),
        unanswered_in_a_row: state.unanswered_in_a_row + 1,
      };
    case "ConversationStarted.v1":
      return { ...state, locale: fact.locale ?? "", visitor: fact.visitor ?? "" };
    case "HandoffRequested.v1":
      return handoffRequested(state, fact);
    case "NoticePosted.v1":
      return { ...state, seen: withSeen(state, fact.message) };
    case "ModeChanged.v1":
      return modeChanged(state, fact);
    case "OperatorReplied.v1":
      return {
        ...state,
        unanswered: [],
        unanswered_in_a_row: 0,
        memory: said(state, "operator", fact, fact.operator_name),
        seen: withSeen(state, fact.message),
      };
    case "NoteAdded.v1":
      return { ...state, seen: withSeen(state, fact.note) };
    case "DraftProposed.v1":
      return {
        ...state,
        turn: null,
        ended_turn: fact.turn,
        draft: draftOf(fact),
        ended_draft: null,
      };
    case "DraftApproved.v1":
      return draftEnded(state, "approved", fact);
    case "DraftRejected.v1":
      return draftEnded(state, "rejected", fact);
    case "DraftVoided.v1":
      return draftEnded(state, "voided", { draft: fact.draft });
    case "ConversationResolved.v1":
      return { ...state, resolved: true, unanswered: [], unanswered_in_a_row: 0, handoff: null };
    case "ConversationReopened.v1":
      return { ...state, resolved: false };
    case "AnswerRated.v1":
      return { ...state, rating: fact.score };
    case "ConversationSummarized.v1":
      return { ...state, memory: resummarize(state.memory, fact.text, fact.through) };
    default:
      throw new UnknownFact(String((fact as { fact?: unknown }).fact));
  }
}

function handoffRequested(state: State, fact: HandoffRequested): State {
  const { reason, at, evidence = "", message = "", silent = false } = fact;
  return {
    ...state,
    handoff: { reason, at, evidence, message, silent },
    handed_off: allSoFar(state, message),
    unanswered_in_a_row: 0,
  };
}

function modeChanged(state: State, fact: ModeChanged): State {
  const spokenFor = fact.mode !== "ai";
  return {
    ...state,
    mode: fact.mode,
    epoch: fact.epoch,
    operator: spokenFor ? (fact.operator ?? "") : "",
    operator_name: spokenFor ? (fact.operator_name ?? "") : "",
    handoff: null,
    // What was written before an operator took or gave the conversation was before a person.
    handed_off: fact.operator ? allSoFar(state) : state.handed_off,
    unanswered_in_a_row: 0,
  };
}

/** All messages that a turn from here on could look at. */
function allSoFar(state: State, message = ""): string[] {
  const all = new Set<string>();
  for (const item of state.memory.window) if (item.role === "visitor") all.add(item.message);
  for (const unanswered of state.unanswered) all.add(unanswered);
  if (message) all.add(message);
  return [...all];
}

function draftOf(fact: DraftProposed): Draft {
  return {
    draft: fact.draft,
    turn: fact.turn,
    epoch: fact.epoch,
    at: fact.at,
    text: fact.text,
    in_reply_to: fact.in_reply_to,
    kind: fact.kind ?? "answer",
    locale: fact.locale ?? "",
    sources: fact.sources ?? [],
    confidence: fact.confidence ?? 0,
    guard: fact.guard ?? {},
    cost: fact.cost ?? {},
  };
}

function draftEnded(
  state: State,
  end: EndedDraft["end"],
  by: { draft: string; operator?: string; operator_name?: string },
): State {
  const { draft, operator = "", operator_name = "" } = by;
  return { ...state, draft: null, ended_draft: { draft, end, operator, operator_name } };
}

/** Small talk neither answers nor leaves anything open. */
function row(state: State, kind: AnswerKind): number {
  if (kind === "smalltalk") return state.unanswered_in_a_row;
  return kind === "unknown" ? state.unanswered_in_a_row + 1 : 0;
}

function resumed(turn: OpenTurn | null, fact: { turn: string; attempt: number }): OpenTurn | null {
  return turn && turn.turn === fact.turn ? { ...turn, attempt: fact.attempt } : turn;
}

function said(
  state: State,
  role: "visitor" | "assistant" | "operator",
  fact: { message: string; text: string },
  by = "",
): Memory {
  return remember(state.memory, { role, message: fact.message, text: fact.text, by });
}

function withSeen(state: State, message: string): Seen[] {
  return [...state.seen, [message, state.version] as Seen].slice(-SEEN);
}

function without(messages: readonly string[], answered: readonly string[]): readonly string[] {
  const gone = new Set(answered);
  return messages.filter((message) => !gone.has(message));
}
