/** Questions that found nothing, alike ones together: what is missing in the knowledge base. */

import { GAP_DAYS, startOf } from "./address";
import { Anchor, Loading, Nothing, Trouble, When } from "./pieces";
import { useDesk, useRead } from "./reach";
import { K } from "./strings";
import type { GapGroup } from "./types";

export function Gaps({ days }: { days: number }) {
  const desk = useDesk();
  const { value: groups, error, again } = useRead((signal) => desk.parts.api.gaps(days, signal), [days]);
  const choices = [...new Set([...Object.keys(K.dayChoices).map(Number), days])].sort((a, b) => a - b);
  return (
    <section class="card" aria-labelledby="gaps-title">
      <div class="card-head">
        <h2 id="gaps-title">{K.views.gaps}</h2>
        <p class="soft grow">{K.gapsHint}</p>
        <div class="field inline">
          <label for="days">{K.days}</label>
          <select
            id="days"
            class="input"
            value={days}
            onChange={(event) => desk.go({ at: "gaps", days: Number(event.currentTarget.value) || GAP_DAYS })}
          >
            {choices.map((n) => (
              <option key={n} value={n}>{K.dayChoices[n] ?? `${n} days`}</option>
            ))}
          </select>
        </div>
      </div>
      {error && <Trouble error={error} again={again} />}
      {!error && !groups && <Loading />}
      {groups && !groups.length && <Nothing title={K.noGaps} />}
      {groups && groups.length > 0 && (
        <ol class="gaps">
          {groups.map((group, i) => (
            <One key={i} group={group} />
          ))}
        </ol>
      )}
    </section>
  );
}

function One({ group }: { group: GapGroup }) {
  const search = { ...startOf("search"), question: group.question.slice(0, 2000) };
  return (
    <li class="gap">
      <span class="gap-count numbers" aria-label={K.asked(group.count)}>{group.count}×</span>
      <div class="gap-main">
        <p class="gap-question" dir="auto">{group.question}</p>
        <p class="soft small gap-facts">
          <When at={group.last_at} whole />
          <Anchor to={search}>{K.tryIt}</Anchor>
        </p>
        {group.examples.length > 0 && (
          <details>
            <summary>
              {K.examples} <span class="numbers">({group.examples.length})</span>
            </summary>
            <ul class="examples">
              {group.examples.map((example, i) => (
                <li key={i}>
                  <a href={`/replay?c=${encodeURIComponent(example.conversation)}`} dir="auto">{example.question}</a>{" "}
                  <span class="soft small"><When at={example.at} whole /></span>
                </li>
              ))}
            </ul>
          </details>
        )}
      </div>
    </li>
  );
}
