/** The queue: views with their counts, a search, and the rows. */

import { useLayoutEffect, useRef } from "preact/hooks";

import { useCell } from "../shared/cells";
import { VIEWS } from "./board";
import { useDesk } from "./reach";
import { Icon } from "./icons";
import { QueueRow } from "./QueueRow";
import { T } from "./strings";

export function Queue() {
  return (
    <section class="pane queue" aria-label={T.queue}>
      <Search />
      <Views />
      <Rows />
    </section>
  );
}

function Search() {
  const desk = useDesk();
  const text = useCell(desk.board.search);
  const focus = useCell(desk.focus);
  const input = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    if (desk.wished("search")) input.current?.select();
  }, [focus]);
  return (
    <div class="search" role="search">
      <Icon name="search" />
      <input
        ref={input}
        class="input"
        type="search"
        aria-label={T.search}
        placeholder={T.search}
        value={text}
        onInput={(event) => desk.finder.search(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") {
            event.stopPropagation();
            if (text) desk.finder.search("");
            else event.currentTarget.blur();
          } else if (event.key === "ArrowDown" || event.key === "Enter") {
            event.preventDefault();
            desk.moveCursor(1, true);
          }
        }}
      />
      {text ? (
        <button
          type="button"
          class="search-clear"
          aria-label={T.clearSearch}
          onClick={() => {
            desk.finder.search("");
            input.current?.focus();
          }}
        >
          <Icon name="close" />
        </button>
      ) : (
        <kbd aria-hidden="true">/</kbd>
      )}
    </div>
  );
}

function Views() {
  const desk = useDesk();
  const shown = useCell(desk.board.view);
  const counts = useCell(desk.board.counts);
  const searching = useCell(desk.board.search) !== "";
  const known = useCell(desk.board.known);
  return (
    <div class="views" role="group" aria-label={T.queue}>
      {VIEWS.map((view) => (
        <button
          key={view}
          type="button"
          class="view"
          aria-pressed={view === shown && !searching}
          onClick={() => desk.show(view)}
        >
          {T.views[view]}
          {known && (view !== "resolved" || counts.resolved > 0) && (
            <span class={`count numbers${view === "unassigned" && counts[view] ? " calls" : ""}`}>
              {counts[view]}
            </span>
          )}
        </button>
      ))}
    </div>
  );
}

function Rows() {
  const desk = useDesk();
  const order = useCell(desk.board.order);
  const known = useCell(desk.board.known);
  const cursor = useCell(desk.cursor);
  // One row is in the tab order: the cursor's, or the first.
  const stop = order.includes(cursor) ? cursor : (order[0] ?? "");
  if (!order.length) return <NoRows known={known} />;
  return (
    <div
      class="rows"
      onPointerEnter={(event) => event.pointerType === "mouse" && desk.board.hold(true)}
      onPointerLeave={() => desk.board.hold(false)}
    >
      <ul aria-label={T.queue}>
        {order.map((conversation) => {
          const cell = desk.board.cell(conversation);
          return cell && <QueueRow key={conversation} cell={cell} stop={conversation === stop} />;
        })}
      </ul>
      <More />
    </div>
  );
}

function NoRows({ known }: { known: boolean }) {
  const desk = useDesk();
  const view = useCell(desk.board.view);
  const searching = useCell(desk.board.search) !== "";
  const { loading } = useCell(desk.finder.state);
  if (!known || loading) return <p class="rows-none soft">{T.loading}</p>;
  const [title, hint] = T.empty[searching ? "search" : view];
  return (
    <div class="rows-none">
      <p class="rows-none-title">{title}</p>
      <p>{hint}</p>
      <More />
    </div>
  );
}

/** Older resolved ones, and what went wrong while looking. */
function More() {
  const desk = useDesk();
  const view = useCell(desk.board.view);
  const search = useCell(desk.board.search);
  const { loading, trouble, more } = useCell(desk.finder.state);
  const again = () => (search ? desk.finder.search(search) : desk.finder.loadResolved());
  if (trouble)
    return (
      <p class="rows-more message-bad">
        {T.loadFailed}
        <button type="button" class="link" onClick={again}>
          {T.retry}
        </button>
      </p>
    );
  if (view !== "resolved" || search || !more) return null;
  return (
    <p class="rows-more">
      <button
        type="button"
        class="button"
        disabled={loading}
        onClick={() => desk.finder.moreResolved()}
      >
        {loading ? T.loading : T.more}
      </button>
    </p>
  );
}
