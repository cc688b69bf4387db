/** The operator API over HTTP, but for the session itself (`session.ts`). */

import type { Commit } from "./facts";
import { ApiError, call, type Call, type Fetch, jsonOf } from "./http";
import { type Order, type Role, type Row, wholeRow } from "./operator_protocol";

export type View = "unassigned" | "mine" | "all" | "resolved";

export interface RowPage {
  rows: Row[];
  /** What `before` takes for the page after this one. */
  next?: string;
}

export interface RowQuery {
  view: View;
  search?: string;
  limit?: number;
  before?: string;
}

export interface CannedReply {
  name: string;
  text: string;
}

export interface Colleague {
  operator: string;
  name: string;
  role: Role;
  online: boolean;
}

/** Where access tokens come from: `OperatorSession`. Both reject with ApiError. */
export interface Tokens {
  token(): Promise<string>;
  /** One that is newer than `stale`, which the server did not take. */
  renewed(stale: string): Promise<string>;
}

export class Api {
  constructor(
    private readonly tokens: Tokens,
    private readonly fetch: Fetch = (url, init) => globalThis.fetch(url, init),
  ) {}

  async conversations(query: RowQuery, signal?: AbortSignal): Promise<RowPage> {
    const asked = new URLSearchParams({ view: query.view });
    if (query.search) asked.set("search", query.search);
    if (query.limit) asked.set("limit", String(query.limit));
    if (query.before) asked.set("before", query.before);
    return wholePage(await this.#json<RowPage>(`/conversations?${asked}`, { signal }));
  }

  /** The row, and State as the server folds it (at `version`, or as it stands now). */
  async conversation(id: string, version?: number): Promise<{ row: Row; state: unknown }> {
    const query = version === undefined ? "" : `?version=${version}`;
    const found = await this.#json<{ row: Row; state: unknown }>(`${pathOf(id)}${query}`);
    return { ...found, row: wholeRow(found.row) };
  }

  /** At most 1,000 commits after a version, oldest first. */
  commits(id: string, after = 0, limit = 1000): Promise<Commit[]> {
    return this.#json(`${pathOf(id)}/commits?after=${after}&limit=${limit}`);
  }

  /** The conversation as JSON Lines, a fact a line. */
  async exported(id: string): Promise<string> {
    return (await this.#call(`${pathOf(id)}/export`, {})).text();
  }

  /** The same visitor's other conversations. */
  async related(id: string, signal?: AbortSignal): Promise<Row[]> {
    return wholePage(await this.#json<RowPage>(`${pathOf(id)}/related`, { signal })).rows;
  }

  order(order: Order): Promise<{ id: string; version: number; duplicate: boolean }> {
    const { conversation, ...body } = order;
    return this.#json(`${pathOf(conversation)}/orders`, { method: "POST", body });
  }

  canned(): Promise<CannedReply[]> {
    return this.#json("/canned");
  }

  async keepCanned(name: string, text: string): Promise<void> {
    await this.#call(`/canned/${encodeURIComponent(name)}`, { method: "PUT", body: { text } });
  }

  async removeCanned(name: string): Promise<void> {
    await this.#call(`/canned/${encodeURIComponent(name)}`, { method: "DELETE" });
  }

  operators(): Promise<Colleague[]> {
    return this.#json("/operators");
  }

  async #json<T>(path: string, asked: Call = {}): Promise<T> {
    return jsonOf<T>(await this.#call(path, asked));
  }

  /** A token that ran out meanwhile (or a clock that is wrong) costs one more try. */
  async #call(path: string, asked: Call): Promise<Response> {
    const token = await this.tokens.token();
    try {
      return await call(this.fetch, path, signed(asked, token));
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      return call(this.fetch, path, signed(asked, await this.tokens.renewed(token)));
    }
  }
}

function pathOf(conversation: string): string {
  return `/conversations/${encodeURIComponent(conversation)}`;
}

function signed(asked: Call, token: string): Call {
  return { ...asked, headers: { Authorization: `Bearer ${token}` } };
}

function wholePage(page: RowPage): RowPage {
  return { ...page, rows: page.rows.map(wholeRow) };
}
