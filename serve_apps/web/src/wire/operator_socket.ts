/**
 * The operator's socket: one WebSocket that comes back by itself, says hello with a fresh token,
 * and watches again what was watched, from the last version seen, so that nothing is missed.
 */

import { backoff, type Socket, type Surroundings } from "./connection";
import { ApiError } from "./http";
import { type ConsoleFrame, parseFrame, type ServerFrame, SUBPROTOCOL } from "./operator_protocol";

export type Status = "idle" | "connecting" | "ready" | "waiting" | "offline";

/** Where tokens come from: `OperatorSession`. */
export interface HelloTokens {
  token(): Promise<string>;
  renewed(stale: string): Promise<string>;
}

export interface Listener {
  onFrame(frame: ServerFrame): void;
  onStatus(status: Status): void;
}

export const WELCOME_WITHIN = 10_000;
export const PING_EVERY = 25_000;
export const PONG_WITHIN = 10_000;
export const OFFLINE_RETRY = 30_000;
/** A socket that lived this long was a good one: the next loss starts the back-off anew. */
export const STEADY_AFTER = 10_000;

/** The server hung up because of the token or the rules: a new token is needed first. */
const POLICY_CLOSE = 1008;
const TOKEN_CODES = ["bad_token", "expired", "revoked"];

export class OperatorSocket {
  status: Status = "idle";
  /** When the next attempt begins, ms since 1970; while `waiting` or `offline`. */
  retryAt = 0;
  readonly #watched = new Map<string, () => number>();
  #socket: Socket | null = null;
  /** The token of the last hello; given to `renewed` once the server would not have it. */
  #token = "";
  #stale = false;
  #attempts = 0;
  #timers: { retry?: unknown; welcome?: unknown; ping?: unknown; pong?: unknown; steady?: unknown } =
    {};

  constructor(
    private readonly around: Surroundings,
    private readonly tokens: HelloTokens,
    private readonly listener: Listener,
  ) {}

  /** Connect now, whatever pause was left. Does nothing while a socket is up or coming up. */
  connect(): void {
    if (this.#socket) return;
    this.#clear("retry");
    this.#become("connecting");
    let socket: Socket;
    try {
      socket = this.around.open();
    } catch {
      this.#wait();
      return;
    }
    this.#socket = socket;
    socket.onopen = () => void this.#hello(socket);
    socket.onmessage = (event: { data: unknown }) => {
      if (socket === this.#socket) this.#receive(event.data);
    };
    socket.onclose = (event: { code: number }) => {
      if (socket !== this.#socket) return;
      if (event.code === POLICY_CLOSE) this.#stale = true;
      this.#lost();
    };
    this.#set("welcome", () => this.#lost(), WELCOME_WITHIN);
  }

  /** True when the frame went out; false while there is no welcomed socket. */
  send(frame: ConsoleFrame): boolean {
    if (this.status !== "ready" || !this.#socket) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** `after` is asked for the last version seen, now and after each reconnect. */
  watch(conversation: string, after: () => number): void {
    this.#watched.set(conversation, after);
    this.send({ type: "watch", conversation, after: after() });
  }

  unwatch(conversation: string): void {
    if (this.#watched.delete(conversation)) this.send({ type: "unwatch", conversation });
  }

  /** A fresh token came before the old one ends. */
  freshToken(token: string): void {
    if (!token || token === this.#token) return;
    this.#token = token;
    this.send({ type: "hello", token });
  }

  /** The browser says that the network is gone: do not wait for a time-out to find out. */
  networkLost(): void {
    if (this.status === "idle") return;
    this.#drop();
    this.#offline();
  }

  networkBack(): void {
    if (this.status !== "offline" && this.status !== "waiting") return;
    this.#attempts = 0;
    this.connect();
  }

  stop(): void {
    this.#drop();
    this.#watched.clear();
    this.#become("idle");
  }

  async #hello(socket: Socket): Promise<void> {
    try {
      this.#token = await (this.#stale ? this.tokens.renewed(this.#token) : this.tokens.token());
    } catch (error) {
      // Signed out: whoever listens to the session stops us. Away: come again later.
      if (!(error instanceof ApiError)) throw error;
      if (socket === this.#socket) this.#lost();
      return;
    }
    this.#stale = false;
    if (socket === this.#socket) socket.send(JSON.stringify({ type: "hello", token: this.#token }));
  }

  #receive(data: unknown): void {
    const frame = parseFrame(data);
    if (!frame) return;
    if (frame.type === "pong") {
      this.#clear("pong");
      return;
    }
    if (frame.type === "error" && TOKEN_CODES.includes(frame.code)) {
      this.#stale = true;
      this.#lost();
      return;
    }
    this.listener.onFrame(frame);
    if (frame.type === "welcome" && this.status !== "ready") this.#welcomed();
  }

  #welcomed(): void {
    this.#clear("welcome");
    this.#set("steady", () => (this.#attempts = 0), STEADY_AFTER);
    this.#schedulePing();
    this.#become("ready");
    for (const [conversation, after] of this.#watched)
      this.send({ type: "watch", conversation, after: after() });
  }

  #schedulePing(): void {
    this.#set("ping", () => {
      this.#set("pong", () => this.#lost(), PONG_WITHIN);
      this.send({ type: "ping", at: this.around.now() });
      this.#schedulePing();
    }, PING_EVERY);
  }

  #lost(): void {
    this.#drop();
    if (this.around.online()) this.#wait();
    else this.#offline();
  }

  #wait(): void {
    this.#retryIn(backoff(this.#attempts, this.around.random()));
    this.#attempts += 1;
    this.#become("waiting");
  }

  #offline(): void {
    // A browser can be wrong about being offline (a local server needs no network).
    this.#retryIn(OFFLINE_RETRY);
    this.#become("offline");
  }

  #retryIn(ms: number): void {
    this.retryAt = this.around.now() + ms;
    this.#set("retry", () => this.connect(), ms);
  }

  #drop(): void {
    for (const name of ["retry", "welcome", "ping", "pong", "steady"] as const) this.#clear(name);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #set(name: "retry" | "welcome" | "ping" | "pong" | "steady", run: () => void, ms: number): void {
    this.#clear(name);
    this.#timers[name] = this.around.setTimer(run, ms);
  }

  #clear(name: "retry" | "welcome" | "ping" | "pong" | "steady"): void {
    this.around.clearTimer(this.#timers[name]);
    delete this.#timers[name];
  }

  #become(status: Status): void {
    if (status === this.status && status !== "waiting") return;
    this.status = status;
    this.listener.onStatus(status);
  }
}

/** The browser's own time, chance and network. */
export function browserSurroundings(): Surroundings {
  return {
    open: () => {
      const url = new URL("/v1/operator/socket", location.href);
      url.protocol = url.protocol.replace("http", "ws");
      return new WebSocket(url, SUBPROTOCOL) as unknown as Socket;
    },
    online: () => navigator.onLine,
    now: () => Date.now(),
    random: () => Math.random(),
    setTimer: (run, ms) => setTimeout(run, ms),
    clearTimer: (timer) => clearTimeout(timer as number),
  };
}
