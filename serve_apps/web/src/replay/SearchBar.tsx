/** Search inside the conversation: words, kind of event, operator; how many, which one, on and back. */

import { useMemo } from "preact/hooks";

import { nameOf } from "./describe";
import type { Replay, View } from "./replay";
import { choices, isEmpty, NO_QUERY, type Query } from "./search";

export const SEARCH_ID = "search-words";

export function SearchBar({ replay, view }: { replay: Replay; view: View }) {
  const { query, hits, hit } = view;
  const { types, operators } = useMemo(() => choices(replay.history.entries), [replay, view.revision]);
  const change = (part: Partial<Query>) => replay.search({ ...query, ...part });
  const keys = (event: KeyboardEvent) => {
    if (event.key === "Enter") replay.goToHit(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") {
      replay.search(NO_QUERY);
      (event.currentTarget as HTMLElement).blur();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <search class="search">
      <label class="quiet" for={SEARCH_ID}>Search in this conversation</label>
      <input
        id={SEARCH_ID}
        class="input"
        type="search"
        placeholder="Search ( / )"
        value={query.text}
        onInput={(event) => change({ text: event.currentTarget.value })}
        onKeyDown={keys}
      />
      <label class="quiet" for="search-type">Kind of event</label>
      <select id="search-type" class="input" value={query.type} onChange={(event) => change({ type: event.currentTarget.value })}>
        <option value="">all events</option>
        {types.map((type) => (
          <option key={type} value={type}>{nameOf(type)}</option>
        ))}
      </select>
      {operators.size > 0 && (
        <>
          <label class="quiet" for="search-operator">Operator</label>
          <select id="search-operator" class="input" value={query.operator} onChange={(event) => change({ operator: event.currentTarget.value })}>
            <option value="">everybody</option>
            {[...operators].map(([id, name]) => (
              <option key={id} value={id}>{name}</option>
            ))}
          </select>
        </>
      )}
      <span class="found numbers" role="status">{foundWords(query, hits.length, hit)}</span>
      <button type="button" class="button square" aria-label="Previous found" disabled={!hits.length} onClick={() => replay.goToHit(-1)}>
        <span aria-hidden="true">‹</span>
      </button>
      <button type="button" class="button square" aria-label="Next found" disabled={!hits.length} onClick={() => replay.goToHit(1)}>
        <span aria-hidden="true">›</span>
      </button>
    </search>
  );
}

function foundWords(query: Query, count: number, at: number): string {
  if (isEmpty(query)) return "";
  if (!count) return "nothing found";
  return at === -1 ? `${count} found` : `${at + 1} of ${count}`;
}
