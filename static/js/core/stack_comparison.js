/**
 * What two stacks make of the same input, set against each other.
 *
 * @import {Field, StackAnswer} from "./stack.js"
 */
import { bytes, compact, shapeText } from "./quantities.js";
import { fieldWords } from "./field_scale.js";
import { count } from "./numbers.js";

/** @typedef {{name: string, first: string, second: string, difference: string}} ComparedRow */

/**
 * @param {string} name
 * @param {number | null} first
 * @param {number | null} second
 * @param {(value: number) => string} written
 * @returns {ComparedRow}
 */
function numbers(name, first, second, written) {
  /** @param {number | null} value */
  const text = (value) => (value === null ? "not known" : written(value));
  let difference = "";
  if (first !== null && second !== null) {
    if (first === second) difference = "equal";
    else {
      const sign = second > first ? "+" : "−";
      const share = first > 0 ? ` (${sign}${((100 * Math.abs(second - first)) / first).toFixed(first * 10 < Math.abs(second - first) ? 0 : 1)}\u202f%)` : "";
      difference = `${sign}${written(Math.abs(second - first))}${share}`;
    }
  }
  return { name, first: text(first), second: text(second), difference };
}

/** @param {StackAnswer} answer @returns {Field | null} */
const lastField = (answer) => answer.layers.at(-1)?.receptive_field ?? null;

/** @param {Field | null} field */
const fieldText = (field) => {
  if (!field) return "not the same for all units";
  const { size, stride, start } = fieldWords(field);
  return `${size}, stride ${stride}, start ${start}`;
};

/**
 * @param {StackAnswer} first
 * @param {StackAnswer} second
 * @returns {ComparedRow[]}
 */
export function compareStacks(first, second) {
  /** @param {StackAnswer} answer */
  const output = ({ output_shape: shape }) => (shape ? shapeText(shape) : "does not fit");
  const shapes = [output(first), output(second)];
  const fields = [fieldText(lastField(first)), fieldText(lastField(second))];
  const whole = first.output_shape !== null && second.output_shape !== null;
  return [
    { name: "Output", first: shapes[0], second: shapes[1], difference: !whole ? "" : shapes[0] === shapes[1] ? "equal" : "different" },
    {
      name: "Receptive field",
      first: first.output_shape ? fields[0] : "",
      second: second.output_shape ? fields[1] : "",
      difference: !whole || !lastField(first) || !lastField(second) ? "" : fields[0] === fields[1] ? "equal" : "different",
    },
    numbers("Layers", first.layers.length, second.layers.length, count),
    numbers("Parameters", first.parameters, second.parameters, compact),
    numbers("MACs", first.multiply_accumulates, second.multiply_accumulates, compact),
    numbers("Forward", first.activation_bytes, second.activation_bytes, bytes),
    numbers("Backward", first.saved_for_backward_bytes, second.saved_for_backward_bytes, bytes),
  ];
}
