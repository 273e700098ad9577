/**
 * Receptive fields along one axis of the input, all to one scale.
 *
 * @import {Field, StackAnswer} from "./stack.js"
 */

/**
 * @typedef {{low: number, high: number}} Extent  positions of the input's axis
 * @typedef {{unit: Extent, next: Extent | null, inside: Extent | null}} FieldBoxes
 *   The field of the unit at 0, that of the unit at 1, and the part of the first that lies on the input.
 */

/**
 * How many axes of space the fields have.
 *
 * @param {StackAnswer | null} answer
 */
export function fieldAxes(answer) {
  return Math.max(0, ...(answer?.layers ?? []).map(({ receptive_field: field }) => field?.size.length ?? 0));
}

/** Of an input of which more than so many times is not read by the first units, only the beginning is drawn. */
const MUCH = 2;

/**
 * What is drawn: the fields of the first two units of all layers, and the input, or its beginning
 * where the fields would be too small beside all of it.
 *
 * @param {(StackAnswer | null)[]} answers  of the stacks that share the scale
 * @param {number} axis  of space
 * @param {number} size  of the input's axis
 * @returns {Extent}
 */
export function fieldExtent(answers, axis, size) {
  let [low, high] = [0, 1];
  for (const { receptive_field: field } of answers.flatMap((answer) => answer?.layers ?? [])) {
    if (!field || axis >= field.size.length) continue;
    low = Math.min(low, field.start[axis]);
    high = Math.max(high, field.start[axis] + field.stride[axis] + field.size[axis]);
  }
  const whole = Math.max(1, size);
  return { low, high: high * MUCH < whole ? Math.ceil(high * 1.25) : Math.max(high, whole) };
}

/**
 * @param {Field} field
 * @param {number} axis
 * @param {number} size  of the input's axis
 * @returns {FieldBoxes}
 */
export function fieldBoxes(field, axis, size) {
  const low = field.start[axis];
  const high = low + field.size[axis];
  const stride = field.stride[axis];
  const inside = { low: Math.max(0, low), high: Math.min(size, high) };
  return {
    unit: { low, high },
    next: stride > 0 ? { low: low + stride, high: high + stride } : null,
    inside: inside.high > inside.low ? inside : null,
  };
}

/**
 * Size, stride and start in words.
 *
 * @param {Field} field
 */
export function fieldWords(field) {
  /** @param {number[]} values */
  const each = (values) => (values.every((value) => value === values[0]) ? String(values[0]) : values.join("\u202f×\u202f")).replaceAll("-", "−");
  return { size: field.size.join("\u202f×\u202f"), stride: each(field.stride), start: each(field.start) };
}
