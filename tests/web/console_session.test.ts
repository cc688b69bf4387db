import assert from "node:assert/strict";
import { test } from "node:test";

import { Api } from "../../serve_apps/web/src/wire/api";
import { ApiError } from "../../serve_apps/web/src/wire/http";
import { OperatorSession, RENEW_BEFORE } from "../../serve_apps/web/src/wire/operator_session";
import { ANA } from "./console_facts";
import { FakeSurroundings } from "./surroundings";

interface Asked {
  method: string;
  url: string;
  headers: Record<string, string>;
}

/** A server that answers from a list; a call beyond it fails like a lost network. */
class Server {
  readonly asked: Asked[] = [];
  readonly answers: (() => Response)[] = [];
  tokens = 0;

  readonly fetch = async (url: string, init: RequestInit): Promise<Response> => {
    const headers = init.headers as Record<string, string>;
    this.asked.push({ method: init.method ?? "GET", url, headers });
    const answer = this.answers.shift();
    if (!answer) throw new TypeError("Failed to fetch");
    return answer();
  };

  /** The next call opens or renews a session. */
  opens(expiresAt: number, me = ANA): this {
    this.answers.push(() => {
      this.tokens += 1;
      return Response.json({ token: `token-${this.tokens}`, expires_at: expiresAt, me });
    });
    return this;
  }

  refuses(status: number, code: string, more: object = {}, headers = {}): this {
    this.answers.push(() => Response.json({ code, detail: "no", ...more }, { status, headers }));
    return this;
  }

  gives(body: unknown): this {
    this.answers.push(() => Response.json(body));
    return this;
  }
}

function office() {
  const around = new FakeSurroundings();
  const server = new Server();
  const news: string[] = [];
  const session = new OperatorSession({
    fetch: server.fetch,
    now: () => around.now(),
    setTimer: (run, ms) => around.setTimer(run, ms),
    clearTimer: (timer) => around.clearTimer(timer),
    alone: (work) => work(),
    tell: (told) => news.push(told),
  });
  return { around, server, session, news };
}

const soon = () => new Promise((done) => setImmediate(done));
const HOUR = 3_600_000;

test("a good cookie signs in without a word", async () => {
  const { session, server, around } = office();
  server.opens(around.now() + HOUR);
  await session.start();
  assert.deepEqual(session.state.get(), { at: "signed_in", me: ANA });
  assert.equal(server.asked[0]?.url, "/v1/operator/session/refresh");
  assert.equal(server.asked[0]?.headers["X-Tandem-Console"], "1");
});

test("without one the door is shown", async () => {
  const { session, server } = office();
  server.refuses(401, "signed_out");
  await session.start();
  assert.deepEqual(session.state.get(), { at: "signed_out", why: "" });
});

test("a server that is away is asked again, and nobody is signed out by it", async () => {
  const { session, server, around } = office();
  await session.start();
  assert.deepEqual(session.state.get(), { at: "unreachable" });
  server.opens(around.now() + HOUR);
  around.pass(5_000);
  await soon();
  assert.equal(session.state.get().at, "signed_in");
});

test("the token is renewed before its end, and the new one is told", async () => {
  const { session, server, around } = office();
  server.opens(around.now() + 900_000).opens(around.now() + HOUR);
  await session.start();
  const told: string[] = [];
  session.newest.subscribe(() => told.push(session.newest.get()));
  around.pass(900_000 - RENEW_BEFORE);
  await soon();
  assert.deepEqual(told, ["token-2"]);
});

test("however wrong the clock is, the token is not renewed without pause", async () => {
  const { session, server, around } = office();
  for (let i = 0; i < 5; i += 1) server.opens(around.now() - HOUR);
  await session.start();
  around.pass(29_000);
  await soon();
  assert.equal(server.asked.length, 1);
});

test("two that need a token at once make one call", async () => {
  const { session, server, around } = office();
  server.opens(around.now() - 1).opens(around.now() + HOUR);
  await session.start();
  const both = await Promise.all([session.token(), session.token()]);
  assert.deepEqual(both, ["token-2", "token-2"]);
  assert.equal(server.asked.length, 2);
});

