/**
 * Values of parameters as people type them. Whether a value is a good one, the server says; here
 * only numbers, lists and words are told apart.
 *
 * @import {Value, Scalar} from "./python_literal.js"
 */

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** Characters of a word that are kept. */
const LONGEST = 60;

/** @param {string} text @returns {Scalar} */
function scalar(text) {
  const word = text.trim();
  const sign = word.replace(/^[−–]/, "-");
  if (NUMBER.test(sign)) return Number(sign);
  if (/^(none|null)$/i.test(word)) return null;
  return word.slice(0, LONGEST);
}

/**
 * @param {string} kind  of the parameter, as the API names it
 * @param {string} text  such as "3", "3, 5", "3 x 5", "(3, 5)", "same"
 * @returns {Value | undefined} undefined for an empty text: the parameter is left out
 */
export function parseValue(kind, text) {
  const bare = text.trim();
  if (bare === "") return undefined;
  if (kind === "text") return bare.slice(0, LONGEST);
  const listed = bare.replace(/^[([]\s*/, "").replace(/\s*,?\s*[)\]]$/, "");
  const parts = listed.split(/\s*[,×]\s*|(?<=\d)\s*x\s*(?=[\d−-])|(?<=\d)\s+(?=[\d−-])/);
  if (parts.length > 1) return parts.map(scalar);
  return listed !== bare || kind === "list of integers" ? [scalar(listed)] : scalar(bare);
}

/** @param {Value | undefined} value @returns {string} */
export function formatValue(value) {
  if (value === undefined) return "";
  if (Array.isArray(value)) return value.length === 1 ? `(${formatValue(value[0])})` : value.map(formatValue).join(", ");
  return value === null ? "none" : String(value);
}

/**
 * A shape as people type it, without the batch.
 *
 * @param {string} text  such as "3, 32, 32" or "3×32×32"
 * @returns {{sizes: number[]} | {error: string}}
 */
export function parseShape(text) {
  const parts = text.trim().replace(/^[([]|[)\]]$/g, "").split(/\s*[,×]\s*|(?<=\d)\s*x\s*(?=\d)|\s+/i).filter(Boolean);
  if (parts.length > 15) return { error: `A shape has at most 15 sizes besides the batch, not ${parts.length}.` };
  for (const part of parts) {
    const { error } = /** @type {{error?: string}} */ (parseSize(part, "A size"));
    if (error) return { error };
  }
  return { sizes: parts.map(Number) };
}

/**
 * @param {string} text
 * @param {string} what
 * @returns {{size: number} | {error: string}}
 */
export function parseSize(text, what) {
  const word = text.trim();
  const shown = word.length > 20 ? `${word.slice(0, 19)}…` : word;
  if (word === "") return { error: `${what} is missing.` };
  if (!/^\d+$/.test(word)) return { error: `${what} is a whole number from 0 on, not ${shown}.` };
  if (!Number.isSafeInteger(Number(word))) return { error: `${what} is at most ${Number.MAX_SAFE_INTEGER}, not ${shown}.` };
  return { size: Number(word) };
}
