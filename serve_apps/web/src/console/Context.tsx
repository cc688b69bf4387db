/** What stands around the conversation: why a person, what the AI relied on, the visitor's past. */

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

import { useCell } from "../shared/cells";
import { ApiError } from "../wire/http";
import type { AssistantLine, HandoffLine, NoteLine, Standing } from "../shared/lines";
import type { Row } from "../wire/operator_protocol";
import { useDesk } from "./reach";
import { Icon } from "./icons";
import { Findings, SourceList } from "./pieces";
import { channelName, languageName, T } from "./strings";
import type { Thread } from "./thread";
import { fullTime, roughAge, shortDate, useTicking } from "./time";
import { Plain } from "./Words";

/** Of so many of the AI's last answers the sources are shown. */
const ANSWERS = 3;

export function Context() {
  const desk = useDesk();
  const thread = useCell(desk.threads.open);
  return (
    <section class="pane context" aria-label={T.context}>
      {thread && <Facts key={thread.conversation} thread={thread} />}
    </section>
  );
}

function Facts({ thread }: { thread: Thread }) {
  const desk = useDesk();
  const { standing, handoffs, answers, notes } = useCell(thread.timeline);
  return (
    <div class="context-in">
      <div class="context-head">
        <h2>{T.details}</h2>
        <button
          type="button"
          class="button plain square context-close"
          aria-label={T.close}
          onClick={() => desk.pane.set("conversation")}
        >
          <Icon name="close" />
        </button>
      </div>
      <a class="replay-link" href={replayOf(standing, thread.conversation)}>
        <Icon name="history" />
        <span>
          {T.replay}
          <small>{T.replayHint}</small>
        </span>
      </a>
      <Why handoffs={handoffs} />
      <Answers answers={answers} />
      <Notes notes={notes} />
      <Past conversation={thread.conversation} />
      <About standing={standing} conversation={thread.conversation} />
    </div>
  );
}

function replayOf(standing: Standing, conversation: string): string {
  const query = new URLSearchParams({ c: conversation });
  if (standing.version) query.set("v", String(standing.version));
  return `/replay?${query}`;
}

function Section(props: { title: string; children: ComponentChildren }) {
  return (
    <section class="facts-section">
      <h3>{props.title}</h3>
      {props.children}
    </section>
  );
}

function Why({ handoffs }: { handoffs: readonly HandoffLine[] }) {
  const last = handoffs.at(-1);
  const earlier = handoffs.slice(0, -1).reverse();
  return (
    <Section title={T.why}>
      {last ? <OneWhy handoff={last} /> : <p class="soft">{T.whyNot}</p>}
      {earlier.length > 0 && (
        <details class="fold">
          <summary>
            {T.earlierHandoffs} <span class="numbers">({earlier.length})</span>
          </summary>
          {earlier.map((handoff) => (
            <OneWhy key={handoff.key} handoff={handoff} />
          ))}
        </details>
      )}
    </Section>
  );
}

function OneWhy({ handoff }: { handoff: HandoffLine }) {
  return (
    <div class="why">
      <p class="why-reason">
        {T.reason(handoff.reason)}
        <Ago at={handoff.at} />
      </p>
      {handoff.evidence && (
        <blockquote class="quote" dir="auto">
          {handoff.evidence}
        </blockquote>
      )}
      {handoff.score > 0 && <p class="soft numbers">{T.score(Math.round(handoff.score * 100))}</p>}
      {handoff.silent && <p class="soft">{T.silent}</p>}
    </div>
  );
}

function Ago({ at }: { at: number }) {
  const words = useTicking((now) => roughAge(now - at));
  return (
    <time class="soft numbers" dateTime={new Date(at).toISOString()} title={fullTime(at)}>
      {words}
    </time>
  );
}

