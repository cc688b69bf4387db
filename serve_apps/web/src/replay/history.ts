/**
 * A conversation's commits, and State at any of its versions. It only grows. A *position* is how
 * many commits have happened: 0 is before the first. Versions have holes, positions have none.
 */

import type { Commit, ConversationFact } from "../wire/facts";
import { evolve, initial, type State, UnknownFact } from "../shared/fold";

/** One fact, and the position after its commit. */
export interface Entry {
  readonly position: number;
  readonly index: number;
  readonly fact: ConversationFact;
}

/** Something is wrong with the log itself, found at `position`. */
export interface Fault {
  readonly position: number;
  readonly what: string;
}

/** Any State is at most so many commits away from one that is kept. */
export const CHECKPOINT_EVERY = 100;
const BLOCKS_KEPT = 4;

export class History {
  readonly commits: Commit[] = [];
  readonly entries: Entry[] = [];
  /** When each commit was decided, ms since 1970; a clock that went back is held still. */
  readonly times: number[] = [];
  readonly faults: Fault[] = [];
  /** The place of each commit's first entry. */
  readonly #firstEntry: number[] = [];
  readonly #checkpoints: State[];
  #head: State;
  /** The States after each commit of a block that was looked at, by the block's first position. */
  readonly #blocks = new Map<number, State[]>();

  constructor(tenant: string, conversation: string) {
    this.#head = initial(tenant, conversation);
    this.#checkpoints = [this.#head];
  }

  /** Number of commits: the last position. */
  get length(): number {
    return this.commits.length;
  }

  /** Takes what follows; commits that are here already change nothing. How many were new. */
  append(commits: readonly Commit[]): number {
    const before = this.length;
    for (const commit of commits) if (commit.version > this.version) this.#take(commit);
    return this.length - before;
  }

  /** Of the last commit. */
  get version(): number {
    return this.versionAt(this.length);
  }

  versionAt(position: number): number {
    return this.commits[position - 1]?.version ?? 0;
  }

  /** Where the conversation stood at `version`: the last commit up to it. */
  positionOf(version: number): number {
    return countUpTo(this.commits, version, (commit) => commit.version);
  }

  /** The entries of the commit that leads to `position`. */
  entriesOf(position: number): readonly Entry[] {
    return this.entries.slice(this.entryAt(position), this.entryAt(position + 1));
  }

  /** The place of the first entry of the commit that leads to `position`. */
  entryAt(position: number): number {
    return this.#firstEntry[Math.max(1, position) - 1] ?? this.entries.length;
  }

  stateAt(position: number): State {
    if (position >= this.length) return this.#head;
    const start = Math.floor(position / CHECKPOINT_EVERY) * CHECKPOINT_EVERY;
    return this.#block(start)[position - start]!;
  }

  /** Who looks at one version looks at its neighbours next: a block is folded as a whole. */
  #block(start: number): State[] {
    const known = this.#blocks.get(start);
    if (known) return known;
    const states = [this.#checkpoints[start / CHECKPOINT_EVERY]!];
    const commits = this.commits.slice(start, start + CHECKPOINT_EVERY);
    for (const commit of commits) states.push(this.#folded(states.at(-1)!, commit, null));
    if (this.#blocks.size >= BLOCKS_KEPT) this.#blocks.delete(this.#blocks.keys().next().value!);
    this.#blocks.set(start, states);
    return states;
  }

  faultAt(position: number): string {
    return this.faults.find((fault) => fault.position === position)?.what ?? "";
  }

  #take(commit: Commit): void {
    const broken = brokenLink(this.commits.at(-1), commit);
    this.commits.push(commit);
    const position = this.length;
    this.#blocks.delete(position - 1 - ((position - 1) % CHECKPOINT_EVERY));
    if (broken) this.faults.push({ position, what: broken });
    this.#firstEntry.push(this.entries.length);
    commit.facts.forEach((fact, index) => this.entries.push({ position, index, fact }));
    this.times.push(Math.max(commit.facts[0]?.at ?? 0, this.times.at(-1) ?? 0));
    this.#head = this.#folded(this.#head, commit, this.faults);
    if (position % CHECKPOINT_EVERY === 0) this.#checkpoints.push(this.#head);
  }

  /** A fact that this page does not know changes nothing, and is a fault. */
  #folded(state: State, commit: Commit, faults: Fault[] | null): State {
    let folded: State = { ...state, version: commit.version };
    for (const fact of commit.facts) {
      try {
        folded = evolve(folded, fact);
      } catch (error) {
        if (!(error instanceof UnknownFact)) throw error;
        const what = `${error.tag} is not known to this page: State from here on may be wrong`;
        faults?.push({ position: this.length, what });
      }
    }
    return folded;
  }
}

/** How many of `items`, which grow by `of`, are up to `limit`. */
export function countUpTo<T>(items: readonly T[], limit: number, of: (item: T) => number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (of(items[middle]!) <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Why `next` cannot follow `last`: each counts one on and names the hash of the one before. */
export function brokenLink(last: Commit | undefined, next: Commit): string {
  const expected = (last?.number ?? 0) + 1;
  if (next.number > expected)
    return `a hole: commit ${next.number} follows commit ${expected - 1}`;
  if (next.number < expected)
    return `a fork: commit ${next.number} stands where commit ${expected} was expected`;
  const hash = last?.hash ?? "";
  if (next.previous_hash === hash) return "";
  const named = next.previous_hash ? next.previous_hash.slice(0, 12) : "nothing";
  return `a fork: commit ${next.number} follows ${named}, but ${hash.slice(0, 12) || "nothing"} was before it`;
}
