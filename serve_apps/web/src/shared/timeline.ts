/**
 * A conversation as an operator reads it: facts folded into lines, pure and incremental. What the
 * house told the visitor stands with the change that it tells of. A live page and a replay fold
 * the same way.
 */

import type { Commit, ConversationFact, Notice } from "../wire/facts";
import type { AssistantLine, HandoffLine, Line, NoteLine, Placed, Standing, Timeline } from "./lines";

/** The change that a notice tells of. */
const TELLS_OF: Record<Notice, Line["kind"]> = {
  handoff_queued: "handoff",
  handoff_away: "handoff",
  operator_joined: "mode",
  operator_changed: "mode",
  operator_left: "mode",
  assistant_back: "mode",
  supervised: "mode",
  resolved: "resolved",
  reopened: "reopened",
};

export function emptyTimeline(conversation: string): Timeline {
  const standing: Standing = {
    conversation,
    version: 0,
    startedAt: 0,
    channel: "",
    locale: "",
    visitor: "",
    mode: "ai",
    epoch: 1,
    operator: "",
    operatorName: "",
    waiting: null,
    turn: "",
    draft: null,
    voided: null,
    resolved: false,
    rating: 0,
  };
  return { standing, lines: [], handoffs: [], notes: [], answers: [] };
}

/** The timeline after `commits`; those that it holds already change nothing. */
export function extended(timeline: Timeline, commits: readonly Commit[]): Timeline {
  const fold = new Fold(timeline);
  for (const commit of commits) fold.take(commit);
  return fold.done();
}

class Fold {
  #standing: Standing;
  #lines: Line[];
  #handoffs: HandoffLine[];
  #notes: NoteLine[];
  #answers: AssistantLine[];
  /** Of the commit at hand: its lines' first place, and how an approved draft stood. */
  #first = 0;
  #approved: AssistantLine["draft"] = null;

  constructor(private readonly before: Timeline) {
    this.#standing = { ...before.standing };
    this.#lines = [...before.lines];
    this.#handoffs = [...before.handoffs];
    this.#notes = [...before.notes];
    this.#answers = [...before.answers];
  }

