/** Whether colours span the range of the layer, of each channel, or one that stays as it is. @import {RangeMode} from "../core/types.js" */
import { html } from "./dom.js";

/** @type {Record<RangeMode, string>} */
const TITLES = {
  layer: "Colours span the values of the whole layer",
  channel: "Colours span the values of each channel by itself",
  locked: "Colours keep the range that they have now, whatever is drawn",
};

export class RangeSwitch {
  #element;

  /**
   * @param {HTMLElement} parent
   * @param {RangeMode} mode
   * @param {(mode: RangeMode) => void} onChange
   */
  constructor(parent, mode, onChange) {
    /** @param {RangeMode} value @param {string} text */
    const choice = (value, text) =>
      html("label", { title: TITLES[value] }, html("input", { type: "radio", name: "range", value, checked: value === mode, onchange: () => onChange(value) }), text);
    this.#element = html(
      "div",
      { class: "segmented", role: "radiogroup", "aria-label": "Range of the colours" },
      choice("layer", "per layer"),
      choice("channel", "per channel"),
      choice("locked", "locked"),
    );
    parent.append(this.#element);
  }

  /** @param {RangeMode} mode */
  show(mode) {
    for (const input of this.#element.querySelectorAll("input")) input.checked = input.value === mode;
  }

  destroy() {
    this.#element.remove();
  }
}
