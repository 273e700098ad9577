/** Formulas cut into pieces, so that each letter can be linked to what it stands for. @import {ShapeStep, StepSymbol} from "./types.js" */

/** @typedef {{text: string, symbol: StepSymbol | null}} Piece */

/**
 * The formula with letters, and the same with numbers.
 *
 * @param {ShapeStep} step
 * @returns {{letters: Piece[], numbers: Piece[]}} numbers: one plain piece where the two do not match
 */
export function pieces(step) {
  const symbols = new Map(step.symbols.map((symbol) => [symbol.name, symbol]));
  const parts = step.formula.split(/([A-Za-z]\d*)/).filter((part) => part !== "");
  const letters = parts.map((text) => ({ text, symbol: symbols.get(text) ?? null }));
  const numbers = letters.map(({ text, symbol }) => ({ text: symbol ? numberText(symbol.value) : text, symbol }));
  const agrees = numbers.map(({ text }) => text).join("") === step.filled;
  return { letters, numbers: agrees ? numbers : [{ text: step.filled, symbol: null }] };
}

/** A number as the server fills it in. @param {number} value */
function numberText(value) {
  return value < 0 ? `(−${-value})` : String(value);
}

/**
 * Steps by the axis of the output that they lead to, in the order in which they come. Axes whose
 * arithmetic is the same, number for number, stand together. Steps that lead to no axis of their own
 * begin anew where they are about the next axis of the input.
 *
 * @param {ShapeStep[]} steps
 * @returns {{axes: (number | null)[], steps: ShapeStep[]}[]}
 */
export function stepsByAxis(steps) {
  /** @type {{axes: (number | null)[], steps: ShapeStep[], key: string}[]} */
  const groups = [];
  for (const step of steps) {
    const last = groups.at(-1);
    const again = step.axis === null && last?.steps[0].name === step.name;
    if (last && last.axes[0] === step.axis && !again) last.steps.push(step);
    else groups.push({ axes: [step.axis], steps: [step], key: "" });
  }
  /** @type {Map<string, {axes: (number | null)[], steps: ShapeStep[]}>} */
  const distinct = new Map();
  for (const { axes, steps: own } of groups) {
    const key = axes[0] === null ? `none ${distinct.size}` : JSON.stringify(own.map(({ name, filled, value }) => [name, filled, value]));
    const known = distinct.get(key);
    if (known) known.axes.push(...axes);
    else distinct.set(key, { axes, steps: own });
  }
  return [...distinct.values()];
}
