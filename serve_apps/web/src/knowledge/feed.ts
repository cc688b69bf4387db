/** What happens to documents, as it happens: the events stream, taken up again whenever it ends. */

import { Cell } from "../shared/cells";
import { ApiError } from "../wire/http";
import { EventParser, type SentEvent } from "./sse";
import { type Doc, type Progress, wholeDoc } from "./types";

export type FeedState = "connecting" | "live" | "away" | "refused";

const AGAIN_AFTER = [500, 1000, 2000, 4000, 8000];
/** The server sends a line at least every 15 s; so long without one, the stream is dead. */
export const SILENT_FOR = 45_000;

export interface FeedParts {
  open(signal: AbortSignal): Promise<Response>;
  /** A stream stands: what was missed before it must be read. */
  onLive(): void;
  onDocument(doc: Doc): void;
  onProgress(progress: Progress): void;
  setTimer(run: () => void, ms: number): unknown;
  clearTimer(timer: unknown): void;
}

export class Feed {
  readonly state = new Cell<FeedState>("connecting");
  #stopped = false;
  #tries = 0;
  #ended = new AbortController();
  #wake: (() => void) | null = null;

  constructor(private readonly parts: FeedParts) {}

  async run(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#once();
      } catch (error) {
        if (this.#stopped) return;
        // Signed out, or not allowed: the page says so itself.
        if (error instanceof ApiError && [401, 403, 404].includes(error.status)) {
          this.state.set("refused");
          return;
        }
      }
      if (this.#stopped) return;
      this.state.set("away");
      await this.#rest(AGAIN_AFTER[Math.min(this.#tries, AGAIN_AFTER.length - 1)] ?? 0);
      this.#tries += 1;
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#ended.abort();
    this.#wake?.();
  }

  /** The network is back, or somebody looks again. */
  hurry(): void {
    this.#wake?.();
  }

  async #once(): Promise<void> {
    const response = await this.parts.open(this.#ended.signal);
    const reader = response.body?.getReader();
    if (!reader) throw new TypeError("the answer has no body");
    const cancel = () => void reader.cancel().catch(() => undefined);
    this.#ended.signal.addEventListener("abort", cancel);
    let silence = this.parts.setTimer(cancel, SILENT_FOR);
    this.state.set("live");
    this.#tries = 0;
    this.parts.onLive();
    const [decoder, parser] = [new TextDecoder(), new EventParser()];
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        this.parts.clearTimer(silence);
        silence = this.parts.setTimer(cancel, SILENT_FOR);
        for (const event of parser.push(decoder.decode(value, { stream: true }))) this.#hear(event);
      }
    } finally {
      this.parts.clearTimer(silence);
      this.#ended.signal.removeEventListener("abort", cancel);
      cancel();
    }
  }

  #hear({ event, data }: SentEvent): void {
    const fields = objectOf(data);
    if (!fields || typeof fields["document"] !== "string") return;
    if (event === "document") this.parts.onDocument(wholeDoc(fields as Partial<Doc>));
    if (event === "progress") {
      const { document, version, stage, done = 0, total = 0 } = fields as unknown as Progress;
      this.parts.onProgress({ document, version, stage, done, total });
    }
  }

  #rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.parts.setTimer(resolve, ms);
      this.#wake = () => {
        this.parts.clearTimer(timer);
        resolve();
      };
    });
  }
}

function objectOf(data: string): Record<string, unknown> | null {
  try {
    const parsed: unknown = JSON.parse(data);
    return typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
