/** Numbers as text. */

const MINUS = "−";

/**
 * A value with a few significant digits, for reading at a glance.
 *
 * @param {number} value
 * @param {number} [digits]
 */
export function short(value, digits = 4) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "not a number" : value > 0 ? "∞" : `${MINUS}∞`;
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size < 0.001 || size >= 100_000 ? size.toExponential(digits - 2) : size.toPrecision(digits);
  return (value < 0 ? MINUS : "") + text;
}

/**
 * A float32 value with as many digits as identify it among all float32 values.
 *
 * @param {number} value
 */
export function exact(value) {
  if (!Number.isFinite(value)) return short(value);
  const single = Math.fround(value);
  for (let digits = 1; digits <= 9; digits += 1) {
    const text = single.toPrecision(digits);
    if (Math.fround(Number(text)) === single) return String(Number(text)).replace("-", MINUS);
  }
  return String(single).replace("-", MINUS);
}

/**
 * A probability as a percentage that does not round to 0 or 100 unless it is.
 *
 * @param {number} share  0..1
 */
export function percent(share) {
  if (share > 0 && share < 0.001) return "< 0.1 %";
  if (share > 0.999 && share < 1) return "> 99.9 %";
  if (share === 0) return "0 %";
  return `${(share * 100).toFixed(share < 0.0995 ? 1 : 0)} %`;
}

/** @param {number} value  a count */
export function count(value) {
  return value.toLocaleString("en-GB").replaceAll(",", "\u202f");
}

/**
 * @param {number} number
 * @param {string} one
 * @param {string} [many]
 */
export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/**
 * A large count in millions, with three digits.
 *
 * @param {number} value
 */
export function millions(value) {
  return value < 1e6 ? count(value) : `${(value / 1e6).toPrecision(3)} million`;
}
