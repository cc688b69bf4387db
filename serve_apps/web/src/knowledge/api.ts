/** The knowledge API over HTTP. Every call rejects with `ApiError`. */

import { ApiError, call, type Call, type Fetch, jsonOf } from "../wire/http";
import type { Tokens } from "../wire/api";
import {
  type Asked,
  type Chunk,
  type ChunkSettings,
  type ChunkShown,
  type Counts,
  type Doc,
  type Found,
  type GapGroup,
  type Page,
  type Told,
  wholeChunk,
  wholeDoc,
  wholeTold,
} from "./types";

const BASE = "/v1/knowledge";
/** Ten megabytes over a slow line. */
const UPLOAD_WITHIN = 300_000;
const SEARCH_WITHIN = 60_000;

export interface Taken {
  document: string;
  version: number;
  /** False: it stood so already. */
  changed: boolean;
  name: string;
}

export interface AllTaken {
  documents: readonly Taken[];
  /** Files of several that were not taken. */
  refused: readonly { name: string; code: string; detail: string }[];
}

export interface UrlAsked {
  url: string;
  what: "page" | "sitemap";
  depth?: number;
  locale?: string;
}

type Query = Record<string, string | number | undefined>;

export class KnowledgeApi {
  constructor(
    private readonly tokens: Tokens,
    private readonly fetch: Fetch = (url, init) => globalThis.fetch(url, init),
  ) {}

  async documents(query: Query, signal?: AbortSignal): Promise<Page<Doc>> {
    const page = await this.#json<Page<Partial<Doc>>>(`/documents${queryOf(query)}`, { signal });
    return { ...page, rows: (page.rows ?? []).map(wholeDoc) };
  }

  /** Newest version first. */
  async document(id: string, signal?: AbortSignal): Promise<Doc[]> {
    const found = await this.#json<{ versions?: Partial<Doc>[] }>(pathOf(id), { signal });
    return (found.versions ?? []).map((version) => wholeDoc({ document: id, ...version }));
  }

  async chunks(id: string, query: Query, signal?: AbortSignal): Promise<Page<Chunk>> {
    const path = `${pathOf(id)}/chunks${queryOf(query)}`;
    const page = await this.#json<Page<Partial<Chunk>>>(path, { signal });
    return { ...page, rows: (page.rows ?? []).map((row) => wholeChunk(row)) };
  }

  async original(id: string, version: number): Promise<Blob> {
    const path = `${pathOf(id)}/original${queryOf({ version })}`;
    return (await this.#call(path, { within: UPLOAD_WITHIN })).blob();
  }

  async chunk(id: string, signal?: AbortSignal): Promise<ChunkShown> {
    const path = `/chunks/${encodeURIComponent(id)}`;
    const found = await this.#json<Partial<ChunkShown>>(path, { signal });
    return wholeChunk({ before: "", after: "", document_title: "", ...found });
  }

  async told(query: Query, signal?: AbortSignal): Promise<Page<Told>> {
    const page = await this.#json<Page<Partial<Told>>>(`/told${queryOf(query)}`, { signal });
    return { ...page, rows: (page.rows ?? []).map(wholeTold) };
  }

  async search(asked: Asked, signal?: AbortSignal): Promise<Found> {
    const options: Call = { method: "POST", body: asked, signal, within: SEARCH_WITHIN };
    const found = await this.#json<Partial<Found>>("/search", options);
    const hits = (found.hits ?? []).map((hit) => ({
      ...wholeChunk(hit),
      score: hit.score ?? 0,
      parts: hit.parts ?? {},
      sentences: hit.sentences ?? [],
    }));
    return { answerable: false, knowledge: 0, space: "", how: "", latency_ms: 0, ...found, hits };
  }

  async counts(signal?: AbortSignal): Promise<Counts> {
    const found = await this.#json<Partial<Counts>>("/counts", { signal });
    const lists = { by_state: {}, by_media_type: {}, by_source: [], spaces: [] };
    return { documents: 0, chunks: 0, knowledge: 0, space: "", ...lists, ...found };
  }

  async gaps(days: number, signal?: AbortSignal): Promise<GapGroup[]> {
    const found = await this.#json<{ groups?: GapGroup[] }>(`/gaps${queryOf({ days })}`, { signal });
    return (found.groups ?? []).map((group) => ({ ...group, examples: group.examples ?? [] }));
  }

  settings(signal?: AbortSignal): Promise<ChunkSettings> {
    return this.#json("/settings", { signal });
  }

  async setChunking(settings: ChunkSettings): Promise<void> {
    await this.#call("/settings", { method: "PUT", body: settings });
  }

  /** Each file has its own outcome, by its name; rejects where none was taken. */
  async upload(files: readonly File[], locale: string): Promise<AllTaken> {
    const form = new FormData();
    for (const file of files) form.append("file", file, file.name);
    if (locale) form.append("locale", locale);
    const options: Call = { method: "POST", form, within: UPLOAD_WITHIN };
    return wholeTaken(await this.#json("/documents", options));
  }

  async addUrl(asked: UrlAsked): Promise<AllTaken> {
    return wholeTaken(await this.#json("/documents", { method: "POST", body: asked }));
  }

  reingest(id: string): Promise<Taken> {
    return this.#json(`${pathOf(id)}/reingest`, { method: "POST" });
  }

  remove(id: string): Promise<Taken> {
    return this.#json(pathOf(id), { method: "DELETE" });
  }

  /** The stream of what happens to documents; its body ends when the server ends it. */
  events(signal: AbortSignal): Promise<Response> {
    return this.#call("/events", { signal, headers: { Accept: "text/event-stream" } });
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

function signed(asked: Call, token: string): Call {
  const headers = { ...asked.headers, Authorization: `Bearer ${token}` };
  return { ...asked, base: BASE, headers };
}

function pathOf(document: string): string {
  return `/documents/${encodeURIComponent(document)}`;
}

function queryOf(fields: Query): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) if (value) query.set(name, String(value));
  const text = query.toString();
  return text ? `?${text}` : "";
}

function wholeTaken({ documents = [], refused = [] }: Partial<AllTaken>): AllTaken {
  return { documents, refused };
}
