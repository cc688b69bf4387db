/** What the page holds: the route, the list of documents, what was just added, who is who. */

import { Cell } from "../shared/cells";
import { ApiError } from "../wire/http";
import { type Me, mayOrder } from "../wire/operator_protocol";
import { addressOf, type Route, routeOf } from "./address";
import { Additions } from "./additions";
import type { KnowledgeApi } from "./api";
import { Feed } from "./feed";
import { troubleWords } from "./format";
import { emptyShelf, type Filter, type Shelf, withDocument, withPage } from "./shelf";
import { K } from "./strings";
import type { Doc, Progress } from "./types";

const PAGE = 100;

export interface Notice {
  text: string;
  bad: boolean;
}

export interface DeskParts {
  api: KnowledgeApi;
  me: Me;
  /** Names of the company's operators by id. Rejects with ApiError. */
  colleagues(): Promise<Map<string, string>>;
  location: Pick<Location, "search" | "pathname">;
  history: Pick<History, "pushState" | "replaceState">;
  setTimer(run: () => void, ms: number): unknown;
  clearTimer(timer: unknown): void;
}

export class Desk {
  readonly route: Cell<Route>;
  readonly shelf: Cell<Shelf>;
  readonly progress = new Cell<ReadonlyMap<string, Progress>>(new Map());
  /** The document that changed last: a page that shows it reads it again. */
  readonly changed = new Cell<Doc | null>(null);
  readonly names = new Cell<ReadonlyMap<string, string>>(new Map());
  readonly notice = new Cell<Notice | null>(null);
  readonly additions: Additions;
  readonly feed: Feed;
  readonly mayWrite: boolean;
  readonly maySet: boolean;
  #asked = 0;
  #wasLive = false;

  constructor(readonly parts: DeskParts) {
    const route = routeOf(parts.location.search);
    this.route = new Cell(route);
    this.shelf = new Cell(emptyShelf(filterOf(route)));
    this.mayWrite = mayOrder(parts.me.role);
    this.maySet = parts.me.role === "admin";
    this.additions = new Additions(parts.api);
    this.feed = new Feed({
      open: (signal) => parts.api.events(signal),
      onLive: () => this.#live(),
      onDocument: (doc) => this.#hear(doc),
      onProgress: (progress) => this.progress.update((all) => new Map(all).set(progress.document, progress)),
      setTimer: (run, ms) => parts.setTimer(run, ms),
      clearTimer: (timer) => parts.clearTimer(timer),
    });
  }

  /** Returns what ends it. */
  start(): () => void {
    void this.feed.run();
    void this.load();
    this.parts.colleagues().then(
      (names) => this.names.set(names),
      // Without names their ids are shown.
      (error: unknown) => void troubleWords(error),
    );
    return () => this.feed.stop();
  }

  // Where one looks.

  /** `quietly`: the address changes, but Back does not come here. */
  go(route: Route, quietly = false): void {
    const address = addressOf(route);
    if (quietly) this.parts.history.replaceState(null, "", address);
    else if (this.parts.location.pathname + this.parts.location.search !== address)
      this.parts.history.pushState(null, "", address);
    this.#arrive(route);
  }

  /** Back or forward. */
  came(): void {
    this.#arrive(routeOf(this.parts.location.search));
  }

  #arrive(route: Route): void {
    this.route.set(route);
    const { filter } = this.shelf.get();
    const wanted = filterOf(route);
    if (route.at !== "documents") return;
    if (wanted.state === filter.state && wanted.search === filter.search) return;
    this.shelf.set(emptyShelf(wanted));
    void this.load();
  }

  // The list.

  /** `more`: the page after what is here; else all of it anew. */
  async load(more = false): Promise<void> {
    const { filter, next, rows } = this.shelf.get();
    const turn = (this.#asked += 1);
    this.shelf.update((shelf) => ({ ...shelf, loading: true, failed: "" }));
    let before = more && next ? next : undefined;
    const found: Doc[] = [];
    try {
      do {
        const page = await this.parts.api.documents({ ...filter, limit: PAGE, before });
        if (turn !== this.#asked) return;
        found.push(...page.rows);
        before = String(page.next ?? "") || undefined;
        // Read anew, the list is as long as it was: nobody's place on the page is lost.
      } while (!more && before && found.length < rows.length);
      this.shelf.update((shelf) => withPage(shelf, found, before ?? null, more));
    } catch (error) {
      const failed = troubleWords(error);
      if (turn === this.#asked) this.shelf.update((shelf) => ({ ...shelf, loading: false, failed }));
    }
  }

  #live(): void {
    // What changed while nothing was heard is read again.
    if (this.#wasLive) void this.load();
    this.#wasLive = true;
  }

  #hear(doc: Doc): void {
    this.shelf.update((shelf) => withDocument(shelf, doc));
    this.additions.hear(doc);
    this.changed.set(doc);
  }

  // Deeds.

  async reingest(doc: Doc, name: string): Promise<void> {
    await this.#do(() => this.parts.api.reingest(doc.document), K.reingested(name));
  }

  /** Whether it was done. */
  async remove(doc: Doc, name: string): Promise<boolean> {
    return this.#do(() => this.parts.api.remove(doc.document), K.removed(name));
  }

  async #do(deed: () => Promise<unknown>, said: string): Promise<boolean> {
    try {
      await deed();
      this.notice.set({ text: said, bad: false });
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.notice.set({ text: K.deedFailed(troubleWords(error)), bad: true });
      return false;
    }
  }
}

function filterOf(route: Route): Filter {
  return route.at === "documents" ? { state: route.state, search: route.search } : { state: "", search: "" };
}
