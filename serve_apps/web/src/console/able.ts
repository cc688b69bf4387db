/** What an operator may do in a conversation as it stands. The server has the last word. */

import type { Me } from "../wire/operator_protocol";
import { mayOrder } from "../wire/operator_protocol";

/** How a conversation stands, from a row or from a timeline. */
export interface Footing {
  conversation: string;
  mode: "ai" | "human" | "supervised";
  epoch: number;
  operator: string;
  operatorName: string;
  /** The draft that waits; empty when there is none. */
  draft: string;
  resolved: boolean;
}

export type Deed =
  | "take_over"
  | "supervise"
  | "release"
  | "queue"
  | "reply"
  | "note"
  | "draft"
  | "resolve"
  | "reopen";

export function able(footing: Footing, me: Me): ReadonlySet<Deed> {
  const deeds = new Set<Deed>();
  if (!mayOrder(me.role)) return deeds;
  const mine = footing.operator === me.operator;
  const nobodys = !footing.operator;
  deeds.add("note");
  if (!(mine && footing.mode === "human")) deeds.add("take_over");
  if (!(mine && footing.mode === "supervised")) deeds.add("supervise");
  if (mine || (nobodys && footing.mode === "supervised")) deeds.add("release").add("queue");
  if (mine) deeds.add("reply");
  if (footing.draft && (mine || nobodys)) deeds.add("draft");
  if (footing.resolved) deeds.add("reopen");
  else if (mine || nobodys) deeds.add("resolve");
  return deeds;
}

/** The colleague who would lose it, by name; empty when nobody would. */
export function colleagueIn(footing: Footing, me: Me): string {
  if (!footing.operator || footing.operator === me.operator) return "";
  return footing.operatorName || footing.operator;
}
