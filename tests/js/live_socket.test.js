import assert from "node:assert/strict";
import { test } from "node:test";
import { LiveSocket, SocketLost, Superseded } from "../../static/js/api/live.js";
import { Server } from "./fake_server.js";

/** @import {Drawing, Guessed} from "../../static/js/core/types.js" */

/** A socket that is ready, and its server. */
function connected() {
  const socket = new LiveSocket("lenet-5", 5);
  socket.connect();
  const server = Server.last;
  server.onopen();
  server.tell({ type: "ready", session: "s", resumed: false, sequence: 0 });
  return { socket, server };
}

/** @param {number} points @returns {Drawing} */
const drawing = (points) => [{ x: Array.from({ length: points }, (_, x) => x), y: Array(points).fill(3), t: Array(points).fill(0) }];

/** What is told of guesses. */
function noted() {
  /** @type {string[]} */
  const labels = [];
  return { labels, note: (/** @type {Guessed} */ { predictions }) => void labels.push(predictions[0].label) };
}

test("guesses are told before the inspection has come, and frames belong to their state", async () => {
  const { socket, server } = connected();
  const { labels, note } = noted();
  const asked = socket.inspect(drawing(2), ["a", "b"], note);
  assert.deepEqual(server.sent.map(({ type }) => type), ["hello", "watch", "strokes"]);
  server.guess(1, "cat");
  assert.deepEqual(labels, ["cat"]);
  server.inspect(1, 2);
  const { inspection, maps } = await asked;
  assert.equal(inspection.id, "of 1");
  server.frame(1, "a");
  server.guess(1, "dog");
  server.frame(9, "of nobody's");
  server.frame(1, "b");
  assert.deepEqual([...(await maps).keys()], ["a", "b"]);
  socket.destroy();
});

test("the next state is sent while layers are awaited, and layers of an older one still come", async () => {
  const { socket, server } = connected();
  const { labels, note } = noted();
  const first = socket.inspect(drawing(2), [], note);
  server.guess(1, "one");
  const second = socket.inspect(drawing(3), [], note);
  assert.deepEqual(server.sent.at(-1).changes, [{ change: "extend", x: [2], y: [3] }]);
  assert.equal(server.sent.at(-1).base, 1);
  server.guess(2, "two");
  server.inspect(1);
  assert.equal((await first).inspection.id, "of 1");
  server.inspect(2);
  assert.equal((await second).inspection.id, "of 2");
  assert.deepEqual(labels, ["one", "two"]);
  socket.destroy();
});

test("states that a newer inspection has overtaken are given up", async () => {
  const { socket, server } = connected();
  const { note } = noted();
  const old = [socket.inspect(drawing(2), [], note), socket.inspect(drawing(3), [], note)];
  const newest = socket.inspect(drawing(4), [], note);
  server.inspect(3);
  assert.equal((await newest).inspection.id, "of 3");
  for (const each of old) await assert.rejects(each, Superseded);
  socket.destroy();
});

test("of changes that do not fit only the newest drawing is sent again, as a whole", async () => {
  const { socket, server } = connected();
  const { note } = noted();
  const old = socket.inspect(drawing(2), [], note);
  const newest = socket.inspect(drawing(3), [], note);
  server.refuse(1, 409);
  server.refuse(2, 409);
  await assert.rejects(old, Superseded);
  await new Promise((resolve) => setTimeout(resolve));
  const again = server.sent.at(-1);
  assert.equal(again.sequence, 3);
  assert.deepEqual(again.changes, [{ change: "replace", drawing: [[[0, 1, 2], [3, 3, 3]]] }]);
  server.inspect(3);
  assert.equal((await newest).inspection.id, "of 3");
  socket.destroy();
});

test("what cannot be watched, and what is lost, is asked for over HTTP", async () => {
  const { socket, server } = connected();
  const { note } = noted();
  const unknown = socket.inspect(drawing(2), ["nowhere"], note);
  server.refuse(null, 422);
  await assert.rejects(unknown, SocketLost);
  const more = [socket.inspect(drawing(3), ["a"], note), socket.inspect(drawing(4), ["a"], note)];
  assert.deepEqual(server.sent.at(-3).layers, ["a"]);
  server.onclose({ code: 1006 });
  for (const each of more) await assert.rejects(each, SocketLost);
  await assert.rejects(socket.inspect(drawing(5), [], note), SocketLost);
  socket.destroy();
});
