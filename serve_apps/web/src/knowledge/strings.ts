/**
 * Every word of the knowledge page. A second language is a second object of the same shape; what
 * comes from the server (names, texts, reasons of failures) is never translated here.
 */

import type { View } from "./address";
import type { DocumentState } from "./types";

const plural = (n: number, one: string, many: string) => `${grouped(n)} ${n === 1 ? one : many}`;

const NUMBER = new Intl.NumberFormat("en-GB");
export const grouped = (n: number) => NUMBER.format(n);

/** What a person can do about a failure, by its code. */
const REMEDIES: Record<string, string> = {
  corrupt: "Open the file yourself, save it again under the same name, and add it once more.",
  encrypted: "Save a copy without a password and add that.",
  empty: "There is no text in it. A scanned document needs text recognition first.",
  too_large: "Split it into smaller documents.",
  mislabelled: "Its content is not what its name says: give it the right ending.",
  unsupported: "Save it as PDF, Word, PowerPoint, Excel, HTML, CSV, Markdown or text.",
  unsupported_document: "Save it as PDF, Word, PowerPoint, Excel, HTML, CSV, Markdown or text.",
  too_slow: "It took too long to read. Split it, or save it anew and try again.",
  too_much_memory: "It needs too much memory to read. Split it into smaller documents.",
  crashed: "The reader broke on it each time. Save it in another format and add that.",
  original_lost: "The original is gone from the store. Add the file once more.",
  embedder_failed: "Nothing is wrong with the document. Ingest it again in a while.",
  refused_address: "Only public http and https addresses are fetched.",
  not_found: "There is nothing at this address. Look whether it is written right.",
  robots: "The site’s robots.txt forbids to fetch it. Save the page and add the file.",
  fetch_failed: "The site did not answer as it should. Ingest it again in a while.",
  document_name: "Give the file another name: it may not be empty nor begin with an underscore.",
  unavailable: "The server cannot take it now. Try again in a moment.",
  offline: "The server cannot be reached. Try again once it can.",
  timeout: "The server did not answer in time. Try again.",
  forbidden: "Your role may look, not change. An administrator can change that.",
};

const FLAGS: Record<string, string> = {
  hidden_characters: "Hidden characters",
  hidden_text: "Hidden text",
  planted_instructions: "Instructions to the AI",
};

const TYPES: Record<string, string> = {
  "text/plain": "Text",
  "text/markdown": "Markdown",
  "text/csv": "CSV",
  "text/html": "Web page",
  "application/pdf": "PDF",
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "Word",
  "application/vnd.openxmlformats-officedocument.presentationml.presentation": "PowerPoint",
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "Excel",
};

const STATES: Record<DocumentState, string> = {
  requested: "Being fetched",
  submitted: "Being read",
  parsed: "Being cut",
  chunked: "Being indexed",
  indexed: "Answers",
  failed: "Failed",
  replaced: "Replaced",
  superseded: "Overtaken",
  removed: "Removed",
};

const views: Record<View, string> = {
  documents: "Documents",
  search: "Test search",
  gaps: "Gaps",
  counts: "Counts",
  settings: "Settings",
};

