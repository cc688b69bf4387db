/** The bar at the top: the company, the command bar's button, and who is signed in. */

import { useState } from "preact/hooks";

import { useCell } from "../shared/cells";
import { ApiError } from "../wire/http";
import { Icon } from "./icons";
import type { Theme } from "./prefs";
import { useDesk, useMe, useSession } from "./reach";
import { T } from "./strings";

export function TopBar() {
  const desk = useDesk();
  const me = useMe();
  return (
    <header class="topbar">
      <a class="skip" href="#conversation">
        {T.skip}
      </a>
      <img class="topbar-mark" src="/tandem.svg" alt="Tandem" />
      <h1 class="topbar-company">
        <bdi>{me.company}</bdi>
        <span class="quiet">: {T.title}</span>
      </h1>
      <a class="button plain topbar-knowledge" href="/knowledge">
        {T.knowledge}
      </a>
      <button
        type="button"
        class="button topbar-commands"
        onClick={() => desk.overlay.set({ kind: "commands" })}
      >
        <Icon name="command" />
        <span class="topbar-commands-word">{T.commands}</span>
        <kbd aria-hidden="true">Ctrl K</kbd>
      </button>
      <button
        type="button"
        class="topbar-me"
        popovertarget="menu"
      >
        <span class="avatar" aria-hidden="true">
          {initials(me.name)}
        </span>
        <span class="topbar-name">
          <bdi>{me.name}</bdi>
          <small>{T.roles[me.role]}</small>
        </span>
        <span class="quiet">{T.menu}</span>
      </button>
      <Menu />
    </header>
  );
}

function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const letters = [words[0], words.length > 1 ? words.at(-1) : ""];
  return letters.map((word) => [...(word ?? "")][0] ?? "").join("").toUpperCase();
}

const THEMES: readonly Theme[] = ["auto", "light", "dark"];

function Menu() {
  const desk = useDesk();
  const me = useMe();
  const session = useSession();
  const prefs = useCell(desk.parts.prefs.cell);
  const [leaving, leave] = useState(false);
  const signOut = async () => {
    leave(true);
    try {
      await session.signOut();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      desk.toasts.show(T.signOutFailed, "bad");
      leave(false);
    }
  };
  const flag = (name: "sound" | "flash" | "keys", words: string) => (
    <label class="menu-check">
      <input
        type="checkbox"
        checked={prefs[name]}
        onChange={(event) => desk.parts.prefs.set({ [name]: event.currentTarget.checked })}
      />
      {words}
    </label>
  );
  return (
    <div id="menu" class="menu" popover="auto">
      <p class="menu-who">
        <bdi>{me.name}</bdi>
        <small>
          <bdi>{me.email}</bdi> · {T.roles[me.role]}
        </small>
      </p>
      <fieldset class="menu-themes">
        <legend>{T.theme}</legend>
        {THEMES.map((theme) => (
          <label key={theme} class="menu-theme">
            <input
              type="radio"
              name="theme"
              checked={prefs.theme === theme}
              onChange={() => desk.parts.prefs.set({ theme })}
            />
            {T.themes[theme]}
          </label>
        ))}
      </fieldset>
      {flag("sound", T.sound)}
      {flag("flash", T.flash)}
      {flag("keys", T.letterKeys)}
      <div class="menu-deeds">
        <a class="button" href="/knowledge">{T.knowledge}</a>
        <button
          type="button"
          class="button"
          onClick={() => desk.overlay.set({ kind: "help" })}
          popovertarget="menu"
        >
          {T.help}
        </button>
        <button type="button" class="button" disabled={leaving} onClick={() => void signOut()}>
          {T.signOut}
        </button>
      </div>
    </div>
  );
}
