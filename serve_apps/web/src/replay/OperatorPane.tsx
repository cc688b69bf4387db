/**
 * What an operator saw: the console's own lines, with notes, reasons and evidence; who owned the
 * conversation; the draft that waited.
 */

import { LineView } from "../console/Lines";
import { Plain } from "../console/Words";
import type { Line } from "../shared/lines";
import type { State } from "../shared/state";
import { MODE, REASON } from "./describe";
import { countUpTo } from "./history";
import type { Replay, View } from "./replay";
import { VirtualList } from "./VirtualList";

export function OperatorPane({ replay, view }: { replay: Replay; view: View }) {
  const { position } = view;
  const { history, timeline, turns } = replay;
  const version = history.versionAt(position);
  const before = history.versionAt(position - 1);
  const state = history.stateAt(position);
  const count = countUpTo(timeline.lines, version, (line) => line.version);
  const draw = (index: number) => {
    const line = timeline.lines[index]!;
    const fresh = line.version > before && position > 0;
    return (
      <div class={`operator-line ${fresh ? "newest" : ""}`} data-key={line.key}>
        <LineView line={line} me="" delivery="" />
        <WhyButton line={line} replay={replay} known={turns.all.length > 0} />
      </div>
    );
  };
  return (
    <div class="operator-side" data-pane="operator">
      <Standing state={state} />
      <VirtualList
        count={count}
        keyAt={(index) => timeline.lines[index]!.key}
        draw={draw}
        estimate={90}
        reveal={{ index: count - 1, on: position, at: "end" }}
        label="As the operator saw it"
        empty={<p class="none">Nothing has happened yet.</p>}
      />
      {state.draft && (
        <div class="draft-waiting">
          <p class="draft-title">
            <span class="badge ai">Draft</span> waits for a person to approve, edit or reject it
          </p>
          <div class="draft-text" tabIndex={0} role="group" aria-label="The draft that waits">
            <Plain text={state.draft.text} />
          </div>
        </div>
      )}
    </div>
  );
}

function Standing({ state }: { state: State }) {
  const owner = state.operator_name || state.operator;
  return (
    <p class="standing">
      <span class={`badge ${state.mode === "ai" ? "ai" : "accent"}`}>{MODE[state.mode]}</span>
      {owner && <bdi class="badge">{owner}</bdi>}
      {state.mode !== "ai" && !owner && <span class="badge">any operator’s</span>}
      {state.handoff && (
        <span class="badge warn">waits for a person: {REASON[state.handoff.reason] ?? state.handoff.reason}</span>
      )}
      {state.resolved && <span class="badge good">resolved</span>}
      <span class="badge numbers">epoch {state.epoch}</span>
    </p>
  );
}

/** From what the AI said to why it said it. */
function WhyButton({ line, replay, known }: { line: Line; replay: Replay; known: boolean }) {
  if (!known || line.kind !== "assistant") return null;
  const turn = replay.turns.named(line.turn);
  if (!turn) return null;
  return (
    <button type="button" class="why link" onClick={() => replay.showTurn(turn)}>
      Why? <span class="quiet">Turn {turn.number}</span>
    </button>
  );
}