  take(commit: Commit): void {
    if (commit.version <= this.#standing.version) return;
    this.#standing.version = commit.version;
    this.#first = this.#lines.length;
    this.#approved = null;
    commit.facts.forEach((fact, index) => {
      const placed = { key: `${commit.version}.${index}`, version: commit.version, at: fact.at };
      this.#fact(fact, placed);
    });
  }

  done(): Timeline {
    if (this.#standing.version === this.before.standing.version) return this.before;
    return {
      standing: this.#standing,
      lines: this.#lines,
      handoffs: this.#handoffs,
      notes: this.#notes,
      answers: this.#answers,
    };
  }

  #fact(fact: ConversationFact, placed: Placed): void {
    const now = this.#standing;
    switch (fact.fact) {
      case "ConversationStarted.v1":
        now.startedAt = fact.at;
        now.channel = fact.channel ?? "widget";
        now.locale = fact.locale ?? "";
        now.visitor = fact.visitor ?? "";
        return;
      case "MessageReceived.v1":
        now.locale = fact.locale || now.locale;
        this.#push({
          ...placed,
          kind: "visitor",
          message: fact.message,
          text: fact.text,
          locale: fact.locale ?? "",
        });
        return;
      case "TurnBegun.v1":
        now.turn = fact.turn;
        return;
      case "TurnCancelled.v1":
        if (now.turn === fact.turn) now.turn = "";
        return;
      case "TurnFailed.v1":
        if (now.turn === fact.turn) now.turn = "";
        this.#push({ ...placed, kind: "failed", reason: fact.reason, detail: fact.detail ?? "" });
        return;
      case "AnswerRecorded.v1":
        this.#answer(fact, placed);
        return;
      case "HandoffRequested.v1":
        this.#handoff(fact, placed);
        return;
      case "NoticePosted.v1":
        this.#notice(fact.text, fact.notice, placed);
        return;
      case "ModeChanged.v1":
        this.#mode(fact, placed);
        return;
      case "OperatorReplied.v1":
        this.#push({
          ...placed,
          kind: "operator",
          message: fact.message,
          text: fact.text,
          html: fact.html ?? "",
          operator: fact.operator,
          name: fact.operator_name ?? "",
        });
        return;
      case "NoteAdded.v1": {
        const { note, text, operator } = fact;
        const name = fact.operator_name ?? "";
        const line: NoteLine = { ...placed, kind: "note", note, text, operator, name };
        this.#notes.push(line);
        this.#push(line);
        return;
      }
      case "DraftProposed.v1":
      case "DraftApproved.v1":
      case "DraftRejected.v1":
      case "DraftVoided.v1":
        this.#draft(fact, placed);
        return;
      case "ConversationResolved.v1":
      case "ConversationReopened.v1": {
        now.resolved = fact.fact === "ConversationResolved.v1";
        const name = fact.fact === "ConversationResolved.v1" ? (fact.operator_name ?? "") : "";
        const kind = now.resolved ? "resolved" : "reopened";
        if (now.resolved) now.waiting = null;
        this.#push({ ...placed, kind, operator: fact.operator ?? "", name });
        return;
      }
      case "AnswerRated.v1":
        now.rating = fact.score;
        this.#push({ ...placed, kind: "rated", score: fact.score });
        return;
      // Nothing that an operator reads: a turn taken up again, what the AI remembers, and what a
      // later server may say.
      default:
        return;
    }
  }

  #push(line: Line): void {
    this.#lines.push(line);
  }

  #answer(fact: Extract<ConversationFact, { fact: "AnswerRecorded.v1" }>, placed: Placed): void {
    if (this.#standing.turn === fact.turn) this.#standing.turn = "";
    const line: AssistantLine = {
      ...placed,
      kind: "assistant",
      turn: fact.turn,
      message: fact.message,
      text: fact.text,
      html: fact.html ?? "",
      answer: fact.kind ?? "answer",
      locale: fact.locale ?? "",
      sources: fact.sources ?? [],
      confidence: fact.confidence ?? 0,
      guard: fact.guard ?? {},
      cost: fact.cost ?? {},
      draft: fact.draft ? this.#approved : null,
    };
    this.#answers.push(line);
    this.#push(line);
  }

  #handoff(fact: Extract<ConversationFact, { fact: "HandoffRequested.v1" }>, placed: Placed): void {
    const line: HandoffLine = {
      ...placed,
      kind: "handoff",
      reason: fact.reason,
      evidence: fact.evidence ?? "",
      message: fact.message ?? "",
      score: fact.score ?? 0,
      silent: fact.silent ?? false,
    };
    this.#standing.waiting = line;
    this.#handoffs.push(line);
    this.#push(line);
  }

  /** Stands with the change of the same commit; by itself where there is none. */
  #notice(text: string, notice: Notice, placed: Placed): void {
    for (let i = this.#lines.length - 1; i >= this.#first; i -= 1) {
      const line = this.#lines[i]!;
      if (line.kind !== TELLS_OF[notice] || line.told) continue;
      const told = { ...line, told: text } as Line;
      this.#lines[i] = told;
      if (told.kind !== "handoff") return;
      this.#handoffs[this.#handoffs.length - 1] = told;
      if (this.#standing.waiting) this.#standing.waiting = told;
      return;
    }
    this.#push({ ...placed, kind: "notice", notice, told: text });
  }

  #mode(fact: Extract<ConversationFact, { fact: "ModeChanged.v1" }>, placed: Placed): void {
    const now = this.#standing;
    now.mode = fact.mode;
    now.epoch = fact.epoch;
    // Going back to the AI, the fact names who let it go.
    now.operator = fact.mode === "ai" ? "" : (fact.operator ?? "");
    now.operatorName = fact.mode === "ai" ? "" : (fact.operator_name ?? "");
    now.waiting = null;
    // A conversation that is resolved goes back to the AI by itself: one line says both.
    if (fact.reason === "resolved") return;
    this.#push({
      ...placed,
      kind: "mode",
      mode: fact.mode,
      operator: fact.operator ?? "",
      name: fact.operator_name ?? "",
      previous: fact.previous ?? "",
      reason: fact.reason,
    });
  }

  #draft(
    fact: Extract<ConversationFact, { draft: string }> & { fact: `Draft${string}` },
    placed: Placed,
  ): void {
    const now = this.#standing;
    const text = now.draft?.draft === fact.draft ? now.draft.text : "";
    switch (fact.fact) {
      case "DraftProposed.v1":
        if (now.turn === fact.turn) now.turn = "";
        now.draft = {
          draft: fact.draft,
          turn: fact.turn,
          text: fact.text,
          at: fact.at,
          kind: fact.kind ?? "answer",
          sources: fact.sources ?? [],
          confidence: fact.confidence ?? 0,
          guard: fact.guard ?? {},
          answers: fact.in_reply_to,
        };
        return;
      case "DraftApproved.v1":
        this.#approved = { text, distance: fact.edit_distance ?? 0, by: fact.operator_name ?? "" };
        now.draft = null;
        return;
      case "DraftRejected.v1": {
        const { reason, operator_name: name = "" } = fact;
        now.draft = null;
        this.#push({ ...placed, kind: "draft", fate: "rejected", text, reason, name });
        return;
      }
      case "DraftVoided.v1":
        now.draft = null;
        now.voided = { draft: fact.draft, reason: fact.reason };
        this.#push({ ...placed, kind: "draft", fate: "voided", text, reason: fact.reason, name: "" });
    }
  }
}
