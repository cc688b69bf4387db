/**
 * The operator's desk: what the socket brings is put in its place once a picture, what the
 * operator does goes out as orders. Components read its cells and call its methods.
 */

import type { Api, CannedReply, View } from "../wire/api";
import { Cell } from "../shared/cells";
import { ApiError } from "../wire/http";
import type { Standing } from "../shared/lines";
import { freshId, type Me, type Order, type Row, type ServerFrame } from "../wire/operator_protocol";
import type { OperatorSocket, Status } from "../wire/operator_socket";
import { able, colleagueIn, type Deed, type Footing } from "./able";
import type { Alerts } from "./alerts";
import { news } from "./announce";
import { Board } from "./board";
import { Finder } from "./finder";
import { type Entry, isText, Outbox } from "./outbox";
import type { Preferences } from "./prefs";
import { Scratch } from "./scratch";
import { shelf } from "./shelf";
import { rowSearched, T } from "./strings";
import type { Thread } from "./thread";
import { Threads } from "./threads";
import { Toasts } from "./toasts";

export type Pane = "queue" | "conversation" | "context";

export type Overlay =
  | { kind: "commands" | "help" }
  /** A colleague has it: take it from them openly? */
  | { kind: "openly"; deed: "take_over" | "supervise"; just: boolean };

export interface Link {
  status: Status;
  retryAt: number;
}

/** Components move the keyboard's focus when they are told to. */
export type Focus = "reply" | "note" | "search" | "draft" | "reject";

export interface DeskParts {
  me: Me;
  api: Api;
  socket: OperatorSocket;
  prefs: Preferences;
  alerts: Alerts;
  /** The page's address follows what is open. */
  go(conversation: string): void;
  focusRow(conversation: string): void;
  now(): number;
  setTimer(run: () => void, ms: number): unknown;
  clearTimer(timer: unknown): void;
}

export class Desk {
  readonly me: Cell<Me>;
  readonly link = new Cell<Link>({ status: "idle", retryAt: 0 });
  readonly pane = new Cell<Pane>("queue");
  readonly overlay = new Cell<Overlay | null>(null);
  readonly canned = new Cell<readonly CannedReply[]>([]);
  /** The row that the keyboard is at. */
  readonly cursor = new Cell("");
  /** Counts up with each wish for the focus. */
  readonly focus = new Cell<{ on: Focus; wish: number }>({ on: "reply", wish: 0 });
  #granted = 0;
  readonly toasts: Toasts;
  readonly board: Board;
  readonly finder: Finder;
  readonly threads: Threads;
  readonly outbox: Outbox;
  readonly scratch: Scratch;

  constructor(readonly parts: DeskParts) {
    const { me, api, socket, now, setTimer, clearTimer } = parts;
    this.me = new Cell(me);
    this.toasts = new Toasts(setTimer);
    this.board = new Board(
      me.operator,
      { now, setTimer, searched: rowSearched },
      (rows) => this.#called(rows),
    );
    this.board.counts.subscribe(() => parts.alerts.count(this.board.counts.get().unassigned));
    this.finder = new Finder(api, this.board, parts);
    this.threads = new Threads(socket, parts);
    this.scratch = new Scratch(me.operator, shelf("session"));
    this.outbox = new Outbox(me.operator, {
      now,
      setTimer,
      clearTimer,
      send: (order) => socket.send(order),
      shelf: () => shelf("session"),
      refused: (entry) => this.#refused(entry),
    });
  }

  // From the socket.

  onStatus(status: Status): void {
    this.link.set({ status, retryAt: this.parts.socket.retryAt });
    if (status === "ready") {
      this.outbox.ready();
      if (!this.canned.get().length) void this.loadCanned();
    } else if (status !== "connecting") {
      this.outbox.disconnected();
      this.threads.open.get()?.disconnected();
    }
  }

  /** All frames since the last picture. */
  receive(frames: readonly ServerFrame[]): void {
    const open = this.threads.open.get();
    const before = open?.timeline.get();
    for (const frame of frames) this.#frame(frame);
    this.board.publish();
    if (!open || !before) return;
    const quiet = !open.caughtUp.get();
    open.publish();
    const after = open.timeline.get();
    if (after === before) return;
    const messages = new Set(after.lines.slice(before.lines.length).map(messageOf));
    this.outbox.shown(open.conversation, after.standing.version, (id) => messages.has(id));
    if (quiet || !before.standing.version) return;
    for (const words of news(before, after, this.me.get().operator)) this.toasts.say(words);
    this.#draftGone(before.standing, after.standing);
  }

