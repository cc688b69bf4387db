/** One conversation under the lens: the timeline, and the panes folded to the moment. */

import { useEffect, useState } from "preact/hooks";

import { useCell } from "../shared/cells";
import { Events } from "./Events";
import { Header } from "./Header";
import { Help } from "./Help";
import { pressed } from "./keys";
import { OperatorPane } from "./OperatorPane";
import type { Origin } from "./origin";
import { Problems } from "./Problems";
import type { Drawer, Replay, View } from "./replay";
import { SearchBar } from "./SearchBar";
import { StatePane } from "./StatePane";
import { Timeline } from "./Timeline";
import { Now, Transport } from "./Transport";
import { VisitorPane } from "./VisitorPane";
import { Why } from "./Why";

interface Props {
  replay: Replay;
  origin: Origin;
  /** Opens the file picker. */
  choose: () => void;
}

export function Workbench({ replay, origin, choose }: Props) {
  const view = useCell(replay.view);
  const [help, setHelp] = useState(false);
  useEffect(() => {
    const actions = {
      help: () => setHelp(true),
      closeAll: () => replay.openDrawer(""),
    };
    const heard = (event: KeyboardEvent) => {
      if (pressed(event, replay, actions)) event.preventDefault();
    };
    document.addEventListener("keydown", heard);
    return () => document.removeEventListener("keydown", heard);
  }, [replay]);

  return (
    <div class={`bench ${view.drawer ? "with-drawer" : ""}`}>
      <Header replay={replay} view={view} origin={origin} choose={choose} help={() => setHelp(true)} />
      <main>
        {origin.kind === "file" && <Problems imported={origin.imported} />}
        <section class="above" aria-label="Timeline">
          <div class="controls">
            <Transport replay={replay} view={view} />
            <SearchBar replay={replay} view={view} />
          </div>
          <Timeline replay={replay} view={view} />
          <Now replay={replay} view={view} />
        </section>
        <div class="panes">
          <Pane title="Visitor saw" kind="visitor"><VisitorPane replay={replay} view={view} /></Pane>
          <Pane title="Operator saw" kind="operator"><OperatorPane replay={replay} view={view} /></Pane>
          <Pane title="State" kind="state"><StatePane replay={replay} view={view} /></Pane>
          <DrawerPane replay={replay} view={view} />
        </div>
      </main>
      {help && <Help close={() => setHelp(false)} />}
    </div>
  );
}

function Pane(props: { title: string; kind: string; children: preact.ComponentChildren }) {
  return (
    <section class={`pane ${props.kind}`} aria-labelledby={`pane-${props.kind}`}>
      <h2 id={`pane-${props.kind}`}>{props.title}</h2>
      {props.children}
    </section>
  );
}

const TABS: [Exclude<Drawer, "">, string, string][] = [
  ["turn", "Why", "w"],
  ["events", "Events", "e"],
];

function DrawerPane({ replay, view }: { replay: Replay; view: View }) {
  const { drawer } = view;
  return (
    <section class={`pane drawer ${drawer ? "" : "shut"}`} aria-label="Why, and raw events">
      <div class="tabs" role="group" aria-label="Look closer">
        {TABS.map(([name, words, key]) => (
          <button
            key={name}
            type="button"
            class="tab"
            aria-expanded={drawer === name}
            aria-controls={drawer === name ? "drawer-panel" : undefined}
            title={key}
            onClick={() => replay.toggleDrawer(name)}
          >
            {words} <kbd aria-hidden="true">{key}</kbd>
          </button>
        ))}
      </div>
      {drawer === "turn" && (
        <div id="drawer-panel" class="turn-panel" role="group" aria-label="Why: the AI’s turn" tabIndex={0}>
          <Why replay={replay} view={view} />
        </div>
      )}
      {drawer === "events" && (
        <div id="drawer-panel" class="events-panel">
          <Events replay={replay} view={view} />
        </div>
      )}
    </section>
  );
}
