/**
 * The queue: rows by conversation, four views, a search. Rows change often and their order
 * seldom, so each row is a cell of its own, and the order another.
 */

import type { View } from "../wire/api";
import { Cell } from "../shared/cells";
import type { Row } from "../wire/operator_protocol";

export const VIEWS: readonly View[] = ["unassigned", "mine", "all", "resolved"];

export type Counts = Record<View, number>;

/** What is news: conversations that began to wait, for anybody or for this operator. */
export type Heard = (newlyWaiting: readonly Row[]) => void;

/** Among conversations that wait for nobody the order follows at most this often. */
export const SETTLE_MS = 1000;

/** Nobody has it, and somebody is wanted: as `needs_a_person` in projections/read_models/queue.py. */
export function needsPerson(row: Row): boolean {
  return row.status === "open" && !row.operator && waitsSince(row) !== null;
}

/** Since when the visitor waits for a person, ms since 1970; null when none has to come. */
export function waitsSince(row: Row): number | null {
  if (row.status !== "open") return null;
  if (row.waiting_since !== null) return row.waiting_since;
  return row.mode !== "ai" && row.unanswered > 0 ? row.last_at : null;
}

export function inView(row: Row, view: View, me: string): boolean {
  if (view === "resolved") return row.status === "resolved";
  if (row.status !== "open") return false;
  if (view === "all") return true;
  return view === "mine" ? row.operator === me : needsPerson(row);
}

/** Those that wait longest first, then the newest; resolved ones by when they were. */
export function compared(a: Row, b: Row): number {
  const waitA = waitsSince(a) ?? Infinity;
  const waitB = waitsSince(b) ?? Infinity;
  if (waitA !== waitB) return waitA - waitB;
  const newest = (b.resolved_at ?? b.last_at) - (a.resolved_at ?? a.last_at);
  return newest || (a.conversation < b.conversation ? -1 : 1);
}

export interface BoardSurroundings {
  now(): number;
  setTimer(run: () => void, ms: number): unknown;
  /** Text to search a row by, lower case. */
  searched(row: Row): string;
}

export class Board {
  readonly view = new Cell<View>("unassigned");
  readonly search = new Cell("");
  /** The conversations shown, in order. */
  readonly order = new Cell<readonly string[]>([]);
  readonly counts = new Cell<Counts>({ unassigned: 0, mine: 0, all: 0, resolved: 0 });
  /** False until the first board came. */
  readonly known = new Cell(false);
  readonly #rows = new Map<string, Row>();
  readonly #cells = new Map<string, Cell<Row>>();
  readonly #changed = new Set<string>();
  /** What a search on the server found besides. */
  #found: readonly string[] = [];
  #ordered = 0;
  #settling = false;
  #held = false;
  #introduced = false;

  constructor(
    private readonly me: string,
    private readonly around: BoardSurroundings,
    private readonly heard: Heard = () => undefined,
  ) {}

  row(conversation: string): Row | undefined {
    return this.#rows.get(conversation);
  }

  /** The row as a cell; made empty-handed only for conversations that are there. */
  cell(conversation: string): Cell<Row> | undefined {
    const row = this.#rows.get(conversation);
    if (!row) return undefined;
    let cell = this.#cells.get(conversation);
    if (!cell) this.#cells.set(conversation, (cell = new Cell(row)));
    return cell;
  }

  all(): Iterable<Row> {
    return this.#rows.values();
  }

  /** Takes a row in when it is newer; shown from the next `publish`. */
  take(row: Row): void {
    const known = this.#rows.get(row.conversation);
    if (known && known.version >= row.version) return;
    this.#rows.set(row.conversation, row);
    this.#changed.add(row.conversation);
  }

