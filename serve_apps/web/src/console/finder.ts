/** What the socket does not bring: resolved conversations, and searches through all of them. */

import type { Api, RowPage } from "../wire/api";
import { Cell } from "../shared/cells";
import { ApiError } from "../wire/http";
import type { Board } from "./board";

export const PAGE = 50;
/** A search begins once nothing was typed for so long. */
export const SEARCH_PAUSE_MS = 250;

export interface Finding {
  loading: boolean;
  /** The server's word why it could not; empty when it could. */
  trouble: string;
  /** There are older ones. */
  more: boolean;
}

const IDLE: Finding = { loading: false, trouble: "", more: false };

export interface FinderSurroundings {
  setTimer(run: () => void, ms: number): unknown;
  clearTimer(timer: unknown): void;
}

export class Finder {
  readonly state = new Cell<Finding>(IDLE);
  #next: string | undefined;
  #asked: AbortController | null = null;
  #pause: unknown;

  constructor(
    private readonly api: Pick<Api, "conversations">,
    private readonly board: Board,
    private readonly around: FinderSurroundings,
  ) {}

  /** The newest resolved conversations. */
  loadResolved(): void {
    this.#next = undefined;
    this.#page();
  }

  moreResolved(): void {
    if (this.#next) this.#page();
  }

  /** What is on the board answers at once, the server a little later. */
  search(text: string): void {
    this.board.searchFor(text);
    this.around.clearTimer(this.#pause);
    this.#stop();
    const wanted = text.trim();
    if (!wanted) return;
    this.#pause = this.around.setTimer(() => {
      void this.#ask({ view: "all", search: wanted, limit: PAGE }, ({ rows }) =>
        this.board.found(rows),
      );
    }, SEARCH_PAUSE_MS);
  }

  #page(): void {
    const before = this.#next;
    void this.#ask(
      { view: "resolved", limit: PAGE, ...(before ? { before } : {}) },
      ({ rows, next }) => {
        this.#next = next;
        for (const row of rows) this.board.take(row);
        this.board.publish();
        this.state.update((state) => ({ ...state, more: next !== undefined }));
      },
    );
  }

  async #ask(
    query: Parameters<Api["conversations"]>[0],
    take: (page: RowPage) => void,
  ): Promise<void> {
    this.#stop();
    const asked = new AbortController();
    this.#asked = asked;
    this.state.update((state) => ({ ...state, loading: true, trouble: "" }));
    let trouble = "";
    try {
      const page = await this.api.conversations(query, asked.signal);
      if (asked === this.#asked) take(page);
    } catch (error) {
      if (asked.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      trouble = error.code;
    }
    if (asked !== this.#asked) return;
    this.#asked = null;
    this.state.update((state) => ({ ...state, loading: false, trouble }));
  }

  #stop(): void {
    this.#asked?.abort();
    this.#asked = null;
    this.state.update((state) => ({ ...state, loading: false }));
  }
}
