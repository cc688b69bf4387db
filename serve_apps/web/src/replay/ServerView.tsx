/** A conversation that the server holds: read in pages, then followed. */

import { useEffect, useMemo, useState } from "preact/hooks";

import { Api } from "../wire/api";
import { Cell, useCell } from "../shared/cells";
import { ApiError } from "../wire/http";
import type { OperatorSession } from "../wire/operator_session";
import { browserSurroundings, type Status } from "../wire/operator_socket";
import { type Address, searchOf } from "./address";
import type { ServerOrigin } from "./origin";
import { Replay } from "./replay";
import { Follower, loadCommits } from "./server";
import { browserTimers } from "./timers";
import { Workbench } from "./Workbench";

/** The address is written so long after one has come to rest; browsers refuse it more often. */
const ADDRESS_AFTER_MS = 200;
const RETRY_AFTER_MS = 5000;

interface Props {
  session: OperatorSession;
  tenant: string;
  address: Address;
  choose: () => void;
}

export function ServerView({ session, tenant, address, choose }: Props) {
  const { conversation } = address;
  const [trouble, setTrouble] = useState<ApiError | null>(null);
  const [attempt, setAttempt] = useState(0);
  const opened = useMemo(() => open(session, tenant, address), [session, tenant, conversation, attempt]);
  useEffect(() => opened.begin(setTrouble), [opened]);
  useEffect(() => {
    if (!trouble?.away) return;
    const timer = setTimeout(() => setAttempt(attempt + 1), RETRY_AFTER_MS);
    return () => clearTimeout(timer);
  }, [trouble]);
  useAddress(opened.replay, conversation);
  const again = () => {
    setTrouble(null);
    setAttempt(attempt + 1);
  };
  if (trouble) return <Trouble error={trouble} conversation={conversation} again={again} />;
  return <Workbench replay={opened.replay} origin={opened.origin} choose={choose} />;
}

function open(session: OperatorSession, tenant: string, address: Address) {
  const { conversation, version } = address;
  const api = new Api(session);
  const replay = new Replay(tenant, conversation, browserTimers, { grows: true, version });
  const status = new Cell<Status>("idle");
  const trouble = new Cell("");
  const origin: ServerOrigin = {
    kind: "server",
    conversation,
    status,
    trouble,
    exported: () => api.exported(conversation),
    stateAt: async (at) => (await api.conversation(conversation, at)).state,
  };
  const follower = new Follower(
    conversation,
    api,
    () => ({ version: replay.history.version, number: replay.history.commits.at(-1)?.number ?? 0 }),
    {
      onCommits: (commits) => replay.append(commits),
      onStatus: (now) => status.set(now),
      onTrouble: (code, detail) => trouble.set(detail || code),
    },
    session,
    browserSurroundings(),
  );
  /** Returns what ends it. */
  const begin = (failed: (error: ApiError | null) => void): (() => void) => {
    let over = false;
    loadCommits(api, conversation, 0, (page) => !over && replay.append(page))
      .then(() => {
        if (over) return;
        failed(null);
        replay.loaded();
        if (address.message && version === null) replay.goToMessage(address.message);
        performance.mark("replay-loaded");
        follower.start();
      })
      .catch((error: unknown) => {
        if (!(error instanceof ApiError)) throw error;
        if (!over) failed(error);
      });
    const unfollow = session.newest.subscribe(() => follower.freshToken(session.newest.get()));
    const gone = () => follower.networkLost();
    const back = () => follower.networkBack();
    window.addEventListener("offline", gone);
    window.addEventListener("online", back);
    return () => {
      over = true;
      replay.pause();
      follower.stop();
      unfollow();
      window.removeEventListener("offline", gone);
      window.removeEventListener("online", back);
    };
  };
  return { replay, origin, begin };
}

/** The address follows: whoever opens it comes to the same place. */
function useAddress(replay: Replay, conversation: string): void {
  const { position, live, loaded } = useCell(replay.view);
  useEffect(() => {
    if (!loaded) return;
    const version = live ? null : replay.history.versionAt(position);
    const wanted = `/replay${searchOf({ conversation, version })}`;
    const write = () => {
      if (location.pathname + location.search !== wanted) history.replaceState(null, "", wanted);
    };
    const timer = setTimeout(write, ADDRESS_AFTER_MS);
    return () => clearTimeout(timer);
  }, [replay, conversation, position, live, loaded]);
}

function Trouble(props: { error: ApiError; conversation: string; again: () => void }) {
  const { error, conversation } = props;
  const words =
    error.status === 404
      ? "There is no such conversation, or it is not your company’s."
      : error.away
        ? "The server cannot be reached. This page tries again by itself."
        : error.detail || error.code;
  return (
    <main class="gate">
      <div class="gate-card">
        <h1>Replay</h1>
        <p class="message-bad" role="alert"><bdi>{words}</bdi></p>
        <p class="soft">
          Conversation <bdi class="mono">{conversation}</bdi>
        </p>
        <button type="button" class="button primary" onClick={props.again}>Try again</button>
        <a class="button" href="/replay">Open another</a>
      </div>
    </main>
  );
}
