import assert from "node:assert/strict";
import { test } from "node:test";

import {
  backoff,
  BACKOFF_MAX,
  Connection,
  type Listener,
  PING_EVERY,
  PONG_WITHIN,
  type Status,
  WELCOME_WITHIN,
} from "../../serve_apps/web/src/wire/connection";
import type { Hello, ServerFrame, Welcome } from "../../serve_apps/web/src/wire/protocol";
import { FakeSurroundings } from "./surroundings";

const WELCOME: Welcome = {
  type: "welcome",
  conversation: "c1",
  token: "t1",
  version: 0,
  mode: "ai",
};

class Recorder implements Listener {
  statuses: Status[] = [];
  frames: ServerFrame[] = [];
  forgotten = 0;
  hello(): Hello {
    return { type: "hello", key: "pk_demo" };
  }
  onFrame(frame: ServerFrame): void {
    this.frames.push(frame);
  }
  onStatus(status: Status): void {
    this.statuses.push(status);
  }
  onForget(): void {
    this.forgotten += 1;
  }
}

function connected(): { around: FakeSurroundings; seen: Recorder; connection: Connection } {
  const around = new FakeSurroundings();
  const seen = new Recorder();
  const connection = new Connection(around, seen);
  connection.connect();
  around.socket.accept();
  around.socket.receive(WELCOME);
  return { around, seen, connection };
}

test("the first frame is hello, and only the welcome makes the connection ready", () => {
  const around = new FakeSurroundings();
  const seen = new Recorder();
  const connection = new Connection(around, seen);
  connection.connect();
  around.socket.accept();
  assert.deepEqual(around.socket.sent, [{ type: "hello", key: "pk_demo" }]);
  assert.equal(connection.send({ type: "handoff" }), false);
  around.socket.receive(WELCOME);
  assert.equal(connection.send({ type: "handoff" }), true);
  assert.deepEqual(seen.statuses, ["connecting", "ready"]);
});

test("a server that never welcomes is left and tried again", () => {
  const around = new FakeSurroundings();
  const connection = new Connection(around, new Recorder());
  connection.connect();
  around.socket.accept();
  around.pass(WELCOME_WITHIN);
  assert.equal(around.sockets[0]!.closed, true);
  assert.equal(connection.status, "waiting");
});

test("pauses between attempts grow twofold up to a cap, and half of each is chance", () => {
  assert.deepEqual([0, 1, 2, 3].map((n) => backoff(n, 1)), [500, 1000, 2000, 4000]);
  assert.equal(backoff(0, 0), 250);
  assert.equal(backoff(50, 1), BACKOFF_MAX);
});

test("each failed attempt waits longer than the one before", () => {
  const around = new FakeSurroundings();
  const connection = new Connection(around, new Recorder());
  connection.connect();
  for (const pause of [500, 1000, 2000]) {
    around.socket.break();
    const before = around.sockets.length;
    around.pass(pause - 1);
    assert.equal(around.sockets.length, before);
    around.pass(1);
    assert.equal(around.sockets.length, before + 1);
  }
});

test("a socket that is welcomed and lost at once does not start the pauses anew", () => {
  const { around } = connected();
  around.socket.break();
  around.pass(500);
  around.socket.accept();
  around.socket.receive(WELCOME);
  around.socket.break();
  around.pass(500);
  assert.equal(around.sockets.length, 2);
  around.pass(500);
  assert.equal(around.sockets.length, 3);
});

test("a ping goes out every 25 seconds, and a pong keeps the socket", () => {
  const { around, connection } = connected();
  for (let n = 1; n <= 4; n += 1) {
    around.pass(PING_EVERY);
    assert.equal(around.socket.ofType("ping").length, n);
    around.socket.receive({ type: "pong" });
  }
  assert.equal(connection.status, "ready");
  assert.equal(around.sockets.length, 1);
});

test("a socket that answers no ping is given up within ten seconds", () => {
  const { around, connection } = connected();
  around.pass(PING_EVERY + PONG_WITHIN - 1);
  assert.equal(connection.status, "ready");
  around.pass(1);
  assert.equal(connection.status, "waiting");
  assert.equal(around.sockets[0]!.closed, true);
});

test("a frame of a socket that was given up is not listened to", () => {
  const { around, seen } = connected();
  const old = around.socket;
  around.pass(PING_EVERY + PONG_WITHIN);
  const heard = seen.frames.length;
  old.receive({ type: "typing", who: "assistant", on: true });
  old.break();
  assert.equal(seen.frames.length, heard);
  assert.equal(around.sockets.length, 1);
});

test("going offline drops the socket at once, coming back connects at once", () => {
  const { around, connection } = connected();
  around.isOnline = false;
  connection.networkLost();
  assert.equal(connection.status, "offline");
  assert.equal(around.sockets[0]!.closed, true);
  around.pass(5_000);
  assert.equal(around.sockets.length, 1);
  around.isOnline = true;
  connection.networkBack();
  assert.equal(around.sockets.length, 2);
});

test("a browser that is wrong about being offline is not believed for ever", () => {
  const { around, connection } = connected();
  around.isOnline = false;
  connection.networkLost();
  around.pass(BACKOFF_MAX);
  assert.equal(around.sockets.length, 2);
});

test("a wrong key ends it: no further attempt", () => {
  const { around, connection } = connected();
  around.socket.receive({ type: "error", code: "wrong_key", detail: "no such key" });
  assert.equal(connection.status, "refused");
  around.pass(10 * BACKOFF_MAX);
  connection.connect();
  assert.equal(around.sockets.length, 1);
});

test("a token that is no longer good is forgotten, and a new hello follows", () => {
  const { around, seen, connection } = connected();
  around.socket.receive({ type: "error", code: "bad_token" });
  assert.equal(seen.forgotten, 1);
  around.pass(500);
  assert.equal(around.sockets.length, 2);
  assert.equal(connection.status, "connecting");
});

test("what is no frame of ours is skipped", () => {
  const { around, seen } = connected();
  const heard = seen.frames.length;
  for (const data of ["", "{", "null", "[]", '{"type":"toString"}', '{"type":"event"}', 7])
    around.socket.onmessage?.({ data } as never);
  assert.equal(seen.frames.length, heard);
});

test("a page that forbids the socket is told to wait, not broken", () => {
  const around = new FakeSurroundings();
  around.open = () => {
    throw new Error("SecurityError");
  };
  const connection = new Connection(around, new Recorder());
  connection.connect();
  assert.equal(connection.status, "waiting");
});
