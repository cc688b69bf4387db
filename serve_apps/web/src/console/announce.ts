/** What a screen reader says of what has just come into the open conversation. Pure. */

import type { Line, Timeline } from "../shared/lines";
import { T } from "./strings";

/** One sentence for each thing that `me` did not do. */
export function news(before: Timeline, after: Timeline, me: string): string[] {
  const said = after.lines.slice(before.lines.length).map((line) => ofLine(line, me));
  const draft = after.standing.draft;
  if (draft && draft.draft !== before.standing.draft?.draft) said.push(T.draftWaits);
  return said.filter(Boolean);
}

function ofLine(line: Line, me: string): string {
  switch (line.kind) {
    case "visitor":
      return T.says(T.visitor, line.text);
    case "assistant":
      return T.says(T.assistant, line.text);
    case "operator":
      return line.operator === me ? "" : T.says(line.name || T.operator, line.text);
    case "note":
      return line.operator === me ? "" : T.noteBy(line.name || T.operator);
    case "handoff":
      return T.reason(line.reason);
    case "mode":
      return T.modeLine(line);
    case "failed":
      return T.turnFailed;
    case "resolved":
      return T.resolvedBy(line.name);
    case "reopened":
      return T.reopened;
    case "rated":
      return T.rated(line.score);
    case "draft":
    case "notice":
      return ""; // said where the draft stood; and what the visitor was told is no news here
  }
}
