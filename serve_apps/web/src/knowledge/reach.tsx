/** How components reach the desk, and how they read from the server. */

import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";

import { ApiError } from "../wire/http";
import type { Desk } from "./desk";

export const DeskContext = createContext<Desk | null>(null);

export function useDesk(): Desk {
  const desk = useContext(DeskContext);
  if (!desk) throw new Error("outside of the page");
  return desk;
}

export interface Read<T> {
  value: T | null;
  error: ApiError | null;
  /** Asked, and not answered yet. */
  busy: boolean;
  again(): void;
}

/** What `read` answers; asked anew when one of `on` changes, the last answer shown meanwhile only
 * where `on[0]` is the same. */
export function useRead<T>(read: (signal: AbortSignal) => Promise<T>, on: readonly unknown[]): Read<T> {
  const [shown, show] = useState<{ of: unknown; value: T | null; error: ApiError | null } | null>(null);
  const [tries, retry] = useState(0);
  const [busy, work] = useState(true);
  useEffect(() => {
    const asked = new AbortController();
    work(true);
    read(asked.signal).then(
      (value) => {
        if (asked.signal.aborted) return;
        show({ of: on[0], value, error: null });
        work(false);
      },
      (error: unknown) => {
        if (asked.signal.aborted) return;
        if (!(error instanceof ApiError)) throw error;
        show({ of: on[0], value: null, error });
        work(false);
      },
    );
    return () => asked.abort();
  }, [...on, tries]);
  const mine = shown && Object.is(shown.of, on[0]) ? shown : null;
  const again = () => retry(tries + 1);
  return { value: mine?.value ?? null, error: mine?.error ?? null, busy: busy || !mine, again };
}
