/** Adding knowledge: files dropped or chosen, a web address; and what became of each. */

import { useEffect, useRef, useState } from "preact/hooks";

import { useCell } from "../shared/cells";
import { safeUrl } from "../shared/html";
import { type Addition, comeThrough } from "./additions";
import { Anchor, ProgressBar, StateBadge } from "./pieces";
import { useDesk } from "./reach";
import { K } from "./strings";

const ACCEPT = ".pdf,.docx,.pptx,.xlsx,.html,.htm,.csv,.md,.markdown,.txt";

export function Add() {
  const desk = useDesk();
  const picker = useRef<HTMLInputElement>(null);
  const take = (list: FileList | null | undefined) => desk.additions.files([...(list ?? [])]);
  const over = useDrop(take);
  return (
    <section class="card add" aria-labelledby="add-title">
      <h2 id="add-title" class="quiet">{K.add}</h2>
      <div class={`drop-zone ${over ? "over" : ""}`} data-drop>
        <p>
          {over ? K.dropHere : K.drop}{" "}
          <button type="button" class="button" onClick={() => picker.current?.click()}>{K.choose}</button>
        </p>
        <p class="soft small">{K.kinds}</p>
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          accept={ACCEPT}
          onChange={(event) => {
            take(event.currentTarget.files);
            event.currentTarget.value = "";
          }}
        />
      </div>
      <AddUrl />
    </section>
  );
}

/** Files may be dropped anywhere on the page; whether some are held over it. */
function useDrop(take: (files: FileList | null | undefined) => void): boolean {
  const [over, setOver] = useState(false);
  useEffect(() => {
    const drag = (event: DragEvent, entered: boolean) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      setOver(entered);
    };
    const enter = (event: DragEvent) => drag(event, true);
    const leave = (event: DragEvent) => event.relatedTarget === null && drag(event, false);
    const drop = (event: DragEvent) => {
      drag(event, false);
      take(event.dataTransfer?.files);
    };
    document.addEventListener("dragover", enter);
    document.addEventListener("dragleave", leave);
    document.addEventListener("drop", drop);
    return () => {
      document.removeEventListener("dragover", enter);
      document.removeEventListener("dragleave", leave);
      document.removeEventListener("drop", drop);
    };
  }, []);
  return over;
}

function AddUrl() {
  const desk = useDesk();
  const [what, choose] = useState<"page" | "sitemap">("page");
  const send = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const fields = new FormData(form);
    const url = safeUrl(fields.get("url"));
    if (!url) return;
    const depth = what === "sitemap" ? Number(fields.get("depth") ?? 0) : 0;
    desk.additions.url({ url, what, ...(depth ? { depth } : {}) });
    form.reset();
    choose("page");
  };
  return (
    <form class="add-url" aria-label={K.addUrl} onSubmit={send}>
      <div class="field grow">
        <label for="add-url">{K.url}</label>
        <input id="add-url" class="input" name="url" type="url" required placeholder="https://" pattern="https?://.+" autocomplete="off" />
      </div>
      <div class="field">
        <label for="add-what">{K.what}</label>
        <select id="add-what" class="input" value={what} onChange={(event) => choose(event.currentTarget.value === "sitemap" ? "sitemap" : "page")}>
          <option value="page">{K.page}</option>
          <option value="sitemap">{K.sitemap}</option>
        </select>
      </div>
      {what === "sitemap" && (
        <div class="field">
          <label for="add-depth">{K.depth}</label>
          <select id="add-depth" class="input" name="depth">
            {[0, 1, 2, 3].map((n) => (
              <option key={n} value={n}>{n}</option>
            ))}
          </select>
        </div>
      )}
      <button type="submit" class="button">{K.submitUrl}</button>
    </form>
  );
}

export function Outcomes() {
  const desk = useDesk();
  const lines = useCell(desk.additions.cell);
  if (!lines.length) return null;
  const come = comeThrough(lines);
  return (
    <section class="card" aria-labelledby="outcomes-title">
      <div class="card-head">
        <h2 id="outcomes-title">{K.outcomes}</h2>
        {come && come.of > 1 && <span class="soft numbers" role="status">{K.sentOf(come.done, come.of)}</span>}
        <button type="button" class="button plain" onClick={() => desk.additions.clear()}>{K.dismiss}</button>
      </div>
      <ul class="outcomes" aria-live="polite" aria-relevant="additions text">
        {lines.map((line) => (
          <Outcome key={line.key} line={line} />
        ))}
      </ul>
    </section>
  );
}

function Outcome({ line }: { line: Addition }) {
  return (
    <li class="outcome-line" data-outcome={line.doc?.state ?? line.step}>
      <span class="outcome-name">
        {line.document ? (
          <Anchor to={{ at: "document", document: line.document, version: 0, tab: "chunks" }}>
            <bdi>{line.name}</bdi>
          </Anchor>
        ) : (
          <bdi>{line.name}</bdi>
        )}
      </span>
      <Became line={line} />
    </li>
  );
}

/** What came of it: where it failed, why and what can be done. */
function Became({ line }: { line: Addition }) {
  if (line.step === "refused") return <Why reason={K.refused(line.reason)} code={line.code} />;
  if (line.step === "unchanged") return <span class="badge good">{K.sentUnchanged}</span>;
  if (line.step === "waiting") return <span class="badge">{K.waitsItsTurn}</span>;
  if (line.step !== "taken") return <span class="badge">{K.sending}</span>;
  // Taken, and nothing heard of it yet: what comes first is to be read, or fetched.
  if (!line.doc) return <StateBadge doc={{ state: "submitted" }} />;
  const { doc } = line;
  return (
    <>
      <StateBadge doc={doc} />
      <ProgressBar doc={doc} name={line.name} />
      {doc.state === "indexed" && <span class="soft numbers">{K.chunks(doc.chunks)}</span>}
      {doc.state === "failed" && doc.failure && <Why reason={doc.failure.reason} code={doc.failure.code} />}
    </>
  );
}

export function Why({ reason, code }: { reason: string; code: string }) {
  const remedy = K.remedy(code);
  return (
    <span class="why-failed">
      <bdi>{reason}</bdi> {remedy && <span class="remedy">{remedy}</span>}
    </span>
  );
}
