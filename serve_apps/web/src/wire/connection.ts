/**
 * One WebSocket that comes back by itself. It knows hello, welcome, ping and back-off, and
 * nothing of messages: what is sent again after a welcome is decided by `session.ts`.
 */

import { type ClientFrame, type Hello, parseFrame, remedyFor, type ServerFrame } from "./protocol";

export type Status =
  | "idle"
  | "connecting"
  | "ready"
  /** Between two attempts. */
  | "waiting"
  | "offline"
  /** The server will not have us (wrong key, foreign origin): no further attempt. */
  | "refused";

/** The part of a WebSocket that is used, so that tests can hand in another. */
export interface Socket {
  onopen: ((event: never) => unknown) | null;
  onmessage: ((event: { data: unknown } & never) => unknown) | null;
  onclose: ((event: { code: number } & never) => unknown) | null;
  send(data: string): void;
  close(): void;
}

/** What lies outside: time, chance and the network. All times are milliseconds. */
export interface Surroundings {
  open(): Socket;
  online(): boolean;
  now(): number;
  random(): number;
  setTimer(run: () => void, ms: number): unknown;
  clearTimer(timer: unknown): void;
}

export interface Listener {
  /** The first frame of each attempt. */
  hello(): Hello;
  onFrame(frame: ServerFrame): void;
  onStatus(status: Status): void;
  /** The server does not know our token any more: the next hello must go without it. */
  onForget(): void;
}

export const WELCOME_WITHIN = 10_000;
export const PING_EVERY = 25_000;
export const PONG_WITHIN = 10_000;
export const BACKOFF_FIRST = 500;
export const BACKOFF_MAX = 30_000;
/** A socket that lived this long was a good one: the next loss starts the back-off anew. */
export const STEADY_AFTER = 10_000;

/** Pause before attempt `n` (from 0): exponential with a cap, half of it by chance. */
export function backoff(n: number, random: number): number {
  const full = Math.min(BACKOFF_MAX, BACKOFF_FIRST * 2 ** Math.min(n, 10));
  return full / 2 + (full / 2) * random;
}

export class Connection {
  status: Status = "idle";
  #socket: Socket | null = null;
  #attempts = 0;
  #retry: unknown;
  #welcomeLimit: unknown;
  #ping: unknown;
  #pongLimit: unknown;
  #steady: unknown;

  constructor(
    private readonly around: Surroundings,
    private readonly listener: Listener,
  ) {}

  /** Connect now, whatever pause was left. Does nothing while a socket is up or coming up. */
  connect(): void {
    if (this.#socket || this.status === "refused") return;
    this.around.clearTimer(this.#retry);
    let socket: Socket;
    this.#become("connecting");
    try {
      socket = this.around.open();
    } catch {
      // The page's own policy may forbid the socket (a SecurityError); it may be mended later.
      this.#wait();
      return;
    }
    this.#socket = socket;
    socket.onopen = () => {
      if (socket === this.#socket) socket.send(JSON.stringify(this.listener.hello()));
    };
    socket.onmessage = (event: { data: unknown }) => {
      if (socket === this.#socket) this.#receive(event.data);
    };
    socket.onclose = () => {
      if (socket === this.#socket) this.#lost();
    };
    this.#welcomeLimit = this.around.setTimer(() => this.#lost(), WELCOME_WITHIN);
  }

  /** True when the frame went out; false while there is no welcomed socket. */
  send(frame: ClientFrame): boolean {
    if (this.status !== "ready" || !this.#socket) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** The browser says that the network is gone: do not wait for a time-out to find out. */
  networkLost(): void {
    if (this.status === "idle" || this.status === "refused") return;
    this.#drop();
    this.#becomeOffline();
  }

  networkBack(): void {
    if (this.status !== "offline" && this.status !== "waiting") return;
    this.#attempts = 0;
    this.connect();
  }

  /** Drop the socket and come again at once, with a new hello. */
  renew(): void {
    this.#drop();
    this.#attempts = 0;
    this.connect();
  }

  stop(): void {
    this.#drop();
    this.#become("idle");
  }

  #receive(data: unknown): void {
    const frame = parseFrame(data);
    if (!frame) return;
    if (frame.type === "pong") {
      this.around.clearTimer(this.#pongLimit);
      return;
    }
    if (frame.type === "error") {
      this.#onError(frame.code);
    } else if (frame.type === "welcome") {
      this.around.clearTimer(this.#welcomeLimit);
      this.#steady = this.around.setTimer(() => (this.#attempts = 0), STEADY_AFTER);
      this.#schedulePing();
      // The listener folds the welcome first, so that "ready" finds it in place.
      this.listener.onFrame(frame);
      this.#become("ready");
      return;
    }
    this.listener.onFrame(frame);
  }

  #onError(code: string): void {
    const remedy = remedyFor(code);
    if (remedy === "stop") {
      this.#drop();
      this.#become("refused");
    } else if (remedy === "forget") {
      this.listener.onForget();
      this.#lost();
    }
    // "wait": an error before the welcome is followed by a close; one after it is only news.
  }

  #schedulePing(): void {
    this.#ping = this.around.setTimer(() => {
      this.#pongLimit = this.around.setTimer(() => this.#lost(), PONG_WITHIN);
      this.send({ type: "ping", at: this.around.now() });
      this.#schedulePing();
    }, PING_EVERY);
  }

  #lost(): void {
    this.#drop();
    if (this.around.online()) this.#wait();
    else this.#becomeOffline();
  }

  #wait(): void {
    this.#retryIn(backoff(this.#attempts, this.around.random()));
    this.#attempts += 1;
    this.#become("waiting");
  }

  #becomeOffline(): void {
    // A browser can be wrong about being offline (a local server needs no network).
    this.#retryIn(BACKOFF_MAX);
    this.#become("offline");
  }

  #retryIn(ms: number): void {
    this.#retry = this.around.setTimer(() => this.connect(), ms);
  }

  #drop(): void {
    for (const timer of [this.#retry, this.#welcomeLimit, this.#ping, this.#pongLimit, this.#steady])
      this.around.clearTimer(timer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #become(status: Status): void {
    if (status === this.status) return;
    this.status = status;
    this.listener.onStatus(status);
  }
}
