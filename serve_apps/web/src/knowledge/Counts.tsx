/** What there is, counted: in all, by state, kind and source; and the embedding spaces. */

import type { ComponentChildren } from "preact";

import { useCell } from "../shared/cells";
import { Loading, Nothing, Trouble } from "./pieces";
import { useDesk, useRead } from "./reach";
import { grouped, K } from "./strings";
import type { Counts as Figures } from "./types";

export function Counts() {
  const desk = useDesk();
  // What was indexed meanwhile is counted too.
  const indexed = useCell(desk.changed)?.indexed_at ?? 0;
  const { value: counts, error, again } = useRead((signal) => desk.parts.api.counts(signal), ["", indexed]);
  if (error) return <Trouble error={error} again={again} />;
  if (!counts) return <Loading />;
  return (
    <div class="counts">
      <section class="card totals" aria-label={K.views.counts}>
        <Total name={K.total.documents} value={grouped(counts.documents)} />
        <Total name={K.total.chunks} value={grouped(counts.chunks)} />
        <Total name={K.total.knowledge} value={counts.knowledge ? String(counts.knowledge) : "–"} />
        <Total name={K.total.space} value={counts.space || "–"} small />
      </section>
      <Bars title={K.byState} counts={counts.by_state} word={K.stateWord} />
      <Bars title={K.byType} counts={counts.by_media_type} word={K.typeWord} />
      <Sources counts={counts} />
      {counts.spaces.length > 0 && <Spaces counts={counts} />}
    </div>
  );
}

function Total(props: { name: string; value: string; small?: boolean }) {
  return (
    <dl class="total-one">
      <dt>{props.name}</dt>
      <dd class={`numbers ${props.small ? "small-value" : ""}`}><bdi>{props.value}</bdi></dd>
    </dl>
  );
}

function Bars(props: { title: string; counts: Record<string, number>; word: (name: string) => string }) {
  const entries = Object.entries(props.counts).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);
  const most = Math.max(1, ...entries.map(([, n]) => n));
  return (
    <Part title={props.title} half>
      {!entries.length && <p class="soft">{K.noCounts}</p>}
      <dl class="bars">
        {entries.map(([name, n]) => (
          <div key={name}>
            <dt><bdi>{props.word(name)}</bdi></dt>
            <dd class="numbers">
              <svg width="100%" height="8" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
                <rect class="score-back" width="100" height="8" />
                <rect class="score-bar" width={(100 * n) / most} height="8" />
              </svg>
              <span>{grouped(n)}</span>
            </dd>
          </div>
        ))}
      </dl>
    </Part>
  );
}

function Sources({ counts }: { counts: Figures }) {
  const { sourceColumns: names } = K;
  return (
    <Part title={K.bySource}>
      {!counts.by_source.length ? (
        <Nothing title={K.noCounts} />
      ) : (
        <table class="plain-table">
          <thead>
            <tr>
              <th scope="col">{names.source}</th>
              <th scope="col" class="figure">{names.documents}</th>
              <th scope="col" class="figure">{names.chunks}</th>
              <th scope="col" class="figure">{names.cited}</th>
            </tr>
          </thead>
          <tbody>
            {counts.by_source.map((row) => (
              <tr key={row.source}>
                <th scope="row"><bdi>{row.source || K.noSource}</bdi></th>
                <td class="figure numbers">{grouped(row.documents ?? 0)}</td>
                <td class="figure numbers">{grouped(row.chunks ?? 0)}</td>
                <td class="figure numbers">{grouped(row.cited ?? 0)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Part>
  );
}

function Spaces({ counts }: { counts: Figures }) {
  const { spaceColumns: names } = K;
  return (
    <Part title={K.spaces}>
      <table class="plain-table">
        <thead>
          <tr>
            <th scope="col">{names.space}</th>
            <th scope="col">{names.state}</th>
            <th scope="col" class="figure">{names.filled}</th>
          </tr>
        </thead>
        <tbody>
          {counts.spaces.map((row) => (
            <tr key={row.space}>
              <th scope="row"><bdi>{row.space}</bdi></th>
              <td>
                <span class={`badge ${row.state === "active" ? "good" : ""}`}>
                  {K.spaceStates[row.state] ?? row.state}
                </span>
              </td>
              <td class="figure numbers">{K.ofAll(row.documents ?? 0, row.of ?? 0)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Part>
  );
}

function Part(props: { title: string; half?: boolean; children: ComponentChildren }) {
  return (
    <section class={`card ${props.half ? "half" : ""}`}>
      <h2>{props.title}</h2>
      {props.children}
    </section>
  );
}
