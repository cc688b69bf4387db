/** The conversations that were opened: one is watched, the last few are remembered. */

import { Cell } from "../shared/cells";
import { Thread, type ThreadSurroundings } from "./thread";

/** Going back to one of so many asks only for what was missed. */
export const REMEMBERED = 12;

export interface Watcher {
  watch(conversation: string, after: () => number): void;
  unwatch(conversation: string): void;
}

export class Threads {
  readonly open = new Cell<Thread | null>(null);
  /** Oldest first. */
  readonly #known = new Map<string, Thread>();

  constructor(
    private readonly watcher: Watcher,
    private readonly around: ThreadSurroundings,
  ) {}

  show(conversation: string): Thread {
    const open = this.open.get();
    if (open?.conversation === conversation) return open;
    this.close();
    const thread = this.#known.get(conversation) ?? new Thread(conversation, this.around);
    this.#known.delete(conversation);
    this.#known.set(conversation, thread);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= REMEMBERED) break;
      this.#known.delete(oldest);
    }
    this.open.set(thread);
    this.watcher.watch(conversation, () => thread.version);
    return thread;
  }

  close(): void {
    const open = this.open.get();
    if (!open) return;
    this.watcher.unwatch(open.conversation);
    open.disconnected();
    this.open.set(null);
  }

  /** The open one, when it is `conversation`: nothing else is watched. */
  of(conversation: string): Thread | null {
    const open = this.open.get();
    return open?.conversation === conversation ? open : null;
  }

  /** Commits are missing: ask again from the last one that is there. */
  again(thread: Thread): void {
    this.watcher.unwatch(thread.conversation);
    this.watcher.watch(thread.conversation, () => thread.version);
  }
}
