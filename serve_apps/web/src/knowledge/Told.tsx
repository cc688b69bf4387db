/** Who was told this? Every answer that cited a text, so that a wrong one can be put right. */

import { Icon } from "../console/icons";
import { fullTime } from "../console/time";
import { Anchor, Loading, Trouble, Who } from "./pieces";
import { usePages } from "./pages";
import { K } from "./strings";
import type { Page, Told } from "./types";

export function ToldList(props: {
  title: string;
  read: (before: string, signal: AbortSignal) => Promise<Page<Told>>;
}) {
  const { rows, more, busy, error, ask } = usePages(props.read);
  return (
    <section class="told" aria-labelledby="told-title">
      <div class="told-head">
        <h3 id="told-title">{props.title}</h3>
        {!busy && !error && rows.length > 0 && <p class="soft numbers">{K.toldCount(rows.length, more)}</p>}
      </div>
      <p class="soft small">{K.toldHint}</p>
      {!rows.length && busy && <Loading />}
      {!rows.length && !busy && !error && <p class="pad">{K.toldNone}</p>}
      <ol class="told-list">
        {rows.map((told) => (
          <One key={`${told.message} ${told.chunk} ${told.at}`} told={told} />
        ))}
      </ol>
      {error && <Trouble error={error} again={ask} />}
      {rows.length > 0 && more && !error && (
        <button type="button" class="button more" disabled={busy} onClick={ask}>{busy ? K.loading : K.more}</button>
      )}
    </section>
  );
}

function One({ told }: { told: Told }) {
  const conversation = encodeURIComponent(told.conversation);
  const message = encodeURIComponent(told.message);
  return (
    <li class="told-one" data-told={told.message}>
      <p class="told-top">
        <time class="numbers" dateTime={new Date(told.at).toISOString()}>{fullTime(told.at)}</time>
        <span class={`badge ${told.current ? "good" : "warn"}`}>{told.current ? K.stillAnswers : K.replacedSince}</span>
        {told.approved_by && (
          <span class="badge">
            {K.approvedBy("")}
            <Who id={told.approved_by} />
          </span>
        )}
        {told.version > 0 && told.document && (
          <Anchor to={{ at: "document", document: told.document, version: told.version, tab: "chunks" }}>
            <span class="numbers">{K.version(told.version)}</span>
          </Anchor>
        )}
      </p>
      <dl class="exchange">
        <Said name={K.visitorAsked} text={told.question} lang={told.locale} />
        <Said name={K.answered} text={told.answer} lang={told.locale} />
        {told.quote && <Said name={K.cited} text={told.quote} lang="" quote />}
      </dl>
      <p class="told-links">
        <a href={`/replay?c=${conversation}&m=${message}`}>
          <Icon name="history" /> {K.replay}
        </a>
        <a href={`/console?c=${conversation}`}>
          <Icon name="chat" /> {K.openConsole}
        </a>
      </p>
    </li>
  );
}

function Said(props: { name: string; text: string; lang: string; quote?: boolean }) {
  return (
    <div>
      <dt>{props.name}</dt>
      <dd class={props.quote ? "cited" : ""} dir="auto" lang={props.lang || undefined}>{props.text || "–"}</dd>
    </div>
  );
}
