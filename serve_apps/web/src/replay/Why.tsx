/** Why the AI did what it did: one turn, as far as it is known at the moment that is looked at. */

import type { ComponentChildren } from "preact";

import { Changes, Findings, SourcePlace } from "../console/pieces";
import { Plain, Rich, WebLink } from "../console/Words";
import { addressAt } from "../widget/place";
import type { AnswerRecorded, DraftProposed, Source } from "../wire/facts";
import { lasted } from "./axis";
import { Latency } from "./Latency";
import { REASON, who } from "./describe";
import type { Replay, View } from "./replay";
import { outcomeAt, type Turn } from "./turns";

type Decided = NonNullable<Turn["draftEnd"]>["fact"] | null;

export function Why({ replay, view }: { replay: Replay; view: View }) {
  const { turn, turns } = replay;
  if (!turn)
    return <p class="none">No AI turn has begun yet. {turns.all.length > 0 && <NextTurn replay={replay} />}</p>;
  return (
    <div class="turn-view">
      <TurnHead replay={replay} view={view} turn={turn} />
      <Asked turn={turn} />
      <Came turn={turn} position={view.position} />
    </div>
  );
}

function NextTurn({ replay }: { replay: Replay }) {
  return (
    <button type="button" class="link" onClick={() => replay.stepTurn(1)}>
      Go to the first
    </button>
  );
}

function TurnHead({ replay, view, turn }: { replay: Replay; view: View; turn: Turn }) {
  const outcome = outcomeAt(turn, view.position);
  const { history, turns } = replay;
  const ended = turn.end && turn.end.position <= view.position ? turn.end : null;
  const go = (number: number) => {
    const other = turns.all[number - 1];
    if (other) replay.goTo(other.end?.position ?? other.begun);
  };
  return (
    <div class="turn-head">
      <div class="turn-steps">
        <button type="button" class="button square" aria-label="Previous turn" disabled={turn.number === 1} onClick={() => go(turn.number - 1)}>
          ‹
        </button>
        <h3>
          Turn {turn.number} <span class="soft">of {turns.all.length}</span>
        </h3>
        <button type="button" class="button square" aria-label="Next turn" disabled={turn.number === turns.all.length} onClick={() => go(turn.number + 1)}>
          ›
        </button>
      </div>
      <p class={`outcome ${outcome.kind}`} data-outcome={outcome.kind}>
        <bdi>{outcome.words}</bdi>
      </p>
      <p class="soft numbers">
        <GoTo replay={replay} position={turn.begun}>begun at version {history.versionAt(turn.begun)}</GoTo>
        {ended && (
          <>
            {" · "}
            <GoTo replay={replay} position={ended.position}>ended at version {history.versionAt(ended.position)}</GoTo>
            {` · ${lasted(Math.max(0, ended.fact.at - turn.begunAt))}`}
          </>
        )}
        {turn.draftEnd && turn.draftEnd.position <= view.position && (
          <>
            {" · "}
            <GoTo replay={replay} position={turn.draftEnd.position}>
              decided at version {history.versionAt(turn.draftEnd.position)}
            </GoTo>
          </>
        )}
        {` · epoch ${turn.epoch}`}
        {turn.attempts > 1 && ` · ${turn.attempts} attempts`}
      </p>
    </div>
  );
}

function GoTo(props: { replay: Replay; position: number; children: ComponentChildren }) {
  return (
    <button type="button" class="link" onClick={() => props.replay.goTo(props.position)}>
      {props.children}
    </button>
  );
}

function Asked({ turn }: { turn: Turn }) {
  return (
    <Part title={turn.asked.length === 1 ? "It was to answer" : `It was to answer ${turn.asked.length} messages`}>
      <ul class="asked">
        {turn.asked.slice(-20).map(({ message, text }) => (
          <li key={message}>
            <Plain text={text || message} />
          </li>
        ))}
      </ul>
    </Part>
  );
}

