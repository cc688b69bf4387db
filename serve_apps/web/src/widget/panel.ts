/** The window of the chat: header with menu, banner, conversation, composer. */

import { Afterword } from "./follow_up_actions";
import { Composer } from "./composer";
import { button, h, icon, setAttribute } from "../shared/dom";
import { paragraphsOf } from "../shared/html";
import { drawItem, drawOutgoing, type ItemContext, nameLine } from "./messages";
import type { Session } from "./session";
import { type State, wishOf } from "./state";
import type { Texts } from "./texts";

/** This near to the end a reader is following, and is kept there. Pixels. */
const FOLLOWING = 80;
/** History that is told again is not read out: only what comes after this pause is news. */
const SETTLED_AFTER = 700;

export interface PanelOptions {
  session: Session;
  texts: Texts;
  suggestions: string[];
  close: () => void;
}

export class Panel {
  readonly element: HTMLElement;
  readonly composer: Composer;
  readonly #afterword: Afterword;
  readonly #title = h("p", { class: "title", dir: "auto" });
  readonly #subtitle = h("p", { class: "subtitle", dir: "auto" });
  readonly #avatar = h("div", { class: "avatar", "aria-hidden": "true" });
  readonly #menuButton: HTMLButtonElement;
  readonly #menu: HTMLElement;
  readonly #person: HTMLButtonElement;
  readonly #personWords = h("span");
  readonly #banner = h("div", { class: "banner", role: "status" });
  readonly #scroller: HTMLElement;
  readonly #greeting = h("div", { class: "message assistant greeting" });
  readonly #log: HTMLElement;
  readonly #live = h("div", { class: "live", "aria-hidden": "true" });
  /** How the wish for a person stands, below the last word: there it is always in sight. */
  readonly #waiting = h("p", { class: "waiting", role: "status" });
  readonly #spoken = h("div", { class: "hidden", role: "status" });
  readonly #context: ItemContext;
  /** What is drawn, by key: the object it was drawn from, and its node. */
  #drawn = new Map<string, { from: unknown; node: HTMLElement }>();
  #streamed: { turn: string; text: Text } | null = null;
  /** The reader is at the end, and is kept there when something is added or space is taken. */
  #following = true;
  #settling: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly options: PanelOptions) {
    const { session, texts } = options;
    this.#context = {
      texts,
      retry: (id) => session.retry(id),
      discard: (id) => session.discard(id),
    };
    this.composer = new Composer(session, texts);
    this.#afterword = new Afterword(session, texts);
    this.#menuButton = button(
      { class: "round", "aria-label": texts.menu, "aria-expanded": "false", "aria-controls": "menu" },
      () => this.#toggleMenu(!this.menuOpen),
      icon("more"),
    );
    const ask = () => session.handoff(texts.person);
    this.#person = this.#choice("person", this.#personWords, ask);
    const fresh = this.#choice("fresh", texts.fresh, () => session.restart());
    this.#menu = h("div", { class: "menu", id: "menu", hidden: true }, this.#person, fresh);
    this.#log = h("div", { class: "log", role: "log", "aria-label": texts.log, "aria-live": "off" });
    // With a tab stop: the keyboard must be able to scroll it.
    const region = { class: "scroller", role: "group", "aria-label": texts.log, tabindex: 0 };
    const after = [this.#live, this.#waiting, this.#afterword.element];
    this.#scroller = h("div", region, this.#greeting, this.#log, ...after);
    this.#scroller.addEventListener("scroll", () => (this.#following = this.#nearEnd()), {
      passive: true,
    });
    // The composer grows with its text, and a phone's keyboard takes half of the screen.
    new ResizeObserver(() => this.#following && this.toEnd()).observe(this.#scroller);
    this.element = h(
      "div",
      { class: "panel", id: "panel", role: "dialog", "aria-modal": "false", tabindex: -1, hidden: true },
      this.#header(),
      this.#banner,
      this.#scroller,
      this.#spoken,
      this.composer.element,
    );
    this.element.addEventListener("click", (event) => {
      const inside = event.composedPath();
      if (!inside.includes(this.#menu) && !inside.includes(this.#menuButton)) this.#toggleMenu(false);
    });
  }

  get menuOpen(): boolean {
    return !this.#menu.hidden;
  }

  closeMenu(): void {
    this.#toggleMenu(false);
    this.#menuButton.focus();
  }

  toEnd(): void {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }

  draw(state: State, previous: State): void {
    const following = this.#nearEnd();
    const wrote = state.outgoing.length > previous.outgoing.length;
    this.#drawHeader(state);
    this.#drawBanner(state);
    this.#drawGreeting(state);
    this.#drawLog(state, previous);
    this.#drawLive(state);
    this.#drawWish(state);
    this.#afterword.draw(state);
    this.composer.draw(state);
    if (following || wrote) this.toEnd();
  }

  #nearEnd(): boolean {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    return scrollHeight - scrollTop - clientHeight < FOLLOWING;
  }

  #header(): HTMLElement {
    const { texts, close } = this.options;
    return h(
      "div",
      { class: "header" },
      this.#avatar,
      h("div", { class: "who" }, this.#title, this.#subtitle),
      this.#menuButton,
      button({ class: "round", "aria-label": texts.close }, close, icon("close")),
      this.#menu,
    );
  }

  #choice(name: "person" | "fresh", words: string | Node, act: () => void): HTMLButtonElement {
    const chosen = () => {
      this.#toggleMenu(false);
      this.composer.input.focus();
      act();
    };
    return button({ class: "choice" }, chosen, icon(name), words);
  }

  #toggleMenu(open: boolean): void {
    this.#menu.hidden = !open;
    this.#menuButton.setAttribute("aria-expanded", String(open));
    if (open) this.#menu.querySelector<HTMLElement>("button:not(:disabled)")?.focus();
  }

  #drawHeader(state: State): void {
    const { texts } = this.options;
    const title = texts.title(state.company);
    this.#title.textContent = title;
    this.#avatar.replaceChildren(state.company ? [...state.company][0]!.toUpperCase() : icon("chat"));
    this.element.setAttribute("aria-label", title);
    this.#subtitle.textContent = {
      ai: texts.subtitleAi,
      human: texts.subtitleHuman(state.operator),
      supervised: texts.subtitleSupervised(state.operator),
    }[state.mode];
  }

  #drawWish(state: State): void {
    const { texts } = this.options;
    const wish = wishOf(state);
    this.#person.disabled = wish !== "free";
    const told = { free: texts.person, here: texts.subtitleHuman(state.operator), ...texts.wish };
    this.#personWords.textContent = told[wish];
    const queued = wish === "waiting" || wish === "away";
    const place = queued && state.place > 0 ? texts.place(state.place) : "";
    const words = wish === "asked" ? texts.wish.asked : place;
    // Only what changes is read out.
    if (this.#waiting.textContent !== words) this.#waiting.textContent = words;
    this.#waiting.dataset["wish"] = wish;
  }

  #drawBanner(state: State): void {
    const { texts, session } = this.options;
    const words = {
      idle: "",
      ready: "",
      connecting: texts.connecting,
      waiting: texts.waiting,
      offline: texts.offline,
      refused: texts.refused,
    }[state.status];
    if (this.#banner.dataset["status"] === state.status) return;
    this.#banner.dataset["status"] = state.status;
    this.#banner.replaceChildren(words);
    if (state.status === "waiting" || state.status === "offline")
      this.#banner.append(button({ class: "inline" }, () => session.connect(), texts.tryNow));
  }

  #drawGreeting(state: State): void {
    const { texts, suggestions, session } = this.options;
    const empty = state.items.length === 0 && state.outgoing.length === 0;
    const wanted = `${state.company} ${empty}`;
    if (this.#greeting.dataset["for"] === wanted) return;
    this.#greeting.dataset["for"] = wanted;
    const words = h("div", { class: "bubble" }, paragraphsOf(texts.greeting(state.company), () => null));
    this.#greeting.replaceChildren(words);
    if (!empty || !suggestions.length) return;
    const list = h("ul", { class: "suggestions", "aria-label": texts.suggestions });
    for (const text of suggestions)
      list.append(h("li", {}, button({ class: "pill" }, () => session.say(text), text)));
    this.#greeting.append(list);
  }

  #drawLog(state: State, previous: State): void {
    const arriving = this.#settling !== undefined && state.items !== previous.items;
    if (arriving || state.status !== previous.status) this.#holdSpeech();
    const drawn = new Map<string, { from: unknown; node: HTMLElement }>();
    const offline = state.status !== "ready";
    const keep = (key: string, from: unknown, draw: () => HTMLElement) => {
      const old = this.#drawn.get(key);
      drawn.set(key, old && old.from === from ? old : { from, node: draw() });
    };
    for (const item of state.items) keep(item.key, item, () => drawItem(item, this.#context));
    for (const out of state.outgoing)
      keep(`out ${out.id} ${offline}`, out, () => drawOutgoing(out, offline, this.#context));
    for (const [key, { node }] of this.#drawn) if (drawn.get(key)?.node !== node) node.remove();
    let at: Node | null = this.#log.firstChild;
    for (const { node } of drawn.values()) {
      if (node === at) at = at.nextSibling;
      else this.#log.insertBefore(node, at);
    }
    this.#drawn = drawn;
  }

  /** No reading aloud until the conversation has stood still for a moment. */
  #holdSpeech(): void {
    this.#log.setAttribute("aria-live", "off");
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => {
      this.#settling = undefined;
      this.#log.setAttribute("aria-live", "polite");
    }, SETTLED_AFTER);
  }

  #drawLive(state: State): void {
    const { texts } = this.options;
    const stream = state.stream?.held ? null : state.stream;
    const name = state.typing === "operator" ? state.operator || texts.operator : "";
    const active = stream !== null || state.awaiting || state.typing !== null;
    const spoken = active ? texts.writing(name || texts.assistant) : "";
    if (this.#spoken.textContent !== spoken) this.#spoken.textContent = spoken;
    if (stream?.text) {
      this.#drawStream(stream.turn, stream.text);
      return;
    }
    this.#streamed = null;
    const wanted = active ? `typing ${name}` : null;
    if (this.#live.getAttribute("data-state") === wanted) return;
    setAttribute(this.#live, "data-state", wanted);
    this.#live.replaceChildren();
    if (!active) return;
    const dots = h("div", { class: "bubble dots" }, h("i"), h("i"), h("i"));
    const who = name ? "operator" : "assistant";
    this.#live.append(h("div", { class: `message ${who}` }, name && nameLine(name), dots));
  }

  #drawStream(turn: string, text: string): void {
    if (this.#streamed?.turn !== turn) {
      const node = document.createTextNode("");
      this.#streamed = { turn, text: node };
      const words = h("p", { class: "streaming" }, node, h("span", { class: "cursor" }));
      const bubble = h("div", { class: "bubble", dir: "auto" }, words);
      this.#live.dataset["state"] = "streaming";
      this.#live.replaceChildren(h("div", { class: "message assistant" }, bubble));
    }
    // One text node that only grows: a long answer costs no new layout of what stands.
    const node = this.#streamed!.text;
    if (text.startsWith(node.data)) node.appendData(text.slice(node.data.length));
    else node.data = text;
  }
}
