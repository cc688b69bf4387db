/** One text by its own address: it is found also after it answers no more. */

import { useEffect, useState } from "preact/hooks";

import { shortDate } from "../console/time";
import { useCell } from "../shared/cells";
import { WebLink } from "../console/Words";
import { addressAt } from "../widget/place";
import { ChunkHead } from "./ChunkList";
import { endOf } from "./ends";
import { Anchor, Loading, Revealed, Trouble } from "./pieces";
import { useDesk, useRead } from "./reach";
import { K } from "./strings";
import { ToldList } from "./Told";
import type { ChunkShown } from "./types";

export function ChunkView({ chunk: id }: { chunk: string }) {
  const desk = useDesk();
  const [document, know] = useState("");
  const changed = useCell(desk.changed);
  const mine = changed?.document === document ? changed : null;
  const { value: chunk, error, again } = useRead((signal) => desk.parts.api.chunk(id, signal), [id, mine]);
  useEffect(() => know(chunk?.document ?? ""), [chunk?.document]);
  return (
    <>
      <p class="back">
        <Anchor to={{ at: "documents", ...desk.shelf.get().filter }}>‹ {K.back}</Anchor>
      </p>
      {error && <Trouble error={error} again={again} unknown={K.unknownChunk} />}
      {!error && !chunk && <Loading />}
      {chunk && (
        <>
          <One chunk={chunk} />
          <div class="card">
            <ToldList
              key={id}
              title={K.told}
              read={(before, signal) => desk.parts.api.told({ chunk: id, before, limit: 50 }, signal)}
            />
          </div>
        </>
      )}
    </>
  );
}

function One({ chunk }: { chunk: ChunkShown }) {
  const title = chunk.document_title || chunk.title || chunk.document;
  return (
    <section class="card one-chunk" aria-label={K.chunkTitle}>
      <h2><bdi>{title}</bdi></h2>
      <Standing chunk={chunk} />
      <ChunkHead chunk={chunk} alone />
      {chunk.before && <Neighbour name={K.before} text={chunk.before} lang={chunk.locale} />}
      <blockquote class="chunk-text whole" dir="auto" lang={chunk.locale || undefined} data-text>
        <Revealed text={chunk.text} />
      </blockquote>
      {chunk.after && <Neighbour name={K.after} text={chunk.after} lang={chunk.locale} />}
      <p class="chunk-links">
        <Anchor to={{ at: "document", document: chunk.document, version: chunk.version, tab: "chunks" }}>
          {K.openDocument} ({K.version(chunk.version)})
        </Anchor>
        {chunk.url && <bdi><WebLink url={addressAt(chunk.url, chunk.place) ?? ""} shown={chunk.url} /></bdi>}
      </p>
    </section>
  );
}

function Neighbour(props: { name: string; text: string; lang: string }) {
  return (
    <div class="neighbour">
      <p class="soft small">{props.name}</p>
      <p class="chunk-text" dir="auto" lang={props.lang || undefined}><Revealed text={props.text} /></p>
    </div>
  );
}

/** Whether it answers; if not, since when and through whom. */
function Standing({ chunk }: { chunk: ChunkShown }) {
  if (!chunk.closed_at) return <p class="message-good" data-standing="open">{K.chunkAnswers}</p>;
  return (
    <p class="message-warn" data-standing="closed">
      <bdi><Ended chunk={chunk} /></bdi>
    </p>
  );
}

function Ended({ chunk }: { chunk: ChunkShown }) {
  const desk = useDesk();
  const names = useCell(desk.names);
  const { value: versions } = useRead(
    (signal) => desk.parts.api.document(chunk.document, signal),
    [chunk.document],
  );
  const end = versions && endOf(chunk, versions);
  if (!end?.at) return <>{K.chunkOver(chunk.closed_at)}</>;
  const by = names.get(end.by) ?? end.by;
  return <>{end.how === "replaced" ? K.replacedOn(shortDate(end.at), by) : K.removedOn(shortDate(end.at), by)}</>;
}
