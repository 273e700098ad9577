/** The buttons and the keys of the map. */
import { html, icon } from "./dom.js";

/** @type {import("../core/key_table.js").KeyRow[]} */
export const MAP_KEYS = [
  { keys: ["Tab", "Shift+Tab"], label: "Layer after, before" },
  { keys: ["←", "→"], label: "What feeds the layer, what it feeds" },
  { keys: ["↑", "↓"], label: "Layer above, below" },
  { keys: ["Home", "End"], label: "First, last layer" },
  { keys: ["Enter"], label: "Open the layer, unfold the module" },
  { keys: ["Backspace"], label: "Fold the module around the layer" },
  { keys: ["Esc"], label: "Leave the map" },
  { keys: ["+", "−"], label: "Nearer, farther" },
  { keys: ["0"], label: "The whole network" },
  { keys: ["Shift+←", "Shift+→"], label: "Move the map", aside: "also up and down" },
  { keys: ["/"], label: "Find a layer" },
];

/**
 * @typedef {object} MapToolHandlers
 * @property {(direction: -1 | 1) => void} onZoom
 * @property {() => void} onFit
 * @property {() => void} onUnfold
 * @property {() => void} onFold
 *
 * @param {MapToolHandlers} handlers
 */
export function mapTools({ onZoom, onFit, onUnfold, onFold }) {
  /** @param {string} label @param {string} path @param {() => void} act */
  const tool = (label, path, act) => html("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick: act }, icon(path));
  return html(
    "div",
    { class: "map-tools", role: "toolbar", "aria-label": "Map" },
    tool("Zoom out (−)", "M5 12h14", () => onZoom(-1)),
    tool("Zoom in (+)", "M5 12h14M12 5v14", () => onZoom(1)),
    tool("The whole network (0)", "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5", onFit),
    tool("Unfold every module", "M7 9l5-5 5 5M7 15l5 5 5-5", onUnfold),
    tool("Fold every module", "M7 4l5 5 5-5M7 20l5-5 5 5", onFold),
  );
}
