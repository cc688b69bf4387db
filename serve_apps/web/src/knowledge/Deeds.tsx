/** Ingest again, and remove: asked once more before it is done. */

import { useState } from "preact/hooks";

import { Dialog } from "../console/Dialog";
import { Icon } from "../console/icons";
import { nameOf } from "./format";
import { useDesk } from "./reach";
import { inWork } from "./shelf";
import { K } from "./strings";
import type { Doc } from "./types";

export function Deeds({ doc, words = false }: { doc: Doc; words?: boolean }) {
  const desk = useDesk();
  const [asking, ask] = useState(false);
  const [busy, work] = useState(false);
  const name = nameOf(doc);
  const again = async () => {
    work(true);
    await desk.reingest(doc, name);
    work(false);
  };
  return (
    <div class="deeds">
      <button
        type="button"
        class={`button ${words ? "" : "plain square"}`}
        aria-label={`${K.reingest}: ${name}`}
        title={K.reingest}
        disabled={busy || inWork(doc.state)}
        onClick={() => void again()}
      >
        <Icon name="refresh" />
        {words && K.reingest}
      </button>
      {doc.state !== "removed" && (
        <button
          type="button"
          class={`button ${words ? "bad" : "plain square"}`}
          aria-label={`${K.remove}: ${name}`}
          title={K.remove}
          onClick={() => ask(true)}
        >
          <Icon name="close" />
          {words && K.remove}
        </button>
      )}
      {asking && <AskRemoval doc={doc} name={name} close={() => ask(false)} />}
    </div>
  );
}

function AskRemoval({ doc, name, close }: { doc: Doc; name: string; close: () => void }) {
  const desk = useDesk();
  const [busy, work] = useState(false);
  const remove = async () => {
    work(true);
    await desk.remove(doc, name);
    close();
  };
  return (
    <Dialog label={K.removeTitle(name)} kind="ask" onClose={close}>
      <h2><bdi>{K.removeTitle(name)}</bdi></h2>
      <p>{K.removeText}</p>
      <div class="dialog-foot">
        <button type="button" class="button" onClick={close}>{K.cancel}</button>
        <button type="button" class="button bad" disabled={busy} onClick={() => void remove()}>{K.remove}</button>
      </div>
    </Dialog>
  );
}
