/**
 * `<tandem-chat key="pk_..." server="https://...">`: the launcher and the window of the chat.
 *
 * Optional attributes: `locale`, `open`, `suggestions` (questions, parted by `|`). Methods for
 * the page around it: `open()`, `close()`, `ask(text)`. Nothing of the page is touched.
 */

import { type Socket, type Surroundings } from "../wire/connection";
import { button, h, icon, setAttribute } from "../shared/dom";
import { Panel } from "./panel";
import { SUBPROTOCOL } from "../wire/protocol";
import { Session } from "./session";
import { Keeper } from "./storage";
import type { State } from "./store";
import { sheet } from "./styles";
import { type Texts, textsFor } from "./texts";

/** Below this width the chat fills the screen. It stands in `styles.ts` too. */
const PHONE = "(max-width: 480px)";

export class TandemChat extends HTMLElement {
  readonly #root = this.attachShadow({ mode: "open" });
  #session: Session | null = null;
  #panel: Panel | null = null;
  #texts: Texts = textsFor("").texts;
  #launcher = h("button");
  #badge = h("span", { class: "badge", "aria-hidden": "true" });
  /** Sizes that follow the visible part of the screen; a style attribute would need a policy. */
  #sizes: CSSStyleSheet | null = null;
  #unlisten = new AbortController();
  #frame = 0;
  #drawnState: State | null = null;

  connectedCallback(): void {
    const key = this.getAttribute("key");
    const server = this.getAttribute("server") ?? location.origin;
    if (!key || this.#session) return;
    const locale = this.getAttribute("locale") || navigator.language || "en";
    const { language, texts } = textsFor(locale);
    this.#texts = texts;
    this.#session = new Session({
      key,
      locale,
      around: browserAround(server),
      keeper: new Keeper(key, () => window.localStorage),
      newId,
      onChange: () => this.#later(),
    });
    this.#build(language);
    this.#listen();
    if (this.hasAttribute("open")) this.#show(false);
    else if (this.#session.worthResuming) this.#session.connect();
    this.#draw();
  }

  disconnectedCallback(): void {
    this.#session?.stop();
    this.#session = null;
    this.#unlisten.abort();
    this.#unlisten = new AbortController();
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#drawnState = null;
    this.#root.replaceChildren();
  }

  open(): void {
    this.#show(true);
  }

  close(): void {
    if (!this.#panel || this.#panel.element.hidden) return;
    this.#panel.element.hidden = true;
    this.#panel.element.closest(".root")?.classList.remove("open");
    this.#launcher.focus();
    this.#draw();
  }

  /** Open the chat and send `text` as the visitor's message. */
  ask(text: string): void {
    this.#show(true);
    this.#session?.say(text);
  }

  #build(language: string): void {
    const session = this.#session!;
    const suggestions = (this.getAttribute("suggestions") ?? "")
      .split("|")
      .map((s) => s.trim())
      .filter(Boolean);
    const close = () => this.close();
    this.#panel = new Panel({ session, texts: this.#texts, suggestions, close });
    const attributes = { class: "launcher", "aria-haspopup": "dialog", "aria-controls": "panel" };
    this.#launcher = button(
      attributes,
      () => (this.#panel?.element.hidden ? this.#show(true) : this.close()),
      icon("chat"),
      icon("down"),
      this.#badge,
    );
    const { element } = this.#panel;
    const mirrored = getComputedStyle(this).direction === "rtl";
    const root = { class: mirrored ? "root mirrored" : "root", lang: language, dir: "ltr" };
    this.#root.append(h("div", root, element, this.#launcher));
    this.#sizes = new CSSStyleSheet();
    this.#root.adoptedStyleSheets = [sheet(), this.#sizes];
  }

