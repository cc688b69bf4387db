/** What is being written and not yet sent, per conversation: switching loses nothing. */

import { keep, kept, type Shelf } from "./shelf";

export type Purpose = "reply" | "note" | "draft";

export class Scratch {
  /** Where storage is full or forbidden, this page's memory serves. */
  readonly #memory = new Map<string, string>();

  constructor(
    private readonly operator: string,
    private readonly shelf: Shelf | null,
  ) {}

  get(purpose: Purpose, of: string): string {
    const name = this.#name(purpose, of);
    return this.#memory.get(name) ?? kept(this.shelf, name) ?? "";
  }

  set(purpose: Purpose, of: string, text: string): void {
    const name = this.#name(purpose, of);
    if (keep(this.shelf, name, text || null)) this.#memory.delete(name);
    else this.#memory.set(name, text);
  }

  #name(purpose: Purpose, of: string): string {
    return `tandem:scratch:${this.operator}:${purpose}:${of}`;
  }
}
