/**
 * What happens in a step, in words.
 *
 * @import {Evaluation, Term} from "./evaluate.js"
 * @import {LayerPlan, Place} from "./layer_plan.js"
 */
import { plural } from "../numbers.js";
import { placeWords } from "./steps.js";

/** Terms that a sentence lists. */
const MOST = 12;

/** @param {number} value  with at most four digits behind the point */
export function plainNumber(value) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "not a number" : value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  const text = size !== 0 && (size < 0.001 || size >= 1e9) ? size.toExponential(3) : String(Math.round(size * 1e4) / 1e4);
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

/** @param {Term} term */
const factorText = ({ value, factor }) => (factor === null || factor === 1 ? plainNumber(value) : `${plainNumber(value)}·${factor < 0 ? `(${plainNumber(factor)})` : plainNumber(factor)}`);

/** The base of a power, in brackets where it is below zero. @param {number} value */
const powerText = (value) => (value < 0 ? `(${plainNumber(value)})` : plainNumber(value));

/** @param {string[]} parts @param {string} join */
function listed(parts, join) {
  const rest = parts.length - MOST;
  return rest > 0 ? `${parts.slice(0, MOST).join(join)}${join}… (${rest} more)` : parts.join(join);
}

/**
 * @param {LayerPlan} plan
 * @param {Place} place  in the output
 * @param {Evaluation} evaluation
 */
export function outputSentence(plan, place, { terms, value, divisor, chosen, bias }) {
  // What was moved into a single row has positions, whatever it came from.
  const row = !plan.separable && plan.axes[0].outputs === 1 && plan.axes[1].outputs === 1;
  const where = `Output ${row ? `position ${place[3]}` : placeWords(plan, place)}${plan.channels[1] > 1 ? ` of channel ${place[0]}` : ""}`;
  const result = plainNumber(value);
  if (terms.length === 0) return `${where} = ${result}: nothing of the input reaches it.`;
  switch (plan.operation) {
    case "max": {
      const inside = terms.filter((term) => term.inside);
      const from = chosen >= 0 ? `, from ${placeWords(plan, terms[chosen].place)}` : "";
      if (inside.length === 1) return `${where} = ${result}, the only value that it reads${from}.`;
      return `${where} = the largest of ${listed(inside.map((term) => plainNumber(term.value)), ", ")} = ${result}${from}.`;
    }
    case "average":
      return `${where} = (${listed(terms.map((term) => plainNumber(term.inside ? term.value : 0)), " + ")}) / ${divisor} = ${result}.`;
    case "power": {
      const power = plainNumber(Number(plan.values.norm_type));
      const cells = plan.kernel.reduce((all, taps) => all * taps, 1);
      const sum = `(${listed(terms.filter((term) => term.inside).map((term) => `${powerText(term.value)}^${power}`), " + ")})`;
      const scaled = divisor === cells ? sum : `(${sum} · ${cells} / ${divisor})`;
      return `${where} = ${scaled}^(1/${power}) = ${result}.`;
    }
    case "copy":
      return `${where} = ${result}, ${terms[0].inside || terms[0].place ? copied(plan, place, terms[0]) : ""}.`;
    default: {
      const sum = `${listed(terms.map(factorText), " + ")}${bias ? ` + ${plainNumber(bias)} (bias)` : ""}`;
      const written = sum.replaceAll("+ −", "− ");
      return `${where} = ${written === result ? "" : `${written} = `}${result}.`;
    }
  }
}

/** @param {LayerPlan} plan @param {Place} place @param {Term} term */
function copied(plan, place, { place: from, inside }) {
  if (!inside && (plan.mode === "zeros" || plan.mode === "constant")) return "put there by the padding";
  const channel = plan.channels[0] > 1 && from[0] !== place[0] ? `channel ${from[0]}, ` : "";
  return inside ? `the value of input ${channel}${placeWords(plan, from)}` : `a copy made by ${MODES[plan.mode]}`;
}

/** @type {Record<string, string>} */
export const MODES = { zeros: "zeros", constant: "a constant", reflect: "reflection", replicate: "replication", circular: "circular padding" };

/**
 * @param {LayerPlan} plan
 * @param {Place} place  in the input
 * @param {number} count  of outputs that it goes into
 */
export function inputSentence(plan, place, count) {
  const where = `Input ${placeWords(plan, place)}`;
  if (count === 0) return `${where} is never read.`;
  return `${where} goes into ${plural(count, "value")} of this output channel.`;
}