function Answers({ answers }: { answers: readonly AssistantLine[] }) {
  const last = answers.slice(-ANSWERS).reverse();
  return (
    <Section title={T.aiSources}>
      {!last.length && <p class="soft">{T.noAnswers}</p>}
      {last.map((answer, i) => (
        <details key={answer.key} class="fold relied" open={i === 0}>
          <summary>
            <bdi class="relied-text">{answer.text}</bdi>
            {answer.confidence > 0 && (
              <span class="soft numbers"> {T.confidence(Math.round(answer.confidence * 100))}</span>
            )}
          </summary>
          {answer.sources.length ? (
            <SourceList sources={answer.sources} />
          ) : (
            <p class="soft">{T.noSources}</p>
          )}
          {Object.keys(answer.guard).length > 0 && (
            <>
              <h4>{T.guard}</h4>
              <Findings guard={answer.guard} />
            </>
          )}
        </details>
      ))}
    </Section>
  );
}

function Notes({ notes }: { notes: readonly NoteLine[] }) {
  const desk = useDesk();
  return (
    <Section title={T.notes}>
      {!notes.length && <p class="soft">{T.noNotes}</p>}
      {notes.map((note) => (
        <div key={note.key} class="note-card">
          <p class="soft">
            <bdi>{note.name || T.operator}</bdi> · <Ago at={note.at} />
          </p>
          <Plain text={note.text} />
        </div>
      ))}
      {desk.may("note") && (
        <button
          type="button"
          class="button"
          onClick={() => desk.write("note")}
        >
          {T.writeNote} <kbd aria-hidden="true">N</kbd>
        </button>
      )}
    </Section>
  );
}

function Past({ conversation }: { conversation: string }) {
  const desk = useDesk();
  const [rows, show] = useState<readonly Row[] | null>(null);
  const [failed, fail] = useState(false);
  const [tries, again] = useState(0);
  useEffect(() => {
    const asked = new AbortController();
    fail(false);
    desk.parts.api.related(conversation, asked.signal).then(show, (error: unknown) => {
      if (asked.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      fail(true);
    });
    return () => asked.abort();
  }, [conversation, tries]);
  return (
    <Section title={T.past}>
      {failed ? (
        <p class="soft">
          {T.loadFailed}
          <button type="button" class="link" onClick={() => again(tries + 1)}>
            {T.retry}
          </button>
        </p>
      ) : !rows ? (
        <p class="soft">{T.loading}</p>
      ) : !rows.length ? (
        <p class="soft">{T.noPast}</p>
      ) : (
        <ul class="past">
          {rows.map((row) => (
            <li key={row.conversation}>
              <button type="button" class="past-row" onClick={() => desk.openRow(row)}>
                <span class="past-top">
                  <span>{shortDate(row.started_at)}</span>
                  {row.status === "resolved" && <span class="badge good">{T.resolvedBadge}</span>}
                  {row.rating !== null && (
                    <span class="badge numbers">
                      <Icon name="star" />
                      {row.rating}
                    </span>
                  )}
                </span>
                <bdi class="past-text">{row.last_text}</bdi>
              </button>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

function About({ standing, conversation }: { standing: Standing; conversation: string }) {
  return (
    <Section title={T.about}>
      <dl class="facts">
        <div>
          <dt>{T.rating}</dt>
          <dd>{standing.rating ? <Stars score={standing.rating} /> : T.noRating}</dd>
        </div>
        <div>
          <dt>{T.channel}</dt>
          <dd>
            <bdi>{channelName(standing.channel)}</bdi>
          </dd>
        </div>
        {standing.locale && (
          <div>
            <dt>{T.language}</dt>
            <dd>
              <bdi>{languageName(standing.locale)}</bdi>
            </dd>
          </div>
        )}
        {standing.startedAt > 0 && (
          <div>
            <dt>{T.began}</dt>
            <dd class="numbers">{fullTime(standing.startedAt)}</dd>
          </div>
        )}
        <div>
          <dt>{T.id}</dt>
          <dd>
            <code>{conversation}</code>
          </dd>
        </div>
      </dl>
    </Section>
  );
}

function Stars({ score }: { score: number }) {
  return (
    <span class="stars">
      <span class="quiet">{T.rated(score)}</span>
      {[1, 2, 3, 4, 5].map((n) => (
        <span key={n} class={n <= score ? "star on" : "star"}>
          <Icon name="star" />
        </span>
      ))}
    </span>
  );
}
