/** The curve of a function of one number, as SVG path data. @import {Curve} from "./arithmetic_terms.js" */

/**
 * @typedef {object} Plot
 * @property {string} path
 * @property {(x: number, y: number) => {x: number, y: number}} place  of a point, in the box
 * @property {[number, number]} xs  first and last
 * @property {[number, number]} ys  smallest and largest
 */

/**
 * A curve in a box with y upwards; what is not finite leaves a gap.
 *
 * @param {Curve} curve
 * @param {number} width
 * @param {number} height
 * @returns {Plot}
 */
export function plot(curve, width, height) {
  const points = curve.x.map((x, index) => ({ x, y: Number(curve.y[index]) }));
  const finite = points.map(({ y }) => y).filter(Number.isFinite);
  const [low, high] = finite.length > 0 ? [Math.min(0, ...finite), Math.max(0, ...finite)] : [0, 1];
  const [first, last] = [curve.x[0] ?? 0, curve.x[curve.x.length - 1] ?? 1];
  /** @type {Plot["place"]} */
  const place = (x, y) => ({
    x: last > first ? ((x - first) / (last - first)) * width : width / 2,
    y: high > low ? ((high - y) / (high - low)) * height : height / 2,
  });
  let path = "";
  let drawn = false;
  for (const { x, y } of points) {
    const finiteHere = Number.isFinite(y);
    if (finiteHere) {
      const at = place(x, y);
      path += `${drawn ? "L" : "M"}${at.x.toFixed(2)} ${at.y.toFixed(2)}`;
    }
    drawn = finiteHere;
  }
  return { path, place, xs: [first, last], ys: [low, high] };
}
