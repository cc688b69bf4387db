/**
 * What the visitor saw: drawn by the widget's own code in the widget's own style, in a tree of its
 * own so that neither page's styles reach the other. What streamed past is no history.
 */

import { render } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

import { h } from "../shared/dom";
import { drawItem } from "../widget/messages";
import type { Item } from "../widget/state";
import { sheet } from "../widget/styles";
import { type Texts, textsFor } from "../widget/texts";
import type { Replay, View } from "./replay";
import { VirtualList } from "./VirtualList";
import type { Standing } from "./visitor";

const FRAME = `
:host { display: flex; flex-direction: column; flex: 1; min-height: 0; min-width: 0; }
.root { display: flex; flex-direction: column; flex: 1; min-height: 0; background: var(--paper); color: var(--ink); }
.standing { display: flex; flex-wrap: wrap; gap: 2px 10px; padding: 8px 16px; border-bottom: 1px solid var(--line);
  font-size: 13px; color: var(--soft); }
.standing b { color: var(--ink); font-weight: 600; }
.virtual { position: relative; contain: strict; flex: 1; min-height: 0; overflow-y: auto; padding: 14px 14px 4px; overscroll-behavior: contain; }
.virtual:focus-visible { outline-offset: -3px; }
.virtual-item { display: flow-root; }
.virtual-item:not(:last-child) .message > .meta { display: none; }
.none { color: var(--soft); padding: 24px 8px; text-align: center; }
.newest { border-radius: 12px; box-shadow: 0 0 0 4px color-mix(in srgb, var(--link) 9%, transparent);
  background: color-mix(in srgb, var(--link) 9%, transparent); }
.newest > :last-child { margin-bottom: 6px; }
`;

let made: CSSStyleSheet | undefined;

function frame(): CSSStyleSheet {
  if (!made) {
    made = new CSSStyleSheet();
    made.replaceSync(FRAME);
  }
  return made;
}

export function VisitorPane({ replay, view }: { replay: Replay; view: View }) {
  const host = useRef<HTMLDivElement>(null);
  const { position } = view;
  useLayoutEffect(() => {
    const root = host.current!.shadowRoot ?? host.current!.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet(), frame()];
    return () => render(null, root);
  }, []);
  useLayoutEffect(() => {
    const locale = replay.history.stateAt(position).locale;
    render(<Log replay={replay} position={position} locale={locale} />, host.current!.shadowRoot!);
  }, [replay, position, view.revision]);
  return <div ref={host} class="visitor-host" data-pane="visitor" />;
}

function Log({ replay, position, locale }: { replay: Replay; position: number; locale: string }) {
  const { visitor } = replay;
  const { texts, language } = textsFor(locale);
  const count = visitor.countAt(position);
  const fresh = visitor.countAt(position - 1);
  return (
    <div class="root" lang={language}>
      <p class="standing">{standingWords(visitor.standingAt(position), texts)}</p>
      <VirtualList
        count={count}
        keyAt={(index) => visitor.items[index]!.key}
        draw={(index) => (
          <Drawn item={visitor.items[index]!} texts={texts} fresh={index >= fresh && position > 0} />
        )}
        estimate={84}
        reveal={{ index: count - 1, on: position, at: "end" }}
        label="As the visitor saw it"
        empty={<p class="none">The visitor sees nothing yet.</p>}
      />
    </div>
  );
}

/** The header of the visitor's window, as far as it is history. */
function standingWords(standing: Standing, texts: Texts) {
  const speaks = {
    ai: texts.subtitleAi,
    human: texts.subtitleHuman(standing.operator),
    supervised: texts.subtitleSupervised(standing.operator),
  }[standing.mode];
  const waits = standing.handoff === "requested" && standing.mode !== "human";
  return (
    <>
      <b>{speaks}</b>
      {waits && <span>{standing.away ? texts.wish.away : texts.wish.waiting}</span>}
      {standing.rated > 0 && <span>{"★".repeat(Math.min(5, standing.rated))}</span>}
    </>
  );
}

const nothing = () => undefined;

function Drawn({ item, texts, fresh }: { item: Item; texts: Texts; fresh: boolean }) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const drawn = drawItem(item, { texts, retry: nothing, discard: nothing });
    box.current!.replaceChildren(drawn ?? h("p", {}));
  }, [item, texts]);
  return <div ref={box} class={fresh ? "newest" : ""} data-key={item.key} />;
}