test("why a sign-in is refused is told, with the time that it takes", async () => {
  const { session, server } = office();
  server.refuses(429, "locked", {}, { "Retry-After": "95" });
  const tried = session.signIn({ email: "ana@x", password: "p" });
  await assert.rejects(tried, (error: ApiError) => {
    assert.equal(error.code, "locked");
    assert.equal(error.retryAfter, 95);
    return true;
  });
});

test("the companies to choose from are told, and nonsense among them is not", async () => {
  const { session, server } = office();
  const tenants = [{ tenant: "a", company: "A" }, { tenant: "b", company: "" }, 7, { company: "C" }];
  server.refuses(409, "tenant_needed", { tenants });
  const tried = session.signIn({ email: "ana@x", password: "p" });
  await assert.rejects(tried, (error: ApiError) => {
    assert.deepEqual(error.tenants, [
      { tenant: "a", company: "A" },
      { tenant: "b", company: "b" },
    ]);
    return true;
  });
});

test("a proxy's page is no reason to fall over", async () => {
  const { session, server } = office();
  server.answers.push(() => new Response("<h1>Bad gateway</h1>", { status: 502 }));
  const tried = session.signIn({ email: "ana@x", password: "p" });
  await assert.rejects(tried, (error: ApiError) => error.away && error.code === "http_502");
});

test("signing out tells the server and the other tabs", async () => {
  const { session, server, around, news } = office();
  server.opens(around.now() + HOUR);
  await session.start();
  server.answers.push(() => new Response(null, { status: 204 }));
  await session.signOut();
  assert.deepEqual(session.state.get(), { at: "signed_out", why: "left" });
  assert.equal(session.newest.get(), "");
  assert.deepEqual(news, ["signed_out"]);
});

test("a sign-out that did not reach the server is none", async () => {
  const { session, server, around } = office();
  server.opens(around.now() + HOUR);
  await session.start();
  await assert.rejects(session.signOut(), ApiError);
  assert.equal(session.state.get().at, "signed_in");
});

test("a session that was ended elsewhere shows the door and says so", async () => {
  const { session, server, around } = office();
  server.opens(around.now() + 900_000).refuses(401, "revoked");
  await session.start();
  around.pass(900_000);
  await soon();
  assert.deepEqual(session.state.get(), { at: "signed_out", why: "ended" });
  await assert.rejects(session.token(), ApiError);
});

test("a renewal that fails after somebody signed in does not sign them out", async () => {
  const { session, server, around } = office();
  let refuse: (response: Response) => void = () => undefined;
  server.answers.push(() => new Promise<Response>((done) => (refuse = done)) as never);
  server.opens(around.now() + HOUR);
  const starting = session.start();
  await session.signIn({ email: "ana@x", password: "p" });
  refuse(Response.json({ code: "signed_out" }, { status: 401 }));
  await starting;
  assert.equal(session.state.get().at, "signed_in");
});

test("a token that the server takes no more costs one more call", async () => {
  const { session, server, around } = office();
  server.opens(around.now() + HOUR);
  await session.start();
  server.refuses(401, "bad_token").opens(around.now() + HOUR).gives([{ name: "a", text: "b" }]);
  assert.deepEqual(await new Api(session, server.fetch).canned(), [{ name: "a", text: "b" }]);
  assert.equal(server.asked.at(-1)?.headers["Authorization"], "Bearer token-2");
});

test("rows come whole, whatever was left out on the wire", async () => {
  const { session, server, around } = office();
  server.opens(around.now() + HOUR);
  await session.start();
  server.gives({ rows: [{ conversation: "c1", version: 3, started_at: 1, last_at: 2 }] });
  const { rows } = await new Api(session, server.fetch).conversations({ view: "all" });
  assert.deepEqual([rows[0]?.mode, rows[0]?.epoch, rows[0]?.waiting_since], ["ai", 1, null]);
});
