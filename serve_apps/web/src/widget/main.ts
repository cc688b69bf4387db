/**
 * What the one tag does:
 * `<script async src="https://HOST/widget.js" data-tandem-key="pk_..."></script>`
 *
 * `data-locale` sets the language (`page`: that of the page), `data-open` opens the chat at
 * once, `data-suggestions` offers first questions, parted by `|` (`data-suggestions-es`: those
 * in Spanish). The server is where the script came from. A page may also place `<tandem-chat>` itself.
 */

import { TandemChat } from "./element";
import { textsFor } from "./texts";

const NAME = "tandem-chat";

// `currentScript` is only there while this line runs.
const current = document.currentScript ?? document.querySelector("script[data-tandem-key]");

function install(script: HTMLScriptElement): void {
  const { tandemKey, locale, open } = script.dataset;
  if (!tandemKey || document.querySelector(NAME)) return;
  const chat = document.createElement(NAME);
  chat.setAttribute("key", tandemKey);
  chat.setAttribute("server", new URL(script.src, location.href).origin);
  const wanted = locale === "page" ? document.documentElement.lang : locale;
  if (wanted) chat.setAttribute("locale", wanted);
  if (open !== undefined && open !== "false") chat.setAttribute("open", "");
  const { language } = textsFor(wanted || navigator.language);
  const suggestions =
    script.getAttribute(`data-suggestions-${language}`) ?? script.dataset["suggestions"];
  if (suggestions) chat.setAttribute("suggestions", suggestions);
  document.body.append(chat);
}

if (!customElements.get(NAME)) customElements.define(NAME, TandemChat);
if (current instanceof HTMLScriptElement) {
  // An async script may run before there is a body to stand in.
  if (document.body) install(current);
  else document.addEventListener("DOMContentLoaded", () => install(current), { once: true });
}
