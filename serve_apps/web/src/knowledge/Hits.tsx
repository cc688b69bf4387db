/** What a search found: each passage with its scores by part, and the sentences that were close. */

import { placeWords } from "../shared/provenance";
import { Anchor } from "./pieces";
import { K } from "./strings";
import { marked } from "./texts";
import type { Hit } from "./types";

const PARTS = ["dense", "words", "sentence", "rerank"] as const;
const [WIDTH, HEIGHT] = [64, 6];

export function HitList({ hits }: { hits: readonly Hit[] }) {
  const best = Object.fromEntries(
    PARTS.map((part) => [part, Math.max(...hits.map((hit) => hit.parts[part] ?? 0), 0)]),
  ) as Record<(typeof PARTS)[number], number>;
  return (
    <ol class="hits">
      {hits.map((hit, i) => (
        <One key={hit.chunk} hit={hit} place={i + 1} best={best} />
      ))}
    </ol>
  );
}

function One(props: { hit: Hit; place: number; best: Record<string, number> }) {
  const { hit, best } = props;
  const where = placeWords(hit.place);
  return (
    <li class="hit" data-hit={hit.chunk}>
      <div class="hit-main">
        <p class="hit-head">
          <span class="chunk-n numbers">{props.place}</span>
          <Anchor to={{ at: "chunk", chunk: hit.chunk }} class="hit-title">
            <bdi>{hit.title || hit.document}</bdi>
          </Anchor>
          {where && <span class="badge accent"><bdi>{where}</bdi></span>}
          {hit.closed_at > 0 && <span class="badge warn">{K.pastHit}</span>}
        </p>
        {hit.heading && <p class="soft small"><bdi>{hit.heading}</bdi></p>}
        <p class="chunk-text" dir="auto" lang={hit.locale || undefined}>
          <Marked hit={hit} />
        </p>
      </div>
      <dl class="scores">
        <Score name={K.score} value={hit.score} of={1} total />
        {PARTS.map((part) => {
          const value = hit.parts[part];
          return value === undefined || value === null ? null : (
            <Score key={part} name={K.parts[part] ?? part} value={value} of={best[part] ?? 1} />
          );
        })}
      </dl>
    </li>
  );
}

/** Each sentence that was compared, the closer the stronger marked. */
function Marked({ hit }: { hit: Hit }) {
  return (
    <>
      {marked(hit.text, hit.sentences).map((piece, i) =>
        piece.weight === null ? (
          piece.text
        ) : (
          <mark key={i} class={`sentence ${piece.weight > 0.999 ? "best" : piece.weight > 0.7 ? "near" : "far"}`}>
            {piece.text}
          </mark>
        ),
      )}
    </>
  );
}

function Score(props: { name: string; value: number; of: number; total?: boolean }) {
  const { value, of } = props;
  const part = of > 0 ? Math.min(1, Math.max(0, value / of)) : 0;
  return (
    <div class={props.total ? "score total" : "score"}>
      <dt>{props.name}</dt>
      <dd class="numbers">
        <svg width={WIDTH} height={HEIGHT} aria-hidden="true">
          <rect class="score-back" width={WIDTH} height={HEIGHT} rx="2" />
          <rect class="score-bar" width={WIDTH * part} height={HEIGHT} rx="2" />
        </svg>
        <span class="score-value">{value.toFixed(3)}</span>
      </dd>
    </div>
  );
}
