/** One document: its versions, what went wrong or looks odd, its text by chunk, who was told it. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

import { useCell } from "../shared/cells";
import { WebLink } from "../console/Words";
import { Why } from "./Add";
import type { Route } from "./address";
import { ChunkList } from "./ChunkList";
import { Deeds } from "./Deeds";
import { bytes, nameOf, troubleWords } from "./format";
import { Anchor, FlagList, Loading, ProgressBar, StateBadge, Trouble, When, Who } from "./pieces";
import { useDesk, useRead } from "./reach";
import { grouped, K } from "./strings";
import { ToldList } from "./Told";
import type { Doc } from "./types";

type DocumentRoute = Route & { at: "document" };

export function DocumentView({ route }: { route: DocumentRoute }) {
  const desk = useDesk();
  const changed = useCell(desk.changed);
  const mine = changed?.document === route.document ? changed : null;
  const { value: versions, error, again } = useRead(
    (signal) => desk.parts.api.document(route.document, signal),
    [route.document, mine],
  );
  return (
    <>
      <p class="back">
        <Anchor to={{ at: "documents", ...desk.shelf.get().filter }}>‹ {K.back}</Anchor>
      </p>
      {error && <Trouble error={error} again={again} unknown={K.unknown} />}
      {!error && !versions && <Loading />}
      {versions && <Versions route={route} versions={versions} />}
    </>
  );
}

function Versions({ route, versions }: { route: DocumentRoute; versions: readonly Doc[] }) {
  const [newest] = versions;
  const answering = versions.find(({ version, answers }) => answers === version && version > 0);
  const named = versions.find(({ version }) => version === route.version);
  const shown = named ?? answering ?? newest;
  if (!newest || !shown) return <p class="message-bad">{K.unknown}</p>;
  return (
    <>
      <Head doc={newest} shown={shown} />
      <div class="document-panes">
        <aside class="card versions" aria-labelledby="versions-title">
          <h3 id="versions-title">{K.versions}</h3>
          <ol>
            {versions.map((doc) => (
              <li key={doc.version}>
                <Anchor
                  to={{ ...route, version: doc.version }}
                  class="version-link"
                  current={doc.version === shown.version}
                >
                  <span class="version-top">
                    <strong class="numbers">{K.version(doc.version)}</strong>
                    <StateBadge doc={doc} />
                  </span>
                  <span class="soft small">
                    <When at={doc.submitted_at} whole />
                    {doc.by && (
                      <>
                        {" · "}
                        <Who id={doc.by} />
                      </>
                    )}
                  </span>
                  {doc.version === answering?.version && doc.state !== "indexed" && (
                    <span class="badge good">{K.answering}</span>
                  )}
                </Anchor>
              </li>
            ))}
          </ol>
        </aside>
        <section class="document-main">
          <About doc={shown} />
          <Tabs route={route} shown={shown} />
        </section>
      </div>
    </>
  );
}

function Head({ doc, shown }: { doc: Doc; shown: Doc }) {
  const desk = useDesk();
  const name = nameOf(doc);
  return (
    <div class="document-head">
      <div class="document-title">
        <h2><bdi>{name}</bdi></h2>
        <p class="soft">
          {doc.name && doc.name !== name && <bdi>{doc.name} · </bdi>}
          {K.typeWord(doc.media_type)}
        </p>
        <ProgressBar doc={doc} name={name} />
      </div>
      <div class="deeds">
        {shown.size > 0 && <Original doc={shown} />}
        {desk.mayWrite && <Deeds doc={doc} words />}
      </div>
    </div>
  );
}

/** The bytes as they were handed over, saved by the browser: a link could not say who asks. */
function Original({ doc }: { doc: Doc }) {
  const desk = useDesk();
  const [busy, work] = useState(false);
  const save = async () => {
    work(true);
    try {
      saveAs(await desk.parts.api.original(doc.document, doc.version), doc.name || doc.document);
    } catch (error) {
      desk.notice.set({ text: K.deedFailed(troubleWords(error)), bad: true });
    }
    work(false);
  };
  return (
    <button type="button" class="button" disabled={busy} onClick={() => void save()}>{K.original}</button>
  );
}

function saveAs(content: Blob, name: string): void {
  // Never shown by the browser, whatever it is: only saved.
  const url = URL.createObjectURL(new Blob([content], { type: "application/octet-stream" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name.split(/[\\/]/).at(-1) || "document";
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function About({ doc }: { doc: Doc }) {
  const facts: [string, ComponentChildren][] = [
    [K.facts.type, K.typeWord(doc.media_type)],
    [K.facts.size, doc.size ? bytes(doc.size) : "–"],
    ...(doc.pages ? [[K.facts.pages, grouped(doc.pages)] as [string, string]] : []),
    [K.facts.characters, doc.characters ? grouped(doc.characters) : "–"],
    [K.facts.chunks, grouped(doc.chunks)],
    [K.facts.added, <When key="added" at={doc.submitted_at} whole />],
    [K.facts.indexed, <When key="indexed" at={doc.indexed_at} whole />],
    [K.facts.from, K.origins[doc.origin] ?? doc.origin],
    ...(doc.by ? [[K.facts.by, <Who key="by" id={doc.by} />] as [string, ComponentChildren]] : []),
    ...(doc.locale ? [[K.facts.language, doc.locale] as [string, string]] : []),
    ...(doc.parser ? [[K.facts.parser, doc.parser] as [string, string]] : []),
  ];
  return (
    <div class="card about">
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd class="numbers"><bdi>{value}</bdi></dd>
          </div>
        ))}
      </dl>
      {doc.url && (
        <p class="address">
          {K.facts.address}: <bdi><WebLink url={doc.url} shown={doc.url} /></bdi>
        </p>
      )}
      {doc.failure && (
        <div class="message-bad failure">
          <p><strong>{K.failure(K.stages[doc.failure.stage] ?? doc.failure.stage)}</strong></p>
          <p><Why reason={doc.failure.reason} code={doc.failure.code} /></p>
          {doc.failure.where && <p class="small"><bdi>{K.where(doc.failure.where)}</bdi></p>}
        </div>
      )}
      {doc.flags.length > 0 && (
        <div class="flags-part">
          <h3>{K.flagsTitle}</h3>
          <p class="soft small">{K.flagsHint}</p>
          <FlagList flags={doc.flags} />
        </div>
      )}
    </div>
  );
}

function Tabs({ route, shown }: { route: DocumentRoute; shown: Doc }) {
  const desk = useDesk();
  const at = { ...route, version: shown.version };
  // A version that came to its end is read once: what it holds changes no more.
  const key = `${shown.version} ${shown.chunks} ${shown.state}`;
  return (
    <div class="card">
      <nav class="tabs" aria-label={nameOf(shown)}>
        <Anchor class="tab" to={{ ...at, tab: "chunks" }} current={route.tab === "chunks"}>{K.text}</Anchor>
        <Anchor class="tab" to={{ ...at, tab: "told" }} current={route.tab === "told"}>{K.told}</Anchor>
      </nav>
      {route.tab === "chunks" ? (
        <ChunkList key={key} document={route.document} version={shown.version} />
      ) : (
        <ToldList
          key={shown.version}
          title={K.toldOf(shown.version)}
          read={(before, signal) =>
            desk.parts.api.told({ document: route.document, version: shown.version, before, limit: 50 }, signal)
          }
        />
      )}
    </div>
  );
}
