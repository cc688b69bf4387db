/**
 * One conversation on the replay page: its history with all that is folded from it, and where one
 * looks. `view` is what the page shows; every method moves it on. Time comes from `around`.
 */

import { Cell } from "../shared/cells";
import type { Commit } from "../wire/facts";
import type { Timeline } from "../shared/lines";
import { emptyTimeline, extended } from "../shared/timeline";
import { type Axis, type Scale, showing, timeAxis, versionAxis, WHOLE, type Window, zoomed } from "./axis";
import { isError, isHandoff } from "./describe";
import { countUpTo, History } from "./history";
import { pauseBetween, type Speed, SPEEDS } from "./player";
import { NO_QUERY, type Query, Search } from "./search";
import { Spans } from "./spans";
import { type Turn, Turns } from "./turns";
import { VisitorSide } from "./visitor";

export type Drawer = "" | "turn" | "events";

export interface View {
  /** Counts what was appended: what is made from the whole history is made anew with it. */
  readonly revision: number;
  readonly position: number;
  /** The end is followed as it grows. */
  readonly live: boolean;
  /** More may come; a file does not grow. */
  readonly grows: boolean;
  /** All that there was when it was opened has come. */
  readonly loaded: boolean;
  readonly scale: Scale;
  readonly window: Window;
  readonly playing: boolean;
  readonly speed: Speed;
  readonly drawer: Drawer;
  /** The turn that is looked at, by number; 0: the one of the position. */
  readonly turn: number;
  readonly query: Query;
  /** Places of the entries that were found, and which of them one is at (-1: none yet). */
  readonly hits: readonly number[];
  readonly hit: number;
}

export interface Surroundings {
  setTimer(run: () => void, ms: number): unknown;
  clearTimer(timer: unknown): void;
}

export class Replay {
  readonly history: History;
  readonly spans = new Spans();
  readonly turns = new Turns();
  readonly visitor = new VisitorSide();
  /** As an operator reads it, from the first line to the last. */
  timeline: Timeline;
  readonly view: Cell<View>;
  readonly #search: Search;
  #axes: { revision: number; versions: Axis; time: Axis } | null = null;
  #timer: unknown;
  /** The version to open at, until enough has come to go there. */
  #wanted: number | null = null;

  constructor(
    tenant: string,
    conversation: string,
    private readonly around: Surroundings,
    /** `version`: where to look first; without one the end is followed. */
    opened: { grows: boolean; version: number | null },
  ) {
    this.history = new History(tenant, conversation);
    this.timeline = emptyTimeline(conversation);
    this.#search = new Search(this.history.entries);
    this.#wanted = opened.version;
    this.view = new Cell<View>({
      revision: 0,
      position: 0,
      live: opened.version === null,
      grows: opened.grows,
      loaded: false,
      scale: "versions",
      window: WHOLE,
      playing: false,
      speed: 1,
      drawer: "turn",
      turn: 0,
      query: NO_QUERY,
      hits: [],
      hit: -1,
    });
  }

  // What comes.

  /** Takes in what follows. While it is opened only the first page is shown at once, the rest as
   * a whole: drawing each would take longer than reading all. */
  append(commits: readonly Commit[]): void {
    const before = this.history.entries.length;
    if (!this.history.append(commits)) return;
    for (const entry of this.history.entries.slice(before)) {
      this.spans.take(entry);
      this.turns.take(entry);
    }
    this.visitor.follow(this.history);
    this.timeline = extended(this.timeline, commits);
    if (this.view.get().loaded || before === 0) this.#grown();
  }

  #grown(): void {
    const { live, query, revision } = this.view.get();
    this.#show({ revision: revision + 1, hits: this.#search.find(query) });
    if (live) this.#move(this.history.length, true);
    else if (this.#wanted !== null && this.history.version >= this.#wanted) this.#arrive(this.#wanted);
  }

  /** All is here: a version beyond the end is the end. */
  loaded(): void {
    this.#show({ loaded: true });
    this.#grown();
    if (this.#wanted !== null) this.#arrive(this.#wanted);
  }

  #arrive(version: number): void {
    this.#wanted = null;
    this.#move(this.history.positionOf(version));
  }

  // Where one looks.

  goTo(position: number): void {
    this.pause();
    this.#move(position);
  }

  goToVersion(version: number): void {
    this.goTo(this.history.positionOf(version));
  }

