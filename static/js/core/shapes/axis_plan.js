/**
 * What happens along one axis: which positions of the input each position of the output reads.
 * Positions are those of the input: negative before it, from its size on behind it.
 */

/** @typedef {{at: number, tap: number, weight: number}} Tap  tap: which of the kernel's; weight: of an interpolation, else 1 */

/**
 * @typedef {object} AxisPlan
 * @property {number} inputs   size of the input
 * @property {number} outputs  size of the output
 * @property {number} from     first position that is drawn
 * @property {number} to       after the last position that is drawn
 * @property {number} before   padding before the input
 * @property {number} after    padding behind it
 * @property {number} taps     of the kernel
 * @property {(output: number) => Tap[]} reads
 * @property {(at: number) => number[]} readers  outputs that read a position
 * @property {{before: number, after: number, reaches: (at: number) => number[]}} [cropped]  of a
 *   transposed convolution: what its padding takes off the output, and where an input adds to with it
 */

/** Taps that are looked through to see who reads a position. */
const MOST_TAPS = 4096;

/** @param {number} length @param {(index: number) => Tap} make */
const taps = (length, make) => Array.from({ length: Math.min(length, MOST_TAPS) }, (_, index) => make(index));

/**
 * Windows at every stride: convolution and pooling. Output o reads `o * stride - before + dilation * t`.
 *
 * @param {{inputs: number, outputs: number, kernel: number, stride: number, dilation: number, before: number, after: number}} setting
 * @returns {AxisPlan}
 */
export function windowPlan({ inputs, outputs, kernel, stride, dilation, before, after }) {
  const last = (outputs - 1) * stride - before + dilation * (kernel - 1);
  return {
    inputs,
    outputs,
    from: Math.min(0, -before),
    to: Math.max(inputs, inputs + after, last + 1),
    before,
    after,
    taps: kernel,
    reads: (output) => taps(kernel, (tap) => ({ at: output * stride - before + dilation * tap, tap, weight: 1 })),
    readers: (at) => {
      const found = [];
      for (let tap = Math.min(kernel, MOST_TAPS) - 1; tap >= 0; tap -= 1) {
        const start = at + before - dilation * tap;
        if (start >= 0 && start % stride === 0 && start / stride < outputs) found.push(start / stride);
      }
      return found;
    },
  };
}

/**
 * A transposed convolution: input j adds to the outputs `j * stride - padding + dilation * t`.
 *
 * @param {{inputs: number, outputs: number, kernel: number, stride: number, dilation: number, padding: number}} setting
 * @returns {AxisPlan}
 */
export function spreadPlan({ inputs, outputs, kernel, stride, dilation, padding }) {
  const full = (inputs - 1) * stride + dilation * (kernel - 1) + 1;
  return {
    cropped: {
      before: padding,
      after: Math.max(0, full - padding - outputs),
      reaches: (at) => Array.from({ length: Math.min(kernel, MOST_TAPS) }, (_, tap) => at * stride - padding + dilation * tap),
    },
    inputs,
    outputs,
    from: 0,
    to: inputs,
    before: 0,
    after: 0,
    taps: kernel,
    reads: (output) => {
      const found = [];
      for (let tap = Math.min(kernel, MOST_TAPS) - 1; tap >= 0; tap -= 1) {
        const place = output + padding - dilation * tap;
        if (place >= 0 && place % stride === 0 && place / stride < inputs) found.push({ at: place / stride, tap, weight: 1 });
      }
      return found;
    },
    readers: (at) => {
      const found = [];
      for (let tap = 0; tap < Math.min(kernel, MOST_TAPS); tap += 1) {
        const output = at * stride - padding + dilation * tap;
        if (output >= 0 && output < outputs) found.push(output);
      }
      return found;
    },
  };
}

/**
 * The same as a convolution of stride 1: zeros are put between the inputs and around them, and the
 * flipped kernel slides over that. Positions count the input with its zeros: input j is at
 * `j * stride`.
 *
 * @param {{inputs: number, outputs: number, kernel: number, stride: number, dilation: number, padding: number}} setting
 * @returns {AxisPlan}
 */
export function insertionPlan({ inputs, outputs, kernel, stride, dilation, padding }) {
  const lead = dilation * (kernel - 1) - padding;
  const stretched = (inputs - 1) * stride + 1;
  return {
    inputs: stretched,
    outputs,
    from: Math.min(0, -lead),
    to: Math.max(stretched, outputs - lead + dilation * (kernel - 1)),
    before: lead,
    after: Math.max(0, outputs - lead + dilation * (kernel - 1) - stretched),
    taps: kernel,
    // From left to right the window meets the taps in reverse.
    reads: (output) => taps(kernel, (place) => ({ at: output - lead + dilation * place, tap: kernel - 1 - place, weight: 1 })),
    readers: (at) => {
      const found = [];
      for (let place = Math.min(kernel, MOST_TAPS) - 1; place >= 0; place -= 1) {
        const output = at + lead - dilation * place;
        if (output >= 0 && output < outputs) found.push(output);
      }
      return found;
    },
  };
}

/**
 * Adaptive pooling: output o reads from `floor(o * inputs / outputs)` until `ceil((o + 1) * inputs / outputs)`.
 *
 * @param {number} inputs
 * @param {number} outputs
 * @returns {AxisPlan}
 */
