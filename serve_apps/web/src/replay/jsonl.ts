/**
 * A conversation as JSON Lines: a fact a line, and State last (`tandem replay --json`, the server's
 * export). Reading trusts no line: each is checked, and what is wrong is said with its number.
 */

import { type Commit, type ConversationFact, NEEDED } from "../wire/facts";
import { fold, UnknownFact } from "../shared/fold";
import { differences, initial, wholeState } from "../shared/state";
import { brokenLink } from "./history";

export interface Problem {
  /** From 1; 0: the file as a whole. */
  readonly line: number;
  readonly what: string;
  /** Nothing after it could be read. */
  readonly stops: boolean;
}

export interface Imported {
  readonly tenant: string;
  readonly conversation: string;
  readonly commits: Commit[];
  readonly lines: number;
  readonly problems: Problem[];
  /** Whether the file's own State is the one that its facts fold to; null: it holds none. */
  readonly sameState: boolean | null;
}

type Fields = Record<string, unknown>;

const LINE_FIELDS = ["version", "index", "number", "commit", "hash", "previous_hash", "correlation", "causation"];
/** So many problems are told; a file that is not one of ours has one in each line. */
const MOST_PROBLEMS = 100;

export function parseLines(text: string): Imported {
  const reader = new Reader();
  const lines = text.replace(/^\ufeff/, "").split("\n");
  lines.forEach((line, at) => {
    if (line.trim() && !reader.stopped) reader.line(line, at + 1);
  });
  return reader.done(lines.filter((line) => line.trim()).length);
}

class Reader {
  readonly #commits: Commit[] = [];
  readonly #problems: Problem[] = [];
  #state: { at: number; encoded: unknown } | null = null;
  stopped = false;

  line(text: string, at: number): void {
    let fields: Fields;
    try {
      const parsed: unknown = JSON.parse(text);
      if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
        return this.#stop(at, "is no JSON object");
      fields = parsed as Fields;
    } catch (error) {
      return this.#stop(at, `is no JSON: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (this.#state) this.#warn(at, "stands after the State, which is to be the last line");
    if ("state" in fields && !("fact" in fields)) this.#state = { at, encoded: fields["state"] };
    else this.#fact(fields, at);
  }

  done(lines: number): Imported {
    const first = this.#commits[0]?.facts[0];
    const started = first?.fact === "ConversationStarted.v1" ? first : null;
    if (!this.#commits.length) this.#warn(0, "the file holds no fact");
    else if (!started) this.#warn(1, "is not the beginning: it should be ConversationStarted.v1");
    const tenant = started?.tenant ?? "";
    const conversation = started?.conversation ?? "";
    const sameState = this.#sameState(tenant, conversation);
    const problems = this.#problems.slice(0, MOST_PROBLEMS);
    return { tenant, conversation, commits: this.#commits, lines, problems, sameState };
  }

  #fact(fields: Fields, at: number): void {
    const wrong = wrongPlace(fields) || wrongFact(fields);
    if (wrong) return this.#stop(at, wrong);
    const fact = factOf(fields);
    if (!Object.hasOwn(NEEDED, fact.fact)) this.#warn(at, `${fact.fact} is not known to this page`);
    const last = this.#commits.at(-1);
    if (last && fields["version"] === last.version) this.#further(last, fields, fact, at);
    else this.#next(last, fields, fact, at);
  }

  /** Another fact of the commit at hand. */
  #further(commit: Commit, fields: Fields, fact: ConversationFact, at: number): void {
    if (fields["index"] !== commit.facts.length)
      return this.#stop(at, `has index ${String(fields["index"])} where ${commit.facts.length} was expected`);
    for (const name of ["number", "commit", "hash"] as const)
      if (fields[name] !== commit[name])
        return this.#stop(at, `has another ${name} than the line before it, at the same version`);
    commit.facts.push(fact);
  }

  #next(last: Commit | undefined, fields: Fields, fact: ConversationFact, at: number): void {
    const version = fields["version"] as number;
    if (last && version < last.version)
      return this.#stop(at, `has version ${version}, after version ${last.version}`);
    if (fields["index"] !== 0)
      return this.#stop(at, `has index ${String(fields["index"])} where a commit begins`);
    const commit: Commit = {
      conversation: "",
      version,
      number: fields["number"] as number,
      commit: fields["commit"] as string,
      hash: fields["hash"] as string,
      previous_hash: fields["previous_hash"] as string,
      correlation: textOf(fields["correlation"]),
      causation: textOf(fields["causation"]),
      facts: [fact],
    };
    const broken = brokenLink(last, commit);
    if (broken) this.#warn(at, broken);
    this.#commits.push(commit);
  }

