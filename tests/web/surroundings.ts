/** A network and a clock in the hands of a test: time passes only when it is told to. */

import type { Socket, Surroundings } from "../../serve_apps/web/src/wire/connection";
import type { ClientFrame, ServerFrame } from "../../serve_apps/web/src/wire/protocol";

export class FakeSocket implements Socket {
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  closed = false;
  readonly sent: ClientFrame[] = [];

  send(data: string): void {
    this.sent.push(JSON.parse(data) as ClientFrame);
  }

  close(): void {
    this.closed = true;
  }

  /** The server takes the call. */
  accept(): void {
    this.onopen?.({} as never);
  }

  receive(frame: ServerFrame): void {
    this.onmessage?.({ data: JSON.stringify(frame) } as never);
  }

  /** The line breaks, or the server hangs up. */
  break(code = 1006): void {
    this.onclose?.({ code } as never);
  }

  ofType<T extends ClientFrame["type"]>(type: T): Extract<ClientFrame, { type: T }>[] {
    return this.sent.filter((f): f is Extract<ClientFrame, { type: T }> => f.type === type);
  }
}

export class FakeSurroundings implements Surroundings {
  readonly sockets: FakeSocket[] = [];
  isOnline = true;
  chance = 1;
  #now = 1_000_000;
  #timers: { at: number; run: () => void }[] = [];

  open(): Socket {
    const socket = new FakeSocket();
    this.sockets.push(socket);
    return socket;
  }

  get socket(): FakeSocket {
    const last = this.sockets.at(-1);
    if (!last) throw new Error("no socket was opened");
    return last;
  }

  online(): boolean {
    return this.isOnline;
  }

  now(): number {
    return this.#now;
  }

  random(): number {
    return this.chance;
  }

  setTimer(run: () => void, ms: number): unknown {
    const timer = { at: this.#now + ms, run };
    this.#timers.push(timer);
    return timer;
  }

  clearTimer(timer: unknown): void {
    this.#timers = this.#timers.filter((t) => t !== timer);
  }

  /** Let `ms` pass: all timers that fall due run, in their order. */
  pass(ms: number): void {
    const until = this.#now + ms;
    for (;;) {
      const due = this.#timers.filter((t) => t.at <= until).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.clearTimer(due);
      this.#now = due.at;
      due.run();
    }
    this.#now = until;
  }
}
