import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeDrawing, encodeDrawing } from "../../static/js/core/drawing_code.js";

const drawing = [
  { x: [0, 1024, 512], y: [1024, 0, 3], t: [0, 8, 4000] },
  { x: [511], y: [512], t: [1_000_000] },
];

test("a drawing survives the address, times to 8 ms", () => {
  assert.deepEqual(decodeDrawing(encodeDrawing(drawing)), drawing);
  const [{ t }] = decodeDrawing(encodeDrawing([{ x: [1, 2, 3], y: [1, 2, 3], t: [3, 13, 13] }]));
  t.forEach((time, index) => assert.ok(Math.abs(time - [3, 13, 13][index]) <= 4));
});

test("an empty drawing is an empty text", () => {
  assert.equal(encodeDrawing([]), "");
  assert.deepEqual(decodeDrawing(""), []);
});

test("the code needs no escaping and about three bytes a point", () => {
  const x = Array.from({ length: 500 }, (_, index) => index);
  const code = encodeDrawing([{ x, y: x, t: x.map((value) => value * 8) }]);
  assert.match(code, /^[\w-]+$/);
  assert.ok(code.length < 500 * 4 + 10);
});

test("every cut and every foreign text is refused or is a drawing on the pad", () => {
  const code = encodeDrawing(drawing);
  for (let length = 1; length < code.length; length += 1) assert.throws(() => decodeDrawing(code.slice(0, length)), RangeError);
  for (const text of ["%%%", "AAAA", "____", "AQEB", "A".repeat(300_000), `${code}AAAA`]) {
    assert.throws(() => decodeDrawing(text), RangeError, text.slice(0, 20));
  }
});
