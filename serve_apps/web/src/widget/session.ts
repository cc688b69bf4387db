/**
 * One visitor's conversation: joins the connection, the pure store and what storage keeps.
 * Its duties are those that need all three: send again after a welcome, keep within the
 * server's credit, give up on a silent message, resume where it was.
 */

import { backoff, Connection, type Status, type Surroundings } from "../wire/connection";
import { type ClientFrame, countChars, type Hello, type ServerFrame, wireLocale } from "../wire/protocol";
import type { Keeper } from "./storage";
import { type Action, INITIAL, reduce, sendable, type State, textOf } from "./store";

/** A message that the server did not answer in this time, on a living socket, has failed. */
export const ACCEPT_WITHIN = 15_000;
/** "Is writing" that is not renewed is not believed any longer. */
export const QUIET_AFTER = 45_000;
/** A burst of events is told as seen once, after this pause. */
export const SEEN_AFTER = 500;
const TYPING_EVERY = 3_000;
const TYPING_ENDS = 4_000;

export interface SessionOptions {
  key: string;
  locale: string;
  around: Surroundings;
  keeper: Keeper;
  newId: () => string;
  onChange: (state: State, previous: State) => void;
}

export class Session {
  state: State = INITIAL;
  readonly #connection: Connection;
  readonly #limits = new Map<string, unknown>();
  readonly #rests = new Map<string, unknown>();
  #quiet: unknown;
  #rateOwed = 0;
  #handoffSent = false;
  #handoffLimit: unknown;
  /** The last version that was shown to somebody, and the last that this socket was told of. */
  #shown = 0;
  #seenSent = 0;
  #seenSoon: unknown = null;
  /** What was marked as read last: storage is not touched for each piece of a stream. */
  #marked = "";
  #typingSince = -Infinity;
  #typingEnds: unknown;

