/** The check that the fold in this page is the server's: asked wherever one stays for a moment. */

import { useEffect, useState } from "preact/hooks";

import { ApiError } from "../wire/http";
import { differences } from "../shared/state";
import type { ServerOrigin } from "./origin";
import type { Replay, View } from "./replay";

const AFTER_MS = 500;
/** Answers that are remembered: a version's State never changes. */
const REMEMBERED = 200;

type Verdict = { kind: "same" } | { kind: "differs"; paths: string[] } | { kind: "unknown"; why: string };

export function Same({ replay, view, origin }: { replay: Replay; view: View; origin: ServerOrigin }) {
  const version = replay.history.versionAt(view.position);
  const [known, setKnown] = useState<ReadonlyMap<number, Verdict>>(new Map());
  const [again, setAgain] = useState(0);
  const verdict = known.get(version);

  useEffect(() => {
    if (!version || view.playing || (verdict && verdict.kind !== "unknown")) return;
    const timer = setTimeout(() => {
      void judged(origin, version, replay.history.stateAt(view.position)).then((found) =>
        setKnown((before) => new Map([...before, [version, found] as const].slice(-REMEMBERED))),
      );
    }, AFTER_MS);
    return () => clearTimeout(timer);
  }, [version, view.playing, again]);

  if (!version) return null;
  return (
    <button
      type="button"
      class={`same badge ${verdict ? CLASS[verdict.kind] : ""}`}
      data-same={verdict?.kind ?? "asking"}
      title={titleOf(verdict)}
      onClick={() => {
        setKnown(new Map());
        setAgain(again + 1);
      }}
    >
      <span role="status">{wordsOf(verdict)}</span>
    </button>
  );
}

const CLASS = { same: "good", differs: "bad", unknown: "" };

function wordsOf(verdict: Verdict | undefined): string {
  if (!verdict) return "comparing with the server…";
  if (verdict.kind === "same") return "✓ same as the server";
  if (verdict.kind === "differs") return `differs from the server: ${verdict.paths.slice(0, 3).join(", ")}`;
  return "not compared";
}

function titleOf(verdict: Verdict | undefined): string {
  if (verdict?.kind === "differs") return `Different: ${verdict.paths.join(", ")}. Press to compare again.`;
  if (verdict?.kind === "unknown") return `${verdict.why}. Press to try again.`;
  return "State folded in this page, compared with State folded by the server. Press to compare again.";
}

async function judged(origin: ServerOrigin, version: number, state: unknown): Promise<Verdict> {
  try {
    const paths = differences(state, await origin.stateAt(version));
    return paths.length ? { kind: "differs", paths } : { kind: "same" };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { kind: "unknown", why: error.detail || error.code };
  }
}
