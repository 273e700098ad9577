/**
 * How a drawing has changed since it was sent, as the changes of a live session.
 *
 * @import {Drawing, Stroke} from "./types.js"
 */
import { pointCount } from "./geometry.js";

/**
 * @typedef {{change: "begin" | "extend", x: number[], y: number[]} | {change: "undo" | "clear"} | {change: "replace", drawing: [number[], number[]][]}} Change
 */

/** More strokes than this are not taken away one by one. */
const MOST_UNDONE = 8;

/**
 * Whether the first points of a stroke are those of another one.
 *
 * @param {Stroke} start
 * @param {Stroke} stroke
 */
function begins(start, stroke) {
  return start === stroke || (start.x.length <= stroke.x.length && start.x.every((x, index) => x === stroke.x[index] && start.y[index] === stroke.y[index]));
}

/** @param {Stroke} one @param {Stroke} other */
const same = (one, other) => one.x.length === other.x.length && begins(one, other);

/**
 * The changes that make one drawing of another; the times of points are not sent.
 *
 * @param {Drawing | null} before  null: it is not known what is there
 * @param {Drawing} after
 * @param {boolean} open  whether the last stroke that is there may be extended
 * @returns {Change[]}
 */
export function changesBetween(before, after, open) {
  if (after.length === 0) return before?.length === 0 ? [] : [{ change: "clear" }];
  const whole = replaced(after);
  if (before === null) return [whole];
  let kept = 0;
  while (kept < before.length && kept < after.length && same(before[kept], after[kept])) kept += 1;
  /** @type {Change[]} */
  const changes = [];
  const other = before.length - kept;
  if (other === 1 && open && kept < after.length && begins(before[kept], after[kept])) {
    const from = before[kept].x.length;
    changes.push({ change: "extend", x: after[kept].x.slice(from), y: after[kept].y.slice(from) });
    kept += 1;
  } else if (other > MOST_UNDONE || (other > 0 && kept === 0)) {
    return [whole];
  } else {
    for (let index = 0; index < other; index += 1) changes.push({ change: "undo" });
  }
  const added = after.slice(kept);
  // After most of it has gone, the whole is hardly longer than what is new of it.
  if (other > 1 && pointCount(added) * 2 > pointCount(after)) return [whole];
  return [...changes, ...added.map(({ x, y }) => /** @type {Change} */ ({ change: "begin", x, y }))];
}

/**
 * Whether the last stroke may be extended after some changes.
 *
 * @param {Change[]} changes
 * @param {boolean} open  whether it might before them
 */
export function isOpenAfter(changes, open) {
  const last = changes.at(-1);
  return last ? last.change === "begin" || last.change === "extend" || last.change === "replace" : open;
}

/** @param {Drawing} drawing @returns {Change} */
function replaced(drawing) {
  return { change: "replace", drawing: drawing.map(({ x, y }) => [x, y]) };
}
