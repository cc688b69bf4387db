/** The page's keys. None is taken while somebody writes, or holds Ctrl, Alt or Meta. */

import type { Replay } from "./replay";
import { SEARCH_ID } from "./SearchBar";

export interface KeyActions {
  help(): void;
  /** Escape, where nothing nearer took it. */
  closeAll(): void;
}

/** Far steps of the slider. */
const PAGE = 10;

/** Whether the key was one of ours. */
export function pressed(event: KeyboardEvent, replay: Replay, actions: KeyActions): boolean {
  if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return false;
  const target = event.target as HTMLElement;
  if (writes(target) || document.querySelector("dialog[open]")) return false;
  if (scrolls(target, event.key)) return false;
  const act = actionOf(event, replay, actions);
  if (!act) return false;
  act();
  return true;
}

function actionOf(event: KeyboardEvent, replay: Replay, actions: KeyActions): (() => void) | null {
  switch (event.key) {
    case "ArrowLeft":
      return () => (event.shiftKey ? replay.stepTurn(-1) : replay.step(-1));
    case "ArrowRight":
      return () => (event.shiftKey ? replay.stepTurn(1) : replay.step(1));
    case "ArrowDown":
      return isSlider(event) ? () => replay.step(-1) : null;
    case "ArrowUp":
      return isSlider(event) ? () => replay.step(1) : null;
    case "PageUp":
      return isSlider(event) ? () => replay.step(PAGE) : null;
    case "PageDown":
      return isSlider(event) ? () => replay.step(-PAGE) : null;
    case "Home":
      return () => replay.goTo(0);
    case "End":
      return () => replay.goTo(replay.history.length);
    case " ":
      return isPressable(event.target as HTMLElement) ? null : () => replay.togglePlay();
    case "<":
      return () => replay.faster(-1);
    case ">":
      return () => replay.faster(1);
    case "h":
      return () => replay.jump("handoff", 1);
    case "H":
      return () => replay.jump("handoff", -1);
    case "x":
      return () => replay.jump("error", 1);
    case "X":
      return () => replay.jump("error", -1);
    case "/":
      return () => document.getElementById(SEARCH_ID)?.focus();
    case "n":
      return () => replay.goToHit(1);
    case "N":
      return () => replay.goToHit(-1);
    case "t":
      return () => replay.setScale(replay.view.get().scale === "time" ? "versions" : "time");
    case "+":
    case "=":
      return () => replay.zoom(2);
    case "-":
      return () => replay.zoom(0.5);
    case "w":
      return () => replay.toggleDrawer("turn");
    case "e":
      return () => replay.toggleDrawer("events");
    case "l":
      return () => replay.goLive();
    case "?":
      return actions.help;
    case "Escape":
      return actions.closeAll;
    default:
      return null;
  }
}

function writes(target: HTMLElement): boolean {
  if (target.matches("textarea, select, [contenteditable]")) return true;
  return target instanceof HTMLInputElement && !["checkbox", "radio", "button", "file"].includes(target.type);
}

/** A list that has the focus is scrolled by these keys, as anywhere. */
function scrolls(target: HTMLElement, key: string): boolean {
  const list = target.closest(".virtual, .state-side, .raw-scroll, .draft-text, .turn-panel, .visitor-host");
  return !!list && ["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End", " "].includes(key);
}

function isSlider(event: KeyboardEvent): boolean {
  return (event.target as HTMLElement).closest('[role="slider"]') !== null;
}

function isPressable(target: HTMLElement): boolean {
  return target.closest("button, a, summary, label, input") !== null;
}
