/** What was just added, one line each: sent, taken or refused, and what came of it since. */

import { Cell } from "../operator/cells";
import { ApiError } from "../operator/http";
import type { KnowledgeApi, Taken, UrlAsked } from "./api";
import { bytes, troubleWords } from "./format";
import { K } from "./strings";
import type { Doc } from "./types";

/** As the server's default has it; what is larger is not even sent. */
export const MOST_BYTES = 10 * 1024 * 1024;
const AT_ONCE = 2;

export interface Addition {
  readonly key: number;
  readonly name: string;
  readonly step: "waiting" | "sending" | "taken" | "unchanged" | "refused";
  readonly document: string;
  readonly version: number;
  /** Where refused: why, and the code by which a remedy is known. */
  readonly reason: string;
  readonly code: string;
  /** As it stands now, once the feed told. */
  readonly doc: Doc | null;
}

export class Additions {
  readonly cell = new Cell<readonly Addition[]>([]);
  #keys = 0;
  #running = 0;
  #waiting: (() => Promise<void>)[] = [];
  /** What the feed told before the answer to the upload came. */
  #early = new Map<string, Doc>();

  constructor(private readonly api: Pick<KnowledgeApi, "upload" | "addUrl">) {}

  files(files: readonly File[], locale = ""): void {
    for (const file of files) {
      const key = this.#line(file.name);
      if (file.size > MOST_BYTES) {
        this.#set(key, { step: "refused", reason: K.tooLarge(bytes(MOST_BYTES)), code: "too_large" });
        continue;
      }
      this.#queue(key, () => this.api.upload(file, locale));
    }
  }

  url(asked: UrlAsked): void {
    this.#queue(this.#line(asked.url), () => this.api.addUrl(asked));
  }

  clear(): void {
    this.cell.update((lines) => lines.filter(({ step }) => step === "waiting" || step === "sending"));
  }

  hear(doc: Doc): void {
    this.#early.set(doc.document, doc);
    if (this.#early.size > 200) this.#early.delete(this.#early.keys().next().value ?? "");
    this.cell.update((lines) =>
      lines.some((line) => tells(line, doc))
        ? lines.map((line) => (tells(line, doc) ? { ...line, doc } : line))
        : lines,
    );
  }

  #line(name: string): number {
    const key = (this.#keys += 1);
    const line: Addition = {
      key,
      name,
      step: "waiting",
      document: "",
      version: 0,
      reason: "",
      code: "",
      doc: null,
    };
    this.cell.update((lines) => [line, ...lines]);
    return key;
  }

  #queue(key: number, send: () => Promise<Taken>): void {
    this.#waiting.push(() => this.#send(key, send));
    this.#next();
  }

  #next(): void {
    if (this.#running >= AT_ONCE) return;
    const send = this.#waiting.shift();
    if (!send) return;
    this.#running += 1;
    void send().finally(() => {
      this.#running -= 1;
      this.#next();
    });
  }

  async #send(key: number, send: () => Promise<Taken>): Promise<void> {
    this.#set(key, { step: "sending" });
    try {
      const { document, version, changed } = await send();
      const early = this.#early.get(document);
      const doc = early && early.version >= version ? early : null;
      this.#set(key, { step: changed ? "taken" : "unchanged", document, version, doc });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#set(key, { step: "refused", reason: troubleWords(error), code: error.code });
    }
  }

  #set(key: number, change: Partial<Addition>): void {
    this.cell.update((lines) => lines.map((line) => (line.key === key ? { ...line, ...change } : line)));
  }
}

function tells(line: Addition, doc: Doc): boolean {
  return line.document === doc.document && line.step === "taken" && doc.version >= line.version;
}
