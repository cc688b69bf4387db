/** Moving through a conversation: steps, play, jumps, the scale, and where one is now. */

import { fullTime } from "../console/time";
import { lasted } from "./axis";
import { titleOf } from "./describe";
import { type Speed, SPEEDS } from "./player";
import type { Replay, View } from "./replay";

export function Transport({ replay, view }: { replay: Replay; view: View }) {
  const { position, playing } = view;
  const end = replay.history.length;
  return (
    <div class="transport" role="toolbar" aria-label="Moving through the conversation">
      <div class="group">
        <Press label="To the beginning" keys="Home" icon="|‹" off={position === 0} act={() => replay.goTo(0)} />
        <Press label="Previous turn" keys="Shift ←" icon="‹‹" off={position === 0} act={() => replay.stepTurn(-1)} />
        <Press label="Previous version" keys="←" icon="‹" off={position === 0} act={() => replay.step(-1)} />
        <button type="button" class="button primary play" aria-pressed={playing} title="Space" disabled={!end} onClick={() => replay.togglePlay()}>
          {playing ? "Pause" : "Play"}
        </button>
        <Press label="Next version" keys="→" icon="›" off={position >= end} act={() => replay.step(1)} />
        <Press label="Next turn" keys="Shift →" icon="››" off={position >= end} act={() => replay.stepTurn(1)} />
        <Press label="To the end" keys="End" icon="›|" off={position >= end} act={() => replay.goTo(end)} />
        <label class="speed">
          <span class="quiet">Speed</span>
          <select class="input" value={String(view.speed)} onChange={(event) => replay.setSpeed(Number(event.currentTarget.value) as Speed)}>
            {SPEEDS.map((speed) => (
              <option key={speed} value={String(speed)}>{speed}×</option>
            ))}
          </select>
        </label>
      </div>
      <div class="group">
        <Jump replay={replay} to="handoff" name="Handoff" shortcut="h" />
        <Jump replay={replay} to="error" name="Error" shortcut="x" />
      </div>
      <div class="group">
        <Scales replay={replay} view={view} />
        <Press label="Zoom out" keys="-" icon="−" off={view.window.to - view.window.from >= 1} act={() => replay.zoom(0.5)} />
        <Press label="Zoom in" keys="+" icon="+" off={!end} act={() => replay.zoom(2)} />
      </div>
    </div>
  );
}

function Press(props: { label: string; keys: string; icon: string; off: boolean; act: () => void }) {
  return (
    <button
      type="button"
      class="button square"
      aria-label={props.label}
      title={`${props.label} (${props.keys})`}
      aria-disabled={props.off}
      onClick={() => !props.off && props.act()}
    >
      <span aria-hidden="true">{props.icon}</span>
    </button>
  );
}

function Jump(props: { replay: Replay; to: "handoff" | "error"; name: string; shortcut: string }) {
  const { replay, to, name } = props;
  const what = name.toLowerCase();
  return (
    <span class="jump" role="group" aria-label={`${name}s`}>
      <button type="button" class="button square" aria-label={`Previous ${what}`} title={`Shift ${props.shortcut}`} onClick={() => replay.jump(to, -1)}>
        <span aria-hidden="true">‹</span>
      </button>
      <span class="jump-name" aria-hidden="true">{name}</span>
      <button type="button" class="button square" aria-label={`Next ${what}`} title={props.shortcut} onClick={() => replay.jump(to, 1)}>
        <span aria-hidden="true">›</span>
      </button>
    </span>
  );
}

function Scales({ replay, view }: { replay: Replay; view: View }) {
  const choice = (scale: View["scale"], words: string) => (
    <button type="button" class="choice" aria-pressed={view.scale === scale} onClick={() => replay.setScale(scale)}>
      {words}
    </button>
  );
  return (
    <span class="choices" role="group" aria-label="Timeline by">
      {choice("versions", "Versions")}
      {choice("time", "Time")}
    </span>
  );
}

/** What happened at this version, and when. */
export function Now({ replay, view }: { replay: Replay; view: View }) {
  const { history } = replay;
  const { position } = view;
  if (!history.length) return <p class="now soft">{view.loaded ? "This conversation is empty." : "Loading…"}</p>;
  if (position === 0) return <p class="now soft">Before the first version: nothing has happened.</p>;
  const at = history.times[position - 1]!;
  const before = history.times[position - 2];
  const fault = history.faultAt(position);
  return (
    <div class="now">
      <p class="now-when numbers">
        <time dateTime={new Date(at).toISOString()}>{fullTime(at)}</time>
        {before !== undefined && <span class="soft"> +{lasted(at - before)}</span>}
      </p>
      <ul class="now-facts">
        {history.entriesOf(position).map(({ fact, index }) => (
          <li key={index}><bdi>{titleOf(fact)}</bdi></li>
        ))}
      </ul>
      {fault && <p class="message-bad fault">{fault}</p>}
    </div>
  );
}
