/** Small parts that several panes show: sources, what an edit changed, the guard's findings. */

import "./lines.css";

import type { GuardFindings, Source } from "../wire/facts";
import { changes } from "./diff";
import { Icon } from "./icons";
import { T } from "./strings";
import { chunkAddress, placeWords } from "../shared/provenance";
import { addressAt } from "../widget/place";

export function SourceList({ sources }: { sources: readonly Source[] }) {
  return (
    <ol class="sources">
      {sources.map((source) => (
        <li key={`${source.n} ${source.chunk}`} class="source">
          <span class="source-n numbers" aria-label={T.source(source.n)}>
            {source.n}
          </span>
          <div>
            <SourceTitle source={source} />
            <SourcePlace source={source} />
            {source.quote && (
              <blockquote class="quote" dir="auto">
                {source.quote}
              </blockquote>
            )}
          </div>
        </li>
      ))}
    </ol>
  );
}

function SourceTitle({ source }: { source: Source }) {
  const url = addressAt(source.url, source.place);
  const title = source.title || source.document || T.source(source.n);
  if (!url) return <bdi class="source-title">{title}</bdi>;
  return (
    <a class="source-title" href={url} target="_blank" rel="noopener noreferrer nofollow">
      <bdi>{title}</bdi>
      <Icon name="link" />
    </a>
  );
}

/** Where in its document it stands, and the way to the text itself. */
export function SourcePlace({ source }: { source: Source }) {
  const place = placeWords(source.place);
  if (!place && !source.chunk) return null;
  return (
    <p class="source-place">
      {place && <bdi>{place}</bdi>}
      {source.chunk && <a href={chunkAddress(source.chunk)}>{T.sourceText}</a>}
    </p>
  );
}

/** Both texts in one: what went away is struck through, what came is underlined. */
export function Changes({ before, after }: { before: string; after: string }) {
  return (
    <p class="changes" dir="auto">
      {changes(before, after).map((piece, i) => {
        if (piece.kind === "gone") return <del key={i}>{piece.text}</del>;
        if (piece.kind === "new") return <ins key={i}>{piece.text}</ins>;
        return <span key={i}>{piece.text}</span>;
      })}
    </p>
  );
}

export function Findings({ guard }: { guard: GuardFindings }) {
  const found = Object.entries(guard);
  if (!found.length) return null;
  return (
    <dl class="facts">
      {found.map(([name, value]) => (
        <div key={name}>
          <dt>{T.guardName(name)}</dt>
          <dd class="numbers">
            <bdi>{T.guardValue(value)}</bdi>
          </dd>
        </div>
      ))}
    </dl>
  );
}