  /** All open conversations there are, as the server knows them. */
  takeBoard(rows: readonly Row[]): void {
    const named = new Set(rows.map((row) => row.conversation));
    for (const [conversation, row] of this.#rows)
      if (row.status === "open" && !named.has(conversation)) this.#forget(conversation);
    for (const row of rows) this.take(row);
    this.known.set(true);
    this.#ordered = 0;
  }

  show(view: View): void {
    this.view.set(view);
    this.#arrange();
  }

  searchFor(text: string): void {
    this.search.set(text);
    this.#found = [];
    this.#arrange();
  }

  /** What the server found for the search that is shown. */
  found(rows: readonly Row[]): void {
    for (const row of rows) this.take(row);
    this.#found = rows.map((row) => row.conversation);
    this.publish();
    this.#arrange();
  }

  /** While somebody points at a row, it does not run away. */
  hold(on: boolean): void {
    this.#held = on;
    if (!on) this.#arrange();
  }

  /** Tell whoever looks what has changed since the last time. */
  publish(): void {
    if (this.#changed.size) {
      const news: Row[] = [];
      for (const conversation of this.#changed) {
        const row = this.#rows.get(conversation);
        const cell = this.#cells.get(conversation);
        if (!row) continue;
        const before = cell?.get();
        if (this.#calls(row) && !(before && this.#calls(before))) news.push(row);
        if (cell) cell.set(row);
        else this.cell(conversation);
      }
      this.#changed.clear();
      this.#count();
      // What was waiting when the page was opened is no news.
      if (news.length && this.#introduced) this.heard(news);
    }
    this.#introduced ||= this.known.get();
    this.#follow();
  }

  /** Somebody is wanted: anybody, or the one whose page this is. */
  #calls(row: Row): boolean {
    return needsPerson(row) || (row.operator === this.me && waitsSince(row) !== null);
  }

  #forget(conversation: string): void {
    this.#rows.delete(conversation);
    this.#changed.add(conversation);
  }

  #count(): void {
    const counts: Counts = { unassigned: 0, mine: 0, all: 0, resolved: 0 };
    for (const row of this.#rows.values())
      for (const view of VIEWS) if (inView(row, view, this.me)) counts[view] += 1;
    const shown = this.counts.get();
    if (VIEWS.some((view) => counts[view] !== shown[view])) this.counts.set(counts);
  }

  /** The order as it ought to be. */
  #wanted(): string[] {
    const text = this.search.get().trim().toLowerCase();
    const rows = [...this.#rows.values()];
    const view = this.view.get();
    const shown = text
      ? rows.filter((row) => this.around.searched(row).includes(text))
      : rows.filter((row) => inView(row, view, this.me));
    const order = shown.sort(compared).map((row) => row.conversation);
    if (!text) return order;
    const there = new Set(order);
    return [...order, ...this.#found.filter((id) => !there.has(id) && this.#rows.has(id))];
  }

  /** Whoever waits is put in place at once; the others at most once a second. */
  #follow(): void {
    const wanted = this.#wanted();
    const shown = this.order.get();
    if (same(wanted, shown)) return;
    const members = sameMembers(wanted, shown);
    const head = this.#waiting(wanted);
    if (!members || !same(wanted.slice(0, head), shown.slice(0, head))) {
      if (!this.#held) this.#put(wanted);
      else if (!members) this.#put(merged(shown, wanted));
      return;
    }
    if (this.#held) return;
    const wait = this.#ordered + SETTLE_MS - this.around.now();
    if (wait <= 0) this.#put(wanted);
    else if (!this.#settling) {
      this.#settling = true;
      this.around.setTimer(() => {
        this.#settling = false;
        this.#follow();
      }, wait);
    }
  }

  #arrange(): void {
    const wanted = this.#wanted();
    if (!same(wanted, this.order.get())) this.#put(wanted);
  }

  #put(order: readonly string[]): void {
    this.#ordered = this.around.now();
    this.order.set(order);
  }

  /** How many of `order` wait: they stand before all others. */
  #waiting(order: readonly string[]): number {
    let n = 0;
    for (const id of order) {
      const row = this.#rows.get(id);
      if (!row || waitsSince(row) === null) break;
      n += 1;
    }
    return n;
  }
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((one, i) => one === b[i]);
}

function sameMembers(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  const there = new Set(b);
  return a.every((one) => there.has(one));
}

/** The shown order with what is gone taken out and what is new put at the end. */
function merged(shown: readonly string[], wanted: readonly string[]): string[] {
  const there = new Set(wanted);
  const kept = shown.filter((id) => there.has(id));
  const known = new Set(kept);
  return [...kept, ...wanted.filter((id) => !known.has(id))];
}
