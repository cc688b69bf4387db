/**
 * What a turn's time went to, as bars. Some stages are lengths (`embed`, `search`, `rerank`), the
 * others are moments, counted from the turn's begin: each bar begins where the stage before ended.
 */

/** Moments since the begin, as actors/turn/ai_turn.py takes them. */
const MOMENTS = ["prepare", "first_text", "generate", "total"];
/** Runs beside the others, from the begin. */
const BESIDE = "signals";

export interface Bar {
  readonly name: string;
  readonly from: number;
  readonly ms: number;
  /** For a moment, since the begin; for a length the same as `ms`. */
  readonly said: number;
}

/** Bars of lengths lie one after the other; a moment's bar reaches from the moment before to it. */
export function bars(stages: Readonly<Record<string, number>>): Bar[] {
  const entries = Object.entries(stages).filter(([, ms]) => Number.isFinite(ms) && ms >= 0);
  const found: Bar[] = [];
  let end = 0;
  for (const [name, ms] of entries.filter(([name]) => !MOMENTS.includes(name))) {
    const from = name === BESIDE ? 0 : end;
    found.push({ name, from, ms, said: ms });
    if (name !== BESIDE) end += ms;
  }
  const moments = entries.filter(([name]) => MOMENTS.includes(name) && name !== "total");
  let last = 0;
  for (const [name, at] of moments.sort((a, b) => a[1] - b[1])) {
    const from = Math.min(at, Math.max(last, end));
    found.push({ name, from, ms: at - from, said: at });
    last = at;
  }
  const total = stages["total"];
  if (total !== undefined) found.push({ name: "total", from: 0, ms: total, said: total });
  return found;
}

const WIDTH = 220;
const ROW = 20;

export function Latency({ stages }: { stages: Readonly<Record<string, number>> }) {
  const all = bars(stages);
  const longest = Math.max(1, ...all.map((bar) => bar.from + bar.ms));
  const scale = (ms: number) => (ms / longest) * WIDTH;
  return (
    <table class="latency">
      <caption class="quiet">Milliseconds by stage</caption>
      <tbody>
        {all.map((bar) => (
          <tr key={bar.name} class={bar.name === "total" ? "total" : ""}>
            <th scope="row"><bdi>{bar.name.replaceAll("_", " ")}</bdi></th>
            <td class="numbers">{msWords(bar.said)}</td>
            <td class="bar">
              <svg width="100%" height={ROW - 6} viewBox={`0 0 ${WIDTH} ${ROW - 6}`} preserveAspectRatio="none" aria-hidden="true">
                <rect class="bar-back" width={WIDTH} height={ROW - 6} />
                <rect class="bar-front" x={scale(bar.from)} width={Math.max(1, scale(bar.ms))} height={ROW - 6} />
              </svg>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function msWords(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}
