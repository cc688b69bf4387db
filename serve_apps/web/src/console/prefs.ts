/** What an operator has chosen for this browser; remembered. */

import { Cell } from "../shared/cells";
import { keep, kept, type Shelf } from "./shelf";

export type Theme = "auto" | "light" | "dark";

export interface Prefs {
  theme: Theme;
  /** A tone when somebody begins to wait. */
  sound: boolean;
  /** The title says so too, while the page is not looked at. */
  flash: boolean;
  /** Single letters are commands while nothing is being written. */
  keys: boolean;
}

const NAME = "tandem:console";
/** Of its own, since `static/theme.js` reads it before the page is drawn. */
const THEME = "tandem:theme";
const DEFAULTS: Prefs = { theme: "auto", sound: true, flash: true, keys: true };

function parsed(raw: string | null): Partial<Prefs> {
  try {
    const found: unknown = JSON.parse(raw ?? "{}");
    return typeof found === "object" && found !== null ? (found as Partial<Prefs>) : {};
  } catch {
    return {};
  }
}

export class Preferences {
  readonly cell: Cell<Prefs>;

  constructor(private readonly shelf: Shelf | null) {
    const found = parsed(kept(shelf, NAME));
    const flag = (name: "sound" | "flash" | "keys") =>
      typeof found[name] === "boolean" ? found[name] : DEFAULTS[name];
    const theme = kept(shelf, THEME);
    this.cell = new Cell({
      theme: theme === "light" || theme === "dark" ? theme : "auto",
      sound: flag("sound"),
      flash: flag("flash"),
      keys: flag("keys"),
    });
  }

  set(change: Partial<Prefs>): void {
    const now = { ...this.cell.get(), ...change };
    this.cell.set(now);
    const { theme, ...others } = now;
    keep(this.shelf, NAME, JSON.stringify(others));
    keep(this.shelf, THEME, theme === "auto" ? null : theme);
  }
}
