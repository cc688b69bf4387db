/**
 * Who is signed in. The access token lives in this page's memory alone; the way back is the
 * refresh cookie, which scripts cannot read. Tabs take turns at it, since each use renews it.
 */

import { Cell } from "../shared/cells";
import { ApiError, call, type Fetch, jsonOf } from "./http";
import type { Me } from "./operator_protocol";

export interface SignedIn {
  token: string;
  /** Milliseconds since 1970, UTC: the token is good until then. */
  expires_at: number;
  me: Me;
}

export interface Credentials {
  email: string;
  password: string;
  tenant?: string;
}

export type SessionState =
  | { at: "starting" }
  /** Nobody knows yet whether we are signed in: the server cannot be reached. */
  | { at: "unreachable" }
  | { at: "signed_out"; why: "" | "ended" | "left" }
  | { at: "signed_in"; me: Me };

/** A token is renewed this long before its end, by this page's clock. */
export const RENEW_BEFORE = 60_000;
/** However wrong that clock is, no sooner than this after the last time. */
export const RENEW_AT_MOST_EVERY = 30_000;
export const TRY_AGAIN_AFTER = 5_000;

const CONSOLE_HEADER = { "X-Tandem-Console": "1" };

/** What lies outside: time, the network, the other tabs. */
export interface SessionSurroundings {
  fetch: Fetch;
  now(): number;
  setTimer(run: () => void, ms: number): unknown;
  clearTimer(timer: unknown): void;
  /** Runs `work` while no other tab runs its own. */
  alone<T>(work: () => Promise<T>): Promise<T>;
  /** Tells the other tabs. */
  tell(news: "signed_in" | "signed_out"): void;
}

export class OperatorSession {
  readonly state = new Cell<SessionState>({ at: "starting" });
  /** The newest token, for the socket's hello; empty when there is none. */
  readonly newest = new Cell("");
  expiresAt = 0;
  #renewing: Promise<string> | null = null;
  #timer: unknown;
  /** Counts what was signed in, renewed and ended. */
  #changes = 0;

  constructor(private readonly around: SessionSurroundings) {}

  /** Find out whether the cookie is still good. Tries until the server says yes or no. */
  async start(): Promise<void> {
    try {
      await this.#renew();
    } catch (error) {
      if (!(error instanceof ApiError) || !error.away) return;
      this.state.set({ at: "unreachable" });
      this.#later(TRY_AGAIN_AFTER, () => void this.start());
    }
  }

  /** Raises ApiError: `wrong_credentials`, `locked`, `tenant_needed`, `rate_limited`, ... */
  async signIn(credentials: Credentials): Promise<void> {
    const answer = await this.around.alone(() =>
      call(this.around.fetch, "/session", {
        method: "POST",
        body: credentials,
        headers: CONSOLE_HEADER,
      }),
    );
    this.#take(await jsonOf<SignedIn>(answer));
    this.around.tell("signed_in");
  }

  /** Over on every replica. Raises ApiError when the server did not hear of it. */
  async signOut(): Promise<void> {
    await this.around.alone(() =>
      call(this.around.fetch, "/session", { method: "DELETE", headers: CONSOLE_HEADER }),
    ).catch((error: unknown) => {
      // The session was over already: that is what was wanted.
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
    });
    this.#end("left");
    this.around.tell("signed_out");
  }

  /** A token that is good now. Raises ApiError `signed_out`, or what renewing met with. */
  async token(): Promise<string> {
    if (this.state.get().at === "signed_out") throw new ApiError("signed_out", 401, "");
    const token = this.newest.get();
    return token && this.around.now() < this.expiresAt ? token : this.renewed(token);
  }

  /** A token newer than `stale`. */
  async renewed(stale: string): Promise<string> {
    const token = this.newest.get();
    return token && token !== stale ? token : this.#renew();
  }

  /** What another tab did. */
  heard(news: "signed_in" | "signed_out"): void {
    const at = this.state.get().at;
    if (news === "signed_out" && at === "signed_in") this.#end("left");
    if (news === "signed_in" && at === "signed_out") void this.#renew().catch(() => undefined);
  }

  #renew(): Promise<string> {
    this.#renewing ??= this.#asked().finally(() => (this.#renewing = null));
    return this.#renewing;
  }

  async #asked(): Promise<string> {
    const before = this.#changes;
    try {
      const answer = await this.around.alone(() =>
        call(this.around.fetch, "/session/refresh", { method: "POST", headers: CONSOLE_HEADER }),
      );
      const signedIn = await jsonOf<SignedIn>(answer);
      if (before !== this.#changes) throw new ApiError("signed_out", 401, "");
      this.#take(signedIn);
      return signedIn.token;
    } catch (error) {
      // Whoever signed in or out meanwhile knows better than this answer.
      const refused = error instanceof ApiError && !error.away && error.status !== 429;
      if (refused && before === this.#changes)
        this.#end(this.state.get().at === "signed_in" ? "ended" : "");
      throw error;
    }
  }

  #take({ token, expires_at, me }: SignedIn): void {
    this.#changes += 1;
    this.expiresAt = expires_at;
    this.newest.set(token);
    const now = this.state.get();
    if (now.at !== "signed_in" || JSON.stringify(now.me) !== JSON.stringify(me))
      this.state.set({ at: "signed_in", me });
    const left = expires_at - RENEW_BEFORE - this.around.now();
    this.#later(Math.max(RENEW_AT_MOST_EVERY, left), () => this.#keep());
  }

  /** Renews in time, and tries again while the server is away. */
  #keep(): void {
    this.#renew().catch((error: unknown) => {
      if (error instanceof ApiError && this.state.get().at === "signed_in")
        this.#later(TRY_AGAIN_AFTER, () => this.#keep());
    });
  }

  #end(why: "" | "ended" | "left"): void {
    this.#changes += 1;
    this.around.clearTimer(this.#timer);
    this.newest.set("");
    this.expiresAt = 0;
    if (this.state.get().at !== "signed_out") this.state.set({ at: "signed_out", why });
  }

  #later(ms: number, run: () => void): void {
    this.around.clearTimer(this.#timer);
    this.#timer = this.around.setTimer(run, ms);
  }
}

/** The browser's own. Where it has no locks, a tab that loses the race signs in again. */
export function browserSession(): OperatorSession {
  const channel =
    "BroadcastChannel" in globalThis ? new BroadcastChannel("tandem-operator") : null;
  const session = new OperatorSession({
    fetch: (url, init) => fetch(url, init),
    now: () => Date.now(),
    setTimer: (run, ms) => setTimeout(run, ms),
    clearTimer: (timer) => clearTimeout(timer as number),
    alone: async (work) =>
      "locks" in navigator ? navigator.locks.request("tandem-session", work) : work(),
    tell: (news) => channel?.postMessage(news),
  });
  channel?.addEventListener("message", ({ data }) => {
    if (data === "signed_in" || data === "signed_out") session.heard(data);
  });
  return session;
}