  #sameState(tenant: string, conversation: string): boolean | null {
    if (!this.#state || !this.#commits.length) return null;
    const { at, encoded } = this.#state;
    let state = initial(tenant, conversation);
    try {
      for (const commit of this.#commits) state = fold(state, commit);
      const paths = differences(state, wholeState(encoded));
      if (!paths.length) return true;
      this.#warn(at, `State differs from what the facts fold to, at ${paths.slice(0, 5).join(", ")}`);
    } catch (error) {
      // An unknown fact was told of already.
      if (!(error instanceof UnknownFact)) throw error;
    }
    return false;
  }

  #stop(line: number, what: string): void {
    this.stopped = true;
    this.#problems.push({ line, what, stops: true });
  }

  #warn(line: number, what: string): void {
    this.#problems.push({ line, what, stops: false });
  }
}

/** What is wrong with where the line says that it stands; empty: nothing. */
function wrongPlace(fields: Fields): string {
  for (const [name, least] of Object.entries({ version: 1, index: 0, number: 1, at: -Infinity })) {
    const value = fields[name];
    if (!Number.isSafeInteger(value)) return `has no whole number in "${name}"`;
    if ((value as number) < least) return `has ${String(value)} in "${name}"`;
  }
  for (const name of ["commit", "hash", "previous_hash", "fact"])
    if (typeof fields[name] !== "string") return `has no text in "${name}"`;
  return "";
}

const OPTIONAL: Record<string, (value: unknown) => boolean> = {
  sources: (value) => Array.isArray(value) && value.every(isSource),
  guard: (value) => isFields(value) && Object.values(value).every((one) => typeof one !== "object"),
  cost: isCost,
  ...Object.fromEntries(
    ("locale channel visitor html kind detail evidence operator operator_name previous draft approved_by " +
      "message text reason turn")
      .split(" ")
      .map((name) => [name, (value: unknown) => typeof value === "string"]),
  ),
  ...Object.fromEntries(
    "score place edit_distance confidence".split(" ").map((name) => [name, Number.isFinite]),
  ),
  silent: (value) => typeof value === "boolean",
  supervised: (value) => typeof value === "boolean",
};

/** What is wrong with the fact's own fields; empty: nothing, or nobody can tell. */
function wrongFact(fields: Fields): string {
  const tag = fields["fact"] as string;
  if (!Object.hasOwn(NEEDED, tag)) return "";
  for (const [name, kind] of Object.entries(NEEDED[tag as keyof typeof NEEDED])) {
    const value = fields[name];
    const right =
      kind === "strings"
        ? Array.isArray(value) && value.every((one) => typeof one === "string")
        : typeof value === kind;
    if (!right) return `${tag} has no ${kind === "strings" ? "list of texts" : kind} in "${name}"`;
  }
  for (const [name, right] of Object.entries(OPTIONAL))
    if (fields[name] !== undefined && !right(fields[name])) return `${tag} has something else in "${name}"`;
  return "";
}

function isSource(value: unknown): boolean {
  if (!isFields(value) || typeof value["n"] !== "number") return false;
  const texts = ["chunk", "document", "title", "quote"].every((name) => typeof value[name] === "string");
  const { url = "", score = 0, version = 0, place } = value;
  return texts && typeof url === "string" && allNumbers([score, version]) && isPlace(place);
}

function isPlace(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (!isFields(value)) return false;
  const { page = 0, slide = 0, row = 0, sheet = "", anchor = "" } = value;
  return allNumbers([page, slide, row]) && typeof sheet === "string" && typeof anchor === "string";
}

function allNumbers(values: readonly unknown[]): boolean {
  return values.every(Number.isFinite);
}

function isCost(value: unknown): boolean {
  if (!isFields(value)) return false;
  const { latency_ms = {}, knowledge = 0, space = "", searched = "" } = value;
  if (!allNumbers([knowledge]) || typeof space !== "string" || typeof searched !== "string")
    return false;
  return isFields(latency_ms) && allNumbers(Object.values(latency_ms));
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function factOf(fields: Fields): ConversationFact {
  const own = Object.entries(fields).filter(([name]) => !LINE_FIELDS.includes(name));
  return Object.fromEntries(own) as unknown as ConversationFact;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The same lines again, for a conversation that came from a file. */
export function linesOf(commits: readonly Commit[], state: unknown): string {
  const lines: string[] = [];
  for (const { facts, conversation: _, ...place } of commits) {
    const { version, number, commit, hash, previous_hash, correlation = "", causation = "" } = place;
    facts.forEach((fact, index) => {
      const line = { version, index, number, commit, hash, previous_hash, correlation, causation };
      lines.push(JSON.stringify({ ...line, ...fact }));
    });
  }
  lines.push(JSON.stringify({ state }));
  return `${lines.join("\n")}\n`;
}
