/** Where the conversation on the page came from, and what can be done with it because of that. */

import type { Readable } from "../shared/cells";
import type { Status } from "../wire/operator_socket";
import type { Imported } from "./jsonl";

export interface ServerOrigin {
  readonly kind: "server";
  readonly conversation: string;
  readonly status: Readable<Status>;
  /** Why it is not followed any more; empty while it is. */
  readonly trouble: Readable<string>;
  /** The server's own export. Raises ApiError. */
  exported(): Promise<string>;
  /** State as the server folds it. Raises ApiError. */
  stateAt(version: number): Promise<unknown>;
}

export interface FileOrigin {
  readonly kind: "file";
  readonly name: string;
  readonly imported: Imported;
  exported(): Promise<string>;
}

export type Origin = ServerOrigin | FileOrigin;

/** Lets the browser save `text` under a name. */
export function download(text: string, name: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "application/x-ndjson" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has begun to read it by then; without this it would be kept for ever.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** A name for a file, from an id that may be anything. */
export function fileNameOf(conversation: string): string {
  return `${conversation.replace(/[^A-Za-z0-9_-]+/g, "-").slice(0, 64) || "conversation"}.jsonl`;
}
