/** Cells of two layers at the same place of the image. @import {Cell, LayerField} from "./types.js" */

/**
 * How a layer's cells lie over the image; null where they have no places of their own: where the
 * layer has no rows and columns, or no size, stride and start hold for all of its cells.
 *
 * @typedef {{field: LayerField, shape: number[]}} Placed
 */

/**
 * @param {{shape: number[], receptive_field: LayerField | null}} node
 * @returns {Placed | null}
 */
export function placed({ shape, receptive_field: field }) {
  const has = shape.length === 4 && field !== null && field.stride.length === 2 && field.stride.every((stride) => stride > 0);
  return has ? { field, shape: shape.slice(-2) } : null;
}

/**
 * The middle of a cell's receptive field, padding included, in pixels: pixel p covers p to p + 1,
 * so that the middle of the first pixel is 0.5. Of cell i along an axis, the field covers size
 * pixels from start + i stride on.
 *
 * @param {Placed} layer
 * @param {Cell} cell
 * @returns {[number, number]} from the top, and from the left
 */
export function fieldCentre({ field: { size, stride, start } }, { row, column }) {
  return [start[0] + row * stride[0] + size[0] / 2, start[1] + column * stride[1] + size[1] / 2];
}

/**
 * The cell whose field has its middle nearest to a place; the first of two equally near. What lies
 * beyond the outermost cells belongs to these.
 *
 * @param {Placed} layer
 * @param {[number, number]} place  in pixels
 * @returns {Cell}
 */
export function cellAt({ field: { size, stride, start }, shape }, place) {
  const [row, column] = place.map((coordinate, axis) => {
    const index = Math.ceil((coordinate - start[axis] - size[axis] / 2) / stride[axis] - 0.5);
    return Math.min(shape[axis] - 1, Math.max(0, index));
  });
  return { row: row + 0, column: column + 0 };
}

/**
 * The cell of another layer at the place of a cell.
 *
 * @param {Placed | null} from
 * @param {Placed | null} to
 * @param {Cell} cell  of `from`
 * @returns {{cell: Cell, apart: [number, number]} | null} apart: how far the middle of the one
 *   field is from that of the other, rows then columns, in pixels; null without places
 */
export function linkedCell(from, to, cell) {
  if (!from || !to) return null;
  const centre = fieldCentre(from, cell);
  const linked = cellAt(to, centre);
  const there = fieldCentre(to, linked);
  return { cell: linked, apart: [there[0] - centre[0], there[1] - centre[1]] };
}
