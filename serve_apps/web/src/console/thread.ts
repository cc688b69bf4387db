/**
 * One open conversation: its timeline, and what is live around it (an answer being written, who
 * types, who looks on). Frames are gathered by `take*` and shown by `publish`, once a picture.
 */

import { Cell } from "../shared/cells";
import type { Commit } from "../wire/facts";
import type { Timeline } from "../shared/lines";
import type { Delta, PresentShown, TypingShown } from "../wire/operator_protocol";
import { emptyTimeline, extended } from "../shared/timeline";

/** Whoever types says so again before this has passed. */
export const TYPING_FADES = 8_000;

export interface Stream {
  turn: string;
  text: string;
  /** A piece was lost: the text has a hole, which the recorded answer will fill. */
  torn: boolean;
}

export interface Live {
  /** The answer that is being written; null when there is none. */
  stream: Stream | null;
  visitorTypes: boolean;
  /** Names of the colleagues who type. */
  colleaguesType: readonly string[];
  visitorHere: boolean;
  /** Up to this version the visitor's page has shown the conversation. */
  seen: number;
  /** Colleagues who look at it, by operator id. */
  colleagues: ReadonlyMap<string, string>;
}

const QUIET: Live = {
  stream: null,
  visitorTypes: false,
  colleaguesType: [],
  visitorHere: false,
  seen: 0,
  colleagues: new Map(),
};

export interface ThreadSurroundings {
  setTimer(run: () => void, ms: number): unknown;
  clearTimer(timer: unknown): void;
}

export class Thread {
  readonly timeline: Cell<Timeline>;
  readonly live = new Cell<Live>(QUIET);
  /** True once all that was missed has been sent. */
  readonly caughtUp = new Cell(false);
  /** The server's word why it cannot be shown; empty when it can. */
  readonly trouble = new Cell("");
  #commits: Commit[] = [];
  /** Of the last commit: they count without holes. */
  #number = 0;
  #next: Live = QUIET;
  #indexes = { turn: "", next: 0 };
  readonly #fading = new Map<string, unknown>();

  constructor(
    readonly conversation: string,
    private readonly around: ThreadSurroundings,
  ) {
    this.timeline = new Cell(emptyTimeline(conversation));
  }

  /** The last version taken in: what comes after it is asked for. */
  get version(): number {
    return this.#commits.at(-1)?.version ?? this.timeline.get().standing.version;
  }

  /** False when commits before this one are missing: they must be asked for again. */
  takeCommit(commit: Commit): boolean {
    if (commit.version <= this.version) return true;
    if (this.#number && commit.number > this.#number + 1) return false;
    this.#number = commit.number;
    this.#commits.push(commit);
    return true;
  }

  takeWatched(): void {
    this.publish();
    this.trouble.set("");
    this.caughtUp.set(true);
  }

  takeDelta({ turn, index, text }: Delta): void {
    const stream = this.#next.stream;
    if (this.#indexes.turn !== turn) this.#indexes = { turn, next: 0 };
    if (index < this.#indexes.next) return;
    const torn = index > this.#indexes.next || (stream?.turn === turn && stream.torn);
    this.#indexes.next = index + 1;
    const before = stream?.turn === turn ? stream.text : "";
    this.#next = { ...this.#next, stream: { turn, text: before + text, torn } };
  }

  takeTyping({ who, on, operator_name = "" }: TypingShown): void {
    if (who === "visitor") {
      this.#fade("visitor", on);
      this.#next = { ...this.#next, visitorTypes: on };
    } else if (who === "operator") {
      this.#fade(`operator ${operator_name}`, on, operator_name);
      const others = this.#next.colleaguesType.filter((name) => name !== operator_name);
      this.#next = { ...this.#next, colleaguesType: on ? [...others, operator_name] : others };
    }
  }

  takePresent({ who, on, version = 0, operator = "", operator_name = "" }: PresentShown): void {
    if (who === "visitor") {
      const seen = Math.max(this.#next.seen, version);
      const visitorTypes = on && this.#next.visitorTypes;
      this.#next = { ...this.#next, visitorHere: on, seen, visitorTypes };
      return;
    }
    const colleagues = new Map(this.#next.colleagues);
    if (on) colleagues.set(operator, operator_name);
    else colleagues.delete(operator);
    this.#next = { ...this.#next, colleagues };
  }

  /** The line was lost: nobody can tell who types or looks on. */
  disconnected(): void {
    this.#next = { ...QUIET, seen: this.#next.seen };
    this.#indexes = { turn: "", next: 0 };
    this.caughtUp.set(false);
    this.publish();
  }

  /** Show what was gathered. */
  publish(): void {
    if (this.#commits.length) {
      const commits = this.#commits;
      this.#commits = [];
      const timeline = extended(this.timeline.get(), commits);
      this.#settle(commits);
      this.timeline.set(timeline);
    }
    this.live.set(this.#next);
  }

  /** What the log says replaces what was live. */
  #settle(commits: readonly Commit[]): void {
    for (const { facts } of commits) {
      for (const fact of facts) {
        const turn = "turn" in fact && fact.fact !== "TurnBegun.v1" && fact.fact !== "TurnResumed.v1";
        if (turn && this.#next.stream?.turn === fact.turn)
          this.#next = { ...this.#next, stream: null };
        if (fact.fact === "ModeChanged.v1") this.#next = { ...this.#next, stream: null };
        if (fact.fact === "MessageReceived.v1") this.takeTyping(VISITOR_STOPS);
        if (fact.fact === "OperatorReplied.v1")
          this.takeTyping({ ...VISITOR_STOPS, who: "operator", operator_name: fact.operator_name ?? "" });
      }
    }
  }

  /** A typing sign that nobody renews goes away by itself. */
  #fade(who: string, on: boolean, name = ""): void {
    this.around.clearTimer(this.#fading.get(who));
    this.#fading.delete(who);
    if (!on) return;
    const stop: TypingShown = name
      ? { ...VISITOR_STOPS, who: "operator", operator_name: name }
      : VISITOR_STOPS;
    const timer = this.around.setTimer(() => {
      this.takeTyping(stop);
      this.publish();
    }, TYPING_FADES);
    this.#fading.set(who, timer);
  }
}

const VISITOR_STOPS: TypingShown = { type: "typing", conversation: "", who: "visitor", on: false };
