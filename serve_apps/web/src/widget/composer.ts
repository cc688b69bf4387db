/** Where the visitor writes: it grows with the text, counts near the limit, sends on Enter. */

import { button, h, icon } from "../shared/dom";
import { countChars } from "../wire/protocol";
import type { Session } from "./session";
import type { State } from "./store";
import type { Texts } from "./texts";

/** The counter shows from this many characters below the limit. */
const COUNT_FROM = 200;

export class Composer {
  readonly element: HTMLFormElement;
  readonly input: HTMLTextAreaElement;
  readonly #grow: HTMLElement;
  readonly #counter: HTMLElement;
  readonly #send: HTMLButtonElement;
  #limit = 0;
  #refused = false;

  constructor(
    private readonly session: Session,
    private readonly texts: Texts,
  ) {
    this.input = h("textarea", {
      id: "input",
      rows: 1,
      placeholder: texts.placeholder,
      "aria-label": texts.message,
      "aria-describedby": "counter",
      autocomplete: "off",
      enterkeyhint: "send",
      dir: "auto",
    });
    this.#grow = h("div", { class: "grow" }, this.input);
    this.#counter = h("p", { class: "counter", id: "counter", role: "status" });
    this.#send = button(
      { class: "send", "aria-label": texts.send },
      () => this.#submit(),
      icon("send"),
    );
    const field = h("div", { class: "field" }, this.#grow, this.#send);
    this.element = h("form", { class: "composer" }, this.#counter, field);
    this.element.addEventListener("submit", (event) => event.preventDefault());
    this.input.addEventListener("input", () => {
      this.session.typing(this.input.value !== "");
      this.#update();
    });
    this.input.addEventListener("keydown", (event) => {
      // While an input method composes a character, Enter only ends that character.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit();
    });
    this.#update();
  }

  draw(state: State): void {
    const refused = state.status === "refused";
    if (state.limits.message_chars === this.#limit && refused === this.#refused) return;
    this.#limit = state.limits.message_chars;
    this.#refused = refused;
    this.input.disabled = refused;
    this.#update();
  }

  #submit(): void {
    if (!this.session.say(this.input.value)) return;
    this.input.value = "";
    this.#update();
    this.input.focus();
  }

  #update(): void {
    const { value } = this.input;
    // The mirror behind the field has the same text, and so gives it its height.
    this.#grow.dataset["text"] = value;
    const left = this.#limit - countChars(value.trim());
    const over = left < 0;
    this.#send.disabled = this.#refused || over || value.trim() === "";
    this.#counter.classList.toggle("over", over);
    this.input.setAttribute("aria-invalid", String(over));
    const near = left <= COUNT_FROM;
    const words = over ? this.texts.charsOver(-left) : this.texts.charsLeft(left);
    this.#counter.textContent = near && value ? words : "";
  }
}
