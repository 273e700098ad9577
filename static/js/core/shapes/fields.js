/**
 * Texts of form fields and of the address as values of parameters, and back.
 *
 * @import {KindParameter, Scalar, Value} from "./types.js"
 */

const WHOLE = /^[+-]?\d+$/;
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/** Kinds of parameters whose numbers need not be whole. */
const REAL = new Set(["number", "number or null", "number, one for each axis, or null"]);
const FLAGS = new Set(["true or false", "true, false or null"]);
const LISTS = new Set([
  "integer, or one for each axis",
  "integer, one for each axis, or null",
  "integer, or an integer or null for each axis",
  "integer, one for each axis, same or valid",
  "number, one for each axis, or null",
  "integer or list of integers",
  "list of integers",
]);

/** @param {string} kind */
export const isFlag = (kind) => FLAGS.has(kind);
/** @param {string} kind */
export const takesLists = (kind) => LISTS.has(kind);
/** Whether a list has one value for each axis of space. @param {string} kind */
export const isPerAxis = (kind) => takesLists(kind) && kind.includes("each axis");
/** @param {string} kind */
export const takesNull = (kind) => kind.includes("null");

/**
 * One number, flag or None. A number that the parameter cannot take stays as it is: the server says
 * what is wrong with it.
 *
 * @param {string} text
 * @param {string} kind
 * @returns {Scalar}
 */
function readScalar(text, kind) {
  if (/^(?:none|null)$/i.test(text)) return null;
  if (FLAGS.has(kind) && /^(?:true|false)$/i.test(text)) return text.toLowerCase() === "true";
  if (WHOLE.test(text)) return Number.isSafeInteger(Number(text)) || REAL.has(kind) ? Number(text) : text;
  if (DECIMAL.test(text)) {
    const number = Number(text);
    // 2.0 is no whole number to PyTorch, but would be to JSON.
    if (REAL.has(kind) ? Number.isFinite(number) : !Number.isInteger(number)) return number;
  }
  return text;
}

/**
 * The value that a text says.
 *
 * @param {string} text
 * @param {string} kind  of the parameter
 * @returns {Value | undefined} undefined: nothing, so the default
 */
export function readValue(text, kind) {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  if (!takesLists(kind)) return readScalar(trimmed, kind);
  const bracketed = /^(?:\((.*)\)|\[(.*)\])$/s.exec(trimmed);
  const inner = (bracketed ? (bracketed[1] ?? bracketed[2]) : trimmed).trim();
  if (bracketed && inner === "") return [];
  if (!inner.includes(",") && trimmed.startsWith("[")) return [readScalar(inner, kind)];
  if (!inner.includes(",")) return readScalar(inner, kind);
  return inner
    .replace(/,\s*$/, "")
    .split(",")
    .map((part) => readScalar(part.trim(), kind));
}

/** @param {Scalar} value */
const scalarText = (value) => (value === null ? "None" : value === true ? "True" : value === false ? "False" : String(value));

/**
 * A value as it stands in a field: what readValue makes the same value of.
 *
 * @param {Value | undefined} value
 */
export function valueText(value) {
  if (value === undefined) return "";
  if (!Array.isArray(value)) return scalarText(value);
  if (value.length === 0) return "[]";
  return value.length === 1 ? `${scalarText(value[0])},` : value.map(scalarText).join(", ");
}

/**
 * What a field says that the page cannot send exactly, in a sentence; "" where there is nothing.
 *
 * @param {string} text
 */
export function inexact(text) {
  const large = text.split(/[\s,()[\]]+/).some((part) => WHOLE.test(part) && !Number.isSafeInteger(Number(part)));
  return large ? `This page computes with whole numbers up to ${Number.MAX_SAFE_INTEGER.toLocaleString("en-GB")}.` : "";
}

/**
 * The size that a field of the input's shape says.
 *
 * @param {string} text
 * @returns {Scalar}
 */
export function readSize(text) {
  const trimmed = text.trim();
  return WHOLE.test(trimmed) && Number.isSafeInteger(Number(trimmed)) ? Number(trimmed) : trimmed;
}

/**
 * Why a size is none, in a sentence; "" where it is one.
 *
 * @param {Scalar} size
 * @param {string} name  of the axis
 */
export function sizeFault(size, name) {
  if (typeof size === "number") return size < 0 ? `The ${name} is at least 0, not ${size}.` : "";
  const text = String(size);
  if (text === "") return `The ${name} is missing: write a whole number.`;
  return inexact(text) || `The ${name} is a whole number, not ${text.length > 40 ? `${text.slice(0, 39)}…` : text}.`;
}

/**
 * A pasted shape such as "[1, 3, 224, 224]", "(1, 3, 224, 224)" or "torch.Size([1, 3])".
 *
 * @param {string} text
 * @returns {number[] | null} null: it is none
 */
export function readShape(text) {
  const inner = /^\s*(?:torch\.Size)?\s*[([]*\s*([\d\s,x×]+?),?\s*[)\]]*\s*$/.exec(text);
  const parts = inner?.[1].split(/\s*[,x×]\s*|\s+/).filter(Boolean) ?? [];
  const sizes = parts.map(Number);
  return sizes.length > 1 && sizes.length <= 16 && sizes.every(Number.isSafeInteger) ? sizes : null;
}

/**
 * One value for each axis of a value that may be a single one.
 *
 * @param {Value | undefined} value
 * @param {number} axes
 * @returns {Scalar[]}
 */
export function eachAxis(value, axes) {
  const list = Array.isArray(value) ? value : [value ?? null];
  return list.length === axes ? list : Array.from({ length: axes }, () => list[0] ?? null);
}

/**
 * What a parameter is when it is left out.
 *
 * @param {KindParameter} parameter
 * @param {Value | undefined} value
 */
export const settled = (parameter, value) => (value === undefined ? parameter.default : value);
