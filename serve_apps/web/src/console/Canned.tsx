/** Canned replies: `/` and a few letters, arrows, Enter. */

import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

import type { CannedReply } from "../wire/api";
import { useCell } from "../shared/cells";
import { useDesk } from "./reach";
import { ranked } from "./fuzzy";
import { T } from "./strings";

export const MOST_SHOWN = 8;

/** The `/word` that ends at the cursor; null when there is none. */
export function slashWord(text: string, cursor: number): { from: number; word: string } | null {
  const found = /(?:^|\s)\/([\p{L}\p{N}_-]{0,32})$/u.exec(text.slice(0, cursor));
  if (!found) return null;
  const word = found[1] ?? "";
  return { from: cursor - word.length - 1, word };
}

/** Those that fit, by name first, then by what they say. */
export function fitting(replies: readonly CannedReply[], word: string): CannedReply[] {
  if (!word) return [...replies].sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, MOST_SHOWN);
  const named = ranked(word, replies, ({ name }) => name);
  const low = word.toLowerCase();
  const saying = replies.filter(
    (reply) => !named.includes(reply) && reply.text.toLowerCase().includes(low),
  );
  return [...named, ...saying].slice(0, MOST_SHOWN);
}

export interface Canned {
  shown: boolean;
  found: readonly CannedReply[];
  at: number;
  point: (at: number) => void;
  choose: (reply: CannedReply) => void;
  /** True when the key was for the list. */
  onKey: (event: KeyboardEvent) => boolean;
  attributes: Record<string, string>;
}

const optionId = (at: number) => `canned-${at}`;

export function useCanned(
  box: RefObject<HTMLTextAreaElement | null>,
  text: string,
  write: (text: string) => void,
  on: boolean,
): Canned {
  const desk = useDesk();
  const replies = useCell(desk.canned);
  const [at, point] = useState(0);
  const [closed, close] = useState("");
  const after = useRef(-1);
  useLayoutEffect(() => {
    if (after.current < 0) return;
    box.current?.setSelectionRange(after.current, after.current);
    after.current = -1;
  }, [text]);

  const cursor = Math.min(box.current?.selectionStart ?? text.length, text.length);
  const slash = on ? slashWord(text, cursor) : null;
  const shown = slash !== null && closed !== text && replies.length > 0;
  const found = shown ? fitting(replies, slash.word) : [];
  const place = Math.min(at, Math.max(found.length - 1, 0));

  const choose = (reply: CannedReply) => {
    if (!slash) return;
    after.current = slash.from + reply.text.length;
    point(0);
    write(text.slice(0, slash.from) + reply.text + text.slice(cursor));
    box.current?.focus();
  };
  const onKey = (event: KeyboardEvent): boolean => {
    if (!shown || event.isComposing) return false;
    const chosen = found[place];
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const step = event.key === "ArrowDown" ? 1 : found.length - 1;
      point(found.length ? (place + step) % found.length : 0);
    } else if ((event.key === "Enter" || event.key === "Tab") && chosen) choose(chosen);
    else if (event.key === "Escape") close(text);
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  };
  const attributes: Record<string, string> = shown
    ? {
        "aria-autocomplete": "list",
        "aria-controls": "canned",
        ...(found.length ? { "aria-activedescendant": optionId(place) } : {}),
      }
    : {};
  return { shown, found, at: place, point, choose, onKey, attributes };
}

export function CannedList({ canned }: { canned: Canned }) {
  return (
    <div class="canned">
      <ul id="canned" role="listbox" aria-label={T.canned}>
        {canned.found.map((reply, i) => (
          <li
            key={reply.name}
            id={optionId(i)}
            role="option"
            class="canned-option"
            aria-selected={i === canned.at}
            onPointerEnter={() => canned.point(i)}
            onPointerDown={(event) => event.preventDefault()}
            onClick={() => canned.choose(reply)}
          >
            <span class="canned-name">/{reply.name}</span>
            <bdi class="canned-text">{reply.text}</bdi>
          </li>
        ))}
      </ul>
      {!canned.found.length && <p class="canned-none">{T.noCanned}</p>}
    </div>
  );
}
