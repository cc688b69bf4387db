/** What the knowledge API tells (docs/knowledge-api.md); fields that hold their default may be
 * left out on the wire, and stand here. Times are milliseconds since 1970, UTC. */

import type { Place } from "../widget/place";

export type DocumentState =
  | "requested"
  | "submitted"
  | "parsed"
  | "chunked"
  | "indexed"
  | "failed"
  | "replaced"
  | "superseded"
  | "removed";

export type Stage = "fetch" | "parse" | "chunk" | "embed" | "index";

export interface Flag {
  kind: string;
  sample: string;
  where: string;
  count: number;
}

export interface Failure {
  stage: string;
  code: string;
  reason: string;
  where: string;
}

/** A document with its newest version, or one version of it. */
export interface Doc {
  document: string;
  name: string;
  title: string;
  version: number;
  state: DocumentState;
  /** The version that is searched; 0: none. */
  answers: number;
  media_type: string;
  size: number;
  url: string;
  locale: string;
  origin: string;
  pages: number;
  characters: number;
  chunks: number;
  parser: string;
  flags: Flag[];
  failure: Failure | null;
  submitted_at: number;
  indexed_at: number;
  by: string;
  /** The version that ended it; 0: none. */
  closed_at: number;
}

const DOC: Doc = {
  document: "",
  name: "",
  title: "",
  version: 0,
  state: "submitted",
  answers: 0,
  media_type: "",
  size: 0,
  url: "",
  locale: "",
  origin: "upload",
  pages: 0,
  characters: 0,
  chunks: 0,
  parser: "",
  flags: [],
  failure: null,
  submitted_at: 0,
  indexed_at: 0,
  by: "",
  closed_at: 0,
};

export function wholeDoc(given: Partial<Doc>): Doc {
  const whole = { ...DOC, ...nonNull(given) };
  const flags = whole.flags.map((flag) => ({ ...{ where: "", count: 1 }, ...flag }));
  const failure = whole.failure && { ...{ stage: "", code: "", reason: "", where: "" }, ...whole.failure };
  return { ...whole, flags, failure };
}

export interface Chunk {
  chunk: string;
  document: string;
  version: number;
  ordinal: number;
  title: string;
  heading: string;
  text: string;
  place: Place | null;
  url: string;
  source: string;
  locale: string;
  /** Characters of the document as it was parsed, from and up to. */
  start: number;
  end: number;
  tokens: number;
  hash: string;
  opened_at: number;
  /** The version of the log that ended it; 0: it answers. */
  closed_at: number;
}

const CHUNK: Chunk = {
  chunk: "",
  document: "",
  version: 0,
  ordinal: 0,
  title: "",
  heading: "",
  text: "",
  place: null,
  url: "",
  source: "",
  locale: "",
  start: 0,
  end: 0,
  tokens: 0,
  hash: "",
  opened_at: 0,
  closed_at: 0,
};

export function wholeChunk<T extends Partial<Chunk>>(given: T): T & Chunk {
  return { ...CHUNK, ...nonNull(given) };
}

export interface ChunkShown extends Chunk {
  before: string;
  after: string;
  document_title: string;
}

export interface Parts {
  dense?: number;
  words?: number;
  sentence?: number;
  rerank?: number;
}

export interface Hit extends Chunk {
  /** Can be compared between questions. */
  score: number;
  parts: Parts;
  sentences: [string, number][];
}

export interface Found {
  hits: Hit[];
  answerable: boolean;
  knowledge: number;
  space: string;
  how: string;
  latency_ms: Record<string, number> | number;
}

export interface Asked {
  question: string;
  locale?: string;
  limit?: number;
  filters?: { documents?: string[]; sources?: string[]; locales?: string[]; media_types?: string[] };
  as_of?: number;
}

/** An answer that cited a chunk. */
export interface Told {
  conversation: string;
  message: string;
  at: number;
  question: string;
  answer: string;
  quote: string;
  chunk: string;
  document: string;
  version: number;
  /** What it cited still answers. */
  current: boolean;
  visitor: string;
  locale: string;
  approved_by: string;
}

const TOLD: Told = {
  conversation: "",
  message: "",
  at: 0,
  question: "",
  answer: "",
  quote: "",
  chunk: "",
  document: "",
  version: 0,
  current: false,
  visitor: "",
  locale: "",
  approved_by: "",
};

export function wholeTold(given: Partial<Told>): Told {
  return { ...TOLD, ...nonNull(given) };
}

export interface Counts {
  documents: number;
  chunks: number;
  by_state: Record<string, number>;
  by_media_type: Record<string, number>;
  by_source: { source: string; documents: number; chunks: number; cited: number }[];
  knowledge: number;
  space: string;
  spaces: { space: string; state: string; documents: number; of: number }[];
}

export interface GapGroup {
  question: string;
  count: number;
  last_at: number;
  examples: { question: string; conversation: string; at: number }[];
}

export interface ChunkSettings {
  max_tokens: number;
  overlap_tokens: number;
}

export interface Page<T> {
  rows: T[];
  /** What asks for the page after this one; empty or left out: there is none. */
  next?: string | number | null;
}

export interface Progress {
  document: string;
  version: number;
  stage: Stage;
  done: number;
  total: number;
}

/** `null` where a default is left out is the default too. */
function nonNull<T extends object>(given: T): T {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null)) as T;
}