export function adaptivePlan(inputs, outputs) {
  /** @param {number} output */
  const start = (output) => Math.floor((output * inputs) / outputs);
  /** @param {number} output */
  const end = (output) => Math.ceil(((output + 1) * inputs) / outputs);
  return {
    inputs,
    outputs,
    from: 0,
    to: inputs,
    before: 0,
    after: 0,
    taps: Math.ceil(inputs / outputs) + 1,
    reads: (output) => taps(end(output) - start(output), (tap) => ({ at: start(output) + tap, tap, weight: 1 })),
    readers: (at) => {
      const found = [];
      const near = Math.floor((at * outputs) / inputs);
      const reach = Math.ceil(outputs / inputs) + 1;
      for (let output = Math.max(0, near - 1); output < Math.min(outputs, near + reach + 1); output += 1) {
        if (start(output) <= at && at < end(output)) found.push(output);
      }
      return found;
    },
  };
}

/** @typedef {"nearest" | "nearest-exact" | "linear" | "cubic"} Interpolation */

/**
 * Interpolation, as PyTorch computes it: in single precision, with the inverse of the scale factor
 * where that was given, without recomputing it.
 *
 * @param {{inputs: number, outputs: number, taps: Interpolation, factor: number | null, align: boolean}} setting
 *   factor: the scale factor that was given; null: a size was
 * @returns {AxisPlan}
 */
export function interpolationPlan({ inputs, outputs, taps: way, factor, align }) {
  const single = Math.fround;
  const scale = align ? (outputs > 1 ? single((inputs - 1) / (outputs - 1)) : 0) : factor !== null && factor > 0 ? single(1 / factor) : single(inputs / outputs);
  /** @param {number} at */
  const clamped = (at) => Math.min(inputs - 1, Math.max(0, at));
  /** @param {number} output @returns {Tap[]} */
  const reads = (output) => {
    if (way === "nearest") return [{ at: clamped(Math.floor(single(output * scale))), tap: 0, weight: 1 }];
    if (way === "nearest-exact") return [{ at: clamped(Math.floor(single((output + 0.5) * scale))), tap: 0, weight: 1 }];
    const centre = align ? single(scale * output) : single(single(scale * single(output + 0.5)) - 0.5);
    if (way === "linear") {
      const place = Math.max(0, centre);
      const first = Math.min(Math.floor(place), inputs - 1);
      const share = Math.min(1, Math.max(0, place - first));
      const second = Math.min(first + 1, inputs - 1);
      return share === 0 || second === first ? [{ at: first, tap: 0, weight: 1 }] : [{ at: first, tap: 0, weight: 1 - share }, { at: second, tap: 1, weight: share }];
    }
    const first = Math.floor(centre);
    /** @type {Map<number, Tap>} */
    const found = new Map();
    cubic(centre - first).forEach((weight, tap) => {
      const at = clamped(first - 1 + tap);
      const known = found.get(at);
      if (known) known.weight += weight;
      else found.set(at, { at, tap, weight });
    });
    return [...found.values()];
  };
  return {
    inputs,
    outputs,
    from: 0,
    to: inputs,
    before: 0,
    after: 0,
    taps: way === "cubic" ? 4 : way === "linear" ? 2 : 1,
    reads,
    readers: (at) => {
      const found = [];
      const reach = way === "cubic" ? 3 : 2;
      const first = scale > 0 ? Math.max(0, Math.floor((at - reach) / scale) - 1) : 0;
      const last = scale > 0 ? Math.min(outputs - 1, Math.ceil((at + reach) / scale) + 1) : outputs - 1;
      for (let output = first; output <= Math.min(last, first + MOST_TAPS); output += 1) if (reads(output).some((tap) => tap.at === at)) found.push(output);
      return found;
    },
  };
}

/** Weights of cubic convolution with a = -0.75, as PyTorch's. @param {number} t  0..1 */
function cubic(t) {
  const a = -0.75;
  /** @param {number} x */
  const near = (x) => ((a + 2) * x - (a + 3)) * x * x + 1;
  /** @param {number} x */
  const far = (x) => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return [far(t + 1), near(t), near(1 - t), far(2 - t)];
}

/** Every position reads its own. @param {number} size @returns {AxisPlan} */
export function ownPlan(size) {
  return windowPlan({ inputs: size, outputs: size, kernel: 1, stride: 1, dilation: 1, before: 0, after: 0 });
}

/** Every position reads all. @param {number} inputs @param {number} outputs @returns {AxisPlan} */
export function wholePlan(inputs, outputs) {
  return {
    inputs,
    outputs,
    from: 0,
    to: inputs,
    before: 0,
    after: 0,
    taps: inputs,
    reads: () => taps(inputs, (tap) => ({ at: tap, tap, weight: 1 })),
    readers: () => Array.from({ length: Math.min(outputs, MOST_TAPS) }, (_, output) => output),
  };
}

/** @typedef {"zeros" | "constant" | "reflect" | "replicate" | "circular"} PaddingMode */

/**
 * Where the value at a position comes from: itself on the input, a copy of another in the padding.
 *
 * @param {number} at
 * @param {number} size  of the input
 * @param {PaddingMode} mode
 * @returns {number | null} null: it is no copy
 */
export function originOf(at, size, mode) {
  if (at >= 0 && at < size) return at;
  if (mode === "reflect") {
    const mirrored = at < 0 ? -at : 2 * (size - 1) - at;
    return mirrored >= 0 && mirrored < size ? mirrored : null;
  }
  if (mode === "replicate") return at < 0 ? 0 : size - 1;
  if (mode === "circular") return ((at % size) + size) % size;
  return null;
}
