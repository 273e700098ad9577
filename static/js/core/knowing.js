/**
 * Whether a network knows what is drawn, said steadily: first strokes are hardly ever known, and
 * while somebody draws the answer may change with each stroke.
 *
 * @import {Guessed} from "./types.js"
 */
import { percent } from "./numbers.js";

/** What was known is taken back only when it is unknown for so many milliseconds. */
export const STEADY = 600;
/** When the pen has rested for so many milliseconds, "not yet" becomes "I don't know". */
export const REST = 1500;

/**
 * @typedef {"known" | "not yet" | "unknown"} Verdict
 *
 * @typedef {object} Knowing
 * @property {number | null} unknownSince  time of the first answer since which none was known
 * @property {boolean} wasKnown  whether any answer about this drawing was known
 * @property {number} inked  time of the newest ink
 */

/** @type {Readonly<Knowing>} */
export const NOTHING_KNOWN = { unknownSince: null, wasKnown: false, inked: -Infinity };

/** The pen has moved. @param {Readonly<Knowing>} knowing @param {number} now @returns {Knowing} */
export const inked = (knowing, now) => ({ ...knowing, inked: now });

/**
 * An answer has come.
 *
 * @param {Readonly<Knowing>} knowing
 * @param {boolean} unknown
 * @param {number} now
 * @returns {Knowing}
 */
export function answered(knowing, unknown, now) {
  if (!unknown) return { ...knowing, unknownSince: null, wasKnown: true };
  return { ...knowing, unknownSince: knowing.unknownSince ?? now };
}

/**
 * What to say now, and in how many milliseconds it would be something else without another answer
 * (null: never).
 *
 * @param {Readonly<Knowing>} knowing
 * @param {number} now
 * @returns {{verdict: Verdict, changesIn: number | null}}
 */
export function verdictAt({ unknownSince, wasKnown, inked }, now) {
  if (unknownSince === null) return { verdict: "known", changesIn: null };
  const doubted = now - unknownSince;
  if (wasKnown && doubted < STEADY) return { verdict: "known", changesIn: STEADY - doubted };
  const rested = now - inked;
  if (rested < REST) return { verdict: "not yet", changesIn: REST - rested };
  return { verdict: "unknown", changesIn: null };
}

/**
 * What is said of a drawing that is not known: in large, beside it, and to a screen reader.
 *
 * @param {Guessed} guessed
 * @param {"not yet" | "unknown"} verdict
 * @param {number} leastProbability  with less the best guess is not sure enough; with more, what is
 *   unknown is a scribble
 * @returns {{label: string, phrase: string, sentence: string}}
 */
export function doubt({ predictions }, verdict, leastProbability) {
  const nearest = predictions.slice(0, 2).map(({ label, probability }) => `${label} (${percent(probability)})`);
  const phrase = `Nearest: ${nearest.join(", ")}.`;
  const first = predictions[0]?.label ?? "";
  const isScribble = (predictions[0]?.probability ?? 0) >= leastProbability;
  const reason = isScribble ? "It looks like a scribble." : "Nothing is likely enough.";
  if (verdict === "not yet") return { label: "Not yet …", phrase, sentence: `Not known yet. Nearest: ${first}.` };
  return { label: "I don’t know this one", phrase: `${reason} ${phrase}`, sentence: `I don’t know this one. ${reason} Nearest: ${first}.` };
}
