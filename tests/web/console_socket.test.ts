import assert from "node:assert/strict";
import { test } from "node:test";

import { ApiError } from "../../serve_apps/web/src/wire/http";
import { parseFrame, type ServerFrame } from "../../serve_apps/web/src/wire/operator_protocol";
import {
  OperatorSocket,
  PING_EVERY,
  PONG_WITHIN,
  type Status,
  WELCOME_WITHIN,
} from "../../serve_apps/web/src/wire/operator_socket";
import { ANA, AT } from "./console_facts";
import { FakeSurroundings } from "./surroundings";

const soon = () => new Promise((done) => setImmediate(done));
const WELCOME = { type: "welcome", me: ANA, expires_at: AT } as const;

function line(tokens = ["token-1", "token-2", "token-3"]) {
  const around = new FakeSurroundings();
  const frames: ServerFrame[] = [];
  const statuses: Status[] = [];
  const renewed: string[] = [];
  let at = 0;
  const socket = new OperatorSocket(
    around,
    {
      token: async () => tokens[at]!,
      renewed: async (stale) => {
        renewed.push(stale);
        return tokens[(at += 1)]!;
      },
    },
    { onFrame: (frame) => frames.push(frame), onStatus: (status) => statuses.push(status) },
  );
  return { around, socket, frames, statuses, renewed };
}

const receive = (around: FakeSurroundings, frame: object) => around.socket.receive(frame as never);
const sent = (around: FakeSurroundings) => around.socket.sent as unknown as object[];

async function ready() {
  const made = line();
  made.socket.connect();
  made.around.socket.accept();
  await soon();
  receive(made.around, WELCOME);
  return made;
}

test("the first frame is hello with a fresh token, and the welcome makes it ready", async () => {
  const { around, socket, statuses } = line();
  socket.connect();
  around.socket.accept();
  await soon();
  assert.deepEqual(sent(around), [{ type: "hello", token: "token-1" }]);
  assert.equal(socket.send({ type: "ping", at: 1 }), false);
  receive(around, WELCOME);
  assert.deepEqual(statuses, ["connecting", "ready"]);
});

test("after a reconnect it watches again from the last version seen", async () => {
  const { around, socket } = await ready();
  let seen = 0;
  socket.watch("c1", () => seen);
  seen = 40;
  around.socket.break();
  around.pass(500);
  around.socket.accept();
  await soon();
  receive(around, WELCOME);
  assert.deepEqual(sent(around).at(-1), { type: "watch", conversation: "c1", after: 40 });
});

test("what is not watched any more is not watched again", async () => {
  const { around, socket } = await ready();
  socket.watch("c1", () => 0);
  socket.unwatch("c1");
  around.socket.break();
  around.pass(500);
  around.socket.accept();
  await soon();
  receive(around, WELCOME);
  assert.equal(sent(around).length, 1);
});

test("a fresh token is told to a socket that is up, without another watch", async () => {
  const { around, socket } = await ready();
  socket.watch("c1", () => 0);
  socket.freshToken("token-9");
  receive(around, WELCOME);
  assert.deepEqual(sent(around).at(-1), { type: "hello", token: "token-9" });
});

test("a socket that is closed by the rules comes back with another token", async () => {
  const { around, renewed } = await ready();
  around.socket.break(1008);
  around.pass(500);
  around.socket.accept();
  await soon();
  assert.deepEqual(renewed, ["token-1"]);
  assert.deepEqual(sent(around), [{ type: "hello", token: "token-2" }]);
});

test("a token that is refused at the door is renewed too", async () => {
  const { around, socket, renewed } = line();
  socket.connect();
  around.socket.accept();
  await soon();
  receive(around, { type: "error", code: "expired", detail: "" });
  around.pass(500);
  around.socket.accept();
  await soon();
  assert.deepEqual(renewed, ["token-1"]);
});

test("without a token it comes again later instead of falling over", async () => {
  const around = new FakeSurroundings();
  const away = async () => {
    throw new ApiError("offline", 0, "");
  };
  const socket = new OperatorSocket(
    around,
    { token: away, renewed: away },
    { onFrame: () => undefined, onStatus: () => undefined },
  );
  socket.connect();
  around.socket.accept();
  await soon();
  assert.equal(socket.status, "waiting");
});

test("a server that never welcomes, or answers no ping, is left and tried again", async () => {
  const { around, socket } = line();
  socket.connect();
  around.pass(WELCOME_WITHIN);
  assert.equal(socket.status, "waiting");
  const second = await ready();
  second.around.pass(PING_EVERY);
  second.around.pass(PONG_WITHIN);
  assert.equal(second.around.sockets[0]?.closed, true);
});

test("pauses grow, and the time of the next try is known", async () => {
  const { around, socket } = line();
  const pauses: number[] = [];
  for (let i = 0; i < 4; i += 1) {
    socket.connect();
    around.socket.break();
    pauses.push(socket.retryAt - around.now());
  }
  assert.deepEqual(pauses, [500, 1000, 2000, 4000]);
});

test("when the network is back it does not wait", async () => {
  const { around, socket } = await ready();
  around.isOnline = false;
  socket.networkLost();
  assert.equal(socket.status, "offline");
  around.isOnline = true;
  socket.networkBack();
  assert.equal(around.sockets.length, 2);
});

test("frames of no known kind, and broken ones, are passed over", () => {
  for (const data of ["", "7", "null", "[]", '{"type":"later"}', '{"type":"row","row":7}'])
    assert.equal(parseFrame(data), null);
  assert.equal(parseFrame('{"type":"__proto__"}'), null);
  assert.equal(parseFrame(new ArrayBuffer(4)), null);
});

test("a row comes whole, whatever was left out on the wire", () => {
  const frame = parseFrame(
    '{"type":"row","row":{"conversation":"c1","version":3,"started_at":1,"last_at":2}}',
  );
  assert.equal(frame?.type === "row" && frame.row.mode, "ai");
  assert.equal(frame?.type === "row" && frame.row.draft, "");
});
