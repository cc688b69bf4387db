/**
 * The page's address: which conversation, and the version it is looked at; none: it is followed.
 * In place of a version a link may name a message: it is looked at where the message was said.
 */

export interface Address {
  readonly conversation: string;
  readonly version: number | null;
  /** Empty where none is named. */
  readonly message?: string;
}

const CONVERSATION = /^[A-Za-z0-9_.:-]{1,64}$/;

export function addressOf(search: string): Address {
  const asked = new URLSearchParams(search);
  const conversation = asked.get("c") ?? "";
  const version = asked.get("v") ?? "";
  const found = {
    conversation: CONVERSATION.test(conversation) ? conversation : "",
    version: /^\d{1,15}$/.test(version) ? Number(version) : null,
  };
  const message = (asked.get("m") ?? "").slice(0, 200);
  return message ? { ...found, message } : found;
}

export function searchOf({ conversation, version }: Address): string {
  const asked = new URLSearchParams();
  if (conversation) asked.set("c", conversation);
  if (version !== null) asked.set("v", String(version));
  const search = asked.toString();
  return search ? `?${search}` : "";
}
