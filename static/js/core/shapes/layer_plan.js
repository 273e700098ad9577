/**
 * What the animation shows of a layer: which values each value of the output is made of.
 * A place is [channel, depth, row, column]; axes that a layer does not have are of size 1.
 *
 * @import {AxisPlan, Interpolation, PaddingMode} from "./axis_plan.js"
 * @import {AxisReading, LayerKind, ShapeLayer, Value, Values} from "./types.js"
 */
import { adaptivePlan, insertionPlan, interpolationPlan, ownPlan, spreadPlan, windowPlan } from "./axis_plan.js";
import { eachAxis } from "./fields.js";
import { movedPlan } from "./moved_plan.js";

/** @typedef {[number, number, number, number]} Place */

/**
 * @typedef {object} Read  One value that goes into another.
 * @property {Place} place   in the input, or outside of it in the padding
 * @property {number} weight  of an interpolation, else 1
 * @property {[number, number, number]} tap  of the kernel along each axis
 */

/** @typedef {"sum" | "max" | "average" | "power" | "copy" | "blend"} Operation  sum: of products with the kernel; blend: with the weights of an interpolation */

/**
 * @typedef {object} LayerPlan
 * @property {string} type
 * @property {Operation} operation
 * @property {number} space  axes of space
 * @property {[AxisPlan, AxisPlan, AxisPlan]} axes  depth, rows, columns
 * @property {[AxisPlan, AxisPlan, AxisPlan] | null} insertion  the same with zeros put between the inputs
 * @property {boolean} separable  whether the axes say all about what is read
 * @property {boolean} strips  whether the axes have windows that can be drawn
 * @property {[number, number]} channels  of the input and of the output
 * @property {[number, number, number]} kernel  taps along each axis
 * @property {number} groups
 * @property {PaddingMode} mode
 * @property {Values} values
 * @property {(output: Place) => Read[]} reads  at most MOST_READS
 * @property {(input: Place, channel: number) => Place[]} readers  outputs of one channel that read a place
 * @property {(input: Place, channel: number) => boolean} isRead  whether any output of one channel reads a place
 * @property {number} readsEach  how many values go into one, where all have the same number
 */

/** Values that are listed of those that go into one. */
export const MOST_READS = 20_000;

/**
 * @param {ShapeLayer} layer
 * @param {LayerKind} kind
 * @param {Values} values
 * @returns {LayerPlan | null} null: the layer moves nothing
 */
export function layerPlan(layer, kind, values) {
  const { type, input_shape: input, output_shape: output } = layer;
  if (!input || !output || input.includes(0) || output.includes(0)) return null;
  const moved = movedPlan(type, input, output, values);
  if (moved) return moved;
  const space = kind.axes || (type.startsWith("Ups") ? input.length - 2 : 0);
  if (space < 1 || space > 3 || input.length < space + 1 || layer.reads.length === 0) return null;
  const axes = spaceAxes(layer, values, space);
  if (!axes) return null;
  const first = input.length - space - 1;
  const operation = operationOf(type, values);
  /** @type {[number, number]} */
  const channels = [input[first], output[first]];
  const groups = operation === "sum" && typeof values.groups === "number" ? values.groups : 1;
  const own = operation !== "sum";
  const ofGroup = channels[0] / groups;
  const madeOfGroup = channels[1] / groups;
  /** What was found before, by axis and position. @type {Map<number, boolean>[]} */
  const read = [new Map(), new Map(), new Map()];
  /** @param {number} channel */
  const firstRead = (channel) => Math.floor(channel / madeOfGroup) * ofGroup;
  /** @type {[number, number, number]} */
  const kernel = [axes[0].taps, axes[1].taps, axes[2].taps];
  return {
    type,
    operation,
    space,
    axes,
    insertion: type.startsWith("ConvTranspose") ? insertionAxes(layer, space) : null,
    separable: true,
    strips: layer.reads.some(({ kind: way }) => way === "windows" || way === "adaptive") && !/Pad\dd$/.test(type),
    channels,
    kernel,
    groups,
    mode: modeOf(type, values),
    values,
    reads: ([channel, ...place]) => {
      const along = axes.map((axis, index) => axis.reads(place[index]));
      const [start, count] = own ? [channel, 1] : [firstRead(channel), ofGroup];
      /** @type {Read[]} */
      const found = [];
      for (let from = start; from < start + count; from += 1) {
        for (const depth of along[0]) {
          for (const row of along[1]) {
            for (const column of along[2]) {
              if (found.length >= MOST_READS) return found;
              found.push({ place: [from, depth.at, row.at, column.at], weight: depth.weight * row.weight * column.weight, tap: [depth.tap, row.tap, column.tap] });
            }
          }
        }
      }
      return found;
    },
    readers: ([, depth, row, column], channel) => {
      /** @type {Place[]} */
      const found = [];
      for (const d of axes[0].readers(depth)) for (const r of axes[1].readers(row)) for (const c of axes[2].readers(column)) if (found.length < MOST_READS) found.push([channel, d, r, c]);
      return found;
    },
    isRead: ([, ...place]) => axes.every((axis, index) => isReadAlong(read[index], axis, place[index])),
    readsEach: (own ? 1 : ofGroup) * kernel[0] * kernel[1] * kernel[2],
  };
}

