/** Where the operator writes: a reply to the visitor, or a private note. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";

import { useCell } from "../shared/cells";
import { countChars, LIMITS } from "../wire/operator_protocol";
import { able, colleagueIn, type Footing } from "./able";
import { CannedList, useCanned } from "./Canned";
import { useDesk, useMe } from "./reach";
import { Icon } from "./icons";
import { T } from "./strings";
import type { Thread } from "./thread";
import { useTypingSign } from "./typing";

type Purpose = "reply" | "note";

export function Composer({ thread, footing }: { thread: Thread; footing: Footing }) {
  const desk = useDesk();
  const me = useMe();
  const focus = useCell(desk.focus);
  const deeds = able(footing, me);
  const mayReply = deeds.has("reply");
  const kept = () => (desk.scratch.get("note", thread.conversation) ? "note" : "");
  const [chosen, choose] = useState<Purpose | "">(kept);
  // At once: what is typed next belongs into the field, and is no command.
  useLayoutEffect(() => {
    if (focus.on === "reply" || focus.on === "note") choose(focus.on);
  }, [focus]);
  if (!deeds.has("note")) return null;
  // Without the conversation in hand there is only the note, and only where it is asked for.
  const purpose = mayReply ? chosen || "reply" : "note";
  const why = mayReply
    ? footing.mode === "supervised" && T.supervisedReply
    : cannot(footing, colleagueIn(footing, me));
  if (!mayReply && chosen !== "note")
    return (
      <section class="composer closed" aria-label={T.composer}>
        <p class="composer-why">{why}</p>
        <button type="button" class="button" onClick={() => desk.wish("note")}>
          <Icon name="lock" />
          {T.note} <kbd aria-hidden="true">N</kbd>
        </button>
      </section>
    );
  return (
    <section class={`composer ${purpose}`} aria-label={T.composer}>
      <div class="composer-tabs" role="group" aria-label={T.composer}>
        {mayReply && (
          <button
            type="button"
            class="composer-tab"
            aria-pressed={purpose === "reply"}
            onClick={() => desk.wish("reply")}
          >
            {T.reply}
          </button>
        )}
        <button
          type="button"
          class="composer-tab"
          aria-pressed={purpose === "note"}
          onClick={() => desk.wish("note")}
        >
          <Icon name="lock" />
          {T.note}
        </button>
        <p class="composer-why">{why}</p>
        {!mayReply && (
          <button type="button" class="button plain" onClick={() => choose("")}>
            {T.closeNote}
          </button>
        )}
      </div>
      <Field key={`${thread.conversation} ${purpose}`} thread={thread} purpose={purpose} />
    </section>
  );
}

function cannot(footing: Footing, colleague: string): string {
  if (footing.resolved) return T.cannotReply.resolved;
  if (colleague) return T.cannotReply.other(colleague);
  return footing.mode === "ai" ? T.cannotReply.ai : T.cannotReply.nobody;
}

function Field({ thread, purpose }: { thread: Thread; purpose: Purpose }) {
  const desk = useDesk();
  const focus = useCell(desk.focus);
  const { conversation } = thread;
  const [text, show] = useState(() => desk.scratch.get(purpose, conversation));
  const box = useRef<HTMLTextAreaElement>(null);
  const typing = useTypingSign((on) => purpose === "reply" && desk.typing(on));

  const write = (value: string) => {
    show(value);
    desk.scratch.set(purpose, conversation, value);
    typing(value.trim() !== "");
  };
  const canned = useCanned(box, text, write, purpose === "reply");

  useLayoutEffect(() => {
    if (!desk.wished(purpose)) return;
    // Somebody may have put a text there: a refused message, a mended draft.
    show(desk.scratch.get(purpose, conversation));
    box.current?.focus();
  }, [focus]);

  const left = LIMITS.text - countChars(text.trim());
  const send = () => {
    const said = text.trim();
    if (!said || left < 0) return;
    if (!(purpose === "reply" ? desk.reply(said) : desk.note(said))) return;
    write("");
  };

  return (
    <div class="composer-field">
      {canned.shown && <CannedList canned={canned} />}
      <textarea
        ref={box}
        class="input composer-text"
        aria-label={purpose === "note" ? T.note : T.replyTo}
        aria-describedby="composer-hint"
        aria-invalid={left < 0}
        {...canned.attributes}
        rows={Math.min(8, Math.max(2, text.split("\n").length))}
        placeholder={purpose === "note" ? T.notePlaceholder : T.replyPlaceholder}
        dir="auto"
        value={text}
        onInput={(event) => write(event.currentTarget.value)}
        onBlur={() => typing(false)}
        onKeyDown={(event) => {
          if (canned.onKey(event)) return;
          if (event.key === "Escape") event.currentTarget.blur();
          if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          send();
        }}
      />
      <div class="composer-foot">
        <span id="composer-hint" class="composer-hint">
          {left < 200 ? <span class={left < 0 ? "bad" : ""}>{T.charsLeft(left)}</span> : T.sendHint}
        </span>
        <button
          type="button"
          class="button primary"
          disabled={!text.trim() || left < 0}
          onClick={send}
        >
          {purpose === "note" ? T.addNote : T.send}
        </button>
      </div>
    </div>
  );
}
