/** Which part of a grid is on screen, and how large its cells are. */

/** @typedef {{from: number, to: number}} Extent  half-open */
/** @typedef {{rows: Extent, columns: Extent}} Window */
/** @typedef {{cell: number, rows: Extent, columns: Extent, whole: boolean}} Viewport  cell: side in CSS pixels */

const LARGEST_CELL = 46;
/** Below this, numbers cannot be read, so a part is shown instead of the whole. */
const SMALLEST_CELL = 17;
/** Of a drawing's pixels, whose colours say enough. */
const SMALLEST_PIXEL = 8;
const WINDOWED_CELL = 24;

/** @param {Extent} extent */
export const lengthOf = ({ from, to }) => to - from;

/**
 * @param {Window} grid  all there is
 * @param {{width: number, height: number, unit?: number}} space  in CSS pixels; unit: how much larger than usual the page's type is
 * @param {Window | null} focus  what must be seen
 * @param {Window | null} before  what was seen last, which stays where it can
 * @returns {Viewport}
 */
export function viewportOf(grid, space, focus, before) {
  const [rows, columns] = [lengthOf(grid.rows), lengthOf(grid.columns)];
  const unit = space.unit ?? 1;
  const fitting = Math.min(space.width / columns, space.height / rows, LARGEST_CELL * unit);
  const smallest = unit * (Math.max(rows, columns) <= 40 ? SMALLEST_PIXEL : SMALLEST_CELL);
  if (fitting >= smallest) return { cell: Math.floor(fitting), ...grid, whole: true };
  const cell = Math.floor(WINDOWED_CELL * unit);
  return {
    cell,
    rows: part(grid.rows, Math.floor(space.height / cell), focus?.rows, before?.rows),
    columns: part(grid.columns, Math.floor(space.width / cell), focus?.columns, before?.columns),
    whole: false,
  };
}

/**
 * @param {Extent} all
 * @param {number} count  that fit
 * @param {Extent | undefined} focus
 * @param {Extent | undefined} before
 * @returns {Extent}
 */
function part(all, count, focus, before) {
  const size = Math.min(Math.max(1, count), lengthOf(all));
  let from = before ? before.from : all.from;
  if (focus) {
    // The beginning of what must be seen counts for more than its end.
    if (focus.to > from + size) from = Math.min(focus.from, focus.to - size + Math.floor(size / 4));
    if (focus.from < from) from = Math.max(all.from, focus.from - Math.floor(size / 8));
    if (focus.to - focus.from > size) from = focus.from;
  }
  from = Math.max(all.from, Math.min(from, all.to - size));
  return { from, to: from + size };
}

/**
 * A number in as few characters as fit into a cell.
 *
 * @param {number} value
 */
export function cellText(value) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "∞" : "−∞";
  const rounded = Math.abs(value - Math.round(value)) < 1e-9 ? Math.round(value) : value;
  const size = Math.abs(rounded);
  const text = Number.isInteger(rounded) && size < 10_000 ? String(size) : size >= 1000 ? size.toExponential(0).replace("e+", "e") : size >= 10 ? size.toFixed(0) : size >= 1 ? size.toFixed(1) : size >= 0.01 ? size.toFixed(2).slice(1) : size.toExponential(0);
  return rounded < 0 ? `−${text}` : text;
}