/** @param {Map<number, boolean>} known @param {AxisPlan} axis @param {number} at */
function isReadAlong(known, axis, at) {
  let found = known.get(at);
  if (found === undefined) known.set(at, (found = axis.readers(at).length > 0));
  return found;
}

/** @param {string} type @param {Values} values @returns {Operation} */
function operationOf(type, values) {
  if (type.startsWith("Conv") && !type.startsWith("ConstantPad")) return "sum";
  if (type.includes("Max")) return "max";
  if (type.includes("Avg")) return "average";
  if (type.startsWith("LP")) return "power";
  if (type.startsWith("Ups")) return values.mode === "area" ? "average" : "blend";
  return "copy";
}

/** @param {string} type @param {Values} values @returns {PaddingMode} */
function modeOf(type, values) {
  if (type.startsWith("Reflection")) return "reflect";
  if (type.startsWith("Replication")) return "replicate";
  if (type.startsWith("Circular")) return "circular";
  if (type.startsWith("ConstantPad")) return "constant";
  const mode = values.padding_mode;
  return mode === "reflect" || mode === "replicate" || mode === "circular" ? mode : "zeros";
}

/**
 * @param {ShapeLayer} layer
 * @param {Values} values
 * @param {number} space
 * @returns {[AxisPlan, AxisPlan, AxisPlan] | null}
 */
function spaceAxes({ type, input_shape: input, output_shape: output, reads }, values, space) {
  if (!input || !output) return null;
  /** @type {AxisPlan[]} */
  const axes = [];
  for (let place = 0; place < space; place += 1) {
    const index = input.length - space + place;
    const [inputs, outputs] = [input[index], output[output.length - space + place]];
    const reading = reads.find(({ axis }) => axis === index);
    const axis = type.startsWith("Ups") ? resizedAxis(type, values, place, space, inputs, outputs) : axisOf(reading, inputs, outputs);
    if (!axis) return null;
    axes.push(axis);
  }
  return withThree(axes);
}

/** @param {AxisPlan[]} axes @returns {[AxisPlan, AxisPlan, AxisPlan]} */
export function withThree(axes) {
  const all = [...axes];
  while (all.length < 3) all.unshift(ownPlan(1));
  return [all[0], all[1], all[2]];
}

/** @param {AxisReading | undefined} reading @param {number} inputs @param {number} outputs */
function axisOf(reading, inputs, outputs) {
  if (!reading) return inputs === outputs ? ownPlan(inputs) : null;
  const { kind, kernel, stride, dilation, before, after } = reading;
  if (kind === "windows") return windowPlan({ inputs, outputs, kernel: kernel ?? 1, stride: stride ?? 1, dilation: dilation ?? 1, before: before ?? 0, after: after ?? 0 });
  if (kind === "spread") return spreadPlan({ inputs, outputs, kernel: kernel ?? 1, stride: stride ?? 1, dilation: dilation ?? 1, padding: before ?? 0 });
  return kind === "adaptive" ? adaptivePlan(inputs, outputs) : null;
}

/** @param {ShapeLayer} layer @param {number} space */
function insertionAxes({ input_shape: input, output_shape: output, reads }, space) {
  if (!input || !output) return null;
  const axes = [];
  for (let place = 0; place < space; place += 1) {
    const index = input.length - space + place;
    const reading = reads.find(({ axis }) => axis === index);
    axes.push(insertionPlan({ inputs: input[index], outputs: output[output.length - space + place], kernel: reading?.kernel ?? 1, stride: reading?.stride ?? 1, dilation: reading?.dilation ?? 1, padding: reading?.before ?? 0 }));
  }
  return withThree(axes);
}

/** @type {Record<string, Interpolation>} */
const WAYS = { nearest: "nearest", "nearest-exact": "nearest-exact", linear: "linear", bilinear: "linear", trilinear: "linear", bicubic: "cubic" };

/**
 * @param {string} type
 * @param {Values} values
 * @param {number} place  of the axis
 * @param {number} space
 * @param {number} inputs
 * @param {number} outputs
 */
function resizedAxis(type, values, place, space, inputs, outputs) {
  const mode = type === "UpsamplingBilinear2d" ? "bilinear" : type === "UpsamplingNearest2d" ? "nearest" : typeof values.mode === "string" ? values.mode : "nearest";
  if (mode === "area") return adaptivePlan(inputs, outputs);
  const given = eachAxis(/** @type {Value} */ (values.scale_factor ?? null), space)[place];
  const factor = typeof given === "number" && values.recompute_scale_factor !== true ? given : null;
  return interpolationPlan({ inputs, outputs, taps: WAYS[mode] ?? "nearest", factor, align: type === "UpsamplingBilinear2d" || values.align_corners === true });
}
