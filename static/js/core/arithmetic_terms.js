/**
 * What the arithmetic of one value is made of, by kind, as the API has it. Types only.
 *
 * @typedef {number | "NaN" | "Infinity" | "-Infinity"} Figure  A number; in words where not finite.
 * @typedef {{count: number, value: Figure}} Rest  The terms that are not listed, together.
 * @typedef {{tap: number[], position: number[], source: number[] | null, padding: boolean}} WindowCell
 *   A place of a kernel, and the place on the input where it lies; places are of spatial axes.
 *
 * @typedef {{channel: number, patch: Figure[], kernel: Figure[], products: Figure[], sum: Figure}} ChannelTerm
 * @typedef {{cells: WindowCell[], channels: ChannelTerm[], rest: Rest | null, sum: Figure, bias: Figure | null, groups: number, group: number, input_channels: [number, number]}} KernelTerms
 * @typedef {KernelTerms & {padding_mode: string, as_linear: boolean}} ConvolutionTerms
 *
 * @typedef {{cells: WindowCell[], values: Figure[], rest: Rest | null}} WindowTerms
 * @typedef {WindowTerms & {winner: number[] | null, ties: number[][]}} MaxPoolingTerms
 * @typedef {WindowTerms & {sum: Figure, divisor: number, divisor_from: string}} AveragePoolingTerms
 * @typedef {WindowTerms & {norm_type: number, powers: Figure[], sum: Figure, counted: number, cells_of_kernel: number}} LpPoolingTerms
 *
 * @typedef {{x: number[], y: Figure[]}} Curve
 * @typedef {{function: string, parameters: Record<string, Figure | string>, x: Figure, slope: Figure, curve: Curve}} ActivationTerms
 *
 * @typedef {{name: string, expression: string, value: Figure}} Step
 * @typedef {{x: Figure, mean: Figure | null, variance: Figure, eps: number, weight: Figure | null, bias: Figure | null, statistics: "running" | "input", count: number, steps: Step[]}} NormalisationTerms
 * @typedef {{x: Figure, size: number, alpha: number, beta: number, k: number, channels: {channel: number, value: Figure, square: Figure}[], rest: Rest | null, sum: Figure, divisor: Figure}} LocalResponseNormalisationTerms
 *
 * @typedef {{name: string, source: string | null, shape: number[] | null, index: number[] | null, broadcast: boolean, value: Figure}} Side
 * @typedef {{operator: string, sides: Side[], alpha: number | null, rounding_mode: string | null}} ElementwiseTerms
 * @typedef {{axis: number, parts: {source: string | null, first: number, size: number}[], part: number, index: number[], stacked: boolean}} ConcatenationTerms
 *
 * @typedef {{in_features: number, out_features: number, products: {feature: number, input: Figure, weight: Figure, product: Figure}[], rest: Rest | null, sum: Figure, bias: Figure | null}} LinearTerms
 * @typedef {{length: number, products: {index: number, left: Figure, right: Figure, product: Figure}[], rest: Rest | null, sum: Figure, added: Figure | null, alpha: number, beta: number}} MatrixProductTerms
 * @typedef {{axis: number, index: number, maximum: Figure, logits: {index: number, logit: Figure, shifted: Figure, exponential: Figure, share: Figure}[], rest: Rest | null, sum: Figure, share: Figure, logarithm: Figure | null}} SoftmaxTerms
 *
 * @typedef {{x: Figure}} IdentityTerms
 * @typedef {{x: Figure, p: number, keep_probability: number, scale: number | null, training: boolean, whole_channels: boolean, kept: boolean, value_if_kept: Figure | null}} DropoutTerms
 * @typedef {{source: string | null, argument: number | null, index: number[] | null}} MovementTerms
 * @typedef {{mode: string, sources: (number | null)[], cells: {index: number[], value: Figure, weight: Figure, product: Figure}[], rest: Rest | null, weights: Figure}} InterpolationTerms
 * @typedef {{function: string, axes: number[], count: number, values: {index: number[], value: Figure}[], rest: Rest | null, divisor: number, sum: Figure | null}} ReductionTerms
 * @typedef {{classes: number, reduction: string, label_smoothing: number, items: {index: number[], target: number | null, logit: Figure | null, log_sum: Figure, weight: Figure, loss: Figure}[], rest: Rest | null, ignored: number, sum: Figure, divisor: Figure}} CrossEntropyTerms
 * @typedef {{row: number, column: number, rows: number}} EmbeddingTerms
 * @typedef {{statement: string, recomputed: boolean, causes: string[]}} GeneralTerms
 */

export {};
