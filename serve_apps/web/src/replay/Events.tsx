/** Every event as it stands in the log: the list, and one of them whole, with its chain. */

import { useState } from "preact/hooks";

import { memo } from "../console/memo";
import { clockTime, fullTime } from "../console/time";
import { isError, laneOf, nameOf, titleOf } from "./describe";
import { brokenLink, type Entry, type History } from "./history";
import type { Replay, View } from "./replay";
import { VirtualList } from "./VirtualList";

export function Events({ replay, view }: { replay: Replay; view: View }) {
  const { history } = replay;
  const { position, hits, query } = view;
  const [onlyFound, setOnlyFound] = useState(false);
  const listed = onlyFound && hits.length > 0 ? hits : null;
  const count = listed?.length ?? history.entries.length;
  const entryOf = (index: number) => history.entries[listed?.[index] ?? index]!;
  const found = hits.length > 0 ? new Set(hits) : null;
  const here = listed
    ? Math.max(0, listed.findIndex((place) => history.entries[place]!.position >= position))
    : history.entryAt(position);
  return (
    <div class="events">
      {hits.length > 0 && (
        <label class="check">
          <input type="checkbox" checked={onlyFound} onChange={(event) => setOnlyFound(event.currentTarget.checked)} />{" "}
          only the {hits.length} found
        </label>
      )}
      <VirtualList
        count={count}
        keyAt={(index) => `${entryOf(index).position}.${entryOf(index).index}`}
        draw={(index) => {
          const entry = entryOf(index);
          const place = listed?.[index] ?? index;
          return (
            <EventRow
              entry={entry}
              replay={replay}
              version={history.versionAt(entry.position)}
              here={entry.position === position}
              later={entry.position > position}
              found={found?.has(place) ?? false}
            />
          );
        }}
        estimate={34}
        reveal={{ index: here, on: `${position} ${onlyFound} ${query.text}`, at: "nearest" }}
        label="Events"
        class="event-list"
        empty={<p class="none">No events yet.</p>}
      />
      {position > 0 && <Raw history={history} position={position} />}
    </div>
  );
}

interface RowProps {
  entry: Entry;
  replay: Replay;
  version: number;
  here: boolean;
  later: boolean;
  found: boolean;
}

const EventRow = memo(function EventRow({ entry, replay, version, here, later, found }: RowProps) {
  const { fact, index } = entry;
  const kind = isError(fact) ? "error" : laneOf(fact);
  return (
    <button
      type="button"
      class={`event ${here ? "here" : ""} ${later ? "later" : ""} ${found ? "found" : ""}`}
      aria-current={here ? "step" : undefined}
      onClick={() => replay.goTo(entry.position)}
    >
      <span class="event-place numbers">
        {version}.{index}
      </span>
      <span class={`event-dot ${kind}`} aria-hidden="true" />
      <span class="event-words">
        <span class="event-name">{nameOf(fact.fact)}</span> <bdi class="event-title">{titleOf(fact)}</bdi>
      </span>
      <time class="event-time numbers" dateTime={new Date(fact.at).toISOString()} title={fullTime(fact.at)}>
        {clockTime(fact.at)}
      </time>
    </button>
  );
});

/** The commit that leads to this position: its envelope, its place in the chain, its facts. */
function Raw({ history, position }: { history: History; position: number }) {
  const commit = history.commits[position - 1]!;
  const before = history.commits[position - 2];
  const broken = brokenLink(before, commit);
  return (
    <section class="raw" aria-label={`Commit ${commit.number}, raw`}>
      <p class={broken ? "chain message-bad" : "chain"} data-chain={broken ? "broken" : "whole"}>
        {broken ? `The chain is broken here: ${broken}` : `Commit ${commit.number} follows ${commit.number - 1} by number and hash`}
      </p>
      <div class="raw-scroll" tabIndex={0} role="group" aria-label="Envelope and facts as JSON">
        <dl class="facts envelope">
          <Ident name="Commit" value={commit.commit} />
          <Ident name="Version, number" value={`${commit.version}, ${commit.number}`} />
          <Ident name="Hash" value={commit.hash} />
          <Ident name="Previous hash" value={commit.previous_hash || "none: the first"} />
          {commit.correlation && <Ident name="Correlation" value={commit.correlation} />}
          {commit.causation && <Ident name="Causation" value={commit.causation} />}
        </dl>
        <pre class="json">{JSON.stringify(commit.facts, null, 2)}</pre>
      </div>
    </section>
  );
}

function Ident({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class="mono"><bdi>{value}</bdi></dd>
    </div>
  );
}
