/**
 * Values that can be watched. A component that reads a cell is drawn again when that cell
 * changes, and only then: two hundred rows may change without the page being drawn anew.
 */

import { useLayoutEffect, useReducer } from "preact/hooks";

export interface Readable<T> {
  get(): T;
  /** Calls `heard` after each change; returns what ends it. */
  subscribe(heard: () => void): () => void;
}

export class Cell<T> implements Readable<T> {
  #value: T;
  #listeners = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get(): T {
    return this.#value;
  }

  /** Nothing happens when the value is the same one. */
  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const heard of [...this.#listeners]) heard();
  }

  update(change: (value: T) => T): void {
    this.set(change(this.#value));
  }

  subscribe(heard: () => void): () => void {
    this.#listeners.add(heard);
    return () => void this.#listeners.delete(heard);
  }
}

/** The cell's value; the component is drawn again when it changes. */
export function useCell<T>(cell: Readable<T>): T {
  return useSelected(cell, (value) => value);
}

/** A part of the cell's value, compared by identity: other changes draw nothing. */
export function useSelected<T, U>(cell: Readable<T>, select: (value: T) => U): U {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const shown = select(cell.get());
  useLayoutEffect(() => {
    const look = () => {
      if (!Object.is(select(cell.get()), shown)) redraw(undefined as never);
    };
    look(); // it may have changed between drawing and now
    return cell.subscribe(look);
  });
  return shown;
}
