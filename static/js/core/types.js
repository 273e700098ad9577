/**
 * The shapes of data that pass between the browser's modules. Types only; nothing runs here.
 *
 * @import {Figure} from "./arithmetic_terms.js"
 *
 * @typedef {{x: number[], y: number[], t: number[]}} Stroke
 *   One movement of the pen in pad units (0..PAD_SIDE, x to the right, y downwards); `t` in
 *   milliseconds since the drawing's first point. The three lists have equal lengths.
 * @typedef {Stroke[]} Drawing
 * @typedef {{left: number, top: number, right: number, bottom: number}} Box
 *
 * @typedef {{label: string, probability: number, logit: number}} Prediction
 *
 * @typedef {object} Guessed  What a network makes of an input.
 * @property {Prediction[]} predictions  the likeliest first
 * @property {boolean} [unknown]  the network does not know it; absent where that was never measured
 *
 * @typedef {object} Preprocessing  What the server did to bring the input to the network's form.
 * @property {"strokes" | "bitmap" | "image" | "example"} source
 * @property {number} [strokes]
 * @property {number} [points]
 * @property {Box} [box]
 * @property {number} [scale]  pixel = point * scale + offset
 * @property {{x: number, y: number}} [offset]
 * @property {number} [line_width]  diameter of the network's pen in pixels of its image
 * @property {{name: string, detail: string}[]} [steps]
 *
 * @typedef {object} LayerNode  One operation of the network.
 * @property {string} name
 * @property {string} kind
 * @property {string} module_path
 * @property {number} call
 * @property {string[]} inputs
 * @property {number[]} shape  with its batch axis
 * @property {Record<string, unknown>} attributes
 * @property {number} parameters
 * @property {LayerField | null} [receptive_field]  of a model's description
 *
 * @typedef {LayerNode & {multiply_accumulates: number, activation_bytes: number, saved_for_backward_bytes: number | null, receptive_field: LayerField | null}} CostedNode
 *   The same with what it costs for one image, from GET /models/{name}.
 *
 * @typedef {{size: number[], stride: number[], start: number[]}} LayerField  By axis, in pixels.
 *
 * @typedef {LayerNode & {minimum: number, maximum: number, signed: boolean, zero_fraction: number}} InspectedLayer
 *
 * @typedef {{width: number, height: number, colours: Uint32Array}} ColourImage
 *   Opaque RGBA colours, row by row, in the byte order of ImageData.
 * @typedef {number[][] | ColourImage} InputImage  Rows of ink, 0 to 255, of a doodle; or an image.
 *
 * @typedef {object} InspectedInput
 * @property {"doodle" | "image" | "example"} kind
 * @property {number[]} shape
 * @property {InputImage | null} image  null: it is no picture
 * @property {[number, number] | null} size  height and width of that
 * @property {string | null} picture  where the server has it as a PNG
 * @property {string} arrays  where the server has the exact values
 * @property {Preprocessing} preprocessing
 *
 * @typedef {object} InputPixel
 * @property {number} y
 * @property {number} x
 * @property {number[]} levels  0 to 255: grey, or red, green and blue
 * @property {(number | null)[]} values  exact, one for each channel
 *
 * @typedef {object} Inspection
 * @property {string} id
 * @property {string} model
 * @property {string} version
 * @property {InspectedInput} input
 * @property {Prediction[]} predictions
 * @property {boolean} [unknown]  the network does not know it; absent where that was never measured
 * @property {number | null} entropy  of the whole distribution, in nats; null: it makes no guesses
 * @property {InspectedLayer[]} layers
 *
 * @typedef {object} Model
 * @property {string} name
 * @property {string} title
 * @property {string} version
 * @property {number} parameters
 * @property {number} multiply_accumulates
 * @property {"doodle" | "image" | "example"} input
 * @property {number[]} input_shape
 * @property {number} examples
 * @property {string} silence  why it makes no guesses; "" where it does
 * @property {string[]} categories
 * @property {CostedNode[]} nodes
 *
 * @typedef {object} LayerMaps  One layer of a decoded atlas.
 * @property {string} name
 * @property {number} channels
 * @property {number} height
 * @property {number} width
 * @property {Uint8Array} data  quantised, channel by channel, row by row
 * @property {number} minimum
 * @property {number} maximum
 * @property {boolean} signed
 * @property {number[]} channelMinimum
 * @property {number[]} channelMaximum
 * @property {number} nonFinite
 * @property {LockedRange} [locked]  the range that the layer's colours are locked at, if they are
 *
 * @typedef {{minimum: number, maximum: number, signed: boolean}} LockedRange
 *
 * @typedef {object} LayerStatistics  One value for each channel, exact, for one input.
 * @property {string} layer
 * @property {number} cells
 * @property {(number | null)[]} mean
 * @property {number[]} maximum
 * @property {number[]} zero_fraction
 * @property {boolean[]} dead  every value is exactly 0
 * @property {number[]} below  values below the range that was asked about
 * @property {number[]} above
 *
 * @typedef {object} LayerContributions  What each channel contributes to a logit.
 * @property {string} layer
 * @property {string} label
 * @property {number} logit
 * @property {(number | null)[]} contribution
 * @property {number | null} total
 * @property {number | null} rest
 * @property {boolean} reaches
 *
 * @typedef {object} Histogram  Zeros and what is not finite are in no bin.
 * @property {number[]} edges  one more than bins
 * @property {number[]} counts
 * @property {number} zeros
 * @property {number} not_a_number
 * @property {number} infinite
 * @property {number} total
 *
 * @typedef {object} LayerParameter
 * @property {string} name
 * @property {number[]} shape
 * @property {boolean} learnable
 * @property {number} values
 * @property {number} minimum
 * @property {number} maximum
 * @property {number} bound  98 % of the values are no further from 0
 * @property {number} beyond  how many are
 * @property {string[]} names  several where modules share it
 * @property {string[]} layers  that read it
 * @property {{form: "kernels" | "templates" | "matrix", outputs: number, inputs: number, height: number, width: number, by_channel: boolean, groups: number} | null} picture
 * @property {(number | null)[] | null} vector
 *
 * @typedef {object} Channel  Exact float32 values of one channel.
 * @property {string} layer
 * @property {number} channel
 * @property {[number, number]} shape
 * @property {number[][]} values
 * @property {number} minimum
 * @property {number} maximum
 * @property {number} mean
 *
 * @typedef {{layer: string, channel: number, y: number, x: number, kind: string, shape: number[]}} UnitAddress
 *   One value of a layer; y and x are 0 where the layer has no such axes. Kind and shape are the layer's.
 * @typedef {[number, number]} Interval  Half-open: the first, and the one after the last.
 *
 * @typedef {object} ReceptiveField  Which pixels of the image can change a unit; rows, then columns.
 * @property {string} layer
 * @property {number | null} channel
 * @property {number | null} y
 * @property {number | null} x
 * @property {[number, number]} input_shape
 * @property {"exact" | "bound" | "unsupported"} status
 * @property {string[]} causes
 * @property {[Interval, Interval] | null} box
 * @property {Interval[][]} mask  for each row of the box, the columns
 * @property {[Interval, Interval] | null} unclipped  with what hangs over the border: padding
 * @property {[number, number] | null} size
 * @property {[number, number] | null} stride
 * @property {[number, number] | null} start
 *
 * @typedef {{input: string, argument: number, cells: number[][], exact: boolean}} CellsRead
 *   For each axis of what a layer read, batch first, the indices.
 *
 * @typedef {object} Arithmetic  What made one value; `kind` says what `terms` are.
 * @property {string} kind
 * @property {unknown} terms
 * @property {string} layer
 * @property {string} operation
 * @property {number} channel
 * @property {number} y
 * @property {number} x
 * @property {number[]} index
 * @property {string} formula
 * @property {Figure | null} value  in float64
 * @property {Figure} network_value
 * @property {number | null} difference
 * @property {CellsRead[]} reads
 * @property {string | null} snippet
 *
 * @typedef {{state: "ready"} | {state: "waiting", detail: string, seconds: number} | {state: "refused", detail: string}} SessionStatus
 *   How the page stands with its server.
 * @typedef {"light" | "dark"} Theme
 * @typedef {"layer" | "channel" | "locked"} RangeMode
 * @typedef {{row: number, column: number}} Cell
 */

export {};
