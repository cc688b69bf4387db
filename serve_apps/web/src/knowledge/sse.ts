/** Server-sent events out of a stream that was fetched: EventSource cannot send who is asking. */

export interface SentEvent {
  event: string;
  data: string;
}

/** Lines longer than this are no events of ours. */
const MOST = 4 * 1024 * 1024;

/** Takes text as it comes, gives the events that are whole. */
export class EventParser {
  #rest = "";
  #event = "";
  #data: string[] = [];
  #fresh = true;

  /** Throws RangeError when an event has no end. */
  push(text: string): SentEvent[] {
    let given = this.#rest + text;
    if (this.#fresh && given) {
      given = given.replace(/^\ufeff/, "");
      this.#fresh = false;
    }
    // A line end may be cut in two: its second half is waited for.
    const held = given.endsWith("\r") ? 1 : 0;
    const lines = given.slice(0, given.length - held).split(/\r\n|\n|\r/);
    this.#rest = (lines.pop() ?? "") + (held ? "\r" : "");
    const found: SentEvent[] = [];
    for (const line of lines) this.#take(line, found);
    if (this.#rest.length > MOST) throw new RangeError("an event without end");
    return found;
  }

  #take(line: string, found: SentEvent[]): void {
    if (line === "") {
      if (this.#data.length) found.push({ event: this.#event || "message", data: this.#data.join("\n") });
      this.#event = "";
      this.#data = [];
      return;
    }
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") this.#event = value;
    if (name === "data") this.#data.push(value);
  }
}
