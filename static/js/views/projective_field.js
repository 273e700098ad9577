/** What one place can change in every layer after it. @import {ProjectedLayer, ProjectiveField} from "../core/field_types.js" @import {Cell, InputImage} from "../core/types.js" */
import { lookupTable } from "../core/colour.js";
import { inputColours } from "../core/input_image.js";
import { count, plural } from "../core/numbers.js";
import { boxInWords } from "../core/regions.js";
import { Disclosure } from "./disclosure.js";
import { html } from "./dom.js";
import { PixelView } from "./pixel_view.js";
import { currentTheme, onThemeChange } from "./theme.js";

/** @typedef {"pixel" | "cell"} From  A pixel of the image, or the chosen cell. */

/**
 * @typedef {object} ProjectiveHandlers
 * @property {(open: boolean, byReader: boolean) => void} onToggle
 * @property {(from: From) => void} onFrom
 * @property {(pixel: Cell) => void} onPixel
 * @property {(layer: string) => void} onLayer
 */

export class ProjectiveFieldView {
  #disclosure;
  #onLayer;
  #picture = html("div", { class: "reach-picture" });
  #pixels;
  #words = html("p", { class: "reach-words", role: "status" });
  #list = html("tbody");
  #table;
  #froms;
  /** @type {InputImage | null} */
  #image = null;
  /** @type {[number, number]} */
  #size = [1, 1];
  #forgetTheme;

  /**
   * @param {HTMLElement} parent
   * @param {ProjectiveHandlers} handlers
   */
  constructor(parent, { onToggle, onFrom, onPixel, onLayer }) {
    this.#onLayer = onLayer;
    this.#disclosure = new Disclosure(parent, "reach", "What a pixel can change", onToggle);
    this.#froms = html(
      "div",
      { class: "segmented", role: "radiogroup", "aria-label": "From where" },
      ...[["pixel", "a pixel of the image"], ["cell", "the chosen cell"]].map(([value, text]) =>
        html("label", {}, html("input", { type: "radio", name: "reach-from", value, checked: value === "pixel", onchange: () => onFrom(/** @type {From} */ (value)) }), text),
      ),
    );
    this.#table = html(
      "div",
      { class: "terms-scroll reach-layers", tabindex: 0, role: "region", "aria-label": "What it can change in each layer" },
      html(
        "table",
        { class: "terms" },
        html("caption", { class: "visually-hidden" }, "What it can change in each layer"),
        html("thead", {}, html("tr", {}, ...["layer", "cells", "of", "where"].map((name) => html("th", { scope: "col" }, name)))),
        this.#list,
      ),
    );
    this.#pixels = new PixelView(this.#picture, {
      label: "The image: choose a pixel",
      onCell: (cell, chosen) => {
        if (cell && chosen) onPixel(cell);
      },
    });
    this.#disclosure.body.append(this.#froms, html("div", { class: "reach" }, this.#picture, html("div", { class: "reach-found" }, this.#words, this.#table)));
    this.#forgetTheme = onThemeChange(() => this.#paint());
  }

  get open() {
    return this.#disclosure.open;
  }

  /** @param {boolean} open */
  setOpen(open) {
    this.#disclosure.setOpen(open);
  }

  /** @param {boolean} hidden */
  setHidden(hidden) {
    this.#disclosure.setHidden(hidden);
  }

  /**
   * @param {InputImage | null} image
   * @param {[number, number]} size  its height and width
   */
  setImage(image, size) {
    this.#image = image;
    this.#size = size;
    this.#paint();
  }

  /** @param {From} from @param {Cell | null} pixel */
  setSource(from, pixel) {
    this.#picture.hidden = from !== "pixel";
    this.#pixels.select(pixel);
    for (const input of this.#froms.querySelectorAll("input")) input.checked = input.value === from;
  }

  /** The answer has been asked for. */
  await() {
    this.#disclosure.setBusy(true);
  }

  /** @param {string} reason */
  fail(reason) {
    this.#disclosure.setBusy(false);
    this.#words.textContent = reason;
    this.#table.hidden = true;
  }

  /**
   * @param {ProjectiveField} field
   * @param {string} open  the layer that is open
   */
  show(field, open) {
    this.#disclosure.setBusy(false);
    const here = field.layers.find(({ layer }) => layer === open) ?? null;
    this.#words.textContent = reachInWords(field, open, here);
    this.#table.hidden = field.layers.length === 0;
    this.#list.replaceChildren(
      ...field.layers.map((layer) =>
        html(
          "tr",
          { "data-current": layer.layer === open },
          html("th", { scope: "row" }, html("button", { type: "button", class: "link-button", onclick: () => this.#onLayer(layer.layer) }, layer.layer)),
          html("td", {}, `${layer.status === "exact" ? "" : "≤ "}${count(layer.cells)}`),
          html("td", {}, count(layer.of)),
          html("td", {}, layer.box && layer.cells < layer.of ? boxInWords(layer.box) : layer.cells === layer.of ? "everywhere" : ""),
        ),
      ),
    );
  }

  #paint() {
    const [height, width] = this.#size;
    const image = this.#image;
    this.#picture.style.aspectRatio = `${width} / ${height}`;
    this.#pixels.show(width, height, (pixels) => {
      const given = image && inputColours(image, currentTheme());
      if (given?.width === width && given.height === height) pixels.set(given.colours);
      else pixels.fill(lookupTable("ink", currentTheme())[0]);
    });
  }

  destroy() {
    this.#forgetTheme();
    this.#pixels.destroy();
    this.#disclosure.destroy();
  }
}

/**
 * @param {ProjectiveField} field
 * @param {string} open
 * @param {ProjectedLayer | null} here
 */
function reachInWords({ source, channel, y, x, layers }, open, here) {
  const isImage = channel === null;
  const place = [channel === null ? "" : `channel ${channel}`, y === null ? "" : `row ${y}`, x === null ? "" : `column ${x}`].filter(Boolean).join(", ");
  const what = isImage ? `The pixel at ${place}` : `The cell of ${source} at ${place}`;
  if (layers.length === 0) return `${what} can change nothing: no layer comes after it.`;
  if (!here) return isImage ? `${what} can change nothing in ${open}.` : `${what} can change ${plural(layers.length, "later layer")}.`;
  const where = here.box && here.cells < here.of ? ` (${boxInWords(here.box)})` : "";
  const bound = here.status === "exact" ? "" : " at most";
  const cells = here.box ? "cells" : "values";
  return `${what} can change${bound} ${count(here.cells)} of ${count(here.of)} ${cells} of ${open}${where}. ${here.box ? "They are outlined in its map above." : ""}`.trim();
}
