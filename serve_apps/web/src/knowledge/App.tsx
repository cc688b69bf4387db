/** The page of one signed-in operator: the bar at the top, and the view that the address names. */

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

import { Api } from "../wire/api";
import { useCell } from "../shared/cells";
import type { Me } from "../wire/operator_protocol";
import type { OperatorSession } from "../wire/operator_session";
import { type Route, startOf, VIEWS, viewOf } from "./address";
import { KnowledgeApi } from "./api";
import { ChunkView } from "./ChunkView";
import { Counts } from "./Counts";
import { Desk } from "./desk";
import { Documents } from "./Documents";
import { DocumentView } from "./DocumentView";
import { Gaps } from "./Gaps";
import { Anchor } from "./pieces";
import { DeskContext, useDesk } from "./reach";
import { SearchView } from "./SearchView";
import { Settings } from "./Settings";
import { K } from "./strings";

function deskOf(session: OperatorSession, me: Me): Desk {
  const operators = new Api(session);
  return new Desk({
    api: new KnowledgeApi(session),
    me,
    colleagues: async () =>
      new Map((await operators.operators()).map(({ operator, name }) => [operator, name])),
    location,
    history,
    setTimer: (run, ms) => setTimeout(run, ms),
    clearTimer: (timer) => clearTimeout(timer as number),
  });
}

export function App({ session, me }: { session: OperatorSession; me: Me }) {
  const [desk] = useState(() => deskOf(session, me));
  useEffect(() => {
    const end = desk.start();
    const came = () => desk.came();
    const hurry = () => desk.feed.hurry();
    window.addEventListener("popstate", came);
    window.addEventListener("online", hurry);
    return () => {
      end();
      window.removeEventListener("popstate", came);
      window.removeEventListener("online", hurry);
    };
  }, [desk]);
  return (
    <DeskContext.Provider value={desk}>
      <Page me={me} />
    </DeskContext.Provider>
  );
}

function Page({ me }: { me: Me }) {
  const desk = useDesk();
  const route = useCell(desk.route);
  const main = useRef<HTMLElement>(null);
  const place = placeOf(route);
  const first = useRef(true);
  useLayoutEffect(() => {
    document.title = `${K.views[viewOf(route)]} · ${K.title} · Tandem`;
    // Who came here by a link begins at its top, by eye and by ear.
    if (!first.current) {
      window.scrollTo(0, 0);
      main.current?.focus({ preventScroll: true });
    }
    first.current = false;
  }, [place]);
  return (
    <div class="page">
      <a class="skip" href="#content">{K.skip}</a>
      <TopBar me={me} route={route} />
      <main id="content" ref={main} tabIndex={-1}>
        <Shown route={route} />
      </main>
      <Notice />
    </div>
  );
}

/** The same while only details of the view change. */
function placeOf(route: Route): string {
  if (route.at === "document") return `document ${route.document}`;
  return route.at === "chunk" ? `chunk ${route.chunk}` : route.at;
}

function TopBar({ me, route }: { me: Me; route: Route }) {
  const desk = useDesk();
  const feed = useCell(desk.feed.state);
  const tone = feed === "live" ? "good" : feed === "refused" ? "bad" : "warn";
  return (
    <header class="top">
      <div class="top-name">
        <img class="top-mark" src="/tandem.svg" alt="" width="26" height="26" />
        <h1>
          {K.title} <span class="top-company"><bdi>{me.company}</bdi></span>
        </h1>
        <span class={`badge ${tone} feed`} role="status" data-feed={feed}>
          <span class="live-dot" aria-hidden="true" /> {K.feed[feed]}
        </span>
      </div>
      <p class="top-me">
        <a class="button plain" href="/console">{K.console}</a>
        <a class="button plain" href="/replay">{K.replayPage}</a>
        <span class="soft">
          <bdi>{me.name}</bdi> · {K.roles[me.role]}
        </span>
      </p>
      <nav class="views" aria-label={K.title}>
        {VIEWS.map((view) => (
          <Anchor key={view} class="view" to={startOf(view)} current={viewOf(route) === view}>
            {K.views[view]}
          </Anchor>
        ))}
      </nav>
    </header>
  );
}

function Shown({ route }: { route: Route }) {
  switch (route.at) {
    case "documents":
      return <Documents route={route} />;
    case "document":
      return <DocumentView key={route.document} route={route} />;
    case "chunk":
      return <ChunkView key={route.chunk} chunk={route.chunk} />;
    case "search":
      return <SearchView route={route} />;
    case "gaps":
      return <Gaps days={route.days} />;
    case "counts":
      return <Counts />;
    case "settings":
      return <Settings />;
  }
}

const SHOWN_FOR_MS = 6000;

function Notice() {
  const desk = useDesk();
  const notice = useCell(desk.notice);
  useEffect(() => {
    if (!notice || notice.bad) return;
    const timer = setTimeout(() => desk.notice.set(null), SHOWN_FOR_MS);
    return () => clearTimeout(timer);
  }, [notice]);
  return (
    <div class="notice-place">
      <div role="status">
        {notice && !notice.bad && <p class="notice"><bdi>{notice.text}</bdi></p>}
      </div>
      <div role="alert">
        {notice?.bad && (
          <p class="notice bad">
            <bdi>{notice.text}</bdi>
            <button type="button" class="button" onClick={() => desk.notice.set(null)}>{K.close}</button>
          </p>
        )}
      </div>
    </div>
  );
}