export const K = {
  title: "Knowledge",
  skip: "Skip to the content",
  views,
  console: "Console",
  replayPage: "Replay",
  roles: { admin: "Administrator", manager: "Manager", viewer: "Viewer" },
  feed: { connecting: "Connecting…", live: "Live", away: "Reconnecting…", refused: "Not followed" },
  loading: "Loading…",
  retry: "Try again",
  more: "Show more",
  cancel: "Cancel",
  close: "Close",
  failed: (detail: string) => `Could not be loaded: ${detail}`,
  away: "The server cannot be reached.",
  unknown: "There is no such document, or it is not your company’s.",
  unknownChunk: "There is no such text, or it is not your company’s.",
  back: "All documents",

  // The list.
  find: "Find a document",
  findHint: "Name, title or address",
  state: "State",
  anyState: "Any state",
  shown: (n: number, more: boolean) => (more ? `${grouped(n)} shown, there are more` : plural(n, "document", "documents")),
  columns: {
    name: "Document",
    state: "State",
    version: "Version",
    chunks: "Chunks",
    size: "Size",
    updated: "Updated",
    flags: "Flags",
    deeds: "Actions",
  },
  states: STATES,
  stateWord: (state: string) => (Object.hasOwn(STATES, state) ? STATES[state as DocumentState] : state),
  typeWord: (type: string) => (Object.hasOwn(TYPES, type) ? TYPES[type]! : type || "–"),
  stages: {
    fetch: "fetching",
    parse: "reading",
    chunk: "cutting",
    embed: "embedding",
    index: "indexing",
  } as Record<string, string>,
  progress: (name: string) => `Progress of ${name}`,
  olderAnswers: (version: number) => `version ${version} still answers`,
  chunks: (n: number) => plural(n, "chunk", "chunks"),
  flagged: (n: number) => plural(n, "flag", "flags"),
  emptyTitle: "No documents yet",
  empty: "Add files or addresses: they answer visitors within seconds.",
  noneTitle: "Nothing found",
  none: "No document fits this search and state.",
  clear: "Clear both",

  // Adding.
  add: "Add knowledge",
  drop: "Drop files here, or",
  choose: "choose files",
  kinds: "PDF, Word, PowerPoint, Excel, HTML, CSV, Markdown, text · up to 10 MB each",
  dropHere: "Drop to add",
  addUrl: "Add a web address",
  url: "Web address",
  what: "It is",
  page: "one page",
  sitemap: "a sitemap",
  depth: "Links followed",
  submitUrl: "Fetch",
  outcomes: "Just added",
  dismiss: "Clear list",
  sending: "Sending…",
  waitsItsTurn: "Waits its turn…",
  sentOf: (done: number, of: number) => `${done} of ${of} sent`,
  tookNothing: "the server took nothing",
  sentUnchanged: "Unchanged: it stands so already",
  refused: (reason: string) => `Not taken: ${reason}`,
  tooLarge: (limit: string) => `larger than ${limit}`,
  remedy: (code: string) => (Object.hasOwn(REMEDIES, code) ? REMEDIES[code]! : ""),

  // Deeds.
  reingest: "Ingest again",
  reingested: (name: string) => `${name} is worked at again`,
  remove: "Remove",
  removeTitle: (name: string) => `Remove ${name}?`,
  removeText:
    "It is out of new answers at once. What visitors were told from it stays, and its text can still be looked up from there.",
  removed: (name: string) => `${name} is out of new answers`,
  deedFailed: (detail: string) => `Not done: ${detail}`,

  // One document.
  versions: "Versions",
  version: (n: number) => `version ${n}`,
  answering: "answers now",
  original: "Download original",
  facts: {
    type: "Kind",
    size: "Size",
    pages: "Pages",
    characters: "Characters",
    chunks: "Chunks",
    parser: "Read by",
    language: "Language",
    from: "From",
    added: "Added",
    indexed: "Answers since",
    by: "By",
    address: "Address",
  },
  origins: {
    upload: "Console or API",
    command: "Command line",
    fetched: "Fetched",
    demo: "Demo",
  } as Record<string, string>,
  failure: (stage: string) => `Failed while ${stage}`,
  where: (where: string) => `Where: ${where}`,
  flagsTitle: "What to look at",
  flagsHint: "It is indexed all the same, without what is hidden.",
  flagWord: (kind: string) => (Object.hasOwn(FLAGS, kind) ? FLAGS[kind]! : kind),
  times: (n: number) => `${grouped(n)} times`,
  text: "Text by chunk",
  told: "Who was told this?",
  toldOf: (n: number) => `Who was told version ${n}?`,
  noChunks: "This version has no chunks.",
  chunkFacts: (start: number, end: number, tokens: number) =>
    `characters ${grouped(start)} to ${grouped(end)} · ${plural(tokens, "token", "tokens")}`,
  overlap: "Also the end of the chunk before",
  link: "Link to this text",

  // One chunk.
  chunkTitle: "A text of the knowledge base",
  chunkAnswers: "This text answers now.",
  chunkOver: (version: number) => `It answers no more: replaced or removed by version ${version}.`,
  replacedOn: (day: string, by: string) => `Replaced on ${day}${by ? ` by ${by}` : ""}. It is in no new answer.`,
  removedOn: (day: string, by: string) => `Removed on ${day}${by ? ` by ${by}` : ""}. It is in no new answer.`,
  before: "Before it",
  after: "After it",
  openDocument: "Open the document at this version",

  // Who was told.
  toldNone: "Nobody: no answer has cited it.",
  toldCount: (n: number, more: boolean) => (more ? `${grouped(n)} answers and more` : plural(n, "answer", "answers")),
  toldHint: "Answers that visitors were given and that cite it, newest first.",
  stillAnswers: "still answers",
  replacedSince: "replaced since",
  approvedBy: (who: string) => `approved by ${who}`,
  visitorAsked: "Asked",
  answered: "Answered",
  cited: "Cited",
  replay: "See it in replay",
  openConsole: "Open in the console",

  // Test search.
  question: "Question",
  questionHint: "As a visitor would ask it",
  language: "Language",
  anyLanguage: "Any",
  source: "Source",
  sourceHint: "Site or folder",
  type: "Kind",
  anyType: "Any kind",
  asOf: "As of version",
  asOfHint: "Now",
  searchNow: "Search",
  searching: "Searching…",
  answerable: "The AI would answer from these",
  unanswerable: "Not answerable: nothing is close enough",
  nothingFound: "Nothing was found.",
  how: { exact: "exact scan", index: "by the index", cache: "from the cache" } as Record<string, string>,
  hits: (n: number) => plural(n, "passage", "passages"),
  took: (ms: string) => `${ms} in all`,
  knowledgeAt: (version: number) => `knowledge as of version ${version}`,
  space: (space: string) => `space ${space}`,
  parts: {
    dense: "Meaning",
    words: "Words",
    sentence: "Best sentence",
    rerank: "Reranked",
  } as Record<string, string>,
  score: "Score",
  pastHit: "answers no more",

  // Gaps.
  gapsHint: "Questions that found nothing, alike ones together. Each is a text that is missing.",
  days: "Within",
  dayChoices: { 7: "7 days", 30: "30 days", 90: "90 days", 365: "a year" } as Record<number, string>,
  noGaps: "No question went without an answer in this time.",
  asked: (n: number) => plural(n, "time asked", "times asked"),
  tryIt: "Search for it",
  examples: "Conversations",

  // Counts.
  total: { documents: "Documents", chunks: "Chunks", knowledge: "Knowledge version", space: "Space" },
  byState: "By state",
  byType: "By kind",
  bySource: "By source",
  spaces: "Embedding spaces",
  sourceColumns: { source: "Source", documents: "Documents", chunks: "Chunks", cited: "Cited in answers" },
  spaceColumns: { space: "Space", state: "State", filled: "Documents" },
  noSource: "No source",
  spaceStates: { active: "searched", open: "being filled, or kept", closed: "closed" } as Record<string, string>,
  ofAll: (n: number, all: number) => `${grouped(n)} of ${grouped(all)}`,
  noCounts: "Nothing is indexed yet.",

  // Settings.
  chunking: "How documents are cut",
  chunkingHint: "Holds for documents that are added, or ingested again, from here on. Lengths are tokens of the embedder.",
  maxTokens: "Longest chunk, in tokens",
  overlapTokens: "Overlap with the chunk before, in tokens",
  save: "Save",
  saved: "Saved. It holds from here on.",
  overlapTooLong: "The overlap must be at most half of the longest chunk.",
  onlyAdmin: "Only an administrator can change this.",
};
