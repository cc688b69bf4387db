/** How documents are cut from here on; only an administrator changes it. */

import { useState } from "preact/hooks";

import { troubleWords } from "./format";
import { Loading, Trouble } from "./pieces";
import { useDesk, useRead } from "./reach";
import { K } from "./strings";
import type { ChunkSettings } from "./types";

/** The server's own bounds are its to keep; these keep a slip of the finger out. */
const LEAST_TOKENS = 16;
const MOST_TOKENS = 4096;

export function Settings() {
  const desk = useDesk();
  const { value: settings, error, again } = useRead((signal) => desk.parts.api.settings(signal), []);
  return (
    <section class="card settings" aria-labelledby="settings-title">
      <h2 id="settings-title">{K.chunking}</h2>
      <p class="soft">{K.chunkingHint}</p>
      {error && <Trouble error={error} again={again} />}
      {!error && !settings && <Loading />}
      {settings && <Form settings={settings} />}
    </section>
  );
}

function Form({ settings }: { settings: ChunkSettings }) {
  const desk = useDesk();
  const [busy, work] = useState(false);
  const [wrong, say] = useState("");
  const save = async (event: SubmitEvent) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    const [max, overlap] = [Number(fields.get("max")), Number(fields.get("overlap"))];
    if (overlap * 2 > max) {
      say(K.overlapTooLong);
      return;
    }
    work(true);
    say("");
    try {
      await desk.parts.api.setChunking({ max_tokens: max, overlap_tokens: overlap });
      desk.notice.set({ text: K.saved, bad: false });
    } catch (error) {
      say(K.deedFailed(troubleWords(error)));
    }
    work(false);
  };
  return (
    <form class="settings-form" onSubmit={(event) => void save(event)}>
      <div class="field">
        <label for="max">{K.maxTokens}</label>
        <input
          id="max"
          class="input numbers"
          name="max"
          type="number"
          required
          min={LEAST_TOKENS}
          max={MOST_TOKENS}
          defaultValue={String(settings.max_tokens)}
          readOnly={!desk.maySet}
        />
      </div>
      <div class="field">
        <label for="overlap">{K.overlapTokens}</label>
        <input
          id="overlap"
          class="input numbers"
          name="overlap"
          type="number"
          required
          min={0}
          max={MOST_TOKENS}
          defaultValue={String(settings.overlap_tokens)}
          readOnly={!desk.maySet}
          aria-describedby="settings-wrong"
        />
      </div>
      <p id="settings-wrong" class={wrong ? "message-bad" : ""} role="alert"><bdi>{wrong}</bdi></p>
      {desk.maySet ? (
        <button type="submit" class="button primary" disabled={busy}>{K.save}</button>
      ) : (
        <p class="soft">{K.onlyAdmin}</p>
      )}
    </form>
  );
}
