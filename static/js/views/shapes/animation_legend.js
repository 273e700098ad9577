/** What the looks of cells mean; only those that this layer has. @import {Scene} from "../../core/shapes/scene.js" */
import { MODES } from "../../core/shapes/sentences.js";
import { html } from "../dom.js";

/** @param {HTMLElement} list @param {Scene} scene */
export function legend(list, { plan, stepping, inserted }) {
  const axes = inserted && plan.insertion ? plan.insertion : plan.axes;
  const padded = axes.some(({ before, after }) => before > 0 || after > 0);
  const beyond = axes.some(({ inputs, after, to }) => to > inputs + Math.max(0, after));
  const unread = !inserted && plan.axes.some((axis) => [0, axis.inputs - 1].some((at) => axis.readers(at).length === 0) || (axis.inputs > 2 && axis.readers(Math.floor(axis.inputs / 2)).length === 0));
  const holes = plan.axes.some((axis) => axis.outputs > 0 && gapped(axis.reads(0).map(({ at }) => at)));
  /** @type {[string, string][]} */
  const entries = [["own", "Value of the input"]];
  if (padded) entries.push(["padding", plan.mode === "zeros" || inserted ? "Padding" : `Padding: copies made by ${MODES[plan.mode]}; point at one to see of which cell`]);
  if (inserted) entries.push(["inserted", "Zero put between"]);
  if (unread) entries.push(["skipped", "Never read"]);
  if (beyond) entries.push(["beyond", "Over the end: not there"]);
  if (holes && !inserted) entries.push(["hole", "Stepped over: a hole of the dilation"]);
  if (plan.axes.some(({ cropped }) => cropped && (cropped.before > 0 || cropped.after > 0))) entries.push(["beyond", "Cut off by the padding"]);
  entries.push(["tap", stepping.by === "input" ? "Read or added to in this step" : "Read in this step"]);
  const key = JSON.stringify(entries);
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  list.replaceChildren(...entries.map(([kind, text]) => html("li", {}, html("span", { class: `swatch swatch-${kind}`, "aria-hidden": "true" }), text)));
}

/** @param {number[]} places */
const gapped = (places) => places.some((at, index) => index > 0 && at - places[index - 1] > 1);
