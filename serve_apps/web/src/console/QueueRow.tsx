/** One conversation in the queue. It is drawn again when it changes, and its age when that does. */

import { type Cell, useCell, useSelected } from "../shared/cells";
import type { Me, Row } from "../wire/operator_protocol";
import { needsPerson, waitsSince } from "./board";
import { useDesk, useMe } from "./reach";
import { Icon } from "./icons";
import { memo } from "./memo";
import { channelName, languageCode, languageName, T, visitorName } from "./strings";
import { age, fullTime, roughAge, useTicking } from "./time";

export const QueueRow = memo(function QueueRow(props: { cell: Cell<Row>; stop: boolean }) {
  const desk = useDesk();
  const me = useMe();
  const row = useCell(props.cell);
  const id = row.conversation;
  const open = useSelected(desk.threads.open, (thread) => thread?.conversation === id);
  const waits = waitsSince(row);
  const look = needsPerson(row) ? " calls" : waits !== null ? " waits" : "";
  return (
    <li class={`row-item${open ? " open" : ""}`}>
      <button
        type="button"
        class={`row${look}`}
        data-row={id}
        tabIndex={props.stop ? 0 : -1}
        aria-current={open ? "true" : undefined}
        onClick={() => desk.open(id)}
        onFocus={() => desk.cursor.set(id)}
      >
        <span class="row-top">
          <span class="row-who">{visitorName(row)}</span>
          <Age since={waits} last={row.last_at} />
        </span>
        <span class="row-why">
          <Why row={row} />
        </span>
        <span class="row-text">
          {saidBy(row, me)}
          <bdi>{row.last_text}</bdi>
        </span>
        <span class="row-marks">
          <span class="badge" title={channelName(row.channel)}>
            {channelName(row.channel)}
          </span>
          {row.locale && (
            <span class="badge" title={languageName(row.locale)}>
              {languageCode(row.locale)}
            </span>
          )}
          {row.draft && (
            <span class="badge ai" title={T.draftBadgeHint}>
              {T.draftBadge}
            </span>
          )}
          {row.unanswered > 0 && (
            <span class="badge accent numbers" title={T.unanswered(row.unanswered)}>
              <Icon name="chat" />
              <span aria-hidden="true">{row.unanswered}</span>
              <span class="quiet">{T.unanswered(row.unanswered)}</span>
            </span>
          )}
          <Owner row={row} me={me} />
        </span>
      </button>
    </li>
  );
});

function saidBy(row: Row, me: Me): string {
  if (row.last_who !== "operator") return T.said[row.last_who] ?? "";
  return row.operator === me.operator || !row.operator_name
    ? (T.said["operator"] ?? "")
    : `${row.operator_name}: `;
}

function Why({ row }: { row: Row }) {
  if (row.status === "resolved")
    return (
      <>
        <Icon name="check" />
        {T.resolvedBadge}
      </>
    );
  if (row.waiting_since !== null)
    return (
      <>
        <Icon name="person" />
        {T.reason(row.reason)}
      </>
    );
  if (row.draft)
    return (
      <>
        <Icon name="spark" />
        {T.draftBadgeHint}
      </>
    );
  if (row.mode === "supervised" && !row.operator) return <>{T.supervisedByNobody}</>;
  if (row.mode === "ai")
    return (
      <>
        <Icon name="spark" />
        {T.aiHas}
      </>
    );
  return <>{row.reason ? T.reason(row.reason) : T.modeLine({ ...row, name: row.operator_name, previous: "" })}</>;
}

function Owner({ row, me }: { row: Row; me: Me }) {
  if (!row.operator) return null;
  const mine = row.operator === me.operator;
  const name = mine ? T.you : row.operator_name || row.operator;
  return (
    <span class={`row-owner${mine ? " mine" : ""}`}>
      <Icon name="person" />
      <bdi>{name}</bdi>
    </span>
  );
}

function Age({ since, last }: { since: number | null; last: number }) {
  const words = useTicking((now) => (since === null ? roughAge(now - last) : age(now - since)));
  const title = since === null ? T.lastAt(fullTime(last)) : T.waitsSince(fullTime(since));
  return (
    <span class={`row-age numbers${since === null ? "" : " ticking"}`} title={title}>
      {since !== null && <Icon name="clock" />}
      {words}
      {since !== null && <span class="quiet"> {T.waits}</span>}
    </span>
  );
}