  #listen(): void {
    const { signal } = this.#unlisten;
    window.addEventListener("offline", () => this.#session?.networkLost(), { signal });
    window.addEventListener("online", () => this.#session?.networkBack(), { signal });
    window.visualViewport?.addEventListener("resize", () => this.#resize(), { signal });
    window.visualViewport?.addEventListener("scroll", () => this.#resize(), { signal });
    document.addEventListener("visibilitychange", () => this.#later(), { signal });
    this.#root.addEventListener("keydown", (event) => this.#onKey(event as KeyboardEvent), { signal });
  }

  #show(focus: boolean): void {
    const { element, composer } = this.#panel ?? {};
    if (!element || !composer) return;
    if (element.hidden) {
      element.hidden = false;
      element.closest(".root")?.classList.add("open");
      this.#resize();
      this.#session?.connect();
      this.#draw();
      this.#panel?.toEnd();
    }
    if (!focus) return;
    // On a touch screen a focused field would bring up the keyboard before anything is read.
    if (matchMedia("(pointer: coarse)").matches || composer.input.disabled) element.focus();
    else composer.input.focus();
  }

  #onKey(event: KeyboardEvent): void {
    const panel = this.#panel;
    if (!panel || panel.element.hidden) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      if (panel.menuOpen) panel.closeMenu();
      else this.close();
    } else if (event.key === "Tab" && matchMedia(PHONE).matches) {
      this.#keepFocusInside(event, panel.element);
    }
  }

  /** Full screen hides the page, so the focus must not wander off into it. */
  #keepFocusInside(event: KeyboardEvent, panel: HTMLElement): void {
    const stops = [
      ...panel.querySelectorAll<HTMLElement>("button:not(:disabled), a[href], textarea, [tabindex='0']"),
    ].filter((stop) => stop.checkVisibility?.() ?? true);
    const [first, last] = [stops[0], stops.at(-1)];
    const active = this.#root.activeElement;
    if (event.shiftKey && (active === first || active === panel)) last?.focus();
    else if (!event.shiftKey && active === last) first?.focus();
    else return;
    event.preventDefault();
  }

  #resize(): void {
    const view = window.visualViewport;
    const phone = matchMedia(PHONE).matches;
    this.#panel?.element.setAttribute("aria-modal", String(phone));
    // Pinched in, the page is magnified: then the layout must stand still.
    const sized = phone && view && view.scale === 1;
    this.#sizes?.replaceSync(
      sized ? `.panel{--height:${view.height}px;--top:${view.offsetTop}px}` : "",
    );
  }

  /** Many frames may come between two screens: draw once for all of them. */
  #later(): void {
    if (this.#frame) return;
    const draw = () => {
      this.#frame = 0;
      this.#draw();
    };
    // In a hidden tab no animation frame comes, and the unread count must still be right.
    if (document.hidden) queueMicrotask(draw);
    else this.#frame = requestAnimationFrame(draw);
  }

  #draw(): void {
    const session = this.#session;
    const panel = this.#panel;
    if (!session || !panel) return;
    const { state } = session;
    const focused = this.#root.activeElement;
    panel.draw(state, this.#drawnState ?? state);
    this.#drawnState = state;
    const open = !panel.element.hidden;
    // What had the focus may be gone (a retry button, a suggestion): never drop it on the page.
    if (open && focused && !focused.isConnected) panel.composer.input.focus();
    if (open && !document.hidden) session.markRead();
    this.#drawLauncher(open, open ? 0 : session.unread());
  }

  #drawLauncher(open: boolean, unread: number): void {
    const texts = this.#texts;
    const label = open ? texts.close : unread ? texts.openUnread(unread) : texts.open;
    setAttribute(this.#launcher, "aria-label", label);
    setAttribute(this.#launcher, "aria-expanded", String(open));
    this.#badge.textContent = unread ? String(Math.min(unread, 99)) : "";
  }
}

/** An id that no one else has; 32 hexadecimal digits. `randomUUID` needs https, this does not. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function browserAround(server: string): Surroundings {
  const url = new URL("/v1/socket", server);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return {
    open: () => new WebSocket(url, SUBPROTOCOL) as Socket,
    online: () => navigator.onLine,
    now: () => Date.now(),
    random: () => Math.random(),
    setTimer: (run, ms) => setTimeout(run, ms),
    clearTimer: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
  };
}
