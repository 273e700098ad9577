/** The receptive field of a value, drawn on the image that the network receives. @import {Heat} from "../core/field_types.js" @import {InputImage, LayerField, ReceptiveField, UnitAddress} from "../core/types.js" */
import { inputSize } from "../core/input_image.js";
import { closedField, enlargement, fieldInWords, strideInWords, surroundings } from "../core/receptive_field.js";
import { html } from "./dom.js";
import { FieldPicture } from "./field_picture.js";
import { onThemeChange } from "./theme.js";

export class ReceptiveFieldView {
  #element;
  #picture = new FieldPicture();
  #enlarged = new FieldPicture();
  #enlargement = html("figure", { class: "field-enlarged", hidden: true });
  #words = html("p", { class: "field-words" });
  #layer = html("p", { class: "field-layer" });
  /** @type {InputImage | null} */
  #image = null;
  /** Height and width of the image. @type {[number, number] | null} */
  #size = null;
  /** @type {Heat | null} */
  #heat = null;
  /** @type {{field: ReceptiveField, unit: UnitAddress} | null} */
  #shown = null;
  /** What has been painted, so that moving along the map paints no image again. */
  #painted = "";
  #forgetTheme;
  /** Where more about the field goes. */
  more = html("div", { class: "field-more" });

  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.#enlargement.append(this.#enlarged.element, html("figcaption", {}, "Enlarged"));
    this.#element = html(
      "section",
      { class: "field", "aria-label": "Receptive field", hidden: true },
      html("h3", { class: "label" }, "Receptive field on the image"),
      this.#picture.element,
      this.#enlargement,
      this.#words,
      this.#layer,
      this.more,
    );
    parent.append(this.#element);
    this.#forgetTheme = onThemeChange(() => this.#repaint());
  }

  /** @param {InputImage | null} image  that the network received */
  setImage(image) {
    this.#image = image;
    if (image) this.#size = inputSize(image);
    this.#repaint();
  }

  /** @param {Heat | null} heat  how much each pixel counts */
  setHeat(heat) {
    this.#heat = heat;
    this.#picture.paintHeat(heat);
    this.#enlarged.paintHeat(heat);
  }

  /** No value is selected. */
  hide() {
    this.#element.hidden = true;
    this.#shown = null;
  }

  /**
   * The field has been asked for. Until it comes, the box of the layer's closed form moves at once;
   * without one, what is shown is still the one before.
   *
   * @param {UnitAddress} [unit]
   * @param {LayerField | null} [form]
   */
  await(unit, form = null) {
    this.#element.setAttribute("aria-busy", "true");
    const size = this.#shown?.field.input_shape ?? this.#size;
    const field = unit && form && size ? closedField(form, unit, size) : null;
    if (unit && field && !this.#element.hidden) this.#draw(field, unit);
  }

  /** @param {string} reason  why there is no field to show */
  fail(reason) {
    this.#shown = null;
    this.#element.hidden = false;
    this.#element.removeAttribute("aria-busy");
    this.#picture.element.hidden = true;
    this.#enlargement.hidden = true;
    this.#words.textContent = reason;
    this.#layer.textContent = "";
  }

  /**
   * @param {ReceptiveField} field
   * @param {UnitAddress} unit
   */
  show(field, unit) {
    this.#shown = { field, unit };
    this.#element.hidden = false;
    this.#element.removeAttribute("aria-busy");
    this.#element.dataset.status = field.status;
    this.#picture.element.hidden = false;
    const words = fieldInWords(field);
    this.#words.textContent = this.#draw(field, unit) ? `${words} It goes on beyond the picture.` : words;
    this.#layer.textContent = strideInWords(field);
  }

  #repaint() {
    this.#painted = "";
    if (this.#shown) this.#draw(this.#shown.field, this.#shown.unit);
    this.setHeat(this.#heat);
  }

  /**
   * @param {ReceptiveField} field
   * @param {UnitAddress} unit
   * @returns {boolean} whether the field goes on beyond what is drawn
   */
  #draw(field, unit) {
    const [height, width] = field.input_shape;
    const key = `${height} ${width}`;
    if (this.#painted !== key) {
      this.#painted = key;
      for (const picture of [this.#picture, this.#enlarged]) picture.paintImage(this.#image, width, height);
    }
    const words = fieldInWords(field);
    const { rows, columns, cut } = surroundings(field, unit.shape.length > 3 ? unit.shape.slice(-2) : [1, unit.shape[2] ?? 1]);
    this.#picture.show(field, rows, columns, words);
    const part = enlargement(field);
    this.#enlargement.hidden = part === null;
    if (part) this.#enlarged.show(field, part.rows, part.columns, `Enlarged. ${words}`);
    return cut;
  }

  destroy() {
    this.#forgetTheme();
    this.#element.remove();
  }
}
