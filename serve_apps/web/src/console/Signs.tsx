/** What the console says of itself: the state of its connection, and messages that pass. */

import { useEffect, useState } from "preact/hooks";

import { useCell } from "../shared/cells";
import { Icon } from "./icons";
import { useDesk } from "./reach";
import { T } from "./strings";
import { useTicking } from "./time";

/** A short loss is mended before anybody need read of it. */
const PATIENCE_MS = 800;
const BACK_MS = 3_000;

export function LinkBanner() {
  const desk = useDesk();
  const { status, retryAt } = useCell(desk.link);
  const entries = useCell(desk.outbox.entries);
  const [shown, show] = useState<"" | "lost" | "back">("");
  useEffect(() => {
    if (status === "ready") {
      if (shown !== "lost") return undefined;
      show("back");
      const timer = setTimeout(() => show(""), BACK_MS);
      return () => clearTimeout(timer);
    }
    const timer = setTimeout(() => show("lost"), status === "offline" ? 0 : PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [status]);
  const seconds = useTicking((now) => String(Math.max(0, Math.ceil((retryAt - now) / 1000))));
  const waiting = entries.filter(({ state }) => state === "waiting").length;
  if (shown === "back")
    return (
      <div class="link-banner back" role="status" data-status={status}>
        <Icon name="check" />
        {T.link.back}
      </div>
    );
  if (!shown) return <div role="status" data-status={status} class="quiet" />;
  return (
    <div class="link-banner" role="status" data-status={status}>
      <Icon name="alert" />
      <span>
        {status === "offline"
          ? T.link.offline
          : status === "waiting"
            ? T.link.waiting
            : T.link.connecting}{" "}
        {status === "waiting" && Number(seconds) > 0 && (
          <span aria-hidden="true" class="numbers">
            {T.link.retry(Number(seconds))}{" "}
          </span>
        )}
        {waiting > 0 && T.link.kept(waiting)}
      </span>
      {status !== "connecting" && (
        <button type="button" class="button" onClick={() => desk.parts.socket.connect()}>
          {T.link.now}
        </button>
      )}
    </div>
  );
}

export function ToastList() {
  const desk = useDesk();
  const toasts = useCell(desk.toasts.shown);
  return (
    <section class="toasts" aria-label={T.messages}>
      {toasts.map((toast) => (
        <div key={toast.id} class={`toast ${toast.tone}`}>
          <bdi>{toast.text}</bdi>
          <button
            type="button"
            class="button plain square"
            aria-label={T.dismiss}
            onClick={() => desk.toasts.dismiss(toast.id)}
          >
            <Icon name="close" />
          </button>
        </div>
      ))}
    </section>
  );
}

/** For screen readers: what has just come. */
export function Herald() {
  const said = useCell(useDesk().toasts.said);
  return (
    <div class="quiet" role="status" aria-live="polite" data-herald>
      {said}
    </div>
  );
}
