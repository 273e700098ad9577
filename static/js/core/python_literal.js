/** Values as Python writes them: numbers, texts, True, False, None, and tuples of those. */

/**
 * @typedef {number | string | boolean | null} Scalar
 * @typedef {Scalar | Scalar[]} Value  of a layer's parameter
 */

const CONSTANTS = new Map(/** @type {[string, Scalar][]} */ ([["True", true], ["False", false], ["None", null]]));
const WORDS = new Map(/** @type {[Scalar, string][]} */ ([[true, "True"], [false, "False"], [null, "None"]]));
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/;

/**
 * @param {Value} value
 * @returns {string}
 */
export function formatLiteral(value) {
  if (Array.isArray(value)) return value.length === 1 ? `(${formatLiteral(value[0])},)` : `(${value.map(formatLiteral).join(", ")})`;
  const word = WORDS.get(value);
  if (word !== undefined) return word;
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

/** Reads a text piece by piece. Every method returns null, or undefined, where there is none of its kind. */
export class LiteralReader {
  #text;
  #at = 0;

  /** @param {string} text */
  constructor(text) {
    this.#text = text;
  }

  get done() {
    return this.#at >= this.#text.length;
  }

  /** Read these characters. @param {string} characters @returns {boolean} whether they stand here */
  take(characters) {
    this.#skip();
    const here = this.#text.startsWith(characters, this.#at);
    if (here) this.#at += characters.length;
    return here;
  }

  /** @returns {string | null} a name, such as kernel_size */
  name() {
    return this.#match(/^[A-Za-z_]\w*/);
  }

  /** @returns {Value | undefined} */
  value() {
    if (this.take("(") || this.take("[")) return this.#list();
    return this.#scalar();
  }

  /** @returns {Scalar[] | undefined} */
  #list() {
    /** @type {Scalar[]} */
    const values = [];
    while (!this.take(")") && !this.take("]")) {
      const value = this.#scalar();
      if (value === undefined) return undefined;
      values.push(value);
      if (!this.take(",") && !/^\s*[)\]]/.test(this.#text.slice(this.#at))) return undefined;
    }
    return values;
  }

  /** @returns {Scalar | undefined} */
  #scalar() {
    const number = this.#match(NUMBER);
    if (number !== null) return Number(number);
    const quoted = this.#match(/^"(?:[^"\\]|\\.)*"/);
    if (quoted !== null) {
      try {
        return JSON.parse(quoted);
      } catch {
        return undefined;
      }
    }
    const plain = this.#match(/^'[^'\\]*'/);
    if (plain !== null) return plain.slice(1, -1);
    return CONSTANTS.get(this.name() ?? "");
  }

  /** @param {RegExp} pattern */
  #match(pattern) {
    this.#skip();
    const found = pattern.exec(this.#text.slice(this.#at, this.#at + 1000));
    if (!found) return null;
    this.#at += found[0].length;
    return found[0];
  }

  #skip() {
    while (this.#text[this.#at] === " ") this.#at += 1;
  }
}
