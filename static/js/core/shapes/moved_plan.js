/**
 * Plans of layers that move values between axes: flatten, pixel shuffle, unfold and fold, linear.
 *
 * @import {LayerPlan, Operation, Place, Read} from "./layer_plan.js"
 * @import {AxisPlan} from "./axis_plan.js"
 * @import {Values} from "./types.js"
 */
import { ownPlan } from "./axis_plan.js";
import { eachAxis } from "./fields.js";

const MOST_FEATURES = 20_000;

/** @param {number[]} list */
const product = (list) => list.reduce((all, size) => all * size, 1);

/**
 * Sizes without the batch as [channels, depth, rows, columns].
 *
 * @param {number[]} sizes
 * @returns {Place | null}
 */
function four(sizes) {
  if (sizes.length === 0 || sizes.length > 4) return null;
  const [channels, ...space] = sizes.length > 2 ? sizes : [1, ...sizes];
  while (space.length < 3) space.unshift(1);
  return [channels, space[0], space[1], space[2]];
}

/** @param {Place} sizes @param {number} index */
const placeOf = ([, depth, rows, columns], index) =>
  /** @type {Place} */ ([Math.floor(index / (depth * rows * columns)), Math.floor(index / (rows * columns)) % depth, Math.floor(index / columns) % rows, index % columns]);

/** @param {Place} sizes @param {Place} place */
const indexOf = ([, depth, rows, columns], [c, d, r, q]) => ((c * depth + d) * rows + r) * columns + q;

/** An axis of two unrelated sizes. @param {number} inputs @param {number} outputs @returns {AxisPlan} */
const sides = (inputs, outputs) => ({ ...ownPlan(inputs), outputs });

/**
 * @param {string} type
 * @param {Values} values
 * @param {{from: Place, to: Place, operation: Operation, each: number, reads: (place: Place) => Read[], readers: (place: Place, channel: number) => Place[]}} setting
 * @returns {LayerPlan}
 */
function plan(type, values, { from, to, operation, each, reads, readers }) {
  return {
    type,
    operation,
    space: from[1] > 1 || to[1] > 1 ? 3 : from[2] > 1 || to[2] > 1 ? 2 : 1,
    axes: [sides(from[1], to[1]), sides(from[2], to[2]), sides(from[3], to[3])],
    insertion: null,
    separable: false,
    strips: false,
    channels: [from[0], to[0]],
    kernel: [1, 1, 1],
    groups: 1,
    mode: "zeros",
    values,
    reads,
    readers,
    isRead: (place, channel) => readers(place, channel).length > 0,
    readsEach: each,
  };
}

/** @param {Place} place @returns {Read} */
const one = (place) => ({ place, weight: 1, tap: [0, 0, 0] });

/**
 * @param {string} type
 * @param {number[]} input
 * @param {number[]} output
 * @param {Values} values
 * @returns {LayerPlan | null} null: the layer is none of these, or has too many axes to be drawn
 */
export function movedPlan(type, input, output, values) {
  if (type === "Flatten" || type === "Unflatten") return reshaped(type, input, output, values);
  if (type === "PixelShuffle") return shuffled(input, output, values);
  if (type === "PixelUnshuffle") return unshuffled(input, output, values);
  if (type === "ChannelShuffle") return channelShuffled(input, values);
  if (type === "Unfold") return unfolded(input, output, values);
  if (type === "Fold") return folded(input, output, values);
  return type === "Linear" ? linear(input, output, values) : null;
}

/** Row-major order stays. @param {string} type @param {number[]} input @param {number[]} output @param {Values} values */
function reshaped(type, input, output, values) {
  const skip = input.length > 1 && output.length > 1 && input[0] === output[0] ? 1 : 0;
  const [from, to] = [four(input.slice(skip)), four(output.slice(skip))];
  if (!from || !to) return null;
  return plan(type, values, {
    from,
    to,
    operation: "copy",
    each: 1,
    reads: (place) => [one(placeOf(from, indexOf(to, place)))],
    readers: (place) => [placeOf(to, indexOf(from, place))],
  });
}

/** @param {number[]} input @param {number[]} output @param {Values} values */
function shuffled(input, output, values) {
  const [from, to] = [four(input.slice(-3)), four(output.slice(-3))];
  const r = Number(values.upscale_factor);
  if (!from || !to) return null;
  return plan("PixelShuffle", values, {
    from,
    to,
    operation: "copy",
    each: 1,
    reads: ([c, , row, column]) => [one([c * r * r + (row % r) * r + (column % r), 0, Math.floor(row / r), Math.floor(column / r)])],
    readers: ([c, , row, column]) => {
      const inner = c % (r * r);
      return [[Math.floor(c / (r * r)), 0, row * r + Math.floor(inner / r), column * r + (inner % r)]];
    },
  });
}

/** @param {number[]} input @param {number[]} output @param {Values} values */
function unshuffled(input, output, values) {
  const [from, to] = [four(input.slice(-3)), four(output.slice(-3))];
  const r = Number(values.downscale_factor);
  if (!from || !to) return null;
  return plan("PixelUnshuffle", values, {
    from,
    to,
    operation: "copy",
    each: 1,
    reads: ([c, , row, column]) => {
      const inner = c % (r * r);
      return [one([Math.floor(c / (r * r)), 0, row * r + Math.floor(inner / r), column * r + (inner % r)])];
    },
    readers: ([c, , row, column]) => [[c * r * r + (row % r) * r + (column % r), 0, Math.floor(row / r), Math.floor(column / r)]],
  });
}

