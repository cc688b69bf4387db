/** The browser's storage where it may be had; pages live on without it. */

export type Shelf = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export function shelf(kind: "local" | "session"): Shelf | null {
  try {
    return kind === "local" ? localStorage : sessionStorage;
  } catch {
    return null;
  }
}

/** What was kept under `name`, or null: nothing there, or no storage. */
export function kept(from: Shelf | null, name: string): string | null {
  try {
    return from?.getItem(name) ?? null;
  } catch {
    return null;
  }
}

/** False when it could not be kept. */
export function keep(on: Shelf | null, name: string, text: string | null): boolean {
  try {
    if (text === null) on?.removeItem(name);
    else on?.setItem(name, text);
    return on !== null;
  } catch {
    return false;
  }
}
