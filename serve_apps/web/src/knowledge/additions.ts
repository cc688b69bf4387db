/** What was just added, one line each: sent, taken or refused, and what came of it since. */

import { Cell } from "../shared/cells";
import { ApiError } from "../wire/http";
import type { AllTaken, KnowledgeApi, Taken, UrlAsked } from "./api";
import { bytes, troubleWords } from "./format";
import { K } from "./strings";
import type { Doc } from "./types";

/** As the server's default has it; what is larger is not even sent. */
export const MOST_BYTES = 10 * 1024 * 1024;
const AT_ONCE = 2;
/** Of one request: a folder is a few of them, and one person's changes are not used up by it. */
const BATCH = { files: 20, bytes: MOST_BYTES };
/** How often a request waits for its turn before its files are given up. */
const MOST_WAITS = 60;
/** Something is wrong with one file of a request, and nobody says which. */
const ONE_OF_THEM = new Set([408, 413, 415, 422]);

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

interface Sending {
  readonly key: number;
  readonly file: File;
}

const pause = (ms: number) => new Promise<void>((over) => setTimeout(over, ms));

export class Additions {
  readonly cell = new Cell<readonly Addition[]>([]);
  #keys = 0;
  #running = 0;
  #waiting: (() => Promise<void>)[] = [];
  /** What the feed told before the answer to the upload came. */
  #early = new Map<string, Doc>();

  constructor(
    private readonly api: Pick<KnowledgeApi, "upload" | "addUrl">,
    private readonly wait: (ms: number) => Promise<void> = pause,
  ) {}

  files(files: readonly File[], locale = ""): void {
    const fit: Sending[] = [];
    for (const file of files) {
      const key = this.#line(file.name);
      if (file.size > MOST_BYTES) {
        this.#set(key, { step: "refused", reason: K.tooLarge(bytes(MOST_BYTES)), code: "too_large" });
        continue;
      }
      fit.push({ key, file });
    }
    for (const batch of batches(fit)) this.#queue(() => this.#sendFiles(batch, locale));
  }

  url(asked: UrlAsked): void {
    const key = this.#line(asked.url);
    const told = ({ documents: [taken] }: AllTaken) => this.#taken(key, taken);
    this.#queue(() => this.#send([key], () => this.api.addUrl(asked), told));
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

  #queue(work: () => Promise<void>): void {
    this.#waiting.push(work);
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

  async #sendFiles(batch: readonly Sending[], locale: string): Promise<void> {
    const single = batch.length === 1;
    const ask = () => this.api.upload(batch.map(({ file }) => file), locale);
    const alone = (files: readonly Sending[]) => {
      for (const one of files) this.#queue(() => this.#sendFiles([one], locale));
    };
    const told = (all: AllTaken) => alone(batch.filter((one) => !this.#told(one, all, single)));
    await this.#send(batch.map(({ key }) => key), ask, told, single ? undefined : () => alone(batch));
  }

  /** Whether the answer says what became of the file; of a single one it always does. */
  #told({ key, file }: Sending, { documents, refused }: AllTaken, single: boolean): boolean {
    const taken = single ? documents[0] : documents.find(({ name }) => name === file.name);
    const no = single ? refused[0] : refused.find(({ name }) => name === file.name);
    if (taken) this.#taken(key, taken);
    else if (no) this.#set(key, { step: "refused", reason: no.detail || no.code, code: no.code });
    else if (single) this.#taken(key, undefined);
    return single || Boolean(taken ?? no);
  }

  #taken(key: number, taken: Taken | undefined): void {
    if (!taken) {
      this.#set(key, { step: "refused", reason: K.tookNothing, code: "bad_answer" });
      return;
    }
    const { document, version, changed } = taken;
    const early = this.#early.get(document);
    const doc = early && early.version >= version ? early : null;
    this.#set(key, { step: changed ? "taken" : "unchanged", document, version, doc });
  }

  /** Ask, and wait for as long as the server says where it says that this is too fast. */
  async #send(
    keys: readonly number[],
    ask: () => Promise<AllTaken>,
    then: (all: AllTaken) => void,
    eachAlone?: () => void,
  ): Promise<void> {
    for (let waits = 0; ; waits += 1) {
      keys.forEach((key) => this.#set(key, { step: "sending" }));
      try {
        then(await ask());
        return;
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.status === 429 && waits < MOST_WAITS) {
          keys.forEach((key) => this.#set(key, { step: "waiting" }));
          await this.wait((error.retryAfter || 2) * 1000);
          continue;
        }
        if (eachAlone && ONE_OF_THEM.has(error.status)) eachAlone();
        else keys.forEach((key) => this.#set(key, { step: "refused", reason: troubleWords(error), code: error.code }));
        return;
      }
    }
  }

  #set(key: number, change: Partial<Addition>): void {
    this.cell.update((lines) => lines.map((line) => (line.key === key ? { ...line, ...change } : line)));
  }
}

/** Small files go together; two of one name would be one document, and go one after the other. */
function batches(files: readonly Sending[]): Sending[][] {
  const found: Sending[][] = [];
  let names = new Set<string>();
  let size = 0;
  for (const one of files) {
    const last = found.at(-1);
    const fits = last && last.length < BATCH.files && size + one.file.size <= BATCH.bytes && !names.has(one.file.name);
    if (fits) last.push(one);
    else {
      found.push([one]);
      [names, size] = [new Set(), 0];
    }
    names.add(one.file.name);
    size += one.file.size;
  }
  return found;
}

/** Of what is still on its way: how many lines are done with, and of how many; null when none is. */
export function comeThrough(lines: readonly Addition[]): { done: number; of: number } | null {
  const done = lines.filter(({ step }) => step !== "waiting" && step !== "sending").length;
  return done < lines.length ? { done, of: lines.length } : null;
}

function tells(line: Addition, doc: Doc): boolean {
  return line.document === doc.document && line.step === "taken" && doc.version >= line.version;
}
