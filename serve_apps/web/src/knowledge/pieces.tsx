/** Small parts that several views show: links within the page, states, what is loading or went wrong. */

import type { ComponentChildren } from "preact";

import { fullTime, shortDate } from "../console/time";
import { useCell } from "../shared/cells";
import type { ApiError } from "../wire/http";
import { addressOf, type Route } from "./address";
import { toneOf, troubleWords } from "./format";
import { useDesk } from "./reach";
import { comeOf, inWork } from "./shelf";
import { K } from "./strings";
import { revealed } from "./texts";
import type { Doc, Flag } from "./types";

/** A link within the page: a click goes there without loading, a new tab works as anywhere. */
export function Anchor(props: {
  to: Route;
  class?: string;
  current?: boolean;
  children: ComponentChildren;
}) {
  const desk = useDesk();
  const go = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button) return;
    event.preventDefault();
    desk.go(props.to);
  };
  return (
    <a
      class={props.class ?? ""}
      href={addressOf(props.to)}
      aria-current={props.current ? "page" : undefined}
      onClick={go}
    >
      {props.children}
    </a>
  );
}

export function StateBadge({ doc }: { doc: Pick<Doc, "state"> }) {
  return (
    <span class={`badge ${toneOf(doc.state)} state`} data-state={doc.state}>
      {K.stateWord(doc.state)}
    </span>
  );
}

/** While work goes on: a bar, and what is done right now. */
export function ProgressBar({ doc, name }: { doc: Doc; name: string }) {
  const desk = useDesk();
  const progress = useCell(desk.progress).get(doc.document);
  if (!inWork(doc.state)) return null;
  const mine = progress?.version === doc.version ? progress : undefined;
  const counted = mine && mine.total > 0 ? ` ${mine.done}/${mine.total}` : "";
  return (
    <span class="progress">
      <progress max={1} value={comeOf(doc, mine)} aria-label={K.progress(name)} />
      {mine && (
        <span class="progress-words numbers">
          {K.stages[mine.stage] ?? mine.stage}
          {counted}
        </span>
      )}
    </span>
  );
}

export function When({ at, whole = false }: { at: number; whole?: boolean }) {
  if (!at || !Number.isFinite(at)) return <>–</>;
  return (
    <time class="numbers" dateTime={new Date(at).toISOString()} title={fullTime(at)}>
      {whole ? fullTime(at) : shortDate(at)}
    </time>
  );
}

/** An operator by name, where it is known. */
export function Who({ id }: { id: string }) {
  const desk = useDesk();
  const names = useCell(desk.names);
  return <bdi>{names.get(id) ?? id}</bdi>;
}

export function Loading() {
  return <p class="soft pad" role="status">{K.loading}</p>;
}

export function Trouble(props: { error: ApiError; again: () => void; unknown?: string }) {
  const { error } = props;
  const gone = error.status === 404 && props.unknown;
  return (
    <div class="message-bad trouble" role="alert">
      <p><bdi>{gone ? props.unknown : K.failed(troubleWords(error))}</bdi></p>
      {!gone && <button type="button" class="button" onClick={props.again}>{K.retry}</button>}
    </div>
  );
}

export function Nothing(props: { title: string; children?: ComponentChildren }) {
  return (
    <div class="nothing">
      <h3>{props.title}</h3>
      {props.children}
    </div>
  );
}

export function FlagList({ flags }: { flags: readonly Flag[] }) {
  return (
    <ul class="flags">
      {flags.map((flag, i) => (
        <li key={i} class="flag">
          <p>
            <span class="badge warn">{K.flagWord(flag.kind)}</span>{" "}
            {flag.count > 1 && <span class="soft numbers">{K.times(flag.count)} · </span>}
            {flag.where && <bdi class="soft">{flag.where}</bdi>}
          </p>
          <pre class="sample" dir="auto"><Revealed text={flag.sample} /></pre>
        </li>
      ))}
    </ul>
  );
}

/** What cannot be seen, made visible. */
export function Revealed({ text }: { text: string }) {
  return (
    <>
      {revealed(text).map((part, i) =>
        part.hidden ? <span key={i} class="hidden-mark">{part.text}</span> : part.text,
      )}
    </>
  );
}
