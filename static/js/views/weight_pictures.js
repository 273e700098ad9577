/** Weights as pictures, one for each channel. @import {LayerMaps, LayerParameter, RangeMode} from "../core/types.js" */
import { paintColours, paintWeights, parameterRange, picturesInWords, weightRange } from "../core/kernels.js";
import { quantisedValue } from "../core/atlas.js";
import { percent, plural, short } from "../core/numbers.js";
import { context2d, html } from "./dom.js";
import { Legend } from "./legend.js";
import { currentTheme, onThemeChange } from "./theme.js";

/**
 * @typedef {object} PicturesContent
 * @property {NonNullable<LayerParameter["picture"]>} picture
 * @property {string} inputs  which input channel, or what over all of them
 * @property {number[]} outputs  of which channels, in order
 * @property {LayerMaps} maps
 * @property {LayerParameter} parameter
 * @property {(output: number) => string} nameOf
 */

export class WeightPictures {
  #words = html("p", { class: "grid-note" });
  #list = html("ul", { class: "kernels", "aria-label": "Weights of the channels" });
  #matrix = html("canvas", { class: "matrix", role: "img", width: 1, height: 1 });
  #reading = html("p", { class: "kernel-reading" }, "\u00a0");
  #legend;
  #scale;
  #note = html("p", { class: "grid-note", hidden: true });
  #forgetTheme;
  /** @type {PicturesContent | null} */
  #content = null;
  /** @type {RangeMode} */
  #mode = "layer";
  element;

