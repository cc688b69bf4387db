/** Draws the items of a conversation: bubbles, sources, notices, delivery states. */

import { button, h, icon } from "../shared/dom";
import { fragmentOf, paragraphsOf, pointTo } from "../shared/html";
import { addressAt, placeOf } from "./place";
import type { Source } from "../wire/protocol";
import type { Item, Outgoing } from "./store";
import type { Texts } from "./texts";

export interface ItemContext {
  texts: Texts;
  retry(id: string): void;
  discard(id: string): void;
}

export function drawItem(item: Item, context: ItemContext): HTMLElement {
  const { texts } = context;
  switch (item.kind) {
    case "visitor":
      return bubble("visitor", texts.you, plain(item.text), meta(item.at, texts.sent));
    case "assistant":
      return drawAnswer(item, context);
    case "operator": {
      const content = safeContent(item.html, item.text, () => null);
      const drawn = bubble("operator", "", content, meta(item.at));
      drawn.prepend(nameLine(item.name || texts.operator));
      return drawn;
    }
    case "notice": {
      const end = item.notice === "resolved" ? " end" : "";
      return h("p", { class: `notice${end}`, dir: "auto" }, item.text);
    }
    case "turn_failed":
      return h("p", { class: "notice bad" }, texts.turnFailed);
  }
}

export function drawOutgoing(
  out: Outgoing,
  offline: boolean,
  context: ItemContext,
): HTMLElement {
  const { texts } = context;
  const words = {
    queued: offline ? texts.queuedOffline : texts.queued,
    flying: texts.sending,
    resting: texts.sending,
    accepted: texts.sent,
    failed: failure(out.code ?? "", texts),
  };
  const drawn = bubble("visitor", texts.you, plain(out.text));
  drawn.classList.add(out.delivery);
  const line = h("p", { class: "meta" }, words[out.delivery]);
  if (out.delivery === "failed") {
    line.append(
      button({ class: "inline" }, () => context.retry(out.id), texts.retry),
      button({ class: "inline" }, () => context.discard(out.id), texts.discard),
    );
  }
  drawn.append(line);
  return drawn;
}

function failure(code: string, texts: Texts): string {
  if (code === "message_length") return texts.tooLong;
  return code === "rate_limited" ? texts.tooFast : texts.failed;
}

/** Above what a person of the company writes. */
export function nameLine(name: string): HTMLElement {
  return h("p", { class: "name", dir: "auto" }, name);
}

function bubble(
  who: "visitor" | "assistant" | "operator",
  label: string,
  content: Node,
  ...below: (Node | null)[]
): HTMLElement {
  const body = h("div", { class: "bubble" });
  // Read out before the words, so that a listener knows whose they are.
  if (label) body.append(h("span", { class: "hidden" }, `${label}: `));
  body.append(h("div", { class: "words", dir: "auto" }, content));
  return h("div", { class: `message ${who}` }, body, ...below);
}

function plain(text: string): Node {
  return paragraphsOf(text, () => null);
}

function safeContent(html: string, text: string, cite: (n: number) => Node | null): Node {
  return (html ? fragmentOf(html, cite) : null) ?? paragraphsOf(text, cite);
}

function meta(at: number, state?: string): HTMLElement | null {
  if (!Number.isFinite(at)) return null;
  const date = new Date(at);
  const time = date.toLocaleTimeString([], { hour: "numeric", minute: "2-digit" });
  const shown = h("time", { datetime: date.toISOString() }, time);
  return h("p", { class: "meta" }, shown, state ? ` · ${state}` : "");
}

function drawAnswer(item: Item & { kind: "assistant" }, context: ItemContext): HTMLElement {
  const sources = new Sources(item.key, item.sources, context.texts);
  const content = safeContent(item.html, item.text, (n) => sources.cite(n));
  return bubble(
    "assistant",
    context.texts.assistant,
    content,
    sources.element,
    meta(item.at),
  );
}

/** The numbered chips under an answer, and the one card that stands open. */
class Sources {
  readonly element: HTMLElement | null = null;
  readonly #chips = new Map<number, HTMLButtonElement>();
  readonly #cards = new Map<number, HTMLElement>();

  constructor(
    key: string,
    sources: Source[],
    private readonly texts: Texts,
  ) {
    if (!sources.length) return;
    const list = h("ul", { class: "chips", "aria-label": texts.sources });
    this.element = h("div", { class: "sources" }, list);
    for (const source of sources) {
      const id = `source-${key}-${source.n}`;
      const attributes = {
        class: "chip",
        "aria-expanded": "false",
        "aria-controls": id,
      };
      // Its name for a screen reader is "Source 1 Title"; only the rest is seen.
      const word = h("span", { class: "hidden" }, texts.source);
      const number = h("span", { class: "number" }, String(source.n));
      const title = h("span", { class: "chip-title", dir: "auto" }, source.title);
      const chip = button(attributes, () => this.#toggle(source.n), word, number, title);
      const place = placeOf(source.place, texts.within);
      if (place) chip.append(h("span", { class: "chip-place", dir: "auto" }, place));
      const card = drawCard(id, source, texts);
      this.#chips.set(source.n, chip);
      this.#cards.set(source.n, card);
      list.append(h("li", {}, chip));
      this.element.append(card);
    }
  }

  /** A citation in the running text; it opens the same card. */
  cite(n: number): Node | null {
    const [title, place] = [".chip-title", ".chip-place"].map(
      (part) => this.#chips.get(n)?.querySelector(part)?.textContent,
    );
    if (title === undefined) return null;
    const label = `${this.texts.source} ${n}: ${title}${place ? `, ${place}` : ""}`;
    return button({ class: "cite", "aria-label": label }, () => this.#show(n), String(n));
  }

  #toggle(n: number): void {
    this.#show(this.#cards.get(n)?.hidden ? n : 0);
  }

  #show(n: number): void {
    for (const [m, card] of this.#cards) {
      card.hidden = m !== n;
      this.#chips.get(m)?.setAttribute("aria-expanded", String(m === n));
    }
    this.#cards.get(n)?.scrollIntoView({ block: "nearest" });
  }
}

function drawCard(id: string, source: Source, texts: Texts): HTMLElement {
  const card = h("div", { class: "card", id, hidden: true });
  card.append(h("p", { class: "card-title", dir: "auto" }, source.title));
  const place = placeOf(source.place, texts.within);
  if (place) card.append(h("p", { class: "card-place", dir: "auto" }, place));
  if (source.quote) card.append(h("blockquote", { dir: "auto" }, source.quote));
  const url = addressAt(source.url, source.place);
  if (url) {
    const link = h("a", {}, texts.openSource, icon("link"));
    pointTo(link, url);
    card.append(link);
  }
  return card;
}
