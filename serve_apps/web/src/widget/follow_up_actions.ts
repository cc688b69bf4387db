/**
 * What is offered below the last word of a conversation: a rating after an answer, a person or
 * another try after a failure, a rating and a new beginning once it is over. It depends on the
 * last item alone, so nothing stale is offered.
 */

import { button, h, icon } from "../shared/dom";
import type { Session } from "./session";
import { type State, wishOf } from "./state";
import type { Texts } from "./texts";

export class Afterword {
  readonly element = h("div", { class: "afterword" });
  #drawnFor = "";
  /** The answer under which the rating was given here: thanks are said there, once. */
  #ratedUnder = "";

  constructor(
    private readonly session: Session,
    private readonly texts: Texts,
  ) {}

  draw(state: State): void {
    const last = state.items.at(-1);
    const busy = state.awaiting || state.stream || state.typing || state.outgoing.length > 0;
    let offer = "";
    if (last && !busy && state.status !== "refused") {
      if (state.resolved) offer = "end";
      else if (last.kind === "turn_failed") offer = "again";
      else if (last.kind === "assistant" && last.answer === "unknown") offer = "person";
      else if (last.kind === "assistant" && last.answer === "answer") offer = "rate";
    }
    if (offer === "rate" && state.rated && this.#ratedUnder !== last?.key) offer = "";
    const person = (offer === "again" || offer === "person") && wishOf(state) === "free";
    const wanted = offer ? `${offer} ${last?.key} ${person}` : "";
    if (wanted !== this.#drawnFor) {
      this.#drawnFor = wanted;
      this.element.replaceChildren(...this.#build(offer, person, last?.key ?? ""));
    }
    if (offer === "rate" || offer === "end") this.#mark(state.rated, offer);
  }

  #build(offer: string, person: boolean, key: string): HTMLElement[] {
    const { session, texts } = this;
    const { rate, rateAll } = texts;
    if (offer === "rate") return [this.#stars(key, rate)];
    if (offer === "end") {
      const anew = button({ class: "pill" }, () => session.restart(), icon("fresh"), texts.fresh);
      return [this.#stars(key, rateAll), anew];
    }
    const built: HTMLElement[] = [];
    if (offer === "again") {
      const last = session.state.items.at(-1);
      const failed = last?.kind === "turn_failed" ? last.inReplyTo : [];
      built.push(button({ class: "pill" }, () => session.askAgain(failed), icon("fresh"), texts.askAgain));
    }
    if (person)
      built.push(button({ class: "pill" }, () => session.handoff(texts.person), icon("person"), texts.person));
    return built;
  }

  #stars(key: string, question: string): HTMLElement {
    const { session, texts } = this;
    const group = h("div", { class: "stars", role: "group", "aria-label": question });
    for (let score = 1; score <= 5; score += 1) {
      const rate = () => {
        this.#ratedUnder = key;
        session.rate(score);
      };
      group.append(
        button({ class: "star-button", "aria-label": texts.rateValue(score) }, rate, icon("star")),
      );
    }
    const words = h("span", { class: "stars-label", role: "status" }, question);
    // The words change when a score is given; the stars must not move under the pointer then.
    return h("div", { class: "rating" }, group, words);
  }

  #mark(rated: number, offer: string): void {
    this.element.querySelectorAll(".star-button").forEach((star, i) => {
      star.setAttribute("aria-pressed", String(i + 1 === rated));
      star.classList.toggle("filled", i < rated);
    });
    const label = this.element.querySelector(".stars-label");
    const question = offer === "end" ? this.texts.rateAll : this.texts.rate;
    const words = rated ? this.texts.rated : question;
    if (label && label.textContent !== words) label.textContent = words;
  }
}