  /** To where a message was said; stays where it is when there is none of that id. */
  goToMessage(message: string): void {
    const said = this.history.commits.findIndex(({ facts }) =>
      facts.some((fact) => "message" in fact && fact.message === message && "text" in fact),
    );
    if (said >= 0) this.goTo(said + 1);
  }

  step(by: number): void {
    this.goTo(this.view.get().position + by);
  }

  /** To the beginning of the next turn, or of the one before. */
  stepTurn(by: 1 | -1): void {
    this.#jump(this.turns.all.map((turn) => turn.begun), by);
  }

  jump(to: "handoff" | "error", by: 1 | -1): void {
    const wanted = to === "handoff" ? isHandoff : isError;
    const places = this.history.entries.filter((entry) => wanted(entry.fact)).map((e) => e.position);
    const faults = to === "error" ? this.history.faults.map((fault) => fault.position) : [];
    this.#jump([...places, ...faults].sort((a, b) => a - b), by);
  }

  /** Follow the end; what comes is shown as it comes. */
  goLive(): void {
    this.pause();
    this.#move(this.history.length, true);
  }

  get axis(): Axis {
    const { revision, scale } = this.view.get();
    if (this.#axes?.revision !== revision) {
      const { length, times } = this.history;
      this.#axes = { revision, versions: versionAxis(length), time: timeAxis(times) };
    }
    return this.#axes[scale];
  }

  setScale(scale: Scale): void {
    this.#show({ scale, window: WHOLE });
  }

  zoom(factor: number): void {
    const { window, position } = this.view.get();
    this.#show({ window: zoomed(window, factor, this.axis.place(position)) });
  }

  // Playing.

  togglePlay(): void {
    if (this.view.get().playing) this.pause();
    else this.#play();
  }

  pause(): void {
    this.around.clearTimer(this.#timer);
    if (this.view.get().playing) this.#show({ playing: false });
  }

  faster(by: 1 | -1): void {
    const at = SPEEDS.indexOf(this.view.get().speed) + by;
    this.setSpeed(SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, at))]!);
  }

  setSpeed(speed: Speed): void {
    this.#show({ speed });
  }

  #play(): void {
    if (!this.history.length) return;
    const { position } = this.view.get();
    if (position >= this.history.length) this.#move(0);
    this.#show({ playing: true });
    this.#next();
  }

  #next(): void {
    const { position, speed } = this.view.get();
    const { times, length } = this.history;
    if (position >= length) return this.pause();
    const pause = pauseBetween(times[position - 1], times[position]!, speed);
    this.#timer = this.around.setTimer(() => {
      this.#move(position + 1);
      this.#next();
    }, pause);
  }

  // Looking closer.

  toggleDrawer(drawer: Exclude<Drawer, "">): void {
    this.#show({ drawer: this.view.get().drawer === drawer ? "" : drawer });
  }

  openDrawer(drawer: Drawer): void {
    this.#show({ drawer });
  }

  get turn(): Turn | null {
    const { turn, position } = this.view.get();
    return turn ? (this.turns.all[turn - 1] ?? null) : this.turns.at(position);
  }

  /** Why did the AI say that? */
  showTurn(turn: Turn): void {
    this.#show({ turn: turn.number, drawer: "turn" });
  }

  search(query: Query): void {
    this.#show({ query, hits: this.#search.find(query), hit: -1 });
  }

  /** To the next thing found, or the one before, from where one looks; around at the ends. */
  goToHit(by: 1 | -1): void {
    const { hits, hit, position } = this.view.get();
    if (!hits.length) return;
    const entries = this.history.entries;
    let next = hit + by;
    if (hit === -1) {
      const before = countUpTo(hits, position - (by === 1 ? 1 : 0), (at) => entries[at]!.position);
      next = by === 1 ? before : before - 1;
    }
    next = (next + hits.length) % hits.length;
    this.goTo(entries[hits[next]!]!.position);
    this.#show({ hit: next });
  }

  #jump(positions: readonly number[], by: 1 | -1): void {
    const { position } = this.view.get();
    const next =
      by === 1 ? positions.find((at) => at > position) : positions.findLast((at) => at < position);
    if (next !== undefined) this.goTo(next);
  }

  #move(to: number, live = false): void {
    const position = Math.min(this.history.length, Math.max(0, to));
    this.#wanted = null;
    const window = showing(this.view.get().window, this.axis.place(position));
    this.#show({ position, live, window, turn: 0, hit: -1 });
  }

  #show(change: Partial<View>): void {
    this.view.set({ ...this.view.get(), ...change });
  }
}
