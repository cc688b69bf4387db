/** Where the console's parts meet the browser: socket, address, title, network, keys. */

import { Api } from "../wire/api";
import type { Me, ServerFrame } from "../wire/operator_protocol";
import type { OperatorSession } from "../wire/operator_session";
import { browserSurroundings, OperatorSocket } from "../wire/operator_socket";
import { Alerts, browserRing } from "./alerts";
import { Batch, browserPace } from "./batch";
import { Desk } from "./desk";
import { hearKeys } from "./keys";
import type { Preferences } from "./prefs";
import { T } from "./strings";

const timers = {
  now: () => Date.now(),
  setTimer: (run: () => void, ms: number): unknown => setTimeout(run, ms),
  clearTimer: (timer: unknown): void => clearTimeout(timer as number),
};

export interface Started {
  desk: Desk;
  run(): void;
  stop(): void;
}

export function startDesk(session: OperatorSession, prefs: Preferences, me: Me): Started {
  const lookedAt = () => document.visibilityState === "visible" && document.hasFocus();
  const alerts = new Alerts(
    T.title,
    {
      setTitle: (title) => (document.title = title),
      lookedAt,
      ring: browserRing(),
      every: (run, ms) => setInterval(run, ms),
      clear: (timer) => clearInterval(timer as number),
      prefs: () => prefs.cell.get(),
    },
    timers.now,
  );
  const batch = new Batch<ServerFrame>(browserPace, (frames) => desk.receive(frames));
  const socket = new OperatorSocket(browserSurroundings(), session, {
    onFrame: (frame) => batch.push(frame),
    onStatus: (status) => {
      batch.flush();
      desk.onStatus(status);
    },
  });
  const desk: Desk = new Desk({ ...timers, me, api: new Api(session), socket, prefs, alerts, go, focusRow });

  const ends: (() => void)[] = [];
  const listen = (target: EventTarget, type: string, hear: () => void) => {
    target.addEventListener(type, hear);
    ends.push(() => target.removeEventListener(type, hear));
  };
  return {
    desk,
    run() {
      ends.push(session.newest.subscribe(() => socket.freshToken(session.newest.get())));
      listen(window, "online", () => socket.networkBack());
      listen(window, "offline", () => socket.networkLost());
      listen(window, "focus", () => alerts.seen());
      listen(document, "visibilitychange", () => {
        if (!lookedAt()) return;
        alerts.seen();
        socket.networkBack();
      });
      listen(window, "popstate", () => desk.open(addressed()));
      ends.push(hearKeys(desk));
      socket.connect();
      const conversation = addressed();
      if (conversation) desk.open(conversation);
    },
    stop() {
      for (const end of ends.splice(0)) end();
      socket.stop();
      alerts.count(0);
    },
  };
}

/** What may be an id at all: anybody can write an address. */
const ID = /^[A-Za-z0-9_.:-]{1,64}$/;

/** The conversation that the address names; empty when it names none. */
function addressed(): string {
  const named = new URLSearchParams(location.search).get("c") ?? "";
  return ID.test(named) ? named : "";
}

function go(conversation: string): void {
  if (conversation === addressed()) return;
  const url = new URL(location.href);
  if (conversation) url.searchParams.set("c", conversation);
  else url.searchParams.delete("c");
  // From one conversation to the next there is no way back; to the queue there is.
  if (conversation && addressed()) history.replaceState(null, "", url);
  else history.pushState(null, "", url);
}

function focusRow(conversation: string): void {
  const row = document.querySelector<HTMLElement>(`[data-row="${CSS.escape(conversation)}"]`);
  row?.focus();
}
