/** What was said, oldest first; then what is being said. Sticks to the end while one reads there. */

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

import { useCell } from "../shared/cells";
import type { Line, OperatorLine } from "../shared/lines";
import { useDesk, useMe } from "./reach";
import { Icon } from "./icons";
import { Bubble, type Delivery, LineView } from "./Lines";
import { Pending } from "./Pending";
import { T } from "./strings";
import type { Live, Thread } from "./thread";
import { dayName, sameDay } from "./time";
import { Plain } from "./Words";

/** So many lines stand in the page; earlier ones are fetched up by a click. */
export const SHOWN = 120;
/** Nearer to the end than this, pixels, one reads at the end. */
const NEAR_END = 80;

export function ThreadLines({ thread }: { thread: Thread }) {
  const desk = useDesk();
  const me = useMe();
  const { lines } = useCell(thread.timeline);
  const live = useCell(thread.live);
  const entries = useCell(desk.outbox.entries);
  const [count, show] = useState(SHOWN);
  const pending = entries.filter(
    ({ order }) =>
      order.conversation === thread.conversation &&
      (order.type === "reply" || order.type === "note"),
  );
  const end = useEnd([lines, live, pending.length]);
  const earlier = Math.max(0, lines.length - count);

  const showEarlier = () => {
    end.keepPlace();
    show(count + SHOWN);
  };
  return (
    <div class="thread" ref={end.box} onScroll={end.onScroll} tabIndex={0} aria-label={T.conversation}>
      <div class="lines">
        {earlier > 0 && (
          <button type="button" class="button earlier" onClick={showEarlier}>
            {T.earlier(earlier)}
          </button>
        )}
        <Shown lines={lines} from={earlier} me={me.operator} seen={live.seen} />
        {pending.map((entry) => (
          <Pending key={entry.order.id} entry={entry} />
        ))}
        <Now thread={thread} live={live} />
      </div>
      {end.away && (
        <button type="button" class="button to-end" onClick={end.go} aria-label={T.newest}>
          <Icon name="down" />
          {end.missed > 0 && <span>{T.newLines}</span>}
        </button>
      )}
    </div>
  );
}

function Shown(props: { lines: readonly Line[]; from: number; me: string; seen: number }) {
  const { lines, from, me, seen } = props;
  const lastOwn = lines.findLast((line) => line.kind === "operator" && line.operator === me);
  return (
    <>
      {lines.slice(from).map((line, i) => {
        const before = lines[from + i - 1];
        const newDay = !before || !sameDay(before.at, line.at);
        return [
          newDay && (
            <p key={`day ${line.key}`} class="day">
              <span>{dayName(line.at)}</span>
            </p>
          ),
          <LineView
            key={line.key}
            line={line}
            me={me}
            delivery={line === lastOwn ? deliveryOf(lastOwn as OperatorLine, seen) : ""}
          />,
        ];
      })}
    </>
  );
}

function deliveryOf(line: OperatorLine, seen: number): Delivery {
  return seen >= line.version ? "seen" : "saved";
}

/** What is live: an answer being written, who types. */
function Now({ thread, live }: { thread: Thread; live: Live }) {
  const { standing } = useCell(thread.timeline);
  const writing = standing.turn !== "" && !live.stream && standing.mode !== "human";
  const types = [
    live.visitorTypes && T.visitorTypes,
    live.colleaguesType.length > 0 && T.colleagueTypes(live.colleaguesType.join(", ")),
  ].filter((words): words is string => Boolean(words));
  return (
    <>
      {live.stream && (
        <Bubble
          kind="assistant"
          icon="spark"
          who={T.assistant}
          at={0}
          more="streaming"
          foot={live.stream.torn && <p class="soft">{T.torn}</p>}
        >
          <Plain text={live.stream.text} />
        </Bubble>
      )}
      {writing && (
        <p class="typing ai">
          <Dots />
          {standing.mode === "supervised" ? T.drafting : T.writing}
        </p>
      )}
      {types.map((words) => (
        <p key={words} class="typing">
          <Dots />
          <bdi>{words}</bdi>
        </p>
      ))}
    </>
  );
}

function Dots() {
  return (
    <span class="dots" aria-hidden="true">
      <i />
      <i />
      <i />
    </span>
  );
}

/** Keeps the end in sight while one reads there, and the place while one reads elsewhere. */
function useEnd(changes: readonly unknown[]) {
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const kept = useRef(-1);
  const [away, setAway] = useState(false);
  const [missed, setMissed] = useState(0);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    if (kept.current >= 0) {
      element.scrollTop = element.scrollHeight - kept.current;
      kept.current = -1;
    } else if (atEnd.current) element.scrollTop = element.scrollHeight;
    else setMissed((n) => n + 1);
  }, changes);
  // A card that grows below, a window that shrinks: the end stays in sight.
  useEffect(() => {
    const element = box.current;
    if (!element || !("ResizeObserver" in window)) return undefined;
    const observer = new ResizeObserver(() => {
      if (atEnd.current) element.scrollTop = element.scrollHeight;
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return {
    box,
    away,
    missed,
    onScroll: () => {
      const element = box.current;
      if (!element) return;
      const left = element.scrollHeight - element.scrollTop - element.clientHeight;
      atEnd.current = left < NEAR_END;
      setAway(!atEnd.current);
      if (atEnd.current) setMissed(0);
    },
    go: () => {
      atEnd.current = true;
      box.current?.scrollTo({ top: box.current.scrollHeight });
    },
    keepPlace: () => {
      const element = box.current;
      if (element) kept.current = element.scrollHeight - element.scrollTop;
    },
  };
}
