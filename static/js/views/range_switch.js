/** Whether colours span the range of the layer or of each channel. @import {RangeMode} from "../core/types.js" */
import { html } from "./dom.js";

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
      html("label", {}, html("input", { type: "radio", name: "range", value, checked: value === mode, onchange: () => onChange(value) }), text);
    this.#element = html(
      "div",
      { class: "segmented", role: "radiogroup", "aria-label": "Range of the colours" },
      choice("layer", "per layer"),
      choice("channel", "per channel"),
    );
    parent.append(this.#element);
  }

  destroy() {
    this.#element.remove();
  }
}
