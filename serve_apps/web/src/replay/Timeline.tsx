/**
 * The lanes and the slider over them: one picture, one control. Each mark can be clicked; with the
 * keyboard it is a slider like any other, and the page's own keys do the rest.
 */

import { useLayoutEffect, useRef, useState } from "preact/hooks";

import { memo } from "../console/memo";
import { fullTime } from "../console/time";
import { type Axis, lasted, type Window } from "./axis";
import { counted, type Lane, LANES, titleOf } from "./describe";
import { type Dot, dotAt, dots, laneAt } from "./marks";
import type { Replay, View } from "./replay";
import type { Span } from "./spans";

const LANE_HEIGHT = 28;
const TRACK_HEIGHT = 22;
const HEIGHT = TRACK_HEIGHT + LANE_HEIGHT * LANES.length;

const LANE_NAMES: Record<Lane, string> = {
  visitor: "Visitor",
  ai: "AI",
  operator: "Operator",
  system: "System",
};

export function Timeline({ replay, view }: { replay: Replay; view: View }) {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const [hovered, setHovered] = useState<Dot | null>(null);
  const { history, axis } = replay;
  const { window, position } = view;
  const found = useDots(replay, view, width);
  const x = placeOf(axis, window, width, position);

  const point = (event: PointerEvent): { x: number; dot: Dot | null } => {
    const { left, top } = box.current!.getBoundingClientRect();
    const at = event.clientX - left;
    const lane = laneAt(event.clientY - top - TRACK_HEIGHT, LANE_HEIGHT);
    return { x: at, dot: lane ? dotAt(found, lane, at) : null };
  };
  const follow = (at: number) => {
    const place = window.from + (at / Math.max(1, width)) * (window.to - window.from);
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
        <svg width={width} height={HEIGHT} aria-hidden="true">
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
      {LANES.map((lane, i) => (
        <rect key={lane} class={`lane ${i % 2 ? "odd" : ""}`} x={0} y={TRACK_HEIGHT + i * LANE_HEIGHT} width={width} height={LANE_HEIGHT} />
      ))}
      <line class="track" x1={0} x2={width} y1={TRACK_HEIGHT / 2} y2={TRACK_HEIGHT / 2} />
      {axis.gaps.filter((gap) => at(gap.to) > 0 && at(gap.from) < width).slice(0, 200).map((gap) => (
        <GapMark key={gap.from} from={at(gap.from)} to={at(gap.to)} ms={gap.ms} />
      ))}
      <Bands spans={replay.spans.all} end={replay.history.length} at={at} width={width} />
      {found.map((dot) => (
        <Glyph key={`${dot.lane} ${dot.x}`} dot={dot} />
      ))}
    </g>
  );
});

function GapMark({ from, to, ms }: { from: number; to: number; ms: number }) {
  const wide = to - from;
  return (
    <g class="gap">
      <rect x={from} y={0} width={Math.max(1, wide)} height={HEIGHT} />
      {wide > 44 && (
        <text x={from + wide / 2} y={TRACK_HEIGHT / 2 + 4}>{lasted(ms)}</text>
      )}
    </g>
  );
}

/** Spans narrower than a pixel that follow each other are one: a picture has an end. */
function Bands(props: { spans: readonly Span[]; end: number; at: (p: number) => number; width: number }) {
  const drawn: { span: Span; x: number; wide: number }[] = [];
  const last: Partial<Record<Span["kind"], { x: number; wide: number }>> = {};
  for (const span of props.spans) {
    const x = Math.max(-4, props.at(span.from));
    const end = Math.min(props.width + 4, props.at(span.to ?? props.end));
    if (end < 0 || x > props.width) continue;
    const before = last[span.kind];
    if (before && end - before.x < 3) continue;
    const band = { span, x, wide: Math.max(2, end - x) };
    drawn.push(band);
    last[span.kind] = band;
  }
  return (
    <g>
      {drawn.map(({ span, x, wide }) => {
        const y = TRACK_HEIGHT + LANES.indexOf(span.lane) * LANE_HEIGHT;
        return (
          <g key={`${span.kind} ${span.from}`} class={`band ${span.kind} ${span.style}`}>
            <rect x={x} y={y + 5} width={wide} height={LANE_HEIGHT - 10} rx={4} />
            {span.kind === "owner" && wide > 40 && (
              <text x={x + 6} y={y + LANE_HEIGHT / 2 + 4}>{fitting(span.label, wide - 12)}</text>
            )}
          </g>
        );
      })}
    </g>
  );
}

/** As much of a name as there is room for. */
function fitting(name: string, width: number): string {
  const points = [...name];
  const most = Math.floor(width / 7);
  return points.length <= most ? name : `${points.slice(0, Math.max(1, most - 1)).join("")}…`;
}

function Glyph({ dot }: { dot: Dot }) {
  const y = TRACK_HEIGHT + (LANES.indexOf(dot.lane) + 0.5) * LANE_HEIGHT;
  const { x, mark } = dot;
  const kind = `mark ${mark} ${dot.lane}`;
  if (mark === "handoff" || mark === "error")
    return <path class={kind} d={`M${x} ${y - 7} L${x + 7} ${y + 5.5} L${x - 7} ${y + 5.5} Z`} />;
  if (mark === "mode") return <path class={kind} d={`M${x} ${y - 7} L${x + 7} ${y} L${x} ${y + 7} L${x - 7} ${y} Z`} />;
  if (mark === "note" || mark === "draft") return <rect class={kind} x={x - 4.5} y={y - 4.5} width={9} height={9} rx={1.5} />;
  return <circle class={kind} cx={x} cy={y} r={mark === "small" || mark === "notice" ? 3 : 5} />;
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

function Tip({ dot }: { dot: Dot }) {
  const more = dot.count > 1 ? ` (and ${counted(dot.count - 1, "more")})`.replace("mores", "more") : "";
  const style = { "--x": `${dot.x}px` } as Record<string, string>;
  return (
    <div class="tip" style={style} aria-hidden="true">
      <bdi>{titleOf(dot.entry.fact)}</bdi>
      {more}
    </div>
  );
}
