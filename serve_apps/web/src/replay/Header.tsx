/** The page's head: which conversation, live or replay, and what can be done with it. */

import { useState } from "preact/hooks";

import { useCell } from "../shared/cells";
import { ApiError } from "../wire/http";
import { searchOf } from "./address";
import { counted } from "./describe";
import { download, fileNameOf, type Origin, type ServerOrigin } from "./origin";
import type { Replay, View } from "./replay";
import { Same } from "./Same";

interface Props {
  replay: Replay;
  view: View;
  origin: Origin;
  choose: () => void;
  help: () => void;
}

export function Header({ replay, view, origin, choose, help }: Props) {
  const conversation = origin.kind === "server" ? origin.conversation : origin.imported.conversation;
  return (
    <header class="head">
      <div class="head-name">
        <img src="/tandem.svg" alt="" width="24" height="24" />
        <h1>Replay</h1>
        <bdi class="mono conversation">{conversation || "unnamed"}</bdi>
        {origin.kind === "file" && <bdi class="badge" title={origin.name}>file {origin.name.slice(0, 40)}</bdi>}
      </div>
      <Where replay={replay} view={view} origin={origin} />
      {origin.kind === "server" && <Same replay={replay} view={view} origin={origin} />}
      <div class="head-actions">
        {origin.kind === "server" && (
          <a class="button" href={`/console?c=${encodeURIComponent(origin.conversation)}`}>Console</a>
        )}
        {origin.kind === "server" && <a class="button" href="/knowledge">Knowledge</a>}
        {origin.kind === "server" && <CopyLink replay={replay} view={view} conversation={conversation} />}
        <Export origin={origin} name={fileNameOf(conversation)} />
        <button type="button" class="button" onClick={choose}>Import…</button>
        <button type="button" class="button square" aria-label="Keys" title="?" onClick={help}>?</button>
      </div>
    </header>
  );
}

function Where({ replay, view, origin }: { replay: Replay; view: View; origin: Origin }) {
  const { history } = replay;
  const later = history.length - view.position;
  const replaying = `Replay at version ${history.versionAt(view.position)} of ${history.version}`;
  return (
    <div class="where">
      {view.live ? (
        <LiveState origin={origin} />
      ) : (
        <span class="badge accent where-at numbers" role="status" data-where="replay">{replaying}</span>
      )}
      {!view.live && later > 0 && <span class="soft numbers">{counted(later, "later version")}</span>}
      {!view.live && origin.kind === "server" && (
        <button type="button" class="button" title="l" onClick={() => replay.goLive()}>Back to live</button>
      )}
    </div>
  );
}

function LiveState({ origin }: { origin: Origin }) {
  if (origin.kind === "file")
    return <span class="badge where-at" role="status" data-where="end">At the end of the file</span>;
  return <Following origin={origin} />;
}

function Following({ origin }: { origin: ServerOrigin }) {
  const status = useCell(origin.status);
  const trouble = useCell(origin.trouble);
  const words = trouble ? `Not followed: ${trouble}` : status === "ready" ? "Live" : "Live: reconnecting…";
  const kind = trouble ? "bad" : status === "ready" ? "good" : "warn";
  return (
    <span class={`badge where-at ${kind}`} role="status" data-where={trouble ? "trouble" : "live"}>
      <span class="live-dot" aria-hidden="true" /> {words}
    </span>
  );
}

function CopyLink({ replay, view, conversation }: { replay: Replay; view: View; conversation: string }) {
  const [done, setDone] = useState("");
  const copy = async () => {
    const version = replay.history.versionAt(view.position);
    const url = `${location.origin}/replay${searchOf({ conversation, version })}`;
    try {
      await navigator.clipboard.writeText(url);
      setDone("Copied");
    } catch {
      // Not every page may use the clipboard: the address bar says the same.
      setDone("Copy it from the address bar");
    }
    setTimeout(() => setDone(""), 3000);
  };
  return (
    <button type="button" class="button" onClick={() => void copy()}>
      <span role="status">{done || "Copy link"}</span>
    </button>
  );
}

function Export({ origin, name }: { origin: Origin; name: string }) {
  const [state, setState] = useState<"" | "busy" | string>("");
  const save = async () => {
    setState("busy");
    try {
      download(await origin.exported(), name);
      setState("");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setState(error.detail || error.code);
    }
  };
  return (
    <button type="button" class="button" disabled={state === "busy"} onClick={() => void save()}>
      {state && state !== "busy" ? <span role="alert">Export failed: {state}</span> : "Export"}
    </button>
  );
}
