/**
 * The lanes and the slider over them: one picture, one control. Each mark can be clicked; with the
 * keyboard it is a slider like any other, and the page's own keys do the rest.
 */

import { useLayoutEffect, useRef, useState } from "preact/hooks";

import { memo } from "../console/memo";
import { fullTime } from "../console/time";
import { type Axis, lasted, type Window } from "./axis";
import { counted, type Lane, LANES, type Mark, titleOf } from "./describe";
import { type Dot, dotAt, dots } from "./marks";
import type { Replay, View } from "./replay";
import type { Span } from "./spans";

const TRACK_HEIGHT = 22;
/** Where each lane begins, how high it is, and where in it the marks stand. */
const SHAPE: Record<Lane, { y: number; height: number; marks: number }> = {
  visitor: { y: 22, height: 26, marks: 35 },
  ai: { y: 48, height: 26, marks: 61 },
  operator: { y: 74, height: 40, marks: 102 },
  system: { y: 114, height: 26, marks: 127 },
};
const HEIGHT = 140;
/** Room at both ends, so that the first and the last mark are seen whole. */
const INSET = 10;

const LANE_NAMES: Record<Lane, string> = {
  visitor: "Visitor",
  ai: "AI",
  operator: "Operator",
  system: "System",
};

export function Timeline({ replay, view }: { replay: Replay; view: View }) {
  const box = useRef<HTMLDivElement>(null);
  const outer = useWidth(box);
  const width = Math.max(1, outer - 2 * INSET);
  const [hovered, setHovered] = useState<Dot | null>(null);
  const { history, axis } = replay;
  const { window, position } = view;
  const found = useDots(replay, view, width);
  const x = placeOf(axis, window, width, position);

  const point = (event: PointerEvent): { x: number; dot: Dot | null } => {
    const { left, top } = box.current!.getBoundingClientRect();
    const at = event.clientX - left - INSET;
    const lane = laneAt(event.clientY - top);
    return { x: at, dot: lane ? dotAt(found, lane, at) : null };
  };
  const follow = (at: number) => {
    const place = window.from + (at / width) * (window.to - window.from);
    const next = axis.nearest(place);
    if (next !== replay.view.get().position) replay.goTo(next);
  };
  const down = (event: PointerEvent) => {
    if (event.button !== 0) return;
    box.current!.setPointerCapture(event.pointerId);
    const { x: at, dot } = point(event);
    if (dot) replay.goTo(dot.entry.position);
    else follow(at);
  };
  const move = (event: PointerEvent) => {
    const { x: at, dot } = point(event);
    if (event.buttons & 1 && box.current!.hasPointerCapture(event.pointerId)) follow(at);
    else setHovered(dot);
  };

  return (
    <div class="timeline">
      <div class="lane-names" aria-hidden="true">
        <span class="lane-name track-name" />
        {LANES.map((lane) => (
          <span key={lane} class={`lane-name ${lane}`}>{LANE_NAMES[lane]}</span>
        ))}
      </div>
      <div
        ref={box}
        class="lanes"
        role="slider"
        tabIndex={0}
        aria-label={view.scale === "time" ? "Moment of the conversation" : "Version of the conversation"}
        aria-orientation="horizontal"
        aria-valuemin={0}
        aria-valuemax={history.length}
        aria-valuenow={position}
        aria-valuetext={wordsAt(replay, position)}
        onPointerDown={down}
        onPointerMove={move}
        onPointerLeave={() => setHovered(null)}
      >
        <svg width={outer} height={HEIGHT} viewBox={`${-INSET} 0 ${Math.max(1, outer)} ${HEIGHT}`} aria-hidden="true">
          <Picture replay={replay} revision={view.revision} axis={axis} window={window} width={width} found={found} />
          <Playhead x={x} width={width} live={view.live} />
        </svg>
        {hovered && <Tip dot={hovered} />}
      </div>
    </div>
  );
}

/** What a screen reader says of a position. */
export function wordsAt(replay: Replay, position: number): string {
  const { history } = replay;
  if (position === 0) return "Before the first version";
  const titles = history.entriesOf(position).map((entry) => titleOf(entry.fact));
  const when = fullTime(history.times[position - 1]!);
  return `Version ${history.versionAt(position)}, ${position} of ${history.length}, ${when}: ${titles.join("; ")}`;
}

function useWidth(box: { current: HTMLElement | null }): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const look = () => setWidth(Math.floor(box.current!.clientWidth));
    look();
    const observer = new ResizeObserver(look);
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  return width;
}

/** Made anew only when the picture is another one, not with each step of the slider. */
function useDots(replay: Replay, view: View, width: number): Dot[] {
  const made = useRef<{ for: readonly unknown[]; found: Dot[] }>({ for: [], found: [] });
  const wanted = [view.revision, view.scale, view.window, width];
  if (wanted.some((one, i) => one !== made.current.for[i]))
    made.current = { for: wanted, found: dots(replay.history.entries, replay.axis, view.window, width) };
  return made.current.found;
}

function placeOf(axis: Axis, window: Window, width: number, position: number): number {
  return ((axis.place(position) - window.from) / (window.to - window.from)) * width;
}

interface PictureProps {
  replay: Replay;
  revision: number;
  axis: Axis;
  window: Window;
  width: number;
  found: readonly Dot[];
}

