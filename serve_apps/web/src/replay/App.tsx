/** The replay page: a conversation of the server's by its address, or one from a file. */

import { useMemo, useRef, useState } from "preact/hooks";

import type { OperatorSession } from "../wire/operator_session";
import { Gate } from "../shared/SignIn";
import { type Address, addressOf } from "./address";
import { type Imported, linesOf, parseLines } from "./jsonl";
import type { FileOrigin } from "./origin";
import { Replay } from "./replay";
import { ServerView } from "./ServerView";
import { browserTimers } from "./timers";
import { Workbench } from "./Workbench";

/** More than a browser can hold at once is refused before it is read. */
const MOST_BYTES = 200 * 1024 * 1024;

interface Opened {
  name: string;
  imported: Imported;
}

export function App({ session }: { session: OperatorSession }) {
  const [address] = useState(() => addressOf(location.search));
  const [file, setFile] = useState<Opened | null>(null);
  const [refused, setRefused] = useState("");
  const [over, setOver] = useState(false);
  const picker = useRef<HTMLInputElement>(null);

  const take = async (chosen: File | null | undefined) => {
    if (!chosen) return;
    if (chosen.size > MOST_BYTES) {
      setRefused(`${chosen.name} is larger than ${MOST_BYTES / 1024 / 1024} MiB`);
      return;
    }
    const imported = parseLines(await chosen.text());
    if (!imported.commits.length) {
      const [first] = imported.problems;
      setRefused(`${chosen.name}: ${first?.line ? `line ${first.line} ` : ""}${first?.what ?? "nothing in it"}`);
      return;
    }
    setRefused("");
    setFile({ name: chosen.name, imported });
  };
  const choose = () => picker.current?.click();
  const drag = (event: DragEvent, entered: boolean) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    setOver(entered);
  };
  const drop = (event: DragEvent) => {
    drag(event, false);
    void take(event.dataTransfer?.files[0]);
  };

  return (
    <div
      class={`drop ${over ? "over" : ""}`}
      onDragOver={(event) => drag(event, true)}
      onDragLeave={(event) => event.relatedTarget === null && drag(event, false)}
      onDrop={drop}
    >
      <input
        ref={picker}
        type="file"
        accept=".jsonl,.ndjson,.json,.txt"
        hidden
        onChange={(event) => {
          void take(event.currentTarget.files?.[0]);
          event.currentTarget.value = "";
        }}
      />
      {refused && (
        <div class="refused message-bad" role="alert">
          <bdi>{refused}</bdi>{" "}
          <button type="button" class="button" onClick={() => setRefused("")}>Close</button>
        </div>
      )}
      {over && <div class="drop-here" aria-hidden="true">Drop the conversation here</div>}
      <Shown session={session} address={address} file={file} choose={choose} />
    </div>
  );
}

interface ShownProps {
  session: OperatorSession;
  address: Address;
  file: Opened | null;
  choose: () => void;
}

function Shown({ session, address, file, choose }: ShownProps) {
  if (file) return <FileView key={file.name} file={file} address={address} choose={choose} />;
  if (!address.conversation) return <Landing choose={choose} />;
  return (
    <Gate session={session}>
      {(me) => <ServerView session={session} tenant={me.tenant} address={address} choose={choose} />}
    </Gate>
  );
}

function FileView({ file, address, choose }: { file: Opened; address: Address; choose: () => void }) {
  const opened = useMemo(() => {
    const { imported, name } = file;
    const version = address.conversation ? null : address.version;
    const replay = new Replay(imported.tenant, imported.conversation, browserTimers, {
      grows: false,
      version,
    });
    replay.append(imported.commits);
    replay.loaded();
    const { history } = replay;
    const exported = async () => linesOf(history.commits, history.stateAt(history.length));
    const origin: FileOrigin = { kind: "file", name, imported, exported };
    return { replay, origin };
  }, [file]);
  return <Workbench replay={opened.replay} origin={opened.origin} choose={choose} />;
}

function Landing({ choose }: { choose: () => void }) {
  return (
    <main class="gate">
      <div class="gate-card">
        <div class="gate-brand">
          <img src="/tandem.svg" alt="" />
          Tandem
        </div>
        <h1>Replay a conversation</h1>
        <form method="get" action="/replay" onSubmit={openById}>
          <div class="field">
            <label for="open-id">Conversation</label>
            <input id="open-id" class="input mono" name="c" required pattern="[A-Za-z0-9_.:\-]{1,64}" autocomplete="off" />
          </div>
          <button type="submit" class="button primary">Open</button>
        </form>
        <p class="soft">Or look at one from a file: JSON Lines, as the export and <code>tandem replay --json</code> write it. Nothing of it leaves this page.</p>
        <button type="button" class="button" onClick={choose}>Choose a file…</button>
        <p class="gate-foot"><a href="/console">To the console</a></p>
      </div>
    </main>
  );
}

/** The page's policy lets no form be sent: its address is gone to instead. */
function openById(event: SubmitEvent): void {
  event.preventDefault();
  const asked = new FormData(event.currentTarget as HTMLFormElement).get("c");
  if (typeof asked === "string" && asked) location.assign(`/replay?c=${encodeURIComponent(asked)}`);
}
