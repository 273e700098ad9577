/**
 * The shapes of answers about where values come from and go to. Types only; nothing runs here.
 *
 * @import {Interval} from "./types.js"
 *
 * @typedef {"exact" | "bound" | "unsupported"} FieldStatus
 *
 * @typedef {object} Region  Some cells of a map.
 * @property {[Interval, Interval] | null} box  around them; null: of a layer with other axes
 * @property {Interval[][] | null} mask  for each row of the box, the columns; null: the whole box
 *
 * @typedef {Region & {layer: string, kind: string, depth: number, inputs: string[], shape: [number, number, number], cells: number, channels: Interval[], channel: number}} ColumnPart
 *   What a value reads of one layer on the way to it; `channel` has the largest value there.
 *
 * @typedef {object} FieldColumn  The deepest first.
 * @property {string} layer
 * @property {number} channel
 * @property {number} y
 * @property {number} x
 * @property {FieldStatus} status
 * @property {string[]} causes
 * @property {ColumnPart[]} parts
 *
 * @typedef {Region & {layer: string, kind: string, shape: number[], cells: number, of: number, channels: number, status: FieldStatus, causes: string[]}} ProjectedLayer
 *   What a place can change in one later layer.
 *
 * @typedef {object} ProjectiveField
 * @property {string} source
 * @property {number | null} channel
 * @property {number | null} y
 * @property {number | null} x
 * @property {number[]} source_shape
 * @property {ProjectedLayer[]} layers
 *
 * @typedef {"input" | "noise" | "examples"} Over  What an effective field is averaged over.
 * @typedef {{inputs: number, of: number, shape: [number, number], values: string | null, ended: "all" | "time" | null}} EffectiveField
 *   A line of the answer; values are float32 in Base64.
 * @typedef {{values: Float32Array, height: number, width: number}} Heat  How much each pixel counts.
 *
 * @typedef {[number, number, number | null]} Tap  Place in the kernel, on the input, and of the value that stands there.
 *
 * @typedef {object} SlidingWindow  How one output channel comes about from one input channel.
 * @property {string} layer
 * @property {"convolution" | "transposed_convolution" | "max_pooling" | "average_pooling"} kind
 * @property {number} channel
 * @property {string | null} source
 * @property {number} input_channel
 * @property {Interval} input_channels
 * @property {(number | null)[][]} values
 * @property {(number | null)[][]} output
 * @property {Tap[][]} rows
 * @property {Tap[][]} columns
 * @property {(number | null)[][] | null} kernel
 * @property {number | null} bias
 * @property {(number | null)[][] | null} others
 * @property {boolean} count_padding
 * @property {number | null} divisor
 */

export {};