/** What came of it, once it has. */
function Came({ turn, position }: { turn: Turn; position: number }) {
  if (!turn.end || turn.end.position > position) return null;
  const { fact } = turn.end;
  const decided = turn.draftEnd && turn.draftEnd.position <= position ? turn.draftEnd.fact : null;
  return (
    <>
      {fact.fact === "TurnFailed.v1" && fact.detail && (
        <Part title="Detail">
          <p class="message-bad"><bdi>{fact.detail}</bdi></p>
        </Part>
      )}
      {turn.handoffs.map(({ fact: call }) => (
        <Part key={call.reason} title="It called a person">
          <p>
            {REASON[call.reason] ?? call.reason}
            {call.score ? ` · ${call.score.toFixed(2)}` : ""}
          </p>
          {call.evidence && <blockquote class="quote" dir="auto">{call.evidence}</blockquote>}
        </Part>
      ))}
      {fact.fact === "AnswerRecorded.v1" && (
        <Part title="Answer">
          <Rich text={fact.text} html={fact.html ?? ""} lang={fact.locale ?? ""} />
        </Part>
      )}
      {fact.fact === "DraftProposed.v1" && <Drafted draft={fact} decided={decided} />}
      {(fact.fact === "AnswerRecorded.v1" || fact.fact === "DraftProposed.v1") && <Grounds fact={fact} />}
    </>
  );
}

/** What the AI wrote, and what a person made of it. */
function Drafted({ draft, decided }: { draft: DraftProposed; decided: Decided }) {
  const edited = decided?.fact === "DraftApproved.v1" && decided.edit_distance ? decided : null;
  return (
    <>
      <Part title="Draft">
        <Rich text={draft.text} html="" lang={draft.locale ?? ""} />
      </Part>
      {edited && (
        <Part title={`What ${who(edited)} made of it`}>
          <Changes before={draft.text} after={edited.text} />
        </Part>
      )}
    </>
  );
}

/** What it rests on and what it took. */
function Grounds({ fact }: { fact: AnswerRecorded | DraftProposed }) {
  const { sources = [], guard = {}, cost = {}, confidence = 0 } = fact;
  return (
    <>
      {cost.searched && (
        <Part title="Searched for, as a follow-up">
          <blockquote class="quote" dir="auto" data-searched>{cost.searched}</blockquote>
        </Part>
      )}
      <Part title={`Sources (${sources.length})`}>
        {sources.length ? <Sources sources={sources} /> : <p class="soft">It rests on no source.</p>}
      </Part>
      <Part title="Guard">
        {Object.keys(guard).length ? <Findings guard={guard} /> : <p class="soft">No finding recorded.</p>}
      </Part>
      <Part title="Model">
        <dl class="facts">
          <Fact name="Model">{cost.model || "none asked"}</Fact>
          <Fact name="Prompt">{cost.prompt_version || "–"}</Fact>
          <Fact name="Confidence">{confidence ? `${(confidence * 100).toFixed(1)} %` : "–"}</Fact>
          <Fact name="Tokens in">{cost.input_tokens ?? 0}</Fact>
          <Fact name="Tokens out">{cost.output_tokens ?? 0}</Fact>
          <Fact name="Cost">{costWords(cost)}</Fact>
          {cost.knowledge && <Fact name="Knowledge">{`as of version ${cost.knowledge}`}</Fact>}
          {cost.space && <Fact name="Space">{cost.space}</Fact>}
        </dl>
      </Part>
      {cost.latency_ms && Object.keys(cost.latency_ms).length > 0 && (
        <Part title="Latency by stage">
          <Latency stages={cost.latency_ms} />
        </Part>
      )}
    </>
  );
}

/** Told only where the server recorded it. */
function costWords(cost: object): string {
  const price = (cost as { price_usd?: unknown }).price_usd;
  return typeof price === "number" && price > 0 ? `$${price.toPrecision(3)}` : "not recorded";
}

function Sources({ sources }: { sources: readonly Source[] }) {
  const best = Math.max(...sources.map((source) => source.score ?? 0), 0.0001);
  return (
    <ol class="why-sources">
      {sources.map((source) => (
        <li key={`${source.n} ${source.chunk}`}>
          <p class="source-head">
            <span class="source-n numbers">{source.n}</span>
            <bdi class="source-title">
              <WebLink url={addressAt(source.url, source.place) ?? ""} shown={source.title || source.document} />
            </bdi>
            <span class="score numbers">
              <svg width="48" height="8" aria-hidden="true">
                <rect class="score-back" width="48" height="8" rx="2" />
                <rect class="score-bar" width={Math.max(0, (48 * (source.score ?? 0)) / best)} height="8" rx="2" />
              </svg>
              {(source.score ?? 0).toFixed(3)}
            </span>
          </p>
          <blockquote class="quote" dir="auto">{source.quote}</blockquote>
          <SourcePlace source={source} />
        </li>
      ))}
    </ol>
  );
}

function Part({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="why-part">
      <h4>{title}</h4>
      {children}
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class="numbers"><bdi>{children}</bdi></dd>
    </div>
  );
}
