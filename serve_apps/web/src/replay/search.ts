/** Search inside a conversation: by words, by the kind of fact, by operator. */

import type { ConversationFact } from "../wire/facts";
import { nameOf } from "./describe";
import type { Entry } from "./history";

export interface Query {
  readonly text: string;
  /** A fact's tag; empty: any. */
  readonly type: string;
  /** An operator's id; empty: any. */
  readonly operator: string;
}

export const NO_QUERY: Query = { text: "", type: "", operator: "" };

export function isEmpty(query: Query): boolean {
  return !query.text.trim() && !query.type && !query.operator;
}

export class Search {
  /** What can be found of each entry, made when it is first asked for. */
  readonly #texts: string[] = [];

  constructor(private readonly entries: readonly Entry[]) {}

  /** Places in `entries`, in their order. All words must stand in the fact, in whatever order. */
  find(query: Query): number[] {
    if (isEmpty(query)) return [];
    const words = folded(query.text).split(/\s+/).filter(Boolean);
    const found: number[] = [];
    this.entries.forEach(({ fact }, place) => {
      if (query.type && fact.fact !== query.type) return;
      if (query.operator && operatorOf(fact) !== query.operator) return;
      if (words.every((word) => this.#text(place).includes(word))) found.push(place);
    });
    return found;
  }

  #text(place: number): string {
    return (this.#texts[place] ??= folded(wordsOf(this.entries[place]!.fact)));
  }
}

/** The facts' kinds and the operators that there are to choose from. */
export function choices(entries: readonly Entry[]): {
  types: string[];
  operators: Map<string, string>;
} {
  const types = new Set<string>();
  const operators = new Map<string, string>();
  for (const { fact } of entries) {
    types.add(fact.fact);
    const operator = operatorOf(fact);
    const name = "operator_name" in fact ? fact.operator_name : "";
    if (operator && (name || !operators.has(operator))) operators.set(operator, name || operator);
  }
  return { types: [...types].sort(), operators };
}

export function operatorOf(fact: ConversationFact): string {
  if (fact.fact === "AnswerRecorded.v1") return fact.approved_by ?? "";
  return "operator" in fact ? (fact.operator ?? "") : "";
}

/** Without case and accents: who looks for "lampara" finds "lámpara". */
export function folded(text: string): string {
  return text.normalize("NFD").replace(/\p{M}+/gu, "").toLowerCase();
}

function wordsOf(fact: ConversationFact): string {
  const words: string[] = [nameOf(fact.fact)];
  gather(fact, words, 0);
  return words.join("\n");
}

function gather(value: unknown, words: string[], depth: number): void {
  if (typeof value === "string") words.push(value);
  else if (typeof value === "object" && value !== null && depth < 6)
    for (const inner of Object.values(value)) gather(inner, words, depth + 1);
}
