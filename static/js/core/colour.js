/**
 * Colour scales of feature maps: one function computes the range that both the pictures and the
 * legends use. Signed values are diverging, centred at zero; non-negative ones are sequential.
 * The sequential scale is the positive half of the diverging one, so a colour always means the
 * same thing, and zero is always the colour of the ground. Weights are no activations: theirs is a
 * diverging scale of its own, violet and green. Nor are differences between two sides: theirs runs
 * from the colour of side A, teal, where A is larger, to that of side B, magenta.
 *
 * @import {LayerMaps, RangeMode, Theme} from "./types.js"
 */

/** @typedef {"diverging" | "sequential" | "ink" | "weights" | "difference"} ScaleKind */
/** @typedef {{kind: ScaleKind, low: number, high: number}} ColourRange */

/** @type {Record<Theme, {negative: string[], zero: string, positive: string[], ink: string[], weights: {negative: string[], positive: string[]}, difference: {negative: string[], positive: string[]}}>} */
const STOPS = {
  light: {
    negative: ["#0a2150", "#124a95", "#2b74c4", "#5fa5e0", "#a6cff0"],
    zero: "#fbfcfd",
    positive: ["#fbc48f", "#f19a52", "#dc6a20", "#b23f0c", "#561703"],
    ink: ["#ffffff", "#16202a"],
    weights: { negative: ["#3b0f5c", "#74369e", "#ad7fcb", "#dcc7ea"], positive: ["#c3e6bd", "#74bd76", "#2b8545", "#07411e"] },
    difference: { negative: ["#053b3a", "#0b6663", "#23918a", "#66bdb4", "#b5e0da"], positive: ["#f3c3dd", "#dd82b4", "#bf4288", "#8f1d61", "#520a36"] },
  },
  dark: {
    negative: ["#e6f7ff", "#98d8fb", "#56b7ee", "#2388c8", "#18557a"],
    zero: "#11161b",
    positive: ["#7a3a10", "#c25a15", "#ee8a33", "#ffb56b", "#fff0dc"],
    ink: ["#11161b", "#f4f7f9"],
    weights: { negative: ["#f6eaff", "#d3a8f0", "#a066cb", "#4b2a66"], positive: ["#1d4d2a", "#38954f", "#7fd08c", "#e3fbe2"] },
    difference: { negative: ["#e0fffa", "#8fe3d8", "#41b9ad", "#1c837b", "#11504c"], positive: ["#5c1a41", "#a02f72", "#d85ca0", "#f39cc9", "#ffe6f3"] },
  },
};

/** @param {string} hex */
function rgb(hex) {
  const number = Number.parseInt(hex.slice(1), 16);
  return [(number >> 16) & 255, (number >> 8) & 255, number & 255];
}

/**
 * The colours of a scale from its low to its high end, evenly spaced.
 *
 * @param {ScaleKind} kind
 * @param {Theme} theme
 * @returns {string[]}
 */
export function scaleStops(kind, theme) {
  const { negative, zero, positive, ink, weights, difference } = STOPS[theme];
  if (kind === "ink") return ink;
  if (kind === "difference") return [...difference.negative, zero, ...difference.positive];
  if (kind === "weights") return [...weights.negative, zero, ...weights.positive];
  return kind === "diverging" ? [...negative, zero, ...positive] : [zero, ...positive];
}

/** @type {Map<string, Uint32Array>} */
const tables = new Map();

/**
 * 256 opaque RGBA colours from low to high, in the byte order of ImageData.
 *
 * @param {ScaleKind} kind
 * @param {Theme} theme
 */
export function lookupTable(kind, theme) {
  const key = `${kind} ${theme}`;
  let table = tables.get(key);
  if (!table) {
    const stops = scaleStops(kind, theme).map(rgb);
    const bytes = new Uint8ClampedArray(256 * 4);
    for (let index = 0; index < 256; index += 1) {
      const place = (index / 255) * (stops.length - 1);
      const before = Math.min(Math.floor(place), stops.length - 2);
      const share = place - before;
      for (let part = 0; part < 3; part += 1) {
        bytes[index * 4 + part] = stops[before][part] * (1 - share) + stops[before + 1][part] * share;
      }
      bytes[index * 4 + 3] = 255;
    }
    table = new Uint32Array(bytes.buffer);
    tables.set(key, table);
  }
  return table;
}

/**
 * The range of values that a scale spans.
 *
 * @param {number} minimum
 * @param {number} maximum
 * @param {boolean} signed  whether the layer has negative values (the whole layer, not the channel)
 * @returns {ColourRange}
 */
export function colourRange(minimum, maximum, signed) {
  if (!signed) return { kind: "sequential", low: 0, high: Math.max(maximum, 0) };
  const bound = Math.max(Math.abs(minimum), Math.abs(maximum));
  return { kind: "diverging", low: -bound, high: bound };
}

/**
 * The range for one channel of a layer: over the layer, over that channel alone, or the one that
 * the layer is locked at.
 *
 * @param {LayerMaps} maps
 * @param {number} channel
 * @param {RangeMode} mode
 */
export function mapRange(maps, channel, mode) {
  if (mode === "channel") return colourRange(maps.channelMinimum[channel], maps.channelMaximum[channel], maps.signed);
  return layerRange(maps, mode);
}

/**
 * The range of a layer as a whole.
 *
 * @param {LayerMaps} maps
 * @param {RangeMode} mode
 */
export function layerRange(maps, mode) {
  const { minimum, maximum, signed } = (mode === "locked" && maps.locked) || maps;
  return colourRange(minimum, maximum, signed);
}

/**
 * Where a value lies on a scale: 0 at its low end, 1 at its high end, clipped.
 * A scale without extent puts everything at its zero.
 *
 * @param {ColourRange} range
 * @param {number} value
 */
export function scalePosition({ kind, low, high }, value) {
  if (high <= low) return kind === "sequential" || kind === "ink" ? 0 : 0.5;
  return Math.min(1, Math.max(0, (value - low) / (high - low)));
}

/**
 * The colour of a value on a scale, and whether dark text is the more legible on it.
 *
 * @param {ColourRange} range
 * @param {number} value
 * @param {Theme} theme
 * @returns {{colour: string, darkText: boolean}} the colour as in CSS
 */
export function cellColour(range, value, theme) {
  const packed = lookupTable(range.kind, theme)[Math.round(scalePosition(range, value) * 255)];
  const parts = [packed & 255, (packed >> 8) & 255, (packed >> 16) & 255];
  // Relative luminance of WCAG 2.2; black and white are equally legible at 0.179.
  const [red, green, blue] = parts.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
  return { colour: `rgb(${parts.join(" ")})`, darkText: 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 };
}
