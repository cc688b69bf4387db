/** The console of one signed-in operator: three panes, which become one on a narrow page. */

import { useEffect, useState } from "preact/hooks";

import { useCell } from "../shared/cells";
import type { Me } from "../wire/operator_protocol";
import type { OperatorSession } from "../wire/operator_session";
import { Context } from "./Context";
import { Conversation } from "./Conversation";
import { Overlays } from "./Overlays";
import type { Preferences } from "./prefs";
import { Queue } from "./Queue";
import { DeskContext, SessionContext, useDesk } from "./reach";
import { Herald, LinkBanner, ToastList } from "./Signs";
import { TopBar } from "./TopBar";
import { startDesk } from "./wiring";

export function Workplace(props: { session: OperatorSession; prefs: Preferences; me: Me }) {
  const { session, prefs, me } = props;
  const [started] = useState(() => startDesk(session, prefs, me));
  useEffect(() => {
    started.run();
    return () => started.stop();
  }, [started]);
  useEffect(() => started.desk.me.set(me), [me]);
  return (
    <SessionContext.Provider value={session}>
      <DeskContext.Provider value={started.desk}>
        <Panes />
      </DeskContext.Provider>
    </SessionContext.Provider>
  );
}

function Panes() {
  const desk = useDesk();
  const pane = useCell(desk.pane);
  return (
    <div class="desk" data-pane={pane}>
      <TopBar />
      <LinkBanner />
      <main class="panes">
        <Queue />
        <Conversation />
        <Context />
      </main>
      <ToastList />
      <Herald />
      <Overlays />
    </div>
  );
}
