/** A version's text, chunk by chunk in its order; what two chunks share is marked. */

import { placeWords } from "../shared/provenance";
import { Anchor, Loading, Revealed, Trouble } from "./pieces";
import { usePages } from "./pages";
import { useDesk } from "./reach";
import { K } from "./strings";
import { shared } from "./texts";
import type { Chunk } from "./types";

const PAGE = 50;

export function ChunkList({ document, version }: { document: string; version: number }) {
  const desk = useDesk();
  const { rows, more, busy, error, ask } = usePages((after, signal) =>
    desk.parts.api.chunks(document, { version, after, limit: PAGE }, signal),
  );
  return (
    <div class="chunks">
      {!rows.length && busy && <Loading />}
      {!rows.length && !busy && !error && <p class="soft pad">{K.noChunks}</p>}
      <ol class="chunk-list">
        {rows.map((chunk, at) => (
          <OneChunk key={chunk.chunk} chunk={chunk} previous={rows[at - 1] ?? null} />
        ))}
      </ol>
      {error && <Trouble error={error} again={ask} />}
      {rows.length > 0 && more && !error && (
        <button type="button" class="button more" disabled={busy} onClick={ask}>{busy ? K.loading : K.more}</button>
      )}
    </div>
  );
}

function OneChunk({ chunk, previous }: { chunk: Chunk; previous: Chunk | null }) {
  const [both, own] = shared(previous, chunk);
  return (
    <li class="chunk" data-chunk={chunk.chunk}>
      <ChunkHead chunk={chunk} />
      <div class="chunk-text" dir="auto" lang={chunk.locale || undefined}>
        {both && <mark class="overlap" title={K.overlap}><Revealed text={both} /></mark>}
        <Revealed text={own} />
      </div>
    </li>
  );
}

/** Where it stands: its heading path, its place, its offsets; and the way to it alone. */
export function ChunkHead({ chunk, alone = false }: { chunk: Chunk; alone?: boolean }) {
  const place = placeWords(chunk.place);
  return (
    <div class="chunk-head">
      <p class="chunk-where">
        {!alone && <span class="chunk-n numbers">{chunk.ordinal + 1}</span>}
        {place && <span class="badge accent"><bdi>{place}</bdi></span>}
        {chunk.heading && <bdi class="heading">{chunk.heading}</bdi>}
      </p>
      <p class="soft small numbers chunk-facts">
        {K.chunkFacts(chunk.start, chunk.end, chunk.tokens)}
        {!alone && (
          <Anchor to={{ at: "chunk", chunk: chunk.chunk }}>{K.link}</Anchor>
        )}
      </p>
    </div>
  );
}
