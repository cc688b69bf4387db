/** A list that is read in pages: the first at once, the others when they are asked for. */

import { useEffect, useRef, useState } from "preact/hooks";

import { ApiError } from "../wire/http";
import type { Page } from "./types";

export interface Paged<T> {
  rows: readonly T[];
  /** More can be asked for. */
  more: boolean;
  busy: boolean;
  error: ApiError | null;
  ask(): void;
}

/** `read` is asked for the page after `cursor`; "" is the first. A component with another `read`
 * needs another key. */
export function usePages<T>(read: (cursor: string, signal: AbortSignal) => Promise<Page<T>>): Paged<T> {
  const [shown, show] = useState<{ rows: readonly T[]; next: string | null }>({ rows: [], next: "" });
  const [error, fail] = useState<ApiError | null>(null);
  const [busy, work] = useState(true);
  const asked = useRef(new AbortController());
  const ask = (cursor: string) => {
    const { signal } = asked.current;
    work(true);
    fail(null);
    read(cursor, signal).then(
      (page) => {
        if (signal.aborted) return;
        show(({ rows }) => ({ rows: [...rows, ...page.rows], next: String(page.next ?? "") || null }));
        work(false);
      },
      (problem: unknown) => {
        if (signal.aborted) return;
        if (!(problem instanceof ApiError)) throw problem;
        fail(problem);
        work(false);
      },
    );
  };
  useEffect(() => {
    asked.current = new AbortController();
    ask("");
    return () => asked.current.abort();
  }, []);
  return { rows: shown.rows, more: shown.next !== null, busy, error, ask: () => ask(shown.next ?? "") };
}
