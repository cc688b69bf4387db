/** The open conversation: who has it and what can be done, its lines, the draft, the composer. */

import { useLayoutEffect, useRef } from "preact/hooks";

import { useCell } from "../shared/cells";
import { able, type Footing } from "./able";
import { Composer } from "./Composer";
import { useDesk, useMe } from "./reach";
import { footingOf } from "./desk";
import { DraftCard } from "./DraftCard";
import { Icon } from "./icons";
import { channelName, languageName, T, visitorName } from "./strings";
import type { Thread } from "./thread";
import { ThreadLines } from "./ThreadLines";

export function Conversation() {
  const desk = useDesk();
  const thread = useCell(desk.threads.open);
  return (
    <section class="pane conversation" aria-label={T.conversation} id="conversation" tabIndex={-1}>
      {thread ? <Opened key={thread.conversation} thread={thread} /> : <NothingOpen />}
    </section>
  );
}

function NothingOpen() {
  return (
    <div class="nothing">
      <Icon name="chat" />
      <h2>{T.nothingOpen}</h2>
      <p>{T.nothingOpenHint}</p>
    </div>
  );
}

function Opened({ thread }: { thread: Thread }) {
  const me = useMe();
  const { standing } = useCell(thread.timeline);
  const caughtUp = useCell(thread.caughtUp);
  const trouble = useCell(thread.trouble);
  const footing = footingOf(thread);
  if (trouble === "unknown_conversation" && !standing.version)
    return (
      <>
        <Head thread={thread} footing={null} />
        <div class="nothing">
          <p class="message-bad" role="alert">
            {T.unknownConversation}
          </p>
        </div>
      </>
    );
  const mayDecide = footing !== null && able(footing, me).has("draft");
  return (
    <>
      <Head thread={thread} footing={footing} />
      {!caughtUp && !standing.version ? (
        <p class="nothing soft" role="status">
          {T.connectingTo}
        </p>
      ) : (
        <ThreadLines thread={thread} />
      )}
      {standing.draft && (
        <DraftCard
          key={standing.draft.draft}
          draft={standing.draft}
          may={mayDecide}
          owner={standing.operatorName || standing.operator}
        />
      )}
      {footing && <Composer thread={thread} footing={footing} />}
    </>
  );
}

function Head({ thread, footing }: { thread: Thread; footing: Footing | null }) {
  const desk = useDesk();
  const { standing } = useCell(thread.timeline);
  const pane = useCell(desk.pane);
  const title = useRef<HTMLHeadingElement>(null);
  // Where the queue gives way to the conversation, the keyboard comes along.
  useLayoutEffect(() => {
    const queue = document.querySelector<HTMLElement>(".queue");
    if (pane === "conversation" && queue && !queue.offsetParent) title.current?.focus();
  }, [thread]);
  const about = [channelName(standing.channel), languageName(standing.locale)].filter(Boolean);
  return (
    <header class="head">
      <button
        type="button"
        class="button plain square head-back"
        aria-label={T.backToQueue}
        onClick={() => desk.open("")}
      >
        <Icon name="back" />
      </button>
      <div class="head-names">
        <div class="head-name">
          <h2 ref={title} tabIndex={-1}>
            {visitorName({ visitor: standing.visitor, conversation: thread.conversation })}
          </h2>
          <VisitorHere thread={thread} />
        </div>
        <div class="head-about">
          <span>{about.join(" · ")}</span>
          <Lookers thread={thread} />
        </div>
      </div>
      {footing && <Holder footing={footing} />}
      <button
        type="button"
        class="button plain square head-details"
        aria-label={T.details}
        aria-expanded={pane === "context"}
        onClick={() => desk.pane.set(pane === "context" ? "conversation" : "context")}
      >
        <Icon name="info" />
      </button>
      {footing && <Deeds footing={footing} />}
    </header>
  );
}

function VisitorHere({ thread }: { thread: Thread }) {
  const { visitorHere } = useCell(thread.live);
  const words = visitorHere ? T.visitorHere : T.visitorAway;
  return (
    <span class={`presence${visitorHere ? " here" : ""}`} title={words}>
      <span class="quiet">{words}</span>
    </span>
  );
}

/** Colleagues who have it open too. */
function Lookers({ thread }: { thread: Thread }) {
  const me = useMe();
  const { colleagues } = useCell(thread.live);
  const others = [...colleagues].filter(([id]) => id !== me.operator).map(([, name]) => name);
  if (!others.length) return null;
  return (
    <span class="badge">
      <Icon name="eye" />
      <bdi>{T.looking(others.join(", "))}</bdi>
    </span>
  );
}

/** Who has the conversation, always to be seen. */
function Holder({ footing }: { footing: Footing }) {
  const me = useMe();
  if (footing.resolved)
    return (
      <span class="badge good holder">
        <Icon name="check" />
        {T.resolvedBadge}
      </span>
    );
  if (!footing.operator)
    return (
      <span class="badge ai holder">
        <Icon name="spark" />
        {footing.mode === "supervised" ? T.supervisedByNobody : T.aiHas}
      </span>
    );
  const mine = footing.operator === me.operator;
  const name = mine ? T.withYou : footing.operatorName || footing.operator;
  return (
    <span class={`badge holder ${mine ? "accent" : "warn"}`}>
      <Icon name={footing.mode === "supervised" ? "eye" : "person"} />
      <bdi>{footing.mode === "supervised" ? T.supervisedBy(name) : T.ownedBy(name)}</bdi>
    </span>
  );
}

function Deeds({ footing }: { footing: Footing }) {
  const desk = useDesk();
  const me = useMe();
  const entries = useCell(desk.outbox.entries);
  const { status } = useCell(desk.link);
  const deeds = able(footing, me);
  const busy = entries.some(
    ({ order, state }) =>
      order.conversation === footing.conversation &&
      !["reply", "note"].includes(order.type) &&
      state !== "failed",
  );
  if (!deeds.size) return <p class="head-deeds viewer-hint">{T.viewerHint}</p>;
  const off = busy || status !== "ready";
  const deed = (title: string, run: () => void, key: string, look = "") => (
    <button type="button" class={`button ${look}`} disabled={off} onClick={run}>
      {title} {key && <kbd aria-hidden="true">{key}</kbd>}
    </button>
  );
  return (
    <div class="head-deeds" role="group" aria-label={T.deeds} aria-busy={busy}>
      {deeds.has("take_over") && deed(T.takeOver, () => desk.take("take_over"), "T", "primary")}
      {deeds.has("supervise") && deed(T.supervise, () => desk.take("supervise"), "S")}
      {deeds.has("release") && deed(T.release, () => desk.release("ai"), "G")}
      {deeds.has("queue") && deed(T.toQueue, () => desk.release("queue"), "B")}
      {deeds.has("resolve") && deed(T.resolve, () => desk.resolve(), "D")}
      {deeds.has("reopen") && deed(T.reopen, () => desk.reopen(), "")}
    </div>
  );
}
