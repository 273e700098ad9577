/** The receptive field of a value, drawn on the image that the network receives. @import {InputImage, ReceptiveField, UnitAddress} from "../core/types.js" */
import { lookupTable } from "../core/colour.js";
import { inputColours } from "../core/input_image.js";
import { fieldInWords, maskPath, rectanglePath, strideInWords, surroundings } from "../core/receptive_field.js";
import { context2d, html, svg } from "./dom.js";
import { currentTheme, onThemeChange } from "./theme.js";

/** Identifies the pattern of the padding within the page. */
const HATCH = "field-padding";

export class ReceptiveFieldView {
  #element;
  #picture = html("div", { class: "field-picture" });
  #canvas = html("canvas", { class: "field-image", "aria-hidden": "true" });
  #overlay = svg("svg", { class: "field-overlay", role: "img", "aria-label": "Receptive field" });
  #words = html("p", { class: "field-words" });
  #layer = html("p", { class: "field-layer" });
  /** @type {InputImage | null} */
  #image = null;
  /** @type {{field: ReceptiveField, unit: UnitAddress} | null} */
  #shown = null;
  #forgetTheme;

  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.#picture.append(this.#canvas, this.#overlay);
    this.#element = html("section", { class: "field", "aria-label": "Receptive field", hidden: true }, html("h3", { class: "label" }, "Receptive field on the image"), this.#picture, this.#words, this.#layer);
    parent.append(this.#element);
    this.#forgetTheme = onThemeChange(() => this.#paint());
  }

  /** @param {InputImage | null} image  that the network received */
  setImage(image) {
    this.#image = image;
    this.#paint();
  }

  /** No value is selected. */
  hide() {
    this.#element.hidden = true;
    this.#shown = null;
  }

  /** The field has been asked for; what is shown is still the one before. */
  await() {
    this.#element.setAttribute("aria-busy", "true");
  }

  /** @param {string} reason  why there is no field to show */
  fail(reason) {
    this.#shown = null;
    this.#element.hidden = false;
    this.#element.removeAttribute("aria-busy");
    this.#picture.hidden = true;
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
    this.#picture.hidden = false;
    this.#paint();
  }

  #paint() {
    if (!this.#shown) return;
    const { field, unit } = this.#shown;
    const [height, width] = field.input_shape;
    const { rows, columns, cut } = surroundings(field, unit.shape.length > 3 ? unit.shape.slice(-2) : [1, unit.shape[2] ?? 1]);
    const across = columns[1] - columns[0];
    const down = rows[1] - rows[0];
    const words = fieldInWords(field);
    this.#words.textContent = cut ? `${words} It goes on beyond the picture.` : words;
    this.#layer.textContent = strideInWords(field);
    this.#picture.style.aspectRatio = `${across} / ${down}`;
    this.#overlay.setAttribute("viewBox", `${columns[0]} ${rows[0]} ${across} ${down}`);
    this.#overlay.setAttribute("aria-label", words);
    Object.assign(this.#canvas.style, {
      left: `${(-columns[0] / across) * 100}%`,
      top: `${(-rows[0] / down) * 100}%`,
      width: `${(width / across) * 100}%`,
      height: `${(height / down) * 100}%`,
    });
    this.#paintImage(width, height);
    this.#paintOverlay(field, width, height);
  }

  /**
   * @param {number} width
   * @param {number} height
   */
  #paintImage(width, height) {
    const canvas = this.#canvas;
    [canvas.width, canvas.height] = [width, height];
    const pixels = new ImageData(width, height);
    const theme = currentTheme();
    const image = this.#image && inputColours(this.#image, theme);
    const colours = new Uint32Array(pixels.data.buffer);
    if (image?.height === height && image.width === width) colours.set(image.colours);
    else colours.fill(lookupTable("ink", theme)[0]);
    context2d(canvas).putImageData(pixels, 0, 0);
  }

  /**
   * @param {ReceptiveField} field
   * @param {number} width
   * @param {number} height
   */
  #paintOverlay(field, width, height) {
    const { box, unclipped } = field;
    const mask = maskPath(field);
    const image = rectanglePath([0, height], [0, width]);
    // Lines as fine as the picture needs: in pixels of the image.
    const hatch = svg("pattern", { id: HATCH, width: 1.5, height: 1.5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, svg("path", { class: "field-hatch", d: "M0 0V1.5" }));
    const window = unclipped ? rectanglePath(unclipped[0], unclipped[1]) : "";
    this.#overlay.replaceChildren(
      svg("defs", {}, hatch),
      window ? svg("path", { class: "field-padding", "fill-rule": "evenodd", fill: `url(#${HATCH})`, d: outside(unclipped, width, height) }) : "",
      svg("path", { class: "field-unseen", "fill-rule": "evenodd", d: image + mask }),
      svg("path", { class: "field-seen", d: mask }),
      svg("path", { class: "field-border", d: image }),
      window ? svg("path", { class: "field-window", d: window }) : "",
      box ? svg("path", { class: "field-box", d: rectanglePath(box[0], box[1]), "data-box": JSON.stringify(box) }) : "",
    );
  }

  destroy() {
    this.#forgetTheme();
    this.#element.remove();
  }
}

/**
 * The part of a window beyond the image, as four rectangles that do not overlap.
 *
 * @param {ReceptiveField["unclipped"]} window
 * @param {number} width
 * @param {number} height
 */
function outside(window, width, height) {
  if (!window) return "";
  const [[top, bottom], [left, right]] = window;
  /** @type {[number, number, number, number][]} */
  const pieces = [
    [top, Math.min(bottom, 0), left, right],
    [Math.max(top, height), bottom, left, right],
    [Math.max(top, 0), Math.min(bottom, height), left, Math.min(right, 0)],
    [Math.max(top, 0), Math.min(bottom, height), Math.max(left, width), right],
  ];
  return pieces.filter(([first, stop, from, to]) => stop > first && to > from).map(([first, stop, from, to]) => rectanglePath([first, stop], [from, to])).join("");
}
