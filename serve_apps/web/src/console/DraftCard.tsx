/** What the AI would say, waiting for a person: approve, mend, or reject with a reason. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";

import { useCell } from "../shared/cells";
import type { Draft } from "../shared/lines";
import { LIMITS } from "../wire/operator_protocol";
import { useDesk } from "./reach";
import { Icon } from "./icons";
import { Changes, SourceList } from "./pieces";
import { T } from "./strings";
import { Rich } from "./Words";

type Step = "look" | "edit" | "reject";

export function DraftCard(props: { draft: Draft; may: boolean; owner: string }) {
  const { draft, may, owner } = props;
  const desk = useDesk();
  const kept = desk.scratch.get("draft", draft.draft);
  const [step, setStep] = useState<Step>(kept && kept !== draft.text ? "edit" : "look");
  const [text, setText] = useState(kept || draft.text);
  const entries = useCell(desk.outbox.entries);
  const { status } = useCell(desk.link);
  const focus = useCell(desk.focus);
  useLayoutEffect(() => {
    if (!may) return;
    if (desk.wished("draft")) setStep("edit");
    if (desk.wished("reject")) setStep("reject");
  }, [focus]);
  const busy = entries.some(
    ({ order }) => (order.type === "approve" || order.type === "reject") && order.draft === draft.draft,
  );
  const off = busy || status !== "ready";
  const changed = text.trim() !== draft.text;
  const write = (value: string) => {
    setText(value);
    desk.scratch.set("draft", draft.draft, value === draft.text ? "" : value);
  };
  const approve = () => desk.approve(draft.draft, changed ? text.trim() : "");

  return (
    <section class="draft" aria-label={T.draft}>
      <div class="draft-head">
        <Icon name="spark" />
        <h3>{draft.kind === "unknown" ? T.draftUnknown : T.draftOf}</h3>
        {draft.kind === "answer" && draft.confidence > 0 && (
          <span class="badge numbers">{T.confidence(Math.round(draft.confidence * 100))}</span>
        )}
      </div>
      <div class="draft-body">
        {step === "edit" ? (
          <Edit draft={draft} text={text} write={write} done={approve} leave={() => setStep("look")} />
        ) : changed ? (
          <Changes before={draft.text} after={text} />
        ) : (
          <Rich text={draft.text} html="" />
        )}
        {draft.sources.length > 0 && (
          <details class="fold" open={step === "look"}>
            <summary>
              {T.sources} <span class="numbers">({draft.sources.length})</span>
            </summary>
            <SourceList sources={draft.sources} />
          </details>
        )}
      </div>
      {!may ? (
        owner && <p class="draft-foot soft">{T.notYourDraft(owner)}</p>
      ) : step === "reject" ? (
        <Reject
          off={off}
          done={(reason) => desk.reject(draft.draft, reason)}
          leave={() => setStep("look")}
        />
      ) : (
        <div class="draft-foot">
          <button
            type="button"
            class="button primary"
            disabled={off || !text.trim()}
            onClick={approve}
          >
            <Icon name="check" />
            {changed ? T.approveEdited : T.approve} <kbd aria-hidden="true">A</kbd>
          </button>
          {step === "look" ? (
            <button type="button" class="button" onClick={() => setStep("edit")}>
              <Icon name="edit" />
              {T.edit} <kbd aria-hidden="true">E</kbd>
            </button>
          ) : (
            <button
              type="button"
              class="button"
              onClick={() => {
                write(draft.text);
                setStep("look");
              }}
            >
              {changed ? T.reset : T.cancel}
            </button>
          )}
          <button type="button" class="button bad" disabled={off} onClick={() => setStep("reject")}>
            {T.reject} <kbd aria-hidden="true">X</kbd>
          </button>
        </div>
      )}
    </section>
  );
}

function Edit(props: {
  draft: Draft;
  text: string;
  write: (text: string) => void;
  done: () => void;
  leave: () => void;
}) {
  const { draft, text, write } = props;
  const box = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => box.current?.focus(), []);
  return (
    <>
      <textarea
        ref={box}
        class="input draft-text"
        aria-label={T.edited}
        rows={4}
        dir="auto"
        maxLength={LIMITS.text}
        value={text}
        onInput={(event) => write(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") {
            event.stopPropagation();
            props.leave();
          } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
            event.preventDefault();
            props.done();
          }
        }}
      />
      <div class="draft-changes">
        <p class="label">{T.changesShown}</p>
        {text === draft.text ? (
          <p class="soft">{T.noChanges}</p>
        ) : (
          <Changes before={draft.text} after={text} />
        )}
      </div>
    </>
  );
}

function Reject(props: { off: boolean; done: (reason: string) => void; leave: () => void }) {
  const [reason, setReason] = useState("");
  const box = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => box.current?.focus(), []);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (reason.trim() && !props.off) props.done(reason.trim());
  };
  return (
    <form
      class="draft-foot reject"
      onSubmit={submit}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        props.leave();
      }}
    >
      <label for="reject-reason">{T.rejectWhy}</label>
      <div class="reject-quick">
        {T.rejectReasons.map((words) => (
          <button
            key={words}
            type="button"
            class="button"
            aria-pressed={reason === words}
            onClick={() => setReason(words)}
          >
            {words}
          </button>
        ))}
      </div>
      <input
        ref={box}
        id="reject-reason"
        class="input"
        maxLength={LIMITS.reason}
        value={reason}
        onInput={(event) => setReason(event.currentTarget.value)}
      />
      <button type="submit" class="button bad" disabled={props.off || !reason.trim()}>
        {T.rejectYes}
      </button>
      <button type="button" class="button plain" onClick={props.leave}>
        {T.cancel}
      </button>
    </form>
  );
}
