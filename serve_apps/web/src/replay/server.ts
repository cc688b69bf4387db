/** A conversation from the server: all its commits in pages, then each new one as it comes. */

import type { Surroundings as Network } from "../wire/connection";
import type { Api } from "../wire/api";
import type { Commit } from "../wire/facts";
import { type HelloTokens, OperatorSocket, type Status } from "../wire/operator_socket";

const PAGE = 1000;

export interface Listener {
  onCommits(commits: readonly Commit[]): void;
  onStatus(status: Status): void;
  /** It cannot be followed any more: `code` is the server's. */
  onTrouble(code: string, detail: string): void;
}

/**
 * Every commit after `after`, a page at a time; the next page is on its way while one is taken in.
 * Raises ApiError.
 */
export async function loadCommits(
  api: Api,
  conversation: string,
  after: number,
  onPage: (commits: readonly Commit[]) => void,
): Promise<void> {
  let coming: Promise<Commit[]> | null = api.commits(conversation, after, PAGE);
  while (coming) {
    const page: Commit[] = await coming;
    coming = page.length < PAGE ? null : api.commits(conversation, page.at(-1)!.version, PAGE);
    // Whoever takes the page in may throw: the request under way must not be left alone then.
    coming?.catch(() => undefined);
    onPage(page);
  }
}

/** Follows one conversation over the operators' socket, without gaps, also across reconnects. */
export class Follower {
  readonly #socket: OperatorSocket;
  #mending = false;

  constructor(
    private readonly conversation: string,
    private readonly api: Api,
    private readonly end: () => { version: number; number: number },
    private readonly listener: Listener,
    tokens: HelloTokens,
    network: Network,
  ) {
    this.#socket = new OperatorSocket(network, tokens, {
      onFrame: (frame) => {
        if (frame.type === "commit" && frame.conversation === conversation) this.#take(frame);
        if (frame.type === "error") listener.onTrouble(frame.code, frame.detail ?? "");
      },
      onStatus: (status) => listener.onStatus(status),
    });
  }

  start(): void {
    this.#socket.watch(this.conversation, () => this.end().version);
    this.#socket.connect();
  }

  stop(): void {
    this.#socket.stop();
  }

  freshToken(token: string): void {
    this.#socket.freshToken(token);
  }

  networkLost(): void {
    this.#socket.networkLost();
  }

  networkBack(): void {
    this.#socket.networkBack();
  }

  #take(commit: Commit): void {
    if (commit.number > this.end().number + 1) void this.#mend();
    else this.listener.onCommits([commit]);
  }

  /** Commits count without holes: what lies between is read before anything later is shown. */
  async #mend(): Promise<void> {
    if (this.#mending) return;
    this.#mending = true;
    try {
      const { version } = this.end();
      await loadCommits(this.api, this.conversation, version, (page) => this.listener.onCommits(page));
    } catch (error) {
      this.listener.onTrouble("gap", String(error));
    } finally {
      this.#mending = false;
    }
  }
}
