/**
 * The shapes of data that the calculator passes around. Types only; nothing runs here.
 *
 * @typedef {number | string | boolean | null} Scalar
 * @typedef {Scalar | Scalar[]} Value  Of a parameter, as JSON has it; what cannot be read stays text.
 * @typedef {Record<string, Value>} Values  Parameters that are set, by name.
 *
 * @typedef {object} KindParameter  One parameter of a layer's constructor.
 * @property {string} name
 * @property {string} kind  what values it takes, in words
 * @property {boolean} required
 * @property {Value} default
 * @property {string[]} choices
 *
 * @typedef {{type: string, axes: number, parameters: KindParameter[]}} LayerKind  axes: of space; 0: any.
 *
 * @typedef {{name: string, meaning: string, value: number, parameter: string | null}} StepSymbol
 * @typedef {{kind: "floor" | "ceil", numerator: number, denominator: number, unread: number, unread_input: number, beyond: number, removed: number}} StepRounding
 * @typedef {{name: string, meaning: string, axis: number | null, formula: string, filled: string, value: number, symbols: StepSymbol[], note: string, rounding: StepRounding | null}} ShapeStep
 * @typedef {{axis: number, kind: string, kernel: number | null, stride: number | null, dilation: number | null, before: number | null, after: number | null}} AxisReading
 *
 * @typedef {object} ShapeLayer
 * @property {string} type
 * @property {number[] | null} input_shape
 * @property {number[] | null} output_shape
 * @property {ShapeStep[]} steps
 * @property {AxisReading[]} reads
 * @property {import("../types.js").LayerField | null} receptive_field
 * @property {number | null} parameters
 * @property {number | null} multiply_accumulates
 * @property {number | null} activation_bytes
 * @property {number | null} saved_for_backward_bytes
 *
 * @typedef {{layer: number, changes: Record<string, Value>, insert: Record<string, Value> | null, detail: string, output_shape: number[]}} ShapeRepair
 * @typedef {{layer: number, parameter: string, detail: string, repairs: ShapeRepair[]}} ShapeProblem
 * @typedef {{output_shape: number[] | null, layers: ShapeLayer[], problems: ShapeProblem[]}} ShapesAnswer
 *
 * @typedef {{model: string, title: string, layer: string, parameters: Values}} KernelSource
 * @typedef {KernelSource & {weight: number[][][][], bias: number[] | null}} TrainedKernels
 *
 * @typedef {object} Configuration  All that the page's address says.
 * @property {string} type
 * @property {Scalar[]} input  sizes; what cannot be read stays text
 * @property {Values} values
 * @property {Record<string, string>} view  how the animation is set, by the names of VIEW_KEYS
 */

export {};
