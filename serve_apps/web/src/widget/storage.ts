/**
 * What a browser keeps between two page loads, per publishable key: the way back into the
 * conversation, and what was written and not yet acknowledged.
 *
 * Several tabs share it, so each change reads first and writes only what it means to change.
 * Where storage is blocked, full or spoilt, everything works from memory for this page alone.
 */

export const SCHEMA = 1;

export interface Unsent {
  id: string;
  text: string;
  at: number;
}

export interface Kept {
  schema: typeof SCHEMA;
  conversation: string;
  token: string;
  /** The last event that was shown: later ones are news. */
  version: number;
  index: number;
  unsent: Unsent[];
  /** The next hello begins another conversation; `token` says only who the visitor is. */
  fresh?: true;
}

const EMPTY: Kept = { schema: SCHEMA, conversation: "", token: "", version: 0, index: -1, unsent: [] };

/** The part of `Storage` that is used. */
export type Shelf = Pick<Storage, "getItem" | "setItem" | "removeItem">;

function isUnsent(value: unknown): value is Unsent {
  const u = value as Partial<Unsent> | null;
  return typeof u?.id === "string" && typeof u.text === "string" && typeof u.at === "number";
}

/** What stands in storage, or nothing when it is of another schema or has been spoilt. */
export function parseKept(raw: string | null): Kept {
  if (!raw) return EMPTY;
  let found: Partial<Kept> | null;
  try {
    found = JSON.parse(raw) as Partial<Kept> | null;
  } catch {
    return EMPTY;
  }
  if (found?.schema !== SCHEMA || typeof found.token !== "string") return EMPTY;
  return {
    schema: SCHEMA,
    conversation: typeof found.conversation === "string" ? found.conversation : "",
    token: found.token,
    version: typeof found.version === "number" ? found.version : 0,
    index: typeof found.index === "number" ? found.index : -1,
    unsent: Array.isArray(found.unsent) ? found.unsent.filter(isUnsent) : [],
    ...(found.fresh === true && { fresh: true }),
  };
}

export class Keeper {
  readonly #name: string;
  #shelf: Shelf | null = null;
  /** The last known content: all there is when the shelf is out of order. */
  #memory: Kept = EMPTY;

  /** `shelf` may throw: merely naming `localStorage` does, in a page that may not have it. */
  constructor(key: string, shelf: () => Shelf | null) {
    this.#name = `tandem:${key}`;
    try {
      this.#shelf = shelf();
    } catch {
      this.#shelf = null;
    }
  }

  get(): Kept {
    try {
      if (this.#shelf) this.#memory = parseKept(this.#shelf.getItem(this.#name));
    } catch {
      this.#shelf = null;
    }
    return this.#memory;
  }

  /** A conversation was begun or found again. */
  keepSession(conversation: string, token: string): void {
    const { fresh: _, ...kept } = this.get();
    const same = kept.conversation === conversation;
    this.#put({
      ...kept,
      conversation,
      token,
      version: same ? kept.version : 0,
      index: same ? kept.index : -1,
    });
  }

  keepSeen(version: number, index: number): void {
    this.#put({ ...this.get(), version, index });
  }

  addUnsent(message: Unsent): void {
    const kept = this.get();
    this.#put({ ...kept, unsent: [...kept.unsent.filter((u) => u.id !== message.id), message] });
  }

  removeUnsent(id: string): void {
    const kept = this.get();
    if (kept.unsent.some((u) => u.id === id))
      this.#put({ ...kept, unsent: kept.unsent.filter((u) => u.id !== id) });
  }

  /** The conversation is given up; what was not sent goes into the next one. */
  forgetSession(): void {
    this.#put({ ...EMPTY, unsent: this.get().unsent });
  }

  /** Nothing of this conversation stays but the token, which the next one is begun with. */
  beginAfresh(): void {
    const { token } = this.get();
    this.#put({ ...EMPTY, token, ...(token && { fresh: true }) });
  }

  #put(kept: Kept): void {
    this.#memory = kept;
    try {
      this.#shelf?.setItem(this.#name, JSON.stringify(kept));
    } catch {
      // Full or forbidden: from here on memory alone, or an old content would come back.
      this.#shelf = null;
    }
  }
}
