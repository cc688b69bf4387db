/**
 * What the operator has asked for and the server has not yet taken. Each order keeps its id until
 * it is durable or refused for good, over lost sockets and reloads alike: asking twice does
 * nothing twice. What was written (replies, notes) is kept in the tab's storage.
 */

import { Cell } from "../shared/cells";
import { mayPass, type Order } from "../wire/operator_protocol";

export type State =
  /** No socket: goes out with the next one. */
  | "waiting"
  | "sending"
  /** Durable; its commit has not been shown yet. */
  | "saved"
  | "failed";

export interface Entry {
  order: Order;
  /** When it was asked for, ms since 1970. */
  at: number;
  state: State;
  /** Of the commit it is durable in; 0 before. */
  version: number;
  /** Why it was refused. */
  code: string;
  detail: string;
}

/** The server's answer is awaited this long before the order is sent again. */
export const ANSWER_WITHIN = 10_000;
export const AGAIN_FIRST = 1_000;
export const AGAIN_MAX = 15_000;
/** What is only a click is not done any more once it is older: the operator has moved on. */
export const CLICK_HOLDS = 60_000;

export interface OutboxSurroundings {
  now(): number;
  setTimer(run: () => void, ms: number): unknown;
  clearTimer(timer: unknown): void;
  /** False when there is no socket. */
  send(order: Order): boolean;
  shelf(): Pick<Storage, "getItem" | "setItem"> | null;
  /** An order was refused for good, or given up. */
  refused(entry: Entry): void;
}

/** Texts that a person wrote: never lost, and shown until they are durable. */
export function isText(order: Order): order is Order & { type: "reply" | "note" } {
  return order.type === "reply" || order.type === "note";
}

export class Outbox {
  readonly entries = new Cell<readonly Entry[]>([]);
  readonly #name: string;
  readonly #timers = new Map<string, unknown>();
  readonly #attempts = new Map<string, number>();

  constructor(
    operator: string,
    private readonly around: OutboxSurroundings,
  ) {
    this.#name = `tandem:outbox:${operator}`;
    this.entries.set(this.#kept());
  }

  ask(order: Order): void {
    const entry: Entry = {
      order,
      at: this.around.now(),
      state: "waiting",
      version: 0,
      code: "",
      detail: "",
    };
    this.#put([...this.entries.get(), entry]);
    this.#send(order.id);
  }

  /** Whether an order of these kinds for the conversation is on its way. */
  busy(conversation: string, ...types: Order["type"][]): boolean {
    return this.entries
      .get()
      .some(
        ({ order, state }) =>
          order.conversation === conversation &&
          types.includes(order.type) &&
          (state === "sending" || state === "waiting"),
      );
  }

  accepted(id: string, version: number): void {
    this.#stop(id);
    const entry = this.#find(id);
    if (!entry) return;
    if (isText(entry.order)) this.#change(id, { state: "saved", version });
    else this.#remove(id);
  }

  rejected(id: string, code: string, detail: string): void {
    this.#stop(id);
    const entry = this.#find(id);
    if (!entry) return;
    if (mayPass(code)) {
      const attempt = this.#attempts.get(id) ?? 0;
      this.#attempts.set(id, attempt + 1);
      this.#later(id, Math.min(AGAIN_MAX, AGAIN_FIRST * 2 ** attempt));
      return;
    }
    const failed: Entry = { ...entry, state: "failed", code, detail };
    if (isText(entry.order)) this.#change(id, failed);
    else this.#remove(id);
    this.around.refused(failed);
  }

  /** There is a socket again: what has no answer yet is asked again, with the same id. */
  ready(): void {
    for (const entry of this.entries.get()) {
      if (entry.state !== "waiting" && entry.state !== "sending") continue;
      if (!isText(entry.order) && this.around.now() - entry.at > CLICK_HOLDS) {
        this.#remove(entry.order.id);
        this.around.refused({ ...entry, state: "failed", code: "given_up", detail: "" });
      } else this.#send(entry.order.id);
    }
  }

  disconnected(): void {
    for (const { order, state } of this.entries.get()) {
      this.#stop(order.id);
      if (state === "sending") this.#change(order.id, { state: "waiting" });
    }
  }

  /** A failed text once more, under the epoch that holds now. It was never done: a new id. */
  again(id: string, order: Order): void {
    this.discard(id);
    this.ask(order);
  }

  discard(id: string): void {
    this.#stop(id);
    this.#remove(id);
  }

  /** The conversation shows everything up to `version`, and the messages `shown`. */
  shown(conversation: string, version: number, isShown: (message: string) => boolean): void {
    const done = this.entries
      .get()
      .filter(
        ({ order, state, version: saved }) =>
          order.conversation === conversation &&
          isText(order) &&
          ((state === "saved" && saved <= version) || isShown(order.id)),
      );
    for (const { order } of done) this.discard(order.id);
  }

  #send(id: string): void {
    const entry = this.#find(id);
    if (!entry) return;
    const gone = this.around.send(entry.order);
    this.#change(id, { state: gone ? "sending" : "waiting" });
    if (gone) this.#later(id, ANSWER_WITHIN);
  }

  #later(id: string, ms: number): void {
    this.#stop(id);
    this.#timers.set(
      id,
      this.around.setTimer(() => this.#send(id), ms),
    );
  }

  #stop(id: string): void {
    this.around.clearTimer(this.#timers.get(id));
    this.#timers.delete(id);
  }

  #find(id: string): Entry | undefined {
    return this.entries.get().find(({ order }) => order.id === id);
  }

  #change(id: string, change: Partial<Entry>): void {
    this.#put(this.entries.get().map((e) => (e.order.id === id ? { ...e, ...change } : e)));
  }

  #remove(id: string): void {
    this.#attempts.delete(id);
    this.#put(this.entries.get().filter(({ order }) => order.id !== id));
  }

  #put(entries: readonly Entry[]): void {
    this.entries.set(entries);
    try {
      const texts = entries.filter(({ order, state }) => isText(order) && state !== "saved");
      this.around.shelf()?.setItem(this.#name, JSON.stringify(texts));
    } catch {
      // Full or forbidden: it is still in this page's memory.
    }
  }

  #kept(): Entry[] {
    try {
      const found: unknown = JSON.parse(this.around.shelf()?.getItem(this.#name) ?? "[]");
      if (!Array.isArray(found)) return [];
      return found
        .filter(isEntry)
        .map((entry) => (entry.state === "failed" ? entry : { ...entry, state: "waiting" }));
    } catch {
      return [];
    }
  }
}

function isEntry(value: unknown): value is Entry {
  const entry = value as Partial<Entry> | null;
  const order = entry?.order as Partial<Record<string, unknown>> | undefined;
  return (
    typeof order?.["id"] === "string" &&
    typeof order["conversation"] === "string" &&
    typeof order["text"] === "string" &&
    (order["type"] === "reply" || order["type"] === "note")
  );
}