  constructor() {
    const legend = html("div");
    this.#scale = legend;
    this.element = html("div", { class: "weight-pictures" }, this.#words, legend, this.#note, this.#list, this.#matrix, this.#reading);
    this.#legend = new Legend(legend);
    this.#matrix.addEventListener("pointermove", (event) => this.#read(event, this.#matrix, null));
    this.#list.addEventListener("pointermove", (event) => {
      const canvas = event.target instanceof HTMLCanvasElement ? event.target : null;
      if (canvas) this.#read(event, canvas, Number(canvas.dataset.place));
    });
    // A finger does not hover: it reads where it touches.
    this.#matrix.addEventListener("pointerdown", (event) => this.#read(event, this.#matrix, null));
    this.#list.addEventListener("pointerdown", (event) => {
      if (event.target instanceof HTMLCanvasElement) this.#read(event, event.target, Number(event.target.dataset.place));
    });
    for (const area of [this.#matrix, this.#list]) area.addEventListener("pointerleave", () => (this.#reading.textContent = "\u00a0"));
    this.#forgetTheme = onThemeChange(() => this.#paint());
  }

  /** @param {PicturesContent} content */
  show(content) {
    this.#content = content;
    this.#words.textContent = picturesInWords(content.picture, content.inputs);
    this.#paint();
  }

  /** @param {RangeMode} mode */
  setMode(mode) {
    this.#mode = mode;
    this.#paint();
  }

  /** Whether every picture has a range of its own. */
  get #single() {
    return this.#mode === "channel" && this.#content?.inputs !== "rgb" && this.#content?.picture.form !== "matrix";
  }

  /** @param {number} picture */
  #rangeOf(picture) {
    const { maps, parameter, inputs } = /** @type {PicturesContent} */ (this.#content);
    if (this.#single) return weightRange(maps.channelMinimum[picture], maps.channelMaximum[picture]);
    // Over inputs, other values come about than the parameter has.
    return inputs === "norm" || inputs === "mean" ? weightRange(maps.minimum, maps.maximum) : parameterRange(parameter).range;
  }

  /** How many weights the colours do not reach. */
  get #beyond() {
    const { parameter, inputs } = /** @type {PicturesContent} */ (this.#content);
    return this.#single || inputs === "norm" || inputs === "mean" ? 0 : parameterRange(parameter).beyond;
  }

  #paint() {
    const content = this.#content;
    if (!content) return;
    const { picture, inputs, outputs, maps, nameOf } = content;
    const matrix = picture.form === "matrix";
    this.#list.hidden = matrix;
    this.#matrix.hidden = !matrix;
    this.#scale.hidden = inputs === "rgb";
    if (this.#single) this.#legend.showMeaning("weights");
    else this.#legend.show(this.#rangeOf(0), null, { below: this.#beyond > 0, above: this.#beyond > 0 });
    this.#note.hidden = this.#beyond === 0;
    this.#note.textContent = `${plural(this.#beyond, "weight")} (${percent(this.#beyond / content.parameter.values)}) of the layer ${this.#beyond === 1 ? "is" : "are"} beyond these colours and drawn as their ends.`;
    if (matrix) return this.#paintMatrix(content);
    while (this.#list.children.length < outputs.length) {
      this.#list.append(html("li", {}, html("canvas", { role: "img" }), html("span", { "aria-hidden": "true" })));
    }
    while (this.#list.children.length > outputs.length) this.#list.lastChild?.remove();
    this.#list.dataset.form = picture.form;
    outputs.forEach((output, place) => {
      const [canvas, label] = /** @type {[HTMLCanvasElement, HTMLSpanElement]} */ ([...this.#list.children[place].children]);
      if (canvas.width !== maps.width || canvas.height !== maps.height) [canvas.width, canvas.height] = [maps.width, maps.height];
      canvas.style.setProperty("aspect-ratio", `${maps.width} / ${maps.height}`);
      canvas.dataset.place = String(place);
      const image = new ImageData(maps.width, maps.height);
      const pixels = new Uint32Array(image.data.buffer);
      if (inputs === "rgb") paintColours(pixels, maps, place, this.#rangeOf(0));
      else paintWeights(pixels, maps, place, this.#rangeOf(place), currentTheme());
      context2d(canvas).putImageData(image, 0, 0);
      const [low, high] = inputs === "rgb" ? [maps.minimum, maps.maximum] : [maps.channelMinimum[place], maps.channelMaximum[place]];
      canvas.setAttribute("aria-label", `Weights of ${nameOf(output)}: from ${short(low, 3)} to ${short(high, 3)}`);
      label.textContent = nameOf(output).replace(/^channel /, "");
    });
    return undefined;
  }

  /** @param {PicturesContent} content */
  #paintMatrix({ maps, outputs, parameter }) {
    const canvas = this.#matrix;
    [canvas.width, canvas.height] = [maps.width, outputs.length];
    const image = new ImageData(maps.width, outputs.length);
    const pixels = new Uint32Array(image.data.buffer);
    const { range } = parameterRange(parameter);
    outputs.forEach((_, place) => paintWeights(pixels.subarray(place * maps.width, (place + 1) * maps.width), maps, place, range, currentTheme()));
    context2d(canvas).putImageData(image, 0, 0);
    canvas.setAttribute("aria-label", `A matrix of weights: ${outputs.length} rows, one for each channel of the page, and ${maps.width} columns, one for each input. From ${short(maps.minimum, 3)} to ${short(maps.maximum, 3)}.`);
  }

  /**
   * @param {PointerEvent} event
   * @param {HTMLCanvasElement} canvas
   * @param {number | null} place  of the picture; null: each row of the canvas is one
   */
  #read(event, canvas, place) {
    const content = this.#content;
    if (!content) return;
    const { maps, outputs, nameOf, inputs, picture } = content;
    const box = canvas.getBoundingClientRect();
    const column = Math.min(Math.max(Math.floor(((event.clientX - box.left) / box.width) * canvas.width), 0), canvas.width - 1);
    const row = Math.min(Math.max(Math.floor(((event.clientY - box.top) / box.height) * canvas.height), 0), canvas.height - 1);
    const of = place ?? row;
    if (outputs[of] === undefined) return;
    const where = picture.form === "matrix" ? `input ${column}` : `row ${row}, column ${column}`;
    /** @param {number} map */
    const value = (map) => short(quantisedValue(maps, map, place === null ? 0 : row, column), 3);
    const values = inputs === "rgb" ? [0, 1, 2].map((part) => value(of * 3 + part)).join(", ") : value(of);
    this.#reading.textContent = `${nameOf(outputs[of])}, ${where}: about ${values}`;
  }

  destroy() {
    this.#forgetTheme();
    this.#legend.destroy();
    this.element.remove();
  }
}
