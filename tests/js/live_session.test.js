import assert from "node:assert/strict";
import { test } from "node:test";
import { Server } from "./fake_server.js";
import { LiveSession } from "../../static/js/controllers/live_session.js";

/** @import {Input} from "../../static/js/controllers/live_session.js" */

/** @param {number} points @returns {Input} */
const input = (points) => ({ drawing: [{ x: [...Array(points).keys()], y: Array(points).fill(1), t: Array(points).fill(0) }], image: null });

const turn = () => new Promise((resolve) => setTimeout(resolve, 5));

/** A session over a socket that is ready, and what it has told. */
function session() {
  /** @type {{inspections: string[], busy: boolean[], behind: boolean}} */
  const told = { inspections: [], busy: [], behind: false };
  const live = new LiveSession("lenet-5", 5, {
    wantedLayers: () => [],
    onGuesses: () => {},
    onInspection: ({ id }) => told.inspections.push(id),
    onMaps: () => {},
    onBehind: (behind) => (told.behind = behind),
    onStatus: () => {},
    onBusy: (busy) => told.busy.push(busy),
  });
  return { live, told };
}

test("an input that was answered is asked about again once another has been", async (context) => {
  const manifest = { id: "of HTTP", predictions: [], input: { image: [], picture: null }, layers: [] };
  const fetched = context.mock.method(globalThis, "fetch", async () => Response.json(manifest));
  const { live, told } = session();
  const [whole, part] = [input(3), input(2)];
  live.offer(input(1));
  await turn();
  const server = Server.last;
  server.tell({ type: "ready", session: "s", sequence: 0, resumed: false, heartbeat_seconds: 20, resume_seconds: 60 });
  await turn();
  // From here on, over the socket.
  assert.deepEqual([told.inspections, fetched.mock.callCount()], [["of HTTP"], 1]);
  live.offer(whole);
  await turn();
  const answer = () => {
    const { sequence } = server.sent.at(-1);
    server.guess(sequence, "line");
    server.inspect(sequence);
    return `of ${sequence}`;
  };
  const first = answer();
  await turn();
  assert.deepEqual(told.inspections.slice(-1), [first]);
  live.offer(part);
  await turn();
  const asked = server.sent.at(-1).sequence;
  server.guess(asked, "line");
  // Its layers do not come soon, and the reader goes back meanwhile.
  live.offer(whole);
  await new Promise((resolve) => setTimeout(resolve, 150));
  server.inspect(asked);
  await turn();
  const newest = server.sent.at(-1).sequence;
  assert.ok(newest > asked, "it is asked about again");
  server.guess(newest, "house");
  server.inspect(newest);
  await turn();
  assert.deepEqual(told.inspections.slice(-1), [`of ${newest}`]);
  assert.equal(told.busy.at(-1), false);
  assert.equal(told.behind, false);
  assert.equal(fetched.mock.callCount(), 1);
  live.destroy();
});
