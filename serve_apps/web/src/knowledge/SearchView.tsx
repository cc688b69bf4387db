/** Test search: what the AI would find for a question, and why that. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

import type { Route } from "./address";
import { milliseconds, tookOf } from "./format";
import { HitList } from "./Hits";
import { Loading, Nothing, Trouble } from "./pieces";
import { useDesk, useRead } from "./reach";
import { K } from "./strings";
import type { Asked, Found } from "./types";

type SearchRoute = Route & { at: "search" };

const TYPES = [
  "application/pdf",
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  "application/vnd.openxmlformats-officedocument.presentationml.presentation",
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  "text/html",
  "text/csv",
  "text/markdown",
  "text/plain",
];
const LANGUAGES = ["en", "es", "fr", "de", "it", "pt", "nl", "ca"];

export function SearchView({ route }: { route: SearchRoute }) {
  // The same question asked again is searched again.
  const [times, again] = useState(0);
  return (
    <>
      <Ask key={JSON.stringify(route)} route={route} repeat={() => again(times + 1)} />
      {route.question && <Answer key={`${JSON.stringify(route)} ${times}`} route={route} />}
    </>
  );
}

function Ask({ route, repeat }: { route: SearchRoute; repeat: () => void }) {
  const desk = useDesk();
  const send = (event: SubmitEvent) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string) => String(fields.get(name) ?? "").trim();
    const asked: SearchRoute = {
      at: "search",
      question: text("question"),
      locale: text("locale"),
      asOf: Number(text("as_of")) || 0,
      source: text("source"),
      mediaType: text("type"),
    };
    if (JSON.stringify(asked) === JSON.stringify(route)) repeat();
    else desk.go(asked);
  };
  return (
    <form class="card ask" role="search" aria-label={K.views.search} onSubmit={send}>
      <Field id="question" label={K.question} grow>
        <input
          id="question"
          class="input"
          name="question"
          required
          maxLength={2000}
          defaultValue={route.question}
          placeholder={K.questionHint}
          autocomplete="off"
          dir="auto"
        />
      </Field>
      <Field id="locale" label={K.language}>
        <select id="locale" class="input" name="locale" defaultValue={route.locale}>
          <option value="">{K.anyLanguage}</option>
          {[...new Set([...LANGUAGES, ...(route.locale ? [route.locale] : [])])].map((tag) => (
            <option key={tag} value={tag} selected={tag === route.locale}>{tag}</option>
          ))}
        </select>
      </Field>
      <Field id="type" label={K.type}>
        <select id="type" class="input" name="type">
          <option value="">{K.anyType}</option>
          {TYPES.map((type) => (
            <option key={type} value={type} selected={type === route.mediaType}>{K.typeWord(type)}</option>
          ))}
        </select>
      </Field>
      <Field id="source" label={K.source}>
        <input id="source" class="input" name="source" defaultValue={route.source} placeholder={K.sourceHint} autocomplete="off" />
      </Field>
      <Field id="as-of" label={K.asOf}>
        <input
          id="as-of"
          class="input numbers"
          name="as_of"
          type="number"
          min="1"
          step="1"
          defaultValue={route.asOf ? String(route.asOf) : ""}
          placeholder={K.asOfHint}
        />
      </Field>
      <button type="submit" class="button primary">{K.searchNow}</button>
    </form>
  );
}

function Field(props: { id: string; label: string; grow?: boolean; children: ComponentChildren }) {
  return (
    <div class={`field ${props.grow ? "grow" : ""}`}>
      <label for={props.id}>{props.label}</label>
      {props.children}
    </div>
  );
}

function askedOf({ question, locale, asOf, source, mediaType }: SearchRoute): Asked {
  const filters = {
    ...(source ? { sources: [source] } : {}),
    ...(mediaType ? { media_types: [mediaType] } : {}),
  };
  return {
    question,
    limit: 10,
    ...(locale ? { locale } : {}),
    ...(asOf ? { as_of: asOf } : {}),
    ...(Object.keys(filters).length ? { filters } : {}),
  };
}

function Answer({ route }: { route: SearchRoute }) {
  const desk = useDesk();
  const { value: found, error, again } = useRead(
    (signal) => desk.parts.api.search(askedOf(route), signal),
    [route],
  );
  if (error) return <Trouble error={error} again={again} />;
  if (!found) return <Loading />;
  return (
    <section class="card results" aria-labelledby="results-title">
      <Verdict found={found} />
      {found.hits.length ? <HitList hits={found.hits} /> : <Nothing title={K.nothingFound} />}
    </section>
  );
}

function Verdict({ found }: { found: Found }) {
  const facts = [
    K.how[found.how] ?? found.how,
    K.took(milliseconds(tookOf(found.latency_ms))),
    found.knowledge ? K.knowledgeAt(found.knowledge) : "",
    found.space ? K.space(found.space) : "",
  ];
  return (
    <div class="verdict">
      <h2 id="results-title">{K.hits(found.hits.length)}</h2>
      <p role="status" class={`badge ${found.answerable ? "good" : "warn"}`} data-answerable={String(found.answerable)}>
        {found.answerable ? K.answerable : K.unanswerable}
      </p>
      <p class="soft small numbers verdict-facts" data-how={found.how}>
        <bdi>{facts.filter(Boolean).join(" · ")}</bdi>
      </p>
    </div>
  );
}
