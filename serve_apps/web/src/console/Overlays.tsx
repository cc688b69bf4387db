/** What lies over the desk: the command bar, the help, and taking over from a colleague. */

import { useCell } from "../shared/cells";
import { CommandBar } from "./CommandBar";
import { colleagueIn } from "./able";
import { footingOf, type Overlay } from "./desk";
import { Dialog } from "./Dialog";
import { useDesk, useMe } from "./reach";
import { T } from "./strings";
import type { Thread } from "./thread";

export function Overlays() {
  const desk = useDesk();
  const overlay = useCell(desk.overlay);
  const thread = useCell(desk.threads.open);
  switch (overlay?.kind) {
    case "commands":
      return <CommandBar />;
    case "help":
      return <Help />;
    case "openly":
      return thread && <Openly asked={overlay} thread={thread} />;
    case undefined:
      return null;
  }
}

const KEYS: Record<keyof typeof T.keyGroups, readonly [string, string][]> = {
  queue: [
    ["J", T.keys.next],
    ["K", T.keys.previous],
    ["Enter", T.keys.open],
    ["1 – 4", T.keys.views],
    ["/", T.keys.search],
  ],
  conversation: [
    ["T", T.keys.take],
    ["S", T.keys.supervise],
    ["R", T.keys.reply],
    ["N", T.keys.note],
    ["A", T.keys.approve],
    ["E", T.keys.edit],
    ["X", T.keys.reject],
    ["G", T.keys.release],
    ["B", T.keys.queue],
    ["D", T.keys.resolve],
  ],
  everywhere: [
    ["Ctrl K", T.keys.commands],
    ["?", T.keys.help],
    ["Esc", T.keys.back],
  ],
};

function Help() {
  const desk = useDesk();
  const { keys } = useCell(desk.parts.prefs.cell);
  const close = () => desk.overlay.set(null);
  return (
    <Dialog label={T.help} kind="help" onClose={close}>
      <div class="dialog-head">
        <h2>{T.help}</h2>
        <button type="button" class="button plain" onClick={close}>
          {T.close}
        </button>
      </div>
      {!keys && <p class="message-warn">{T.keysOff}</p>}
      <div class="help-groups">
        {(Object.keys(KEYS) as (keyof typeof KEYS)[]).map((group) => (
          <section key={group}>
            <h3>{T.keyGroups[group]}</h3>
            <dl>
              {KEYS[group].map(([key, words]) => (
                <div key={key}>
                  <dt>
                    <kbd>{key}</kbd>
                  </dt>
                  <dd>{words}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}

function Openly(props: { asked: Extract<Overlay, { kind: "openly" }>; thread: Thread }) {
  const { asked, thread } = props;
  const desk = useDesk();
  const me = useMe();
  useCell(thread.timeline);
  const footing = footingOf(thread);
  // The commit that names the colleague may still be on its way.
  const who = (footing && colleagueIn(footing, me)) || T.aColleague;
  const close = () => desk.overlay.set(null);
  const supervise = asked.deed === "supervise";
  return (
    <Dialog label={T.openlyTitle(who)} kind="openly" onClose={close}>
      <h2>
        <bdi>{T.openlyTitle(who)}</bdi>
      </h2>
      {asked.just && <p class="message-warn">{T.openlyJust}</p>}
      <p>
        <bdi>{T.openlyText(who)}</bdi>
      </p>
      <div class="dialog-foot">
        <button type="button" class="button" autofocus onClick={close}>
          {T.cancel}
        </button>
        <button type="button" class="button primary" onClick={() => desk.take(asked.deed, true)}>
          {supervise ? T.openlyYesSupervise : T.openlyYes}
        </button>
      </div>
    </Dialog>
  );
}
