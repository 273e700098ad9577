/** The map as an SVG file. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { foldedMap, groupTree } from "../../static/js/core/fold.js";
import { escaped, fitted, mapSvg } from "../../static/js/core/map_svg.js";

const COLOURS = { ground: "#fff", panel: "#fff", line: "#ccc", wire: "#888", text: "#000", muted: "#555" };

/** @param {string} name @param {string} kind @param {string[]} inputs */
const layer = (name, kind, inputs) => ({ name, kind, module_path: name, call: 0, inputs, shape: [1, 8, 14, 14], attributes: {}, parameters: 0 });

test("every item and every wire is in the file, with what it is", () => {
  const nodes = [layer("a<&\">", "Conv2d", ["input"]), layer("block.one", "ReLU", ['a<&">']), layer("block.two", "ReLU", ["block.one"]), layer("join", "add", ["block.two", 'a<&">'])];
  const { items, connections } = foldedMap(nodes, groupTree(nodes), new Set());
  const box = { x: 0, y: 0, width: 148, height: 164 };
  const layout = {
    id: 1,
    width: 800,
    height: 200,
    items: new Map([["input", box], ...items.map(({ id }) => /** @type {const} */ ([id, box]))]),
    groups: new Map([["outer", box]]),
    connections: connections.map(({ from, to }) => ({ from, to, points: [{ x: 0, y: 0 }, { x: 10, y: 10 }] })),
  };
  const { markup, width, height } = mapSvg({ layout, items, twins: new Map([["join", 1]]), title: "A & B", subtitle: "two", note: "three", colours: COLOURS, pictures: new Map([["join", "data:image/png;base64,AAAA"]]) });
  assert.deepEqual([...markup.matchAll(/data-node="([^"]*)"/g)].map(([, id]) => id), ["a&lt;&amp;&quot;&gt;", "block", "join"]);
  assert.equal([...markup.matchAll(/data-from=/g)].length, connections.length);
  assert.equal([...markup.matchAll(/<image /g)].length, 1);
  assert.match(markup, /data-group="outer"/);
  assert.match(markup, /shared, 2 runs/);
  assert.match(markup, /<title>A &amp; B<\/title>/);
  assert.ok(width >= 800 && height > 200);
});

test("text is cut to its room and can stand in XML", () => {
  assert.equal(fitted("abc", 100, 10), "abc");
  assert.equal(fitted("a".repeat(50), 57, 10).length, 10);
  assert.equal(escaped("<a b=\"&\">\u0000\ud800"), "&lt;a b=&quot;&amp;&quot;&gt;\ufffd\ufffd");
  assert.equal(escaped("🐈"), "🐈");
});