const Picture = memo(function Picture({ replay, axis, window, width, found }: PictureProps) {
  const at = (position: number) => placeOf(axis, window, width, position);
  return (
    <g>
      <pattern id="idle" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <rect class="idle-back" width="6" height="6" />
        <rect class="idle-line" width="1.5" height="6" />
      </pattern>
      {LANES.map((lane, i) => (
        <rect
          key={lane}
          class={`lane ${i % 2 ? "odd" : ""}`}
          x={-INSET}
          y={SHAPE[lane].y}
          width={width + 2 * INSET}
          height={SHAPE[lane].height}
        />
      ))}
      <line class="track" x1={0} x2={width} y1={TRACK_HEIGHT / 2} y2={TRACK_HEIGHT / 2} />
      {axis.gaps.filter((gap) => at(gap.to) > 0 && at(gap.from) < width).slice(0, 200).map((gap) => (
        <GapMark key={gap.from} from={at(gap.from)} to={at(gap.to)} ms={gap.ms} />
      ))}
      <Bands spans={replay.spans.all} end={replay.history.length} at={at} width={width} />
      {[...outlines(found)].map(([kind, outline]) => (
        <path key={kind} class={`mark ${kind}`} d={outline} />
      ))}
    </g>
  );
});

function GapMark({ from, to, ms }: { from: number; to: number; ms: number }) {
  const wide = to - from;
  const words = lasted(ms);
  return (
    <g class="gap">
      <rect x={from} y={0} width={Math.max(1, wide)} height={HEIGHT} fill="url(#idle)" />
      {wide > words.length * 6 + 6 && (
        <text x={from + wide / 2} y={TRACK_HEIGHT / 2 + 4}>{words}</text>
      )}
    </g>
  );
}

/** All bands of a kind are one outline; only a name needs room of its own. */
function Bands(props: { spans: readonly Span[]; end: number; at: (p: number) => number; width: number }) {
  const shapes = new Map<string, string>();
  const names: { key: string; x: number; y: number; words: string }[] = [];
  const last: Partial<Record<Span["kind"], number>> = {};
  for (const span of props.spans) {
    const x = Math.max(-INSET, props.at(span.from));
    const end = Math.min(props.width + INSET, props.at(span.to ?? props.end));
    // Narrower than a pixel, and after one that is: it could not be told from it.
    if (end < 0 || x > props.width || end - (last[span.kind] ?? -INSET - 9) < 2) continue;
    last[span.kind] = end;
    const { y, height } = SHAPE[span.lane];
    const wide = Math.max(2, end - x);
    const kind = `${span.kind} ${span.style}`;
    const box = `M${round(x)} ${y + 4}h${round(wide)}v${height - 8}h${-round(wide)}z`;
    shapes.set(kind, (shapes.get(kind) ?? "") + box);
    if (span.kind === "owner" && wide > 40)
      names.push({ key: String(span.from), x: x + 6, y: y + 16, words: fitting(span.label, wide - 12) });
  }
  return (
    <g>
      {[...shapes].map(([kind, shape]) => (
        <path key={kind} class={`band ${kind}`} d={shape} />
      ))}
      {names.map(({ key, x, y, words }) => (
        <text key={key} class="owner-name" x={x} y={y}>{words}</text>
      ))}
    </g>
  );
}

function round(x: number): number {
  return Math.round(x * 10) / 10;
}

/** As much of a name as there is room for. */
function fitting(name: string, width: number): string {
  const points = [...name];
  const most = Math.floor(width / 7);
  return points.length <= most ? name : `${points.slice(0, Math.max(1, most - 1)).join("")}…`;
}

/** One outline for all marks of a lane that look alike. */
function outlines(found: readonly Dot[]): Map<string, string> {
  const made = new Map<string, string>();
  for (const { lane, mark, x } of found) {
    const kind = `${mark} ${lane}`;
    made.set(kind, (made.get(kind) ?? "") + outlineOf(mark, round(x), SHAPE[lane].marks));
  }
  return made;
}

function outlineOf(mark: Mark, x: number, y: number): string {
  switch (mark) {
    case "handoff":
    case "error":
      return `M${x} ${y - 7}l7 12.5h-14z`;
    case "mode":
      return `M${x} ${y - 7}l7 7l-7 7l-7-7z`;
    case "note":
    case "draft":
      return `M${x - 4.5} ${y - 4.5}h9v9h-9z`;
    default: {
      const r = mark === "small" || mark === "notice" ? 3 : 5;
      return `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`;
    }
  }
}

function Playhead({ x, width, live }: { x: number; width: number; live: boolean }) {
  if (x < -8 || x > width + 8) return null;
  return (
    <g class={`playhead ${live ? "live" : ""}`} transform={`translate(${x} 0)`}>
      <line x1={0} x2={0} y1={TRACK_HEIGHT / 2} y2={HEIGHT} />
      <circle cx={0} cy={TRACK_HEIGHT / 2} r={8} />
    </g>
  );
}

function laneAt(y: number): Lane | null {
  return LANES.find((lane) => y >= SHAPE[lane].y && y < SHAPE[lane].y + SHAPE[lane].height) ?? null;
}

function Tip({ dot }: { dot: Dot }) {
  const more = dot.count > 1 ? ` (and ${counted(dot.count - 1, "more")})`.replace("mores", "more") : "";
  const style = { "--x": `${dot.x + INSET}px` } as Record<string, string>;
  return (
    <div class="tip" style={style} aria-hidden="true">
      <bdi>{titleOf(dot.entry.fact)}</bdi>
      {more}
    </div>
  );
}
