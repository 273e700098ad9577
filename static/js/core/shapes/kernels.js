/** Kernels to compute with. @import {TrainedKernels} from "./types.js" */

/** @type {{name: string, title: string}[]} */
export const GALLERY = [
  { name: "digits", title: "Small whole numbers" },
  { name: "identity", title: "Identity" },
  { name: "box", title: "Blur: box" },
  { name: "gaussian", title: "Blur: Gaussian" },
  { name: "sobel-x", title: "Edges: Sobel, left to right" },
  { name: "sobel-y", title: "Edges: Sobel, top to bottom" },
  { name: "prewitt-x", title: "Edges: Prewitt, left to right" },
  { name: "prewitt-y", title: "Edges: Prewitt, top to bottom" },
  { name: "laplacian", title: "Edges: Laplacian" },
  { name: "sharpen", title: "Sharpen" },
  { name: "emboss", title: "Emboss" },
  { name: "directions", title: "Another edge for each channel" },
];

/** Kernels that are of 3 by 3, or of 3 for one axis. @type {Record<string, {plane: number[][], line: number[]}>} */
const FIXED = {
  laplacian: { plane: [[0, 1, 0], [1, -4, 1], [0, 1, 0]], line: [1, -2, 1] },
  sharpen: { plane: [[0, -1, 0], [-1, 5, -1], [0, -1, 0]], line: [-1, 3, -1] },
  emboss: { plane: [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]], line: [-1, 1, 1] },
};

/** Whether a kernel needs three taps along each axis. @param {string} name */
export const needsThree = (name) => name in FIXED;

/** Binomial coefficients, which approach a Gaussian. @param {number} length */
function binomial(length) {
  let row = [1];
  while (row.length < length) row = [1, ...row.slice(1).map((value, index) => value + row[index]), 1];
  return row;
}

/** The central difference of a binomial blur: [-1, 0, 1], [-1, -2, 0, 2, 1], ... @param {number} length */
function derivative(length) {
  if (length < 2) return [1];
  const row = binomial(length - 1);
  return Array.from({ length }, (_, index) => (row[index - 1] ?? 0) - (row[index] ?? 0));
}

/** The difference across the middle. @param {number} length */
const difference = (length) => Array.from({ length }, (_, index) => (length < 2 ? 1 : Math.sign(2 * index - length + 1)));
/** @param {number} length */
const ones = (length) => Array.from({ length }, () => 1);
/** @param {number} length */
const centre = (length) => Array.from({ length }, (_, index) => Number(index === Math.floor((length - 1) / 2)));
/** @param {number[]} list */
const normal = (list) => list.map((value) => value / list.reduce((all, one) => all + one, 0));

/** @param {number[]} down @param {number[]} across */
const outer = (down, across) => down.map((one) => across.map((other) => one * other));

/** A small plane in the middle of another size. @param {number[][]} plane @param {number} rows @param {number} columns */
function centred(plane, rows, columns) {
  const top = Math.floor((rows - plane.length) / 2);
  const left = Math.floor((columns - plane[0].length) / 2);
  return Array.from({ length: rows }, (_, row) => Array.from({ length: columns }, (__, column) => plane[row - top]?.[column - left] ?? 0));
}

/** @param {number[][]} plane @param {number} factor */
const scaled = (plane, factor) => plane.map((row) => row.map((value) => value * factor));
/** @param {number[][]} one @param {number[][]} other */
const added = (one, other) => one.map((row, y) => row.map((value, x) => value + other[y][x]));

/**
 * A kernel of the gallery over rows and columns.
 *
 * @param {string} name
 * @param {number} rows
 * @param {number} columns
 * @param {number} output  channel that it makes
 * @param {number} outputs  number of channels
 * @returns {number[][]}
 */
