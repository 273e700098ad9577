/** Measures of the pictures that are taken away. */

/** Longest side and most pixels that browsers reliably give a canvas. */
const LONGEST = 16_384;
const MOST_PIXELS = 120_000_000;
/** Side of a channel on a sheet of a few. */
const LARGEST_TILE = 168;

/**
 * How much a picture can be enlarged, at most as wanted.
 *
 * @param {number} width
 * @param {number} height
 * @param {number} wanted
 */
export function largestScale(width, height, wanted) {
  return Math.min(wanted, LONGEST / Math.max(width, height), Math.sqrt(MOST_PIXELS / (width * height)));
}

/**
 * Columns and side of tiles for a sheet about as wide as a slide: whole pixels of the map each.
 *
 * @param {number} count
 * @param {number} size  pixels of a map, across
 * @returns {{columns: number, side: number}}
 */
export function sheetColumns(count, size) {
  const columns = Math.min(count, Math.max(4, Math.ceil(Math.sqrt(count * 1.6))));
  const room = Math.min(1500 / columns - 10, Math.max(size, LARGEST_TILE));
  // Where whole pixels would be tiny, the map is reduced instead.
  const side = room >= size ? Math.floor(room / size) * size : Math.max(24, Math.floor(room));
  return { columns, side };
}

/**
 * Text as lines of a width.
 *
 * @param {string} text
 * @param {number} width
 * @param {(text: string) => number} measure
 * @returns {string[]}
 */
export function wrapped(text, width, measure) {
  /** @type {string[]} */
  const lines = [];
  let line = "";
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const longer = line ? `${line} ${word}` : word;
    if (line && measure(longer) > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return line ? [...lines, line] : lines;
}

/**
 * A name for a file, of parts that may hold anything.
 *
 * @param {string[]} parts
 * @param {string} ending
 */
export function fileName(parts, ending) {
  const safe = parts.map((part) => part.replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[.-]+|[.-]+$/g, "")).filter(Boolean);
  return `${safe.join("_").slice(0, 120) || "doodlescope"}.${ending}`;
}