  constructor(private readonly options: SessionOptions) {
    this.#connection = new Connection(options.around, {
      hello: () => this.#hello(),
      onFrame: (frame) => this.#onFrame(frame),
      onStatus: (status) => this.#onStatus(status),
      onForget: () => this.options.keeper.forgetSession(),
    });
    for (const { id, text, at } of options.keeper.get().unsent)
      this.#apply({ type: "compose", id, text, at });
  }

  /** True when there is something to come back to, so that connecting cannot wait for a click. */
  get worthResuming(): boolean {
    const kept = this.options.keeper.get();
    return (kept.token !== "" && !kept.fresh) || kept.unsent.length > 0;
  }

  connect(): void {
    this.#connection.connect();
  }

  networkLost(): void {
    this.#connection.networkLost();
  }

  networkBack(): void {
    this.#connection.networkBack();
  }

  stop(): void {
    this.#connection.stop();
    for (const timer of [...this.#limits.values(), ...this.#rests.values()])
      this.options.around.clearTimer(timer);
    for (const timer of [this.#quiet, this.#typingEnds, this.#seenSoon, this.#handoffLimit])
      this.options.around.clearTimer(timer);
  }

  /** Send `text` as a new message; its id. Nothing happens, and "", for an empty or too long one. */
  say(text: string): string {
    const trimmed = text.trim();
    if (!trimmed || countChars(trimmed) > this.state.limits.message_chars) return "";
    const message = { id: this.options.newId(), text: trimmed, at: this.options.around.now() };
    this.options.keeper.addUnsent(message);
    this.#apply({ type: "compose", ...message });
    this.typing(false);
    this.connect();
    this.#pump();
    return message.id;
  }

  /** All that stands in the conversation now is on a screen that is looked at. */
  markRead(): void {
    const { version, index, conversation } = this.state;
    this.#shown = version;
    this.#tellSeen();
    const mark = `${conversation} ${version} ${index}`;
    if (mark === this.#marked) return;
    this.#marked = mark;
    const kept = this.options.keeper.get();
    if (conversation !== kept.conversation) return;
    // While history is told again after a reload, what was read before stays read.
    if (version > kept.version || (version === kept.version && index > kept.index))
      this.options.keeper.keepSeen(version, index);
  }

  /** How many messages from the company came after the last one that was read. */
  unread(): number {
    const { version, index } = this.options.keeper.get();
    return this.state.items.filter(
      (item) =>
        (item.kind === "assistant" || item.kind === "operator") &&
        (item.version > version || (item.version === version && item.index > index)),
    ).length;
  }

  /** Try a failed message again, under the id that it had, so that it cannot double. */
  retry(id: string): void {
    this.#apply({ type: "retry", id });
    this.connect();
    this.#pump();
  }

  discard(id: string): void {
    this.options.keeper.removeUnsent(id);
    this.#apply({ type: "discard", id });
  }

  /** Ask the same again, as a new message, after the turn for it failed. */
  askAgain(inReplyTo: string[]): void {
    for (const id of inReplyTo.slice(-1)) this.say(textOf(this.state, id) ?? "");
  }

  /** Ask for a person. A conversation begins with a message, so `words` are said in an empty one. */
  handoff(words: string): void {
    if (this.state.items.length === 0 && this.state.outgoing.length === 0) this.say(words);
    this.#handoffSent = false;
    this.#apply({ type: "asked_handoff" });
    this.connect();
    this.#sendHandoff();
  }

  rate(score: number): void {
    this.#rateOwed = score;
    this.#apply({ type: "rate", score });
    this.#connection.send({ type: "rate", score });
  }

  /** The visitor is at the keys, or has stopped. Sent at most once in some seconds. */
  typing(on: boolean): void {
    const { around } = this.options;
    around.clearTimer(this.#typingEnds);
    const since = this.#typingSince;
    if (on) {
      this.#typingEnds = around.setTimer(() => this.typing(false), TYPING_ENDS);
      if (around.now() - since < TYPING_EVERY) return;
      if (this.#connection.send({ type: "typing", on })) this.#typingSince = around.now();
    } else if (since !== -Infinity) {
      this.#typingSince = -Infinity;
      this.#connection.send({ type: "typing", on });
    }
  }

  /** Leave this conversation for good and begin another, as the same visitor. */
  restart(): void {
    this.options.keeper.beginAfresh();
    this.#marked = "";
    this.#shown = 0;
    this.#rateOwed = 0;
    this.#apply({ type: "restart" });
    this.#connection.renew();
  }

  #hello(): Hello {
    const { key, locale, keeper } = this.options;
    const { token, conversation, fresh } = keeper.get();
    const hello: Hello = { type: "hello", key };
    const tag = wireLocale(locale);
    if (tag) hello.locale = tag;
    if (!token) return hello;
    hello.token = token;
    if (fresh) return { ...hello, fresh };
    if (conversation) hello.conversation = conversation;
    // Without `after` all is told again: that is what a page needs which shows nothing yet.
    if (this.state.version > 0 && this.state.conversation === conversation) {
      hello.after = this.state.version;
      hello.after_index = this.state.index;
    }
    return hello;
  }

  #onStatus(status: Status): void {
    this.#apply({ type: "status", status });
    if (status !== "ready") {
      this.#typingSince = -Infinity;
      this.#handoffSent = false;
      this.#seenSent = 0;
      this.options.around.clearTimer(this.#handoffLimit);
      return;
    }
    this.#tellSeen();
    this.#sendHandoff();
    if (this.#rateOwed) this.#send({ type: "rate", score: this.#rateOwed });
    this.#pump();
  }

  #onFrame(frame: ServerFrame): void {
    const { keeper } = this.options;
    this.#apply({ type: "frame", frame });
    if (frame.type === "welcome") keeper.keepSession(frame.conversation, frame.token);
    if (frame.type === "accepted") keeper.removeUnsent(frame.id);
    if (frame.type === "event") {
      if (frame.kind === "visitor_message") keeper.removeUnsent(frame.message);
      if (frame.kind === "rated") this.#rateOwed = 0;
    }
    if (frame.type === "rejected") this.#rest(frame.id);
    if (frame.type === "error" && this.#rateOwed) {
      this.#rateOwed = 0;
      this.#apply({ type: "rate", score: 0 });
    }
    if (frame.type === "typing" || frame.type === "delta") return;
    this.#sendHandoff();
    this.#pump();
  }

  /** A message that was refused for the moment goes again, each time after a longer pause. */
  #rest(id: string): void {
    const out = this.state.outgoing.find((o) => o.id === id);
    if (out?.delivery !== "resting") return;
    const { around } = this.options;
    const again = () => {
      this.#rests.delete(id);
      // It may have been sent meanwhile, on a new socket: then there is nothing to do.
      if (this.state.outgoing.some((o) => o.id === id && o.delivery === "resting")) this.retry(id);
    };
    around.clearTimer(this.#rests.get(id));
    this.#rests.set(id, around.setTimer(again, backoff(out.refusals, around.random())));
  }

  #sendHandoff(): void {
    const { handoff, items, outgoing } = this.state;
    if (handoff !== "asked" || this.#handoffSent) return;
    const begun = items.length > 0 || outgoing.some((o) => o.delivery === "accepted");
    if (!begun || !this.#send({ type: "handoff" })) return;
    this.#handoffSent = true;
    const { around } = this.options;
    around.clearTimer(this.#handoffLimit);
    const unheard = () => this.#apply({ type: "unheard_handoff" });
    this.#handoffLimit = around.setTimer(unheard, ACCEPT_WITHIN);
  }

  /** Operators see what reached the visitor's eyes: not each event of a burst, but its last. */
  #tellSeen(): void {
    if (this.#shown <= this.#seenSent || this.#seenSoon !== null) return;
    const tell = () => {
      this.#seenSoon = null;
      const version = this.#shown;
      if (version > this.#seenSent && this.#send({ type: "seen", version })) this.#seenSent = version;
    };
    this.#seenSoon = this.options.around.setTimer(tell, SEEN_AFTER);
  }

  #pump(): void {
    for (const { id, text } of sendable(this.state)) {
      if (!this.#send({ type: "message", id, text })) return;
      this.#apply({ type: "sent", id });
    }
  }

  #send(frame: ClientFrame): boolean {
    return this.#connection.send(frame);
  }

  #apply(action: Action): void {
    const previous = this.state;
    this.state = reduce(previous, action);
    if (this.state === previous) return;
    this.#watchFlights();
    this.#watchQuiet(previous);
    this.options.onChange(this.state, previous);
  }

  /** One time limit for each message in flight. */
  #watchFlights(): void {
    const { around } = this.options;
    const flying = new Set(
      this.state.outgoing.filter((o) => o.delivery === "flying").map((o) => o.id),
    );
    for (const [id, limit] of this.#limits) {
      if (flying.has(id)) continue;
      around.clearTimer(limit);
      this.#limits.delete(id);
    }
    for (const id of flying) {
      if (this.#limits.has(id)) continue;
      const expire = () => {
        this.#limits.delete(id);
        this.#apply({ type: "timeout", id });
        this.#pump();
      };
      this.#limits.set(id, around.setTimer(expire, ACCEPT_WITHIN));
    }
  }

  #watchQuiet(previous: State): void {
    const { awaiting, typing } = this.state;
    if (awaiting === previous.awaiting && typing === previous.typing) return;
    this.options.around.clearTimer(this.#quiet);
    if (awaiting || typing)
      this.#quiet = this.options.around.setTimer(() => this.#apply({ type: "quiet" }), QUIET_AFTER);
  }
}
