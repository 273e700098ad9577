/**
 * Arranging and painting feature maps as tiles. @import {LayerMaps, RangeMode, Theme} from "./types.js"
 */
import { lookupTable, mapRange, scalePosition } from "./colour.js";

/** @typedef {{columns: number, rows: number, side: number, shown: number}} Arrangement */

/**
 * Choose how many tiles of equal side fill an area: between few large and many small ones, with
 * as little of the area as possible left empty.
 *
 * @param {number} width  of the area
 * @param {number} height
 * @param {number} count  tiles there are
 * @param {{gap?: number, smallest?: number, wanted?: number}} [options]  gap between tiles, the
 *   smallest legible side, and the number of tiles to aim at
 * @returns {Arrangement} shown is at most count, 0 where not even one tile fits
 */
export function arrange(width, height, count, { gap = 2, smallest = 22, wanted = 12 } = {}) {
  /** @type {Arrangement} */
  let best = { columns: 0, rows: 0, side: 0, shown: 0 };
  let bestScore = -Infinity;
  const least = Math.min(smallest, width, height);
  for (let rows = 1; rows <= count; rows += 1) {
    const highest = Math.floor((height - gap * (rows - 1)) / rows);
    if (highest < least) break;
    for (let columns = 1; columns <= Math.ceil(count / rows); columns += 1) {
      const side = Math.min(highest, Math.floor((width - gap * (columns - 1)) / columns));
      if (side < least || side < 1) break;
      const shown = Math.min(count, rows * columns);
      const covered = (shown * side * side) / (width * height);
      const score = covered - 0.12 * Math.abs(Math.log2(shown / Math.min(wanted, count)));
      if (score > bestScore) {
        bestScore = score;
        best = { columns, rows, side, shown };
      }
    }
  }
  return best;
}

/**
 * Arrange tiles where, if not all fit, a counter of those hidden stands in the lower right corner:
 * beside the tiles or below them, whichever leaves more for the tiles.
 *
 * @param {number} width  of the area
 * @param {number} height
 * @param {number} count  tiles there are
 * @param {{width: number, height: number}} counter
 * @param {number} gap  between tiles
 * @returns {Arrangement}
 */
export function arrangeWithCounter(width, height, count, counter, gap) {
  const whole = arrange(width, height, count, { gap });
  if (whole.shown === count) return whole;
  const beside = arrange(Math.max(width - counter.width, 18), height, count, { gap });
  const above = arrange(width, Math.max(height - counter.height, 18), count, { gap });
  return covered(above) > covered(beside) ? above : beside;
}

/** @param {Arrangement} arrangement @returns {number} the area of its tiles */
function covered({ shown, side }) {
  return shown * side * side;
}

/**
 * Paint channels one below the other into 32-bit pixels, `width` wide and `height * channels.length`
 * high.
 *
 * @param {Uint32Array} pixels
 * @param {LayerMaps} maps
 * @param {number[]} channels
 * @param {RangeMode} mode
 * @param {Theme} theme
 */
export function paintChannels(pixels, maps, channels, mode, theme) {
  const size = maps.width * maps.height;
  for (let place = 0; place < channels.length; place += 1) {
    const channel = channels[place];
    const range = mapRange(maps, channel, mode);
    const table = lookupTable(range.kind, theme);
    const low = maps.channelMinimum[channel];
    const extent = range.high - range.low;
    // A scale without extent puts everything at its zero.
    const first = extent > 0 ? ((low - range.low) / extent) * 255 : scalePosition(range, low) * 255;
    const step = extent > 0 ? (maps.channelMaximum[channel] - low) / extent : 0;
    const within = first >= 0 && first + step * 255 <= 255;
    const source = channel * size;
    const target = place * size;
    if (within) {
      for (let index = 0; index < size; index += 1) pixels[target + index] = table[(first + step * maps.data[source + index] + 0.5) | 0];
      continue;
    }
    // A locked range may end before the values do: those are painted as its ends.
    for (let index = 0; index < size; index += 1) {
      const position = Math.min(255, Math.max(0, first + step * maps.data[source + index]));
      pixels[target + index] = table[(position + 0.5) | 0];
    }
  }
}