  #frame(frame: ServerFrame): void {
    switch (frame.type) {
      case "welcome":
        this.me.set(frame.me);
        return;
      case "board":
        this.board.takeBoard(frame.rows);
        return;
      case "row":
        this.board.take(frame.row);
        return;
      case "commit": {
        const thread = this.threads.of(frame.conversation);
        if (thread && !thread.takeCommit(frame)) this.threads.again(thread);
        return;
      }
      case "watched":
        this.threads.of(frame.conversation)?.takeWatched();
        return;
      case "delta":
        this.threads.of(frame.conversation)?.takeDelta(frame);
        return;
      case "typing":
        this.threads.of(frame.conversation)?.takeTyping(frame);
        return;
      case "present":
        this.threads.of(frame.conversation)?.takePresent(frame);
        return;
      case "accepted":
        this.outbox.accepted(frame.id, frame.version);
        return;
      case "rejected":
        this.outbox.rejected(frame.id, frame.code, frame.detail ?? "");
        return;
      case "error":
        if (frame.conversation) this.threads.of(frame.conversation)?.trouble.set(frame.code);
        return;
      case "pong":
        return;
    }
  }

  // Looking.

  show(view: View): void {
    if (this.board.search.get()) this.finder.search("");
    this.board.show(view);
    this.pane.set("queue");
    if (view === "resolved") this.finder.loadResolved();
  }

  /** Opens a conversation; `""` closes it. */
  open(conversation: string): void {
    this.#granted = this.focus.get().wish;
    if (conversation) {
      this.threads.show(conversation);
      this.cursor.set(conversation);
      if (!this.board.row(conversation)) void this.#fetchRow(conversation);
    } else this.threads.close();
    this.pane.set(conversation ? "conversation" : "queue");
    this.parts.go(conversation);
  }

  /** A conversation that came with a list of the server's. */
  openRow(row: Row): void {
    this.board.take(row);
    this.board.publish();
    this.open(row.conversation);
  }

  /** To the next or previous row; `focus` moves the keyboard there too. */
  moveCursor(by: 1 | -1, focus = true): void {
    const order = this.board.order.get();
    if (!order.length) return;
    const at = order.indexOf(this.cursor.get());
    const place = at < 0 ? (by > 0 ? 0 : order.length - 1) : at + by;
    const conversation = order[Math.min(Math.max(place, 0), order.length - 1)]!;
    this.cursor.set(conversation);
    if (focus) this.parts.focusRow(conversation);
  }

  /** Goes where something is written, on a narrow page too. */
  write(on: Focus): void {
    this.pane.set(on === "search" ? "queue" : "conversation");
    this.wish(on);
  }

  wish(on: Focus): void {
    this.focus.update(({ wish }) => ({ on, wish: wish + 1 }));
  }

  /** True once for each wish: who asks takes it upon itself. */
  wished(on: Focus): boolean {
    const { on: wanted, wish } = this.focus.get();
    if (wanted !== on || wish <= this.#granted) return false;
    this.#granted = wish;
    return true;
  }

  async loadCanned(): Promise<void> {
    try {
      this.canned.set(await this.parts.api.canned());
    } catch (error) {
      if (!(error instanceof ApiError)) throw error; // without them one writes by hand
    }
  }

  /** The open conversation as it stands; null when none is open or known yet. */
  footing(): Footing | null {
    const thread = this.threads.open.get();
    return thread ? footingOf(thread) : null;
  }

  may(deed: Deed): boolean {
    const footing = this.footing();
    return footing !== null && able(footing, this.me.get()).has(deed);
  }

  // Doing.

  /** Take it over, or let the AI draft under one's eyes. A colleague's is asked for once more. */
  take(deed: "take_over" | "supervise", openly = false): void {
    const footing = this.footing();
    if (!footing || !this.may(deed)) return;
    const { conversation, epoch } = footing;
    if (colleagueIn(footing, this.me.get()) && !openly) {
      this.overlay.set({ kind: "openly", deed, just: false });
      return;
    }
    this.overlay.set(null);
    if (this.outbox.busy(conversation, deed)) return;
    this.#ask({ type: deed, conversation, epoch, ...(openly ? { openly } : {}) });
    if (deed === "take_over") this.wish("reply");
  }

  release(to: "ai" | "queue"): void {
    this.#deed(to === "ai" ? "release" : "queue", ({ conversation, epoch }) => ({
      type: "release",
      conversation,
      epoch,
      to,
    }));
  }

  reply(text: string): boolean {
    return this.#deed("reply", ({ conversation, epoch }) => ({
      type: "reply",
      conversation,
      epoch,
      text,
    }));
  }

  note(text: string): boolean {
    return this.#deed("note", ({ conversation }) => ({ type: "note", conversation, text }));
  }

  approve(draft: string, text: string): boolean {
    return this.#deed("draft", ({ conversation, epoch }) => ({
      type: "approve",
      conversation,
      epoch,
      draft,
      ...(text ? { text } : {}),
    }));
  }

  reject(draft: string, reason: string): boolean {
    return this.#deed("draft", ({ conversation, epoch }) => ({
      type: "reject",
      conversation,
      epoch,
      draft,
      reason,
    }));
  }

  resolve(): void {
    this.#deed("resolve", ({ conversation, epoch }) => ({ type: "resolve", conversation, epoch }));
  }

  reopen(): void {
    this.#deed("reopen", ({ conversation }) => ({ type: "reopen", conversation }));
  }

  /** Whether a click in the open conversation is on its way. */
  ordered(): boolean {
    const open = this.threads.open.get()?.conversation;
    return this.outbox.entries
      .get()
      .some(
        ({ order, state }) =>
          order.conversation === open &&
          !isText(order) &&
          (state === "sending" || state === "waiting"),
      );
  }

  /** A text that was refused, once more: under the epoch that holds now. */
  again(entry: Entry): void {
    const footing = this.footing();
    const { order } = entry;
    if (!footing || footing.conversation !== order.conversation) return;
    if (order.type === "reply")
      this.outbox.again(order.id, { ...order, id: freshId(), epoch: footing.epoch });
    else if (order.type === "note") this.outbox.again(order.id, { ...order, id: freshId() });
  }

  typing(on: boolean): void {
    const footing = this.footing();
    if (!footing || !this.may("reply")) return;
    this.parts.socket.send({ type: "typing", conversation: footing.conversation, on });
  }

  #deed(deed: Deed, order: (footing: Footing) => Unnamed): boolean {
    const footing = this.footing();
    if (!footing || !this.may(deed)) return false;
    const asked = order(footing);
    const text = asked.type === "reply" || asked.type === "note";
    if (!text && this.outbox.busy(footing.conversation, asked.type)) return false;
    this.#ask(asked);
    return true;
  }

  #ask(order: Unnamed): void {
    this.outbox.ask({ ...order, id: freshId() } as Order);
  }

  // What comes of it.

  #refused({ order, code, detail }: Entry): void {
    const open = this.threads.open.get()?.conversation === order.conversation;
    this.#granted = this.focus.get().wish;
    if (code === "taken" && open && (order.type === "take_over" || order.type === "supervise")) {
      this.overlay.set({ kind: "openly", deed: order.type, just: true });
      return;
    }
    this.toasts.show(T.refused(code, detail), "bad");
  }

  #called(rows: readonly Row[]): void {
    const words = T.newWaiting(rows);
    this.parts.alerts.call(words);
    this.toasts.say(words);
  }

  /** A draft that nobody decided on goes away with a word; what was mended of it stays. */
  #draftGone(before: Standing, after: Standing): void {
    const gone = before.draft?.draft;
    if (!gone || after.draft?.draft === gone) return;
    const { conversation } = after;
    const mended = this.scratch.get("draft", gone);
    this.scratch.set("draft", gone, "");
    if (after.voided?.draft !== gone) return;
    const kept = mended !== "" && !this.scratch.get("reply", conversation);
    if (kept) this.scratch.set("reply", conversation, mended);
    if (kept) this.wish("reply");
    this.toasts.show(T.draftVoided(after.voided.reason) + (kept ? ` ${T.draftKept}` : ""));
  }

  async #fetchRow(conversation: string): Promise<void> {
    try {
      const { row } = await this.parts.api.conversation(conversation);
      this.board.take(row);
      this.board.publish();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error; // the timeline says what there is to say
    }
  }
}

/** An order that has no id yet. */
type Unnamed = Order extends infer O ? (O extends Order ? Omit<O, "id"> : never) : never;

function messageOf(line: object): string {
  if ("message" in line) return String(line.message);
  return "note" in line ? String(line.note) : "";
}

export function footingOf(thread: Thread): Footing | null {
  const { standing } = thread.timeline.get();
  if (!standing.version) return null;
  const { conversation, mode, epoch, operator, operatorName, resolved } = standing;
  const draft = standing.draft?.draft ?? "";
  return { conversation, mode, epoch, operator, operatorName, draft, resolved };
}
