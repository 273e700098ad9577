/**
 * One axis to scale: input, padding, the windows over it, and what none of them reads.
 *
 * @import {AxisPlan} from "../../core/shapes/axis_plan.js"
 */
import { html, svg } from "../dom.js";

/** Positions that are drawn; of a longer axis, the last ones, where the rounding shows. */
const MOST = 36;
const CELL = 16;
const LEVELS = 3;
const LEVEL = 9;

/**
 * @param {AxisPlan} plan
 * @param {string} noun  what one position is: row, column
 */
export function axisStrip(plan, noun) {
  const { inputs, outputs, before, after, from, to } = plan;
  const first = Math.max(from, to - MOST);
  const length = to - first;
  /** @param {number} at */
  const x = (at) => (at - first) * CELL;
  const cells = [];
  let unread = 0;
  for (let at = first; at < to; at += 1) {
    const own = at >= 0 && at < inputs;
    const padding = !own && at >= -before && at < inputs + after;
    const read = plan.readers(at).length > 0;
    if (!read && own) unread += 1;
    const kind = own ? "own" : padding ? "padding" : "beyond";
    cells.push(svg("rect", { class: `strip-cell strip-${kind}${read ? "" : " strip-unread"}`, x: x(at) + 1, y: 1, width: CELL - 2, height: CELL - 2, rx: 2 }));
    if (!read && kind !== "beyond") cells.push(svg("path", { class: "strip-cross", d: `M${x(at) + 4} 4l8 8m0 -8l-8 8` }));
  }
  const windows = [];
  const firstWindow = Math.max(0, outputs - MOST);
  for (let output = firstWindow; output < outputs; output += 1) {
    const reads = plan.reads(output);
    if (reads.length === 0 || reads[reads.length - 1].at < first) continue;
    const y = CELL + 5 + (output % LEVELS) * LEVEL;
    const [left, right] = [reads[0].at, reads[reads.length - 1].at];
    windows.push(svg("path", { class: "strip-window", d: `M${Math.max(0, x(left)) + 2} ${y}H${x(right) + CELL - 2}` }));
    for (const { at } of reads) if (at >= first) windows.push(svg("circle", { class: "strip-tap", cx: x(at) + CELL / 2, cy: y, r: 2.2 }));
  }
  const height = CELL + 8 + LEVELS * LEVEL;
  const parts = [`${outputs} ${outputs === 1 ? "window" : "windows"} over ${inputs} ${noun}s`];
  if (before || after) parts.push(`with ${before} before and ${after} behind as padding`);
  if (unread > 0) parts.push(`${unread} of the input never read`);
  const label = `${parts.join(", ")}.`;
  return html(
    "figure",
    { class: "strip" },
    svg("svg", { viewBox: `0 0 ${length * CELL} ${height}`, width: length * CELL, role: "img", "aria-label": label }, ...cells, ...windows),
    html("figcaption", {}, `${first > from ? `The last ${length} of ${to - from} positions. ` : ""}${label}`),
  );
}
