/** All documents: search, state, what each is at, and what may be done with it. */

import { useEffect, useRef, useState } from "preact/hooks";

import { Icon } from "../console/icons";
import { useCell } from "../shared/cells";
import { Add, Outcomes } from "./Add";
import type { Route } from "./address";
import { Deeds } from "./Deeds";
import { bytes, nameOf } from "./format";
import { Anchor, Loading, Nothing, ProgressBar, StateBadge, When } from "./pieces";
import { useDesk } from "./reach";
import { grouped, K } from "./strings";
import type { Doc, DocumentState } from "./types";

const SEARCH_AFTER_MS = 250;
/** The states that the newest version of a document can be in. */
const STATES: readonly DocumentState[] = [
  "indexed",
  "failed",
  "requested",
  "submitted",
  "parsed",
  "chunked",
  "removed",
];

type ListRoute = Route & { at: "documents" };

export function Documents({ route }: { route: ListRoute }) {
  const desk = useDesk();
  return (
    <>
      {desk.mayWrite && <Add />}
      <Outcomes />
      <section class="card" aria-labelledby="list-title">
        <div class="card-head">
          <h2 id="list-title">{K.views.documents}</h2>
          <Shown />
          <Filters route={route} />
        </div>
        <List route={route} />
      </section>
    </>
  );
}

function Shown() {
  const desk = useDesk();
  const { rows, next, loading } = useCell(desk.shelf);
  return <p class="soft numbers shown" role="status">{loading ? K.loading : K.shown(rows.length, next !== null)}</p>;
}

function Filters({ route }: { route: ListRoute }) {
  const desk = useDesk();
  const [text, write] = useState(route.search);
  const told = useRef(route.search);
  useEffect(() => {
    // The address changed by other means than this field.
    if (route.search !== told.current) write(route.search);
    told.current = route.search;
  }, [route.search]);
  useEffect(() => {
    if (text === told.current) return;
    const timer = setTimeout(() => {
      told.current = text;
      const now = desk.route.get();
      if (now.at === "documents") desk.go({ ...now, search: text }, true);
    }, SEARCH_AFTER_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <search class="filters">
      <div class="field">
        <label for="find">{K.find}</label>
        <input
          id="find"
          class="input"
          type="search"
          value={text}
          placeholder={K.findHint}
          onInput={(event) => write(event.currentTarget.value)}
        />
      </div>
      <div class="field">
        <label for="state">{K.state}</label>
        <select
          id="state"
          class="input"
          value={route.state}
          onChange={(event) => desk.go({ ...route, state: event.currentTarget.value })}
        >
          <option value="">{K.anyState}</option>
          {STATES.map((state) => (
            <option key={state} value={state}>{K.stateWord(state)}</option>
          ))}
        </select>
      </div>
    </search>
  );
}

function List({ route }: { route: ListRoute }) {
  const desk = useDesk();
  const { rows, next, loading, failed } = useCell(desk.shelf);
  if (failed && !rows.length)
    return (
      <div class="message-bad trouble" role="alert">
        <p><bdi>{K.failed(failed)}</bdi></p>
        <button type="button" class="button" onClick={() => void desk.load()}>{K.retry}</button>
      </div>
    );
  if (!rows.length && loading) return <Loading />;
  if (!rows.length) return <Empty route={route} />;
  return (
    <>
      <table class="documents">
        <thead>
          <tr>
            <th scope="col">{K.columns.name}</th>
            <th scope="col">{K.columns.state}</th>
            <th scope="col" class="wide figure">{K.columns.version}</th>
            <th scope="col" class="wide figure">{K.columns.chunks}</th>
            <th scope="col" class="wide figure">{K.columns.size}</th>
            <th scope="col" class="wide">{K.columns.updated}</th>
            {desk.mayWrite && <th scope="col"><span class="quiet">{K.columns.deeds}</span></th>}
          </tr>
        </thead>
        <tbody>
          {rows.map((doc) => (
            <Row key={doc.document} doc={doc} />
          ))}
        </tbody>
      </table>
      {failed && <p class="message-bad" role="alert"><bdi>{K.failed(failed)}</bdi></p>}
      {next !== null && (
        <button type="button" class="button more" disabled={loading} onClick={() => void desk.load(true)}>
          {loading ? K.loading : K.more}
        </button>
      )}
    </>
  );
}

function Row({ doc }: { doc: Doc }) {
  const desk = useDesk();
  const name = nameOf(doc);
  const older = doc.answers > 0 && doc.answers !== doc.version;
  const flags = doc.flags.reduce((sum, flag) => sum + flag.count, 0);
  const updated = doc.indexed_at || doc.submitted_at;
  return (
    <tr data-document={doc.document}>
      <th scope="row" class="name-cell">
        <Anchor to={{ at: "document", document: doc.document, version: 0, tab: "chunks" }} class="doc-name">
          <bdi>{name}</bdi>
        </Anchor>
        <span class="doc-sub soft">
          {doc.name && doc.name !== name && <bdi>{doc.name}</bdi>}
          <span>{K.typeWord(doc.media_type)}</span>
          <span class="narrow numbers">{K.chunks(doc.chunks)}</span>
          <span class="narrow numbers">{bytes(doc.size)}</span>
          <span class="narrow"><When at={updated} /></span>
          {flags > 0 && (
            <span class="badge warn">
              <Icon name="alert" /> {K.flagged(flags)}
            </span>
          )}
        </span>
      </th>
      <td class="state-cell">
        <StateBadge doc={doc} />
        <ProgressBar doc={doc} name={name} />
        {doc.failure && doc.state === "failed" && <p class="why-failed"><bdi>{doc.failure.reason}</bdi></p>}
        {older && <p class="soft small">{K.olderAnswers(doc.answers)}</p>}
      </td>
      <td class="wide figure numbers">{doc.version}</td>
      <td class="wide figure numbers">{grouped(doc.chunks)}</td>
      <td class="wide figure numbers">{doc.size ? bytes(doc.size) : "–"}</td>
      <td class="wide"><When at={updated} /></td>
      {desk.mayWrite && <td class="deeds-cell"><Deeds doc={doc} /></td>}
    </tr>
  );
}

function Empty({ route }: { route: ListRoute }) {
  const desk = useDesk();
  if (!route.state && !route.search)
    return <Nothing title={K.emptyTitle}>{desk.mayWrite && <p>{K.empty}</p>}</Nothing>;
  return (
    <Nothing title={K.noneTitle}>
      <p>{K.none}</p>
      <button type="button" class="button" onClick={() => desk.go({ at: "documents", state: "", search: "" })}>
        {K.clear}
      </button>
    </Nothing>
  );
}