/** @param {number[]} input @param {Values} values */
function channelShuffled(input, values) {
  const from = four([input[1], ...input.slice(2)]);
  const groups = Number(values.groups);
  if (!from) return null;
  const each = from[0] / groups;
  return plan("ChannelShuffle", values, {
    from,
    to: from,
    operation: "copy",
    each: 1,
    reads: ([c, ...place]) => [one([(c % groups) * each + Math.floor(c / groups), ...place])],
    readers: ([c, ...place]) => [[(c % each) * groups + Math.floor(c / each), ...place]],
  });
}

/** @param {Values} values @param {string} name @param {number} standard */
const pair = (values, name, standard) => eachAxis(values[name] ?? standard, 2).map(Number);

/**
 * Where windows lie on an image, as columns of a matrix.
 *
 * @param {Values} values
 * @param {number[]} image  rows and columns
 */
function columnsOf(values, image) {
  const [kernel, stride] = [pair(values, "kernel_size", 1), pair(values, "stride", 1)];
  const [padding, dilation] = [pair(values, "padding", 0), pair(values, "dilation", 1)];
  const across = Math.floor((image[1] + 2 * padding[1] - dilation[1] * (kernel[1] - 1) - 1) / stride[1]) + 1;
  const taps = kernel[0] * kernel[1];
  /** @param {number} value @param {number} column @returns {Place} */
  const place = (value, column) => {
    const tap = value % taps;
    return [
      Math.floor(value / taps),
      0,
      Math.floor(column / across) * stride[0] - padding[0] + dilation[0] * Math.floor(tap / kernel[1]),
      (column % across) * stride[1] - padding[1] + dilation[1] * (tap % kernel[1]),
    ];
  };
  const down = Math.floor((image[0] + 2 * padding[0] - dilation[0] * (kernel[0] - 1) - 1) / stride[0]) + 1;
  /** Every entry of the matrix that stands for a place. @param {Place} of @returns {Place[]} */
  const entries = ([channel, , row, column]) => {
    /** @type {Place[]} */
    const found = [];
    for (let tap = 0; tap < taps; tap += 1) {
      const y = row + padding[0] - dilation[0] * Math.floor(tap / kernel[1]);
      const x = column + padding[1] - dilation[1] * (tap % kernel[1]);
      if (y < 0 || x < 0 || y % stride[0] || x % stride[1]) continue;
      const [wy, wx] = [y / stride[0], x / stride[1]];
      if (wy < down && wx < across) found.push([0, 0, channel * taps + tap, wy * across + wx]);
    }
    return found;
  };
  return { place, entries, padding, taps };
}

/** @param {number[]} input @param {number[]} output @param {Values} values */
function unfolded(input, output, values) {
  const [channels, rows, columns] = input.slice(-3);
  const { place, entries, padding } = columnsOf(values, [rows, columns]);
  const made = plan("Unfold", values, {
    from: [channels, 1, rows, columns],
    to: [1, 1, output[output.length - 2], output[output.length - 1]],
    operation: "copy",
    each: 1,
    reads: ([, , value, column]) => [one(place(value, column))],
    readers: (at) => entries(at),
  });
  const [, down, across] = made.axes;
  Object.assign(down, { from: -padding[0], to: rows + padding[0], before: padding[0], after: padding[0] });
  Object.assign(across, { from: -padding[1], to: columns + padding[1], before: padding[1], after: padding[1] });
  return made;
}

/** @param {number[]} input @param {number[]} output @param {Values} values */
function folded(input, output, values) {
  const [channels, rows, columns] = output.slice(-3);
  const { place, entries } = columnsOf(values, [rows, columns]);
  return plan("Fold", values, {
    from: [1, 1, input[input.length - 2], input[input.length - 1]],
    to: [channels, 1, rows, columns],
    operation: "blend",
    each: 1,
    reads: (at) => entries(at).map(one),
    readers: ([, , value, column], channel) => {
      const made = place(value, column);
      return made[0] === channel && made[2] >= 0 && made[3] >= 0 && made[2] < rows && made[3] < columns ? [made] : [];
    },
  });
}

/** Every output of a row reads all of that row. @param {number[]} input @param {number[]} output @param {Values} values @returns {LayerPlan} */
function linear(input, output, values) {
  const [features, made] = [input[input.length - 1], output[output.length - 1]];
  const rows = product(input.slice(input.length > 2 ? 1 : 0, -1));
  const whole = plan("Linear", values, {
    from: [1, 1, rows, features],
    to: [1, 1, rows, made],
    operation: "sum",
    each: features,
    reads: ([, , row, output]) => Array.from({ length: Math.min(features, MOST_FEATURES) }, (_, column) => ({ place: /** @type {Place} */ ([0, 0, row, column]), weight: 1, tap: /** @type {[number, number, number]} */ ([0, output, column]) })),
    readers: ([, , row]) => Array.from({ length: Math.min(made, MOST_FEATURES) }, (_, output) => /** @type {Place} */ ([0, 0, row, output])),
  });
  return { ...whole, kernel: [1, made, features] };
}
