/** Everything that can be done by name or by key: one list for the keys, the bar and the help. */

import { VIEWS } from "./board";
import type { Desk } from "./desk";
import { T } from "./strings";

export interface Command {
  id: string;
  title: string;
  group: "deed" | "view" | "page";
  /** The letter that does it while nothing is being written; empty when there is none. */
  key: string;
  may: (desk: Desk) => boolean;
  run: (desk: Desk) => void;
}

const always = () => true;

function draftOf(desk: Desk) {
  return desk.threads.open.get()?.timeline.get().standing.draft ?? null;
}

/** As it stands in the card: what was mended goes out. */
function approve(desk: Desk): void {
  const draft = draftOf(desk);
  if (!draft) return;
  const mended = desk.scratch.get("draft", draft.draft).trim();
  desk.approve(draft.draft, mended && mended !== draft.text ? mended : "");
}

export const COMMANDS: readonly Command[] = [
  {
    id: "take_over",
    title: T.takeOver,
    group: "deed",
    key: "t",
    may: (desk) => desk.may("take_over"),
    run: (desk) => desk.take("take_over"),
  },
  {
    id: "supervise",
    title: T.supervise,
    group: "deed",
    key: "s",
    may: (desk) => desk.may("supervise"),
    run: (desk) => desk.take("supervise"),
  },
  {
    id: "reply",
    title: T.keys.reply,
    group: "deed",
    key: "r",
    may: (desk) => desk.may("reply"),
    run: (desk) => desk.write("reply"),
  },
  {
    id: "note",
    title: T.keys.note,
    group: "deed",
    key: "n",
    may: (desk) => desk.may("note"),
    run: (desk) => desk.write("note"),
  },
  {
    id: "approve",
    title: T.keys.approve,
    group: "deed",
    key: "a",
    may: (desk) => desk.may("draft"),
    run: approve,
  },
  {
    id: "edit",
    title: T.keys.edit,
    group: "deed",
    key: "e",
    may: (desk) => desk.may("draft"),
    run: (desk) => desk.write("draft"),
  },
  {
    id: "reject",
    title: T.keys.reject,
    group: "deed",
    key: "x",
    may: (desk) => desk.may("draft"),
    run: (desk) => desk.write("reject"),
  },
  {
    id: "release",
    title: T.keys.release,
    group: "deed",
    key: "g",
    may: (desk) => desk.may("release"),
    run: (desk) => desk.release("ai"),
  },
  {
    id: "queue",
    title: T.keys.queue,
    group: "deed",
    key: "b",
    may: (desk) => desk.may("queue"),
    run: (desk) => desk.release("queue"),
  },
  {
    id: "resolve",
    title: T.resolve,
    group: "deed",
    key: "d",
    may: (desk) => desk.may("resolve"),
    run: (desk) => desk.resolve(),
  },
  {
    id: "reopen",
    title: T.reopen,
    group: "deed",
    key: "",
    may: (desk) => desk.may("reopen"),
    run: (desk) => desk.reopen(),
  },
  ...VIEWS.map(
    (view, i): Command => ({
      id: `view_${view}`,
      title: T.goTo(T.views[view]),
      group: "view",
      key: String(i + 1),
      may: always,
      run: (desk) => desk.show(view),
    }),
  ),
  {
    id: "search",
    title: T.keys.search,
    group: "page",
    key: "/",
    may: always,
    run: (desk) => desk.write("search"),
  },
  {
    id: "help",
    title: T.help,
    group: "page",
    key: "?",
    may: always,
    run: (desk) => desk.overlay.set({ kind: "help" }),
  },
];
