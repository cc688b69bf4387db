/** What was read from a file, and what is wrong with it where. */

import { useState } from "preact/hooks";

import { counted } from "./describe";
import type { Imported } from "./jsonl";

export function Problems({ imported }: { imported: Imported }) {
  const [shut, setShut] = useState(false);
  const { problems, lines, sameState, commits } = imported;
  if (shut) return null;
  const facts = commits.reduce((sum, commit) => sum + commit.facts.length, 0);
  const good = !problems.length;
  return (
    <div class={`problems ${good ? "message-good" : "message-warn"}`} role={good ? "status" : "alert"}>
      <p>
        {counted(lines, "line")} read: {counted(facts, "event")} in {counted(commits.length, "commit")}.{" "}
        {good && "The chain is whole. "}
        {sameState === true && "The file’s State is the one that its events fold to."}
        {sameState === false && "The file’s State is not the one that its events fold to."}
        {problems.length > 0 && ` ${counted(problems.length, "problem")}:`}
      </p>
      <ul>
        {problems.slice(0, 20).map((problem) => (
          <li key={`${problem.line} ${problem.what}`}>
            {problem.line > 0 && <b class="numbers">Line {problem.line}</b>} <bdi>{problem.what}</bdi>
            {problem.stops && " – nothing after it was read"}
          </li>
        ))}
        {problems.length > 20 && <li>and {problems.length - 20} more</li>}
      </ul>
      <button type="button" class="button" onClick={() => setShut(true)}>Close</button>
    </div>
  );
}
