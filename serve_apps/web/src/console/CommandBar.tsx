/** Ctrl or Cmd K: commands, views and conversations by a few letters. */

import { useEffect, useRef, useState } from "preact/hooks";

import type { Row } from "../wire/operator_protocol";
import { compared } from "./board";
import { type Command, COMMANDS } from "./commands";
import { useDesk } from "./reach";
import type { Desk } from "./desk";
import { Dialog } from "./Dialog";
import { ranked } from "./fuzzy";
import { rowSearched, T, visitorName } from "./strings";

export const MOST_SHOWN = 12;

type Choice = { kind: "command"; command: Command } | { kind: "row"; row: Row };

/** What fits, best first: what can be done now, then conversations. */
export function choices(query: string, desk: Desk): Choice[] {
  const commands = COMMANDS.filter((command) => command.may(desk)).map(
    (command): Choice => ({ kind: "command", command }),
  );
  const rows = [...desk.board.all()]
    .sort(compared)
    .map((row): Choice => ({ kind: "row", row }));
  return ranked(query, [...commands, ...rows], wordsOf).slice(0, MOST_SHOWN);
}

function wordsOf(choice: Choice): string {
  return choice.kind === "command" ? choice.command.title : rowSearched(choice.row);
}

export function CommandBar() {
  const desk = useDesk();
  const [query, ask] = useState("");
  const [at, point] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  const found = choices(query, desk);
  const place = Math.min(at, Math.max(found.length - 1, 0));
  const close = () => desk.overlay.set(null);
  const run = (choice: Choice | undefined) => {
    if (!choice) return;
    close();
    if (choice.kind === "row") desk.open(choice.row.conversation);
    else choice.command.run(desk);
  };
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }, [place]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    if (event.key === "Enter") run(found[place]);
    else if (event.key === "ArrowDown") point((place + 1) % Math.max(found.length, 1));
    else if (event.key === "ArrowUp") point((place + found.length - 1) % Math.max(found.length, 1));
    else return;
    event.preventDefault();
  };
  return (
    <Dialog label={T.commands} kind="commands" onClose={close}>
      <input
        autofocus
        class="input commands-input"
        type="text"
        role="combobox"
        aria-label={T.commandsHint}
        aria-expanded={found.length > 0}
        aria-controls="commands-list"
        aria-autocomplete="list"
        {...(found.length ? { "aria-activedescendant": `command-${place}` } : {})}
        placeholder={T.commandsHint}
        value={query}
        onInput={(event) => {
          ask(event.currentTarget.value);
          point(0);
        }}
        onKeyDown={onKeyDown}
      />
      <ul id="commands-list" ref={list} role="listbox" aria-label={T.commands} class="commands-list">
        {found.map((choice, i) => (
          <li
            key={choice.kind === "row" ? choice.row.conversation : choice.command.id}
            id={`command-${i}`}
            role="option"
            class="commands-option"
            aria-selected={i === place}
            onPointerMove={() => point(i)}
            onClick={() => run(choice)}
          >
            <Shown choice={choice} />
          </li>
        ))}
      </ul>
      {!found.length && <p class="commands-none">{T.commandsNone}</p>}
    </Dialog>
  );
}

function Shown({ choice }: { choice: Choice }) {
  if (choice.kind === "command")
    return (
      <>
        <span class="commands-group">{T.commandGroups[choice.command.group]}</span>
        <span class="commands-title">{choice.command.title}</span>
        {choice.command.key && <kbd aria-hidden="true">{choice.command.key.toUpperCase()}</kbd>}
      </>
    );
  const { row } = choice;
  return (
    <>
      <span class="commands-group">{T.commandGroups.conversation}</span>
      <span class="commands-title">{visitorName(row)}</span>
      <bdi class="commands-text">{row.last_text}</bdi>
    </>
  );
}
