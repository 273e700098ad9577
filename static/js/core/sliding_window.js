/** A window that slides over a map: what it holds at each step, and what comes of it. @import {SlidingWindow, Tap} from "./field_types.js" @import {Interval} from "./types.js" */

/**
 * @typedef {object} WindowCellAt
 * @property {number} row  on the input; in the padding it lies beyond
 * @property {number} column
 * @property {number} tapRow  in the kernel
 * @property {number} tapColumn
 * @property {number | null} value  null: not finite
 * @property {boolean} padding
 * @property {number | null} weight
 * @property {number | null} product  value times weight
 */

/**
 * Steps in all: one for each cell of the output; of what spreads, one for each cell of the input.
 *
 * @param {SlidingWindow} sliding
 */
export function stepCount(sliding) {
  const map = sliding.kind === "transposed_convolution" ? sliding.values : sliding.output;
  return map.length * (map[0]?.length ?? 0);
}

/**
 * The cell of a step, row by row.
 *
 * @param {SlidingWindow} sliding
 * @param {number} step
 */
export function cellOf(sliding, step) {
  const map = sliding.kind === "transposed_convolution" ? sliding.values : sliding.output;
  const width = map[0]?.length ?? 1;
  return { row: Math.floor(step / width), column: step % width };
}

/**
 * The step of a cell of the output.
 *
 * @param {SlidingWindow} sliding
 * @param {{row: number, column: number}} cell
 */
export function stepOf(sliding, { row, column }) {
  const width = (sliding.kind === "transposed_convolution" ? sliding.values : sliding.output)[0]?.length ?? 1;
  return row * width + column;
}

/**
 * What lies under the window for a cell of the output, row by row.
 *
 * @param {SlidingWindow} sliding
 * @param {{row: number, column: number}} cell
 * @returns {WindowCellAt[]}
 */
export function windowAt({ rows, columns, values, kernel }, { row, column }) {
  return rows[row].flatMap(([tapRow, y, fromRow]) =>
    columns[column].map(([tapColumn, x, fromColumn]) => {
      const height = values.length;
      const width = values[0]?.length ?? 0;
      const value = fromRow === null || fromColumn === null ? 0 : values[fromRow][fromColumn];
      const weight = kernel ? kernel[tapRow][tapColumn] : null;
      const product = value === null || weight === null ? null : value * weight;
      return { row: y, column: x, tapRow, tapColumn, value, padding: y < 0 || x < 0 || y >= height || x >= width, weight, product };
    }),
  );
}

/**
 * What a cell of the output comes to. `own` is what the input channel in view gives: the sum of its
 * products; of pooling the value itself.
 *
 * @param {SlidingWindow} sliding
 * @param {{row: number, column: number}} cell
 * @returns {{own: number, others: number, bias: number, value: number, network: number | null, winner: number | null, divisor: number | null}}
 */
export function resultAt(sliding, cell) {
  const cells = windowAt(sliding, cell);
  const network = sliding.output[cell.row][cell.column];
  if (sliding.kind === "max_pooling") {
    /** As PyTorch does it: the first of equal ones wins. @type {number | null} */
    let winner = null;
    cells.forEach(({ value, padding }, number) => {
      if (!padding && value !== null && (winner === null || value > (cells[winner].value ?? Number.NaN))) winner = number;
    });
    const own = winner === null ? Number.NEGATIVE_INFINITY : (cells[winner].value ?? Number.NaN);
    return { own, others: 0, bias: 0, value: own, network, winner, divisor: null };
  }
  if (sliding.kind === "average_pooling") {
    const divisor = sliding.divisor ?? (sliding.count_padding ? cells.length : cells.filter(({ padding }) => !padding).length);
    const own = cells.reduce((sum, { value, padding }) => sum + (padding ? 0 : (value ?? Number.NaN)), 0);
    return { own, others: 0, bias: 0, value: own / divisor, network, winner: null, divisor };
  }
  const own = cells.reduce((sum, { product }) => sum + (product ?? Number.NaN), 0);
  const others = sliding.others ? (sliding.others[cell.row][cell.column] ?? Number.NaN) : 0;
  const bias = sliding.bias ?? 0;
  return { own, others, bias, value: own + others + bias, network, winner: null, divisor: null };
}

/** @typedef {{output: number, tap: number}[][]} Reached  By the place on the input, what of the output it reaches. */

/** @type {WeakMap<Tap[][], Reached>} */
const reachedBy = new WeakMap();

/**
 * The windows of an axis from the other end, found once.
 *
 * @param {Tap[][]} axis
 * @param {number} size  of the input
 */
function reached(axis, size) {
  let found = reachedBy.get(axis);
  if (!found) {
    found = Array.from({ length: size }, () => /** @type {Reached[0]} */ ([]));
    axis.forEach((taps, output) => {
      for (const [tap, position] of taps) found?.[position]?.push({ output, tap });
    });
    reachedBy.set(axis, found);
  }
  return found;
}

/**
 * Of a transposed convolution: the cells of the output that a cell of the input is spread over.
 *
 * @param {SlidingWindow} sliding
 * @param {{row: number, column: number}} cell  of the input
 * @returns {{row: number, column: number, tapRow: number, tapColumn: number, weight: number | null, product: number | null}[]}
 */
export function spreadAt({ rows, columns, values, kernel }, { row, column }) {
  const value = values[row][column];
  const across = reached(columns, values[0].length)[column];
  return reached(rows, values.length)[row].flatMap(({ output, tap }) =>
    across.map((other) => {
      const weight = kernel?.[tap]?.[other.tap] ?? null;
      return { row: output, column: other.output, tapRow: tap, tapColumn: other.tap, weight, product: value === null || weight === null ? null : value * weight };
    }),
  );
}

/**
 * The output as far as it has come before a step: of a window its finished cells (others NaN); of
 * what spreads, the sum of what the cells of the input in view have added, that of the step too.
 *
 * @param {SlidingWindow} sliding
 * @param {number} step
 * @returns {number[][]}
 */
export function outputUntil(sliding, step) {
  const { output } = sliding;
  if (sliding.kind !== "transposed_convolution") {
    const width = output[0]?.length ?? 0;
    return output.map((line, row) => line.map((value, column) => (row * width + column <= step ? (value ?? Number.NaN) : Number.NaN)));
  }
  const sums = output.map((line) => line.map(() => 0));
  for (let done = 0; done <= step; done += 1) {
    for (const { row, column, product } of spreadAt(sliding, cellOf(sliding, done))) sums[row][column] += product ?? Number.NaN;
  }
  return sums;
}

/**
 * The rows and columns of the input to draw: the map, and as much padding around it as windows reach.
 *
 * @param {SlidingWindow} sliding
 * @returns {{rows: Interval, columns: Interval}}
 */
export function reachOf({ rows, columns, values }) {
  /** @param {Tap[][]} axis @param {number} size @returns {Interval} */
  const reach = (axis, size) => {
    let first = 0;
    let stop = size;
    for (const taps of axis) {
      for (const [, position] of taps) {
        first = Math.min(first, position);
        stop = Math.max(stop, position + 1);
      }
    }
    return [first, stop];
  };
  return { rows: reach(rows, values.length), columns: reach(columns, values[0]?.length ?? 0) };
}

/** Whether a kind of layer has a window to slide. @param {string} kind */
export function hasWindow(kind) {
  return /conv|pool/i.test(kind) && !/3d/i.test(kind);
}