export function kernelPlane(name, rows, columns, output = 0, outputs = 1) {
  const fixed = FIXED[name];
  if (fixed) return rows === 1 ? centred([fixed.line], 1, columns) : columns === 1 ? centred(fixed.line.map((value) => [value]), rows, 1) : centred(fixed.plane, rows, columns);
  const sobelX = outer(binomial(rows), derivative(columns));
  const sobelY = outer(derivative(rows), binomial(columns));
  switch (name) {
    case "identity":
      return outer(centre(rows), centre(columns));
    case "box":
      return outer(normal(ones(rows)), normal(ones(columns)));
    case "gaussian":
      return outer(normal(binomial(rows)), normal(binomial(columns)));
    case "sobel-x":
      return sobelX;
    case "sobel-y":
      return sobelY;
    case "prewitt-x":
      return outer(ones(rows), difference(columns));
    case "prewitt-y":
      return outer(difference(rows), ones(columns));
    case "directions": {
      const angle = (Math.PI * output) / Math.max(outputs, 1);
      return added(scaled(sobelX, Math.cos(angle)), scaled(sobelY, Math.sin(angle)));
    }
    default:
      throw new RangeError(`There is no kernel ${name}.`);
  }
}

/** Taps along one side of a kernel that can be edited by hand. */
export const MOST_EDITED = 9;

/**
 * Planes of numbers as they stand in the address: rows by ";", slices by "~".
 *
 * @param {string} text
 * @returns {number[][][] | null}
 */
export function readPlanes(text) {
  if (text.length > 20_000 || !/^[-\d.e+,;~\s]+$/i.test(text)) return null;
  const planes = text.split("~").map((plane) => plane.split(";").map((row) => row.split(",").map((value) => (value.trim() === "" ? NaN : Number(value)))));
  return planes.flat(2).every(Number.isFinite) ? planes : null;
}

/** @param {number[][][]} planes */
export const planesText = (planes) => planes.map((plane) => plane.map((row) => row.join(",")).join(";")).join("~");

/**
 * @typedef {object} Kernel
 * @property {(output: number, input: number, tap: [number, number, number]) => number} weight  input: within the group
 * @property {(output: number) => number} bias
 */

/**
 * The kernel that a setting of the address names.
 *
 * @param {string} setting  a name of the gallery, "typed:..." or "model:..."
 * @param {[number, number, number]} sizes  taps along each axis
 * @param {number} outputs  channels
 * @param {TrainedKernels | null} trained
 * @returns {Kernel}
 */
export function kernelOf(setting, sizes, outputs, trained) {
  const [depth, rows, columns] = sizes;
  if (setting.startsWith("model:") && trained) {
    return { weight: (output, input, [, row, column]) => trained.weight[output]?.[input]?.[row]?.[column] ?? 0, bias: (output) => trained.bias?.[output] ?? 0 };
  }
  const typed = setting.startsWith("typed:") ? readPlanes(setting.slice(6)) : null;
  if (typed) return { weight: (_, __, [d, row, column]) => typed[Math.min(d, typed.length - 1)]?.[row]?.[column] ?? 0, bias: () => 0 };
  const name = GALLERY.find((entry) => entry.name === setting)?.name ?? "digits";
  if (name === "digits") return { weight: (output, input, [d, row, column]) => ((d + 2 * row + 3 * column + output + 2 * input) % 4) - 1, bias: () => 0 };
  // In depth, blurs blur; the others stand in the middle slice.
  const along = name === "box" ? normal(ones(depth)) : name === "gaussian" ? normal(binomial(depth)) : centre(depth);
  /** @type {Map<number, number[][]>} */
  const planes = new Map();
  return {
    weight: (output, _, [d, row, column]) => {
      let plane = planes.get(output);
      if (!plane) planes.set(output, (plane = kernelPlane(name, rows, columns, output, outputs)));
      return along[d] * plane[row][column];
    },
    bias: () => 0,
  };
}

/**
 * The same kernel turned by half a turn: what makes a cross-correlation of a convolution.
 *
 * @param {Kernel} kernel
 * @param {[number, number, number]} sizes
 * @returns {Kernel}
 */
export function flipped({ weight, bias }, [depth, rows, columns]) {
  return { weight: (output, input, [d, row, column]) => weight(output, input, [depth - 1 - d, rows - 1 - row, columns - 1 - column]), bias };
}
