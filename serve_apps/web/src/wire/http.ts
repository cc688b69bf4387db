/**
 * One call of the operator API. It has a time-out, and every failure is an `ApiError` whose
 * `code` is the server's (RFC 9457 problem details), or `offline`, or `timeout`.
 */

export const CALL_WITHIN = 15_000;

export interface Company {
  tenant: string;
  company: string;
}

export class ApiError extends Error {
  constructor(
    readonly code: string,
    readonly status: number,
    readonly detail: string,
    /** Seconds after which it may be tried again; 0 when the server did not say. */
    readonly retryAfter: number = 0,
    /** The companies to choose from, after `tenant_needed`. */
    readonly tenants: readonly Company[] = [],
  ) {
    super(detail || code);
  }

  /** The network or the server is away: nothing is wrong with what was asked. */
  get away(): boolean {
    return this.code === "offline" || this.code === "timeout" || this.status >= 500;
  }
}

export interface Call {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  body?: unknown;
  /** A form with files, in place of `body`. */
  form?: FormData;
  /** The part of the API that `path` is of; the operators' own unless said. */
  base?: string;
  /** Milliseconds until it is given up; `CALL_WITHIN` unless said. */
  within?: number;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** The answer to a call that the server took. Raises ApiError; an abort by `signal` as it is. */
export async function call(fetch: Fetch, path: string, asked: Call): Promise<Response> {
  const limit = new AbortController();
  const give = () => limit.abort();
  const timer = setTimeout(give, asked.within ?? CALL_WITHIN);
  asked.signal?.addEventListener("abort", give);
  const headers: Record<string, string> = { Accept: "application/json", ...asked.headers };
  if (asked.body !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(`${asked.base ?? "/v1/operator"}${path}`, {
      method: asked.method ?? "GET",
      headers,
      credentials: "same-origin",
      cache: "no-store",
      signal: limit.signal,
      ...bodyOf(asked),
    });
  } catch (error) {
    if (asked.signal?.aborted) throw error;
    const code = limit.signal.aborted ? "timeout" : "offline";
    throw new ApiError(code, 0, "the server cannot be reached");
  } finally {
    clearTimeout(timer);
    asked.signal?.removeEventListener("abort", give);
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

/** The browser itself names a form's boundary. */
function bodyOf({ body, form }: Call): { body?: FormData | string } {
  if (form) return { body: form };
  return body === undefined ? {} : { body: JSON.stringify(body) };
}

export async function jsonOf<T>(response: Response): Promise<T> {
  try {
    return (await response.json()) as T;
  } catch {
    throw new ApiError("bad_answer", response.status, "the answer was cut off or is no JSON");
  }
}

/** Seconds until something may be tried again: the body's word, else the header's. */
function secondsLeft(problem: Record<string, unknown>, response: Response): number {
  const seconds = Number(problem["retry_after"] ?? response.headers.get("Retry-After"));
  return Number.isFinite(seconds) && seconds > 0 ? Math.ceil(seconds) : 0;
}

async function refusal(response: Response): Promise<ApiError> {
  let problem: Record<string, unknown> = {};
  try {
    const body: unknown = await response.json();
    if (typeof body === "object" && body !== null) problem = body as Record<string, unknown>;
  } catch {
    // A proxy's page, or nothing: the status alone says what happened.
  }
  const code = typeof problem["code"] === "string" ? problem["code"] : `http_${response.status}`;
  const detail = typeof problem["detail"] === "string" ? problem["detail"] : "";
  const told = problem["tenants"];
  const tenants = Array.isArray(told) ? told.map(companyOf).filter((one) => one !== null) : [];
  return new ApiError(code, response.status, detail, secondsLeft(problem, response), tenants);
}

function companyOf(value: unknown): Company | null {
  if (typeof value !== "object" || value === null) return null;
  const { tenant, company } = value as Record<string, unknown>;
  if (typeof tenant !== "string") return null;
  return { tenant, company: typeof company === "string" && company ? company : tenant };
}
