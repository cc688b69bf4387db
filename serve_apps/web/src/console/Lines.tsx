/** The lines of a conversation. Each kind looks different; none is drawn again once it stands. */

import type { ComponentChildren } from "preact";

import type { AssistantLine, DraftLine, HandoffLine, Line, OperatorLine } from "../shared/lines";
import "./lines.css";
import { type IconName, Icon } from "./icons";
import { memo } from "./memo";
import { Changes, SourceList } from "./pieces";
import { T } from "./strings";
import { clockTime, fullTime } from "./time";
import { Plain, Rich } from "./Words";

export type Delivery = "waiting" | "sending" | "saved" | "seen" | "failed";

interface LineProps {
  line: Line;
  /** The operator's own id. */
  me: string;
  /** Of one's own messages; empty for all others. */
  delivery: Delivery | "";
}

export const LineView = memo(function LineView({ line, me, delivery }: LineProps) {
  switch (line.kind) {
    case "visitor":
      return (
        <Bubble kind="visitor" who={T.visitor} at={line.at}>
          <Plain text={line.text} lang={line.locale} />
        </Bubble>
      );
    case "operator":
      return <Said line={line} me={me} delivery={delivery} />;
    case "assistant":
      return <Answer line={line} />;
    case "note":
      return (
        <Bubble
          kind="note"
          icon="lock"
          who={`${T.note} · ${line.operator === me ? T.you : line.name || T.operator}`}
          at={line.at}
        >
          <Plain text={line.text} />
        </Bubble>
      );
    case "handoff":
      return <Handoff line={line} />;
    case "mode":
      return (
        <System icon={line.mode === "ai" ? "spark" : "person"} line={line}>
          {T.modeLine(line)}
        </System>
      );
    case "draft":
      return <SetAside line={line} />;
    case "failed":
      return (
        <System icon="alert" line={line} tone="bad">
          {T.turnFailed}
          {line.detail && `: ${line.detail}`}
        </System>
      );
    case "resolved":
      return (
        <System icon="check" line={line} tone="good">
          {T.resolvedBy(line.name)}
        </System>
      );
    case "reopened":
      return (
        <System icon="refresh" line={line}>
          {line.operator ? T.reopenedBy : T.reopenedByVisitor}
        </System>
      );
    case "rated":
      return (
        <System icon="star" line={line}>
          {T.rated(line.score)}
        </System>
      );
    case "notice":
      return <System icon="info" line={line} />;
  }
});

export function Bubble(props: {
  kind: "visitor" | "assistant" | "operator" | "note";
  who: string;
  at: number;
  icon?: IconName;
  foot?: ComponentChildren;
  more?: string;
  children: ComponentChildren;
}) {
  return (
    <div class={`line bubble-line ${props.kind} ${props.more ?? ""}`}>
      <div class="line-head">
        {props.icon && <Icon name={props.icon} />}
        <bdi class="line-who">{props.who}</bdi>
        <Time at={props.at} />
      </div>
      <div class="bubble">{props.children}</div>
      {props.foot}
    </div>
  );
}

export function Time({ at }: { at: number }) {
  return (
    <time class="line-time numbers" dateTime={new Date(at).toISOString()} title={fullTime(at)}>
      {clockTime(at)}
    </time>
  );
}

function Said({ line, me, delivery }: { line: OperatorLine; me: string; delivery: LineProps["delivery"] }) {
  const mine = line.operator === me;
  return (
    <Bubble
      kind="operator"
      who={mine ? T.you : line.name || T.operator}
      at={line.at}
      foot={delivery && <Delivered state={delivery} />}
    >
      {line.html ? <Rich text={line.text} html={line.html} /> : <Plain text={line.text} />}
    </Bubble>
  );
}

export function Delivered({ state }: { state: Delivery }) {
  const icon: Record<Delivery, IconName> = {
    waiting: "clock",
    sending: "clock",
    saved: "check",
    seen: "checks",
    failed: "alert",
  };
  return (
    <div class={`delivery ${state}`} data-delivery={state}>
      <Icon name={icon[state]} />
      {T.delivery[state]}
    </div>
  );
}

function Answer({ line }: { line: AssistantLine }) {
  const changed = (line.draft?.distance ?? 0) > 0;
  return (
    <Bubble
      kind="assistant"
      icon="spark"
      who={T.assistant}
      at={line.at}
      foot={
        <div class="answer-foot">
          {line.answer === "unknown" && <span class="badge warn">{T.unknownAnswer}</span>}
          {line.answer === "answer" && line.confidence > 0 && (
            <span class="badge numbers">{T.confidence(Math.round(line.confidence * 100))}</span>
          )}
          {line.draft && (
            <span class="badge good">
              <Icon name="check" />
              <bdi>{T.approvedBy(line.draft.by, changed)}</bdi>
            </span>
          )}
          {line.sources.length > 0 && (
            <details class="fold">
              <summary>
                {T.sources} <span class="numbers">({line.sources.length})</span>
              </summary>
              <SourceList sources={line.sources} />
            </details>
          )}
          {changed && line.draft && (
            <details class="fold">
              <summary>{T.originalDraft}</summary>
              <Changes before={line.draft.text} after={line.text} />
            </details>
          )}
        </div>
      }
    >
      <Rich text={line.text} html={line.html} lang={line.locale} />
    </Bubble>
  );
}

function System(props: {
  icon: IconName;
  line: Line;
  tone?: "warn" | "bad" | "good";
  children?: ComponentChildren;
}) {
  const { line, tone = "" } = props;
  return (
    <div class={`line system ${tone}`}>
      {props.children !== undefined && (
        <p class="system-text">
          <Icon name={props.icon} />
          <span>{props.children}</span>
          <Time at={line.at} />
        </p>
      )}
      {line.told && (
        <p class="told">
          <span class="told-label">{T.told}:</span> <bdi>“{line.told}”</bdi>
          {props.children === undefined && <Time at={line.at} />}
        </p>
      )}
    </div>
  );
}

function Handoff({ line }: { line: HandoffLine }) {
  return (
    <System icon="hand" line={line} tone="warn">
      {T.handedOff}: {T.reason(line.reason)}
      {line.evidence && (
        <>
          {" "}
          <q dir="auto">{line.evidence}</q>
        </>
      )}
    </System>
  );
}

function SetAside({ line }: { line: DraftLine }) {
  return (
    <div class="line system">
      <p class="system-text">
        <Icon name="spark" />
        <span>
          {line.fate === "rejected" ? `${T.draftRejected(line.name)}: ` : T.draftSetAside}
          {line.fate === "rejected" && <bdi>{line.reason}</bdi>}
          {line.fate === "voided" && ` (${T.voidedWhy(line.reason)})`}
        </span>
        <Time at={line.at} />
      </p>
      {line.text && (
        <details class="fold">
          <summary>{T.draft}</summary>
          <Plain text={line.text} />
        </details>
      )}
    </div>
  );
}
