/** The keyboard: single letters while nothing is being written, Ctrl or Cmd K everywhere. */

import { COMMANDS } from "./commands";
import type { Desk } from "./desk";

/** The part of a key event that is looked at. */
export interface Pressed {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  isComposing: boolean;
}

/** What a key does at the desk; null when it is not ours. `writing`: a field has the focus. */
export function deedOf(pressed: Pressed, desk: Desk, writing: boolean): (() => void) | null {
  const { key } = pressed;
  if (pressed.isComposing) return null;
  if ((pressed.ctrlKey || pressed.metaKey) && !pressed.altKey && key.toLowerCase() === "k")
    return () => desk.overlay.update((open) => (open?.kind === "commands" ? null : { kind: "commands" }));
  // Dialogs hear Escape themselves.
  if (writing || desk.overlay.get() || pressed.ctrlKey || pressed.metaKey || pressed.altKey)
    return null;
  if (key === "Escape" && desk.pane.get() === "context") return () => desk.pane.set("conversation");
  // While an order is on its way, what is typed next is meant for what comes of it.
  if (!desk.parts.prefs.cell.get().keys || desk.ordered()) return null;
  if (key === "j") return () => desk.moveCursor(1);
  if (key === "k") return () => desk.moveCursor(-1);
  const command = COMMANDS.find((one) => one.key === (key.length === 1 ? key.toLowerCase() : key));
  return command?.may(desk) ? () => command.run(desk) : null;
}

const FIELDS = "input, textarea, select, [contenteditable]";

/** Hears the page's keys until what it returns is called. */
export function hearKeys(desk: Desk): () => void {
  const hear = (event: KeyboardEvent) => {
    if (event.defaultPrevented) return;
    const target = event.target instanceof Element ? event.target : null;
    const writing = Boolean(target?.closest(FIELDS));
    // In the queue the arrows go from row to row.
    const inRows = Boolean(target?.closest(".rows"));
    if (inRows && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      desk.moveCursor(event.key === "ArrowDown" ? 1 : -1);
      return;
    }
    const run = deedOf(event, desk, writing);
    if (!run) return;
    event.preventDefault();
    run();
  };
  document.addEventListener("keydown", hear);
  return () => document.removeEventListener("keydown", hear);
}
