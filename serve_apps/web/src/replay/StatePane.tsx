/** State at this moment, as a tree, with what changed since the version before it. */

import { useState } from "preact/hooks";

import type { Replay, View } from "./replay";
import { type Row, type Section, sections } from "./statetree";

/** Longer texts are cut until they are asked for. */
const LONG = 160;
/** A list shows so many of its newest parts until all are asked for. */
const PARTS = 5;

export function StatePane({ replay, view }: { replay: Replay; view: View }) {
  const [only, setOnly] = useState(false);
  const { position } = view;
  const { history } = replay;
  const before = position > 0 ? history.stateAt(position - 1) : null;
  const shown = sections(history.stateAt(position), before);
  const changes = shown.reduce((sum, section) => sum + section.changes, 0);
  return (
    <div class="state-side" data-pane="state" tabIndex={0} role="group" aria-label="State, row by row">
      <p class="state-head">
        <span role="status">{changesWords(changes, history.versionAt(position - 1))}</span>
        <label class="check">
          <input type="checkbox" checked={only} onChange={(event) => setOnly(event.currentTarget.checked)} /> only
          what changed
        </label>
      </p>
      {shown.map((section) => (
        <SectionView key={section.key} section={section} only={only} />
      ))}
    </div>
  );
}

function changesWords(changes: number, since: number): string {
  if (!changes) return "Nothing changed in State";
  const what = `${changes} ${changes === 1 ? "change" : "changes"}`;
  return since ? `${what} since version ${since}` : `${what}: this is the first version`;
}

function SectionView({ section, only }: { section: Section; only: boolean }) {
  const rows = only ? section.rows.filter((row) => row.change) : section.rows;
  if (!rows.length) return null;
  return (
    <section class="state-section">
      <h3>
        {section.title}
        {section.changes > 0 && <span class="badge accent numbers">{section.changes} changed</span>}
      </h3>
      <dl>
        {rows.map((row) => (
          <RowView key={row.key} row={row} />
        ))}
      </dl>
    </section>
  );
}

function RowView({ row }: { row: Row }) {
  return (
    <div class={`state-row ${row.change}`} data-row={row.key} data-change={row.change}>
      <dt>
        {row.change && <span class="quiet">changed: </span>}
        {row.label}
      </dt>
      <dd>
        {row.was && (
          <del>
            <Value text={row.was} />
          </del>
        )}{" "}
        {row.change && row.value !== "" && row.was !== row.value ? (
          <ins>
            <Value text={row.value} />
          </ins>
        ) : (
          <Value text={row.value || "–"} />
        )}
        {row.parts && row.parts.length > 0 && <Parts parts={row.parts} />}
      </dd>
    </div>
  );
}

/** A list: what changed in it is always seen, of the rest the newest. */
function Parts({ parts }: { parts: readonly Row[] }) {
  const [all, setAll] = useState(false);
  const firstShown = Math.max(0, parts.length - PARTS);
  const shown = all ? parts : parts.filter((part, i) => part.change !== "" || i >= firstShown);
  const hidden = parts.length - shown.length;
  return (
    <>
      {(hidden > 0 || all) && (
        <button type="button" class="link small" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? "show fewer" : `show ${hidden} more`}
        </button>
      )}
      <ul class="parts">
        {shown.map((part) => (
          <li key={`${part.change} ${part.key}`} class={part.change}>
            {part.change === "added" && <span class="sign" aria-label="added">+</span>}
            {part.change === "gone" && <span class="sign" aria-label="gone">−</span>}
            {part.label && <span class="part-label">{part.label}</span>} <Value text={part.value} />
          </li>
        ))}
      </ul>
    </>
  );
}

function Value({ text }: { text: string }) {
  const [whole, setWhole] = useState(false);
  const points = text.length > LONG ? [...text] : null;
  if (!points || points.length <= LONG || whole) return <bdi class="value">{text}</bdi>;
  return (
    <>
      <bdi class="value">{points.slice(0, LONG).join("")}…</bdi>{" "}
      <button type="button" class="link small" onClick={() => setWhole(true)}>
        all {points.length} characters
      </button>
    </>
  );
}
