import assert from "node:assert/strict";
import { test } from "node:test";
import { brief, cellsInWords, figureText, generalTerms, precise, readTarget, verdict, windowGrid } from "../../static/js/core/arithmetic.js";
import { cellColour } from "../../static/js/core/colour.js";
import { plot } from "../../static/js/core/curve.js";

test("numbers: every digit, those of float32, and few", () => {
  assert.equal(precise(-0.30000000000000004), "−0.30000000000000004");
  assert.equal(precise(-1e-9), "−1e−9");
  assert.equal(precise("-Infinity"), "−∞");
  assert.equal(precise(-0), "0");
  assert.equal(figureText(Math.fround(0.1)), "0.1");
  assert.equal(figureText(1 / 3), "0.333333333");
  assert.equal(figureText("NaN"), "not a number");
  assert.equal(brief(-0.098765), "−0.0988");
});

test("the difference in words", () => {
  assert.equal(verdict(0, 1.5), "The same number.");
  assert.match(verdict(1e-8, 1.5), /last binary digit/);
  assert.match(verdict(1e-4, 1.5), /rounding of float32/);
  assert.match(verdict(1e-9, 0), /rounding of float32/);
  assert.equal(verdict(null, "NaN"), "");
});

test("a window is a grid by the places of the kernel, headed by places on the input", () => {
  const cells = [-1, 1].flatMap((row, y) => [4, 6].map((column, x) => ({ tap: [y, x], position: [row, column], source: null, padding: row < 0 })));
  assert.deepEqual(windowGrid(cells), { columns: ["4", "6"], rows: [{ name: "−1", cells: [0, 1] }, { name: "1", cells: [2, 3] }] });
});

test("a window of which not all cells are listed has gaps, and one axis is one row", () => {
  const cells = [[0, 0], [1, 2]].map((tap) => ({ tap, position: tap, source: tap, padding: false }));
  assert.deepEqual(windowGrid(cells).rows.map((row) => row.cells), [[0, null], [null, 1]]);
  const line = [0, 1, 2].map((place) => ({ tap: [place], position: [place - 1], source: null, padding: false }));
  assert.deepEqual(windowGrid(line), { columns: ["−1", "0", "1"], rows: [{ name: "", cells: [0, 1, 2] }] });
  assert.deepEqual(windowGrid([]), { columns: [], rows: [] });
});

test("what was read, in words and as a place to go to", () => {
  assert.equal(cellsInWords([[0], [3], [2, 3], [4]]), "channel 3, rows 2 to 3, column 4");
  assert.equal(cellsInWords([[0], [0, 1, 2]]), "channels 0 to 2");
  assert.equal(cellsInWords([[0], [3], [0, 2, 4], [1]]), "channel 3, rows 0 to 4, 3 of them, column 1");
  assert.deepEqual(readTarget({ input: "a", argument: 0, cells: [[0], [3], [2], [4]], exact: true }), { layer: "a", channel: 3, cell: { row: 2, column: 4 } });
  assert.deepEqual(readTarget({ input: "a", argument: 0, cells: [[0], [3], [2, 3], [4]], exact: true }), { layer: "a", channel: 3, cell: null });
  assert.deepEqual(readTarget({ input: "a", argument: 0, cells: [[0], [0, 1]], exact: true }), { layer: "a", channel: null, cell: null });
});

test("terms of an unknown kind are named and shown", () => {
  const terms = generalTerms({ row_count: 3, exact: true, rest: null, sum: "Infinity", axes: [1, 2], parts: [{ first_one: 1, size: 2 }] });
  assert.deepEqual(terms.slice(0, 5).map(({ name, text }) => [name, text]), [["row count", "3"], ["exact", "yes"], ["rest", "none"], ["sum", "∞"], ["axes", "1, 2"]]);
  assert.deepEqual(terms[5].table, { columns: ["first one", "size"], rows: [["1", "2"]] });
});

test("text on a cell is legible: at least 4.5 to 1", () => {
  /** @param {string} colour */
  const luminance = (colour) => {
    const [red, green, blue] = (colour.match(/\d+/g) ?? []).map((part) => (Number(part) / 255 <= 0.04045 ? Number(part) / 255 / 12.92 : ((Number(part) / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  for (const theme of /** @type {const} */ (["light", "dark"])) {
    for (const kind of /** @type {const} */ (["weights", "diverging", "sequential"])) {
      for (let value = -1; value <= 1; value += 1 / 64) {
        const { colour, darkText } = cellColour({ kind, low: kind === "sequential" ? 0 : -1, high: 1 }, value, theme);
        const contrast = darkText ? (luminance(colour) + 0.05) / 0.05 : 1.05 / (luminance(colour) + 0.05);
        assert.ok(contrast >= 4.5, `${theme} ${kind} ${value}: ${contrast}`);
      }
    }
  }
});

test("a curve fills its box, with y upwards and gaps where it has no value", () => {
  const { path, place, xs, ys } = plot({ x: [-1, 0, 1], y: [1, "NaN", 4] }, 100, 50);
  assert.equal(path, "M0.00 37.50M100.00 0.00");
  assert.deepEqual(place(0, 0), { x: 50, y: 50 });
  assert.deepEqual([xs, ys], [[-1, 1], [0, 4]]);
});
