/**
 * One layer's receptive field, drawn to the scale that all layers of the stack share: the input as a
 * band, the field of the first unit over it, and how far the next one lies from it.
 *
 * @import {Field} from "../../core/stack.js"
 * @import {Extent} from "../../core/field_scale.js"
 */
import { fieldBoxes } from "../../core/field_scale.js";
import { svg } from "../dom.js";

const HEIGHT = 24;

export class FieldPicture {
  element = svg("svg", { class: "field-picture", viewBox: `0 0 1 ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  #drawn = "";

  /**
   * @param {Field | null} field  null: only the input
   * @param {number} axis  of space
   * @param {number} size  of the input on that axis
   * @param {Extent} extent  what all fields fill
   */
  update(field, axis, size, extent) {
    const key = JSON.stringify([field, axis, size, extent]);
    if (key === this.#drawn) return;
    this.#drawn = key;
    const margin = (extent.high - extent.low) * 0.02;
    const width = extent.high - extent.low + 2 * margin;
    this.element.setAttribute("viewBox", `${extent.low - margin} 0 ${width} ${HEIGHT}`);
    const band = svg("rect", { class: "field-input", x: 0, y: 0, width: size, height: HEIGHT });
    this.element.replaceChildren(band, ...this.#field(field, axis, size, width));
  }

  /** @param {Field | null} field @param {number} axis @param {number} size @param {number} width */
  #field(field, axis, size, width) {
    if (!field || axis >= field.size.length) return [];
    const { unit, next, inside } = fieldBoxes(field, axis, size);
    const [top, height] = [HEIGHT * 0.2, HEIGHT * 0.6];
    // A field of one pixel among thousands is still to be seen.
    const least = width / 250;
    /** @param {string} name @param {{low: number, high: number}} box @param {number} y @param {number} tall */
    const rect = (name, box, y, tall) => svg("rect", { class: name, x: box.low, y, width: Math.max(least, box.high - box.low), height: tall, "vector-effect": "non-scaling-stroke" });
    return [
      rect("field-unit", unit, top, height),
      inside ? rect("field-inside", inside, top, height) : null,
      next ? rect("field-next", next, top + 3, height - 6) : null,
    ].filter((each) => each !== null);
  }
}
