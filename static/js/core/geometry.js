/** Geometry of strokes on the pad. Nothing here changes its arguments. @import {Box, Drawing, Stroke} from "./types.js" */

/** Side of the square pad in its own units, whatever its size on the screen. */
export const PAD_SIDE = 1024;

/** Most points sent for one drawing; more are thinned. */
export const MOST_POINTS = 3000;

/** Most strokes sent for one drawing, as many as the server takes; later ones are left out. */
export const MOST_STROKES = 2000;

/** @param {Drawing} drawing */
export function pointCount(drawing) {
  return drawing.reduce((sum, stroke) => sum + stroke.x.length, 0);
}

/**
 * The bounding box of all points, or null for a drawing without points.
 *
 * @param {Drawing} drawing
 * @returns {Box | null}
 */
export function boundingBox(drawing) {
  if (pointCount(drawing) === 0) return null;
  const box = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  for (const { x, y } of drawing) {
    for (let index = 0; index < x.length; index += 1) {
      box.left = Math.min(box.left, x[index]);
      box.right = Math.max(box.right, x[index]);
      box.top = Math.min(box.top, y[index]);
      box.bottom = Math.max(box.bottom, y[index]);
    }
  }
  return box;
}

/**
 * Distance of point `index` of a stroke from the segment between two others of its points.
 *
 * @param {Stroke} stroke
 * @param {number} index
 * @param {number} from
 * @param {number} to
 */
function distanceToSegment({ x, y }, index, from, to) {
  const dx = x[to] - x[from];
  const dy = y[to] - y[from];
  const squared = dx * dx + dy * dy;
  const along = squared === 0 ? 0 : ((x[index] - x[from]) * dx + (y[index] - y[from]) * dy) / squared;
  const share = Math.min(1, Math.max(0, along));
  return Math.hypot(x[index] - x[from] - share * dx, y[index] - y[from] - share * dy);
}

/**
 * Ramer-Douglas-Peucker: the fewest of the stroke's own points whose polyline stays within
 * `tolerance` of the others. First and last point stay.
 *
 * @param {Stroke} stroke
 * @param {number} tolerance  in pad units
 * @returns {Stroke}
 */
export function simplify(stroke, tolerance) {
  const last = stroke.x.length - 1;
  if (last < 2) return stroke;
  const kept = new Uint8Array(last + 1);
  kept[0] = kept[last] = 1;
  /** @type {[number, number][]} */
  const open = [[0, last]];
  for (let range = open.pop(); range; range = open.pop()) {
    const [from, to] = range;
    let farthest = -1;
    let distance = tolerance;
    for (let index = from + 1; index < to; index += 1) {
      const here = distanceToSegment(stroke, index, from, to);
      if (here > distance) {
        distance = here;
        farthest = index;
      }
    }
    if (farthest >= 0) {
      kept[farthest] = 1;
      open.push([from, farthest], [farthest, to]);
    }
  }
  /** @param {number[]} list */
  const pick = (list) => list.filter((_, index) => kept[index]);
  return { x: pick(stroke.x), y: pick(stroke.y), t: pick(stroke.t) };
}

/**
 * The drawing within a bound on points: strokes are simplified with a growing tolerance until
 * it fits, and where that is not enough (very many dots) the last strokes are left out.
 *
 * @param {Drawing} drawing
 * @param {number} [mostPoints]
 * @param {number} [mostStrokes]
 * @returns {{drawing: Drawing, thinned: boolean}}
 */
export function thin(drawing, mostPoints = MOST_POINTS, mostStrokes = MOST_STROKES) {
  let result = drawing.slice(0, mostStrokes);
  for (let tolerance = 1; tolerance <= PAD_SIDE && pointCount(result) > mostPoints; tolerance *= 2) {
    const limit = tolerance;
    result = result.map((stroke) => simplify(stroke, limit));
  }
  while (pointCount(result) > mostPoints) result = result.slice(0, -1);
  return { drawing: result, thinned: pointCount(result) < pointCount(drawing) };
}

/**
 * The drawing in the Quick, Draw! form: `[[[x...], [y...], [t...]], ...]`.
 *
 * @param {Drawing} drawing
 */
export function toLists(drawing) {
  return drawing.map(({ x, y, t }) => [x, y, t]);
}

/**
 * A drawing from the Quick, Draw! form, scaled and centred on the pad. Without times, the pen
 * moves at an even speed of 1 unit a millisecond and pauses 250 ms between strokes.
 *
 * @param {number[][][]} lists
 * @param {number} [margin]  left free on each side, in pad units
 * @returns {Drawing}
 */
export function fromLists(lists, margin = 128) {
  const raw = lists.map(([x, y]) => ({ x, y, t: x.map(() => 0) }));
  const box = boundingBox(raw);
  if (!box) return [];
  const longer = Math.max(box.right - box.left, box.bottom - box.top, 1e-9);
  const scale = (PAD_SIDE - 2 * margin) / longer;
  const left = (PAD_SIDE - (box.right - box.left) * scale) / 2;
  const top = (PAD_SIDE - (box.bottom - box.top) * scale) / 2;
  let clock = 0;
  return raw.map((stroke) => {
    const x = stroke.x.map((value) => Math.round((value - box.left) * scale + left));
    const y = stroke.y.map((value) => Math.round((value - box.top) * scale + top));
    const t = x.map((value, index) => {
      if (index > 0) clock += Math.round(Math.hypot(value - x[index - 1], y[index] - y[index - 1]));
      return clock;
    });
    clock += 250;
    return { x, y, t };
  });
}

/**
 * SVG path data of a drawing, each point mapped as `point * scale + offset`.
 *
 * @param {Drawing} drawing
 * @param {number} [scale]
 * @param {{x: number, y: number}} [offset]
 */
export function pathData(drawing, scale = 1, offset = { x: 0, y: 0 }) {
  /** @param {number} value */
  const round = (value) => Math.round(value * 100) / 100;
  return drawing
    .filter(({ x }) => x.length > 0)
    .map(({ x, y }) => {
      const points = x.map((value, index) => `${round(value * scale + offset.x)} ${round(y[index] * scale + offset.y)}`);
      // A line to itself makes a dot visible under a round line cap.
      return points.length === 1 ? `M${points[0]}L${points[0]}` : `M${points.join("L")}`;
    })
    .join("");
}
