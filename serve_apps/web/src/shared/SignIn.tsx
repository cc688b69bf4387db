/** The door of the operators' pages: signing in, and what is shown until it is clear who is there. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { useCell } from "./cells";
import { countdown, GATE } from "./gate-strings";
import { ApiError, type Company } from "../wire/http";
import type { Me } from "../wire/operator_protocol";
import type { OperatorSession } from "../wire/operator_session";

/** Shows `children` to who is signed in, and the door to everybody else. */
export function Gate(props: {
  session: OperatorSession;
  children: (me: Me) => ComponentChildren;
}): ComponentChildren {
  const state = useCell(props.session.state);
  if (state.at === "signed_in") return props.children(state.me);
  if (state.at === "signed_out") return <SignIn session={props.session} why={state.why} />;
  return <Waiting session={props.session} unreachable={state.at === "unreachable"} />;
}

function Card(props: { children: ComponentChildren }) {
  return (
    <main class="gate">
      <div class="gate-card">
        <div class="gate-brand">
          <img src="/tandem.svg" alt="" />
          Tandem
        </div>
        {props.children}
      </div>
    </main>
  );
}

function Waiting(props: { session: OperatorSession; unreachable: boolean }) {
  return (
    <Card>
      <h1>{GATE.console}</h1>
      {props.unreachable ? (
        <>
          <div role="alert">
            <p class="message-bad">{GATE.unreachable}</p>
            <p class="gate-foot">{GATE.unreachableHint}</p>
          </div>
          <button type="button" class="button" onClick={() => void props.session.start()}>
            {GATE.tryNow}
          </button>
        </>
      ) : (
        <p role="status">{GATE.checking}</p>
      )}
    </Card>
  );
}

interface Trouble {
  code: string;
  detail: string;
  at: number;
  /** When it may be tried again, ms since 1970; 0 at once. */
  until: number;
}

function troubleOf(error: unknown): Trouble {
  if (!(error instanceof ApiError)) throw error;
  const at = Date.now();
  const until = error.retryAfter ? at + error.retryAfter * 1000 : 0;
  return { code: codeOf(error), detail: error.detail, at, until };
}

function codeOf(error: ApiError): string {
  if (error.code === "offline" || error.code === "timeout") return error.code;
  if (error.status >= 500) return "broken";
  return error.code;
}

function words(trouble: Trouble, seconds: number): string {
  switch (trouble.code) {
    case "missing":
      return GATE.missing;
    case "wrong_credentials":
      return GATE.wrong;
    case "locked":
      return seconds ? GATE.locked(countdown(seconds)) : trouble.until ? GATE.unlocked : GATE.later;
    case "rate_limited":
      return seconds ? GATE.tooMany(countdown(seconds)) : trouble.until ? GATE.unlocked : GATE.later;
    case "offline":
      return GATE.offline;
    case "timeout":
      return GATE.timeout;
    case "broken":
      return GATE.broken;
    case "tenant_needed":
      return GATE.companyHint;
    default:
      return GATE.other(trouble.detail);
  }
}

/** Whole seconds until `until`, counted down. */
function useSecondsLeft(until: number): number {
  const left = () => Math.max(0, Math.ceil((until - Date.now()) / 1000));
  const [seconds, show] = useState(left);
  useEffect(() => {
    show(left());
    if (!until) return undefined;
    const timer = setInterval(() => {
      show(left());
      if (!left()) clearInterval(timer);
    }, 250);
    return () => clearInterval(timer);
  }, [until]);
  return seconds;
}

function SignIn(props: { session: OperatorSession; why: "" | "ended" | "left" }) {
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const [tenants, setTenants] = useState<readonly Company[] | null>(null);
  const password = useRef<HTMLInputElement>(null);
  const seconds = useSecondsLeft(trouble?.until ?? 0);

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (busy || seconds) return;
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    const credentials = {
      email: String(fields.get("email") ?? "").trim(),
      password: String(fields.get("password") ?? ""),
      ...(fields.get("tenant") ? { tenant: String(fields.get("tenant")).trim() } : {}),
    };
    if (!credentials.email || !credentials.password) {
      setTrouble({ code: "missing", detail: "", at: 0, until: 0 });
      return;
    }
    setBusy(true);
    try {
      await props.session.signIn(credentials);
    } catch (error) {
      setTrouble(troubleOf(error));
      if (error instanceof ApiError && error.code === "tenant_needed") setTenants(error.tenants);
      else password.current?.select();
    } finally {
      setBusy(false);
    }
  };

  const wrong = trouble?.code === "wrong_credentials";
  return (
    <Card>
      <h1>{GATE.title}</h1>
      {props.why && !trouble && <p role="status">{props.why === "ended" ? GATE.ended : GATE.left}</p>}
      <form onSubmit={(event) => void submit(event)} noValidate>
        <Said trouble={trouble} seconds={seconds} />
        <div class="field">
          <label for="gate-email">{GATE.email}</label>
          <input
            id="gate-email"
            class="input"
            name="email"
            type="email"
            autocomplete="username"
            autofocus
            required
            aria-invalid={wrong}
            aria-describedby="gate-trouble"
          />
        </div>
        <div class="field">
          <label for="gate-password">{GATE.password}</label>
          <input
            id="gate-password"
            ref={password}
            class="input"
            name="password"
            type="password"
            autocomplete="current-password"
            required
            aria-invalid={wrong}
            aria-describedby="gate-trouble"
          />
        </div>
        {tenants && <CompanyField tenants={tenants} />}
        <button type="submit" class="button primary" disabled={busy || seconds > 0}>
          {busy ? GATE.submitting : GATE.submit}
        </button>
      </form>
      <p class="gate-foot">{GATE.foot}</p>
    </Card>
  );
}

/** What went wrong: seen counting down, and read aloud once. */
function Said({ trouble, seconds }: { trouble: Trouble | null; seconds: number }) {
  const first = trouble ? words(trouble, Math.max(0, Math.ceil((trouble.until - trouble.at) / 1000))) : "";
  return (
    <>
      <div role="alert" id="gate-trouble" class="quiet">
        {first}
      </div>
      {trouble && (
        <p class="message-bad numbers" aria-hidden="true">
          {words(trouble, seconds)}
        </p>
      )}
    </>
  );
}

function CompanyField({ tenants }: { tenants: readonly Company[] }) {
  return (
    <div class="field">
      <label for="gate-tenant">{GATE.company}</label>
      {tenants.length ? (
        <select id="gate-tenant" class="input" name="tenant">
          {tenants.map(({ tenant, company }) => (
            <option key={tenant} value={tenant}>
              {company}
            </option>
          ))}
        </select>
      ) : (
        <input id="gate-tenant" class="input" name="tenant" required />
      )}
    </div>
  );
}
