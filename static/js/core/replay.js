/** Replaying a drawing with the timing of the pen. @import {Drawing} from "./types.js" */

/** Longer pauses between strokes are shortened to this, in milliseconds. */
export const LONGEST_PAUSE = 1000;

/**
 * The drawing with its times starting at 0 and no pause longer than LONGEST_PAUSE.
 *
 * @param {Drawing} drawing
 * @returns {Drawing}
 */
export function timeline(drawing) {
  let shift = drawing[0]?.t[0] ?? 0;
  let before = shift;
  return drawing.map((stroke) => ({
    ...stroke,
    t: stroke.t.map((time) => {
      shift += Math.max(0, time - before - LONGEST_PAUSE);
      before = time;
      return time - shift;
    }),
  }));
}

/**
 * Milliseconds from the first point to the last.
 *
 * @param {Drawing} drawing  a timeline
 */
export function duration(drawing) {
  return drawing.reduce((latest, { t }) => Math.max(latest, t[t.length - 1] ?? 0), 0);
}

/**
 * What had been drawn at a moment; the end of the growing stroke is interpolated.
 *
 * @param {Drawing} drawing  a timeline
 * @param {number} moment  milliseconds
 * @returns {Drawing}
 */
export function drawingAt(drawing, moment) {
  /** @type {Drawing} */
  const result = [];
  for (const { x, y, t } of drawing) {
    if (t.length === 0 || t[0] > moment) continue;
    let count = 1;
    while (count < t.length && t[count] <= moment) count += 1;
    const partial = { x: x.slice(0, count), y: y.slice(0, count), t: t.slice(0, count) };
    if (count < t.length) {
      const share = (moment - t[count - 1]) / (t[count] - t[count - 1]);
      partial.x.push(Math.round(x[count - 1] + share * (x[count] - x[count - 1])));
      partial.y.push(Math.round(y[count - 1] + share * (y[count] - y[count - 1])));
      partial.t.push(Math.round(moment));
    }
    result.push(partial);
  }
  return result;
}
