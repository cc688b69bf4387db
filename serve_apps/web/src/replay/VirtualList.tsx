/**
 * A list of any length of which only what is seen stands in the page. Items are as high as they
 * turn out to be: each is measured once it is drawn. It can be scrolled with the keyboard.
 */

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useReducer, useRef } from "preact/hooks";

import { countUpTo } from "./history";

interface Props {
  count: number;
  keyAt: (index: number) => string;
  draw: (index: number) => ComponentChildren;
  /** Pixels that an item is taken for until it is measured. */
  estimate: number;
  /** Whenever `on` changes, item `index` is brought into view. */
  reveal: { index: number; on: unknown; at: "end" | "nearest" };
  label: string;
  class?: string;
  /** Shown when there are no items. */
  empty?: ComponentChildren;
}

/** Pixels beyond both ends of what is seen that are drawn as well. */
const OVERSCAN = 300;
/** Measuring moves things, and moved things are measured: but not for ever. */
const MOST_PASSES = 8;

export function VirtualList(props: Props) {
  const { count, keyAt, reveal } = props;
  const box = useRef<HTMLDivElement>(null);
  const inner = useRef<HTMLDivElement>(null);
  const heights = useRef(new Map<string, number>());
  const seen = useRef({ top: 0, height: 800, width: 0 });
  const due = useRef({ on: {} as unknown, passes: 0 });
  const [, redraw] = useReducer((n: number, _: undefined) => n + 1, 0);

  const offsets = offsetsOf(count, (index) => heights.current.get(keyAt(index)) ?? props.estimate);
  const { top, height } = seen.current;
  const from = Math.max(0, countUpTo(offsets, top - OVERSCAN, Number) - 1);
  const to = Math.min(count, countUpTo(offsets, top + height + OVERSCAN, Number));

  const look = () => {
    const element = box.current!;
    const now = { top: element.scrollTop, height: element.clientHeight, width: element.clientWidth };
    const { top: oldTop, height: oldHeight, width } = seen.current;
    if (now.width !== width) heights.current.clear();
    seen.current = now;
    if (now.top !== oldTop || now.height !== oldHeight || now.width !== width) redraw(undefined);
  };

  useLayoutEffect(() => {
    look();
    const observer = new ResizeObserver(look);
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);

  useLayoutEffect(() => {
    if (due.current.on !== reveal.on) due.current = { on: reveal.on, passes: MOST_PASSES };
    const grown = measure(inner.current!, heights.current, keyAt);
    if (due.current.passes > 0) {
      due.current.passes -= 1;
      const measured = offsetsOf(count, (i) => heights.current.get(keyAt(i)) ?? props.estimate);
      const moved = bringIntoView(box.current!, measured, reveal);
      if (!grown && !moved) due.current.passes = 0;
      look();
    }
    if (grown) redraw(undefined);
  });

  const shown: ComponentChildren[] = [];
  for (let index = from; index < to; index += 1)
    shown.push(
      <div key={keyAt(index)} class="virtual-item" data-index={index}>
        {props.draw(index)}
      </div>,
    );
  const style = { paddingTop: `${offsets[from] ?? 0}px`, paddingBottom: `${offsets[count]! - (offsets[to] ?? 0)}px` };
  return (
    <div ref={box} class={`virtual ${props.class ?? ""}`} role="group" aria-label={props.label} tabIndex={0} onScroll={look}>
      {count === 0 && props.empty}
      <div ref={inner} class="virtual-inner" style={style}>
        {shown}
      </div>
    </div>
  );
}

function offsetsOf(count: number, heightOf: (index: number) => number): number[] {
  const offsets = new Array<number>(count + 1);
  offsets[0] = 0;
  for (let index = 0; index < count; index += 1) offsets[index + 1] = offsets[index]! + heightOf(index);
  return offsets;
}

/** Whether anything turned out to be of another height. */
function measure(inner: HTMLElement, heights: Map<string, number>, keyAt: (i: number) => string): boolean {
  let changed = false;
  for (const element of inner.children as Iterable<Element> & HTMLCollection) {
    const key = keyAt(Number((element as HTMLElement).dataset["index"]));
    const height = element.getBoundingClientRect().height;
    if (height > 0 && Math.abs((heights.get(key) ?? -1) - height) > 0.5) {
      heights.set(key, height);
      changed = true;
    }
  }
  return changed;
}

/** Whether it had to be scrolled. */
function bringIntoView(box: HTMLElement, offsets: readonly number[], reveal: Props["reveal"]): boolean {
  const last = offsets.length - 2;
  if (last < 0) return false;
  const index = Math.min(last, Math.max(0, reveal.index));
  const [top, bottom] = [offsets[index]!, offsets[index + 1]!];
  const { scrollTop, clientHeight } = box;
  let wanted = scrollTop;
  if (reveal.at === "end") wanted = bottom - clientHeight + (index === last ? 1000 : 0);
  else if (top < scrollTop || bottom > scrollTop + clientHeight) wanted = top - clientHeight / 3;
  const most = Math.max(0, offsets.at(-1)! - clientHeight);
  if (Math.abs(scrollTop - Math.min(most, Math.max(0, wanted))) < 1.5) return false;
  box.scrollTop = wanted;
  return Math.abs(box.scrollTop - scrollTop) > 0.5;
}
