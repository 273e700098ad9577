/** A part of the image that the network receives, with a field drawn on it. @import {Heat} from "../core/field_types.js" @import {InputImage, Interval, ReceptiveField} from "../core/types.js" */
import { lookupTable, scalePosition } from "../core/colour.js";
import { largest } from "../core/effective_field.js";
import { inputColours } from "../core/input_image.js";
import { maskPath, rectanglePath } from "../core/receptive_field.js";
import { context2d, html, svg } from "./dom.js";
import { currentTheme } from "./theme.js";

/** Distinguishes the patterns of pictures on one page. */
let pictures = 0;
/** Opacity of the heat where it is greatest. */
const HOTTEST = 0.92;

export class FieldPicture {
  element = html("div", { class: "field-picture" });
  #canvas = html("canvas", { class: "field-image", "aria-hidden": "true" });
  #heat = html("canvas", { class: "field-image field-heat", "aria-hidden": "true", hidden: true });
  #overlay = svg("svg", { class: "field-overlay", role: "img", "aria-label": "Receptive field" });
  #hatch = `field-padding-${(pictures += 1)}`;

  constructor() {
    this.element.append(this.#canvas, this.#heat, this.#overlay);
  }

  /**
   * Paint the image, of `width` by `height` pixels.
   *
   * @param {InputImage | null} image
   * @param {number} width
   * @param {number} height
   */
  paintImage(image, width, height) {
    const canvas = this.#canvas;
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    const context = context2d(canvas);
    const pixels = new ImageData(width, height);
    const given = image && inputColours(image, currentTheme());
    const colours = new Uint32Array(pixels.data.buffer);
    if (given?.width === width && given.height === height) colours.set(given.colours);
    else colours.fill(lookupTable("ink", currentTheme())[0]);
    context.putImageData(pixels, 0, 0);
  }

  /** @param {Heat | null} heat  over the image; null: none */
  paintHeat(heat) {
    this.#heat.hidden = heat === null;
    this.element.toggleAttribute("data-heat", heat !== null);
    if (!heat) return;
    const { values, width, height } = heat;
    [this.#heat.width, this.#heat.height] = [width, height];
    const pixels = new ImageData(width, height);
    const table = lookupTable("sequential", currentTheme());
    const range = { kind: /** @type {const} */ ("sequential"), low: 0, high: largest(heat) };
    const colours = new Uint32Array(pixels.data.buffer);
    values.forEach((value, place) => {
      const share = scalePosition(range, value);
      // Nothing where nothing counts, so that the image is seen beneath.
      colours[place] = (table[Math.round(share * 255)] & 0xffffff) | (Math.round(Math.min(1, share * 1.6) * HOTTEST * 255) << 24);
    });
    context2d(this.#heat).putImageData(pixels, 0, 0);
  }

  /**
   * Draw the field, and show these rows and columns of the plane.
   *
   * @param {ReceptiveField} field
   * @param {Interval} rows
   * @param {Interval} columns
   * @param {string} words
   */
  show(field, rows, columns, words) {
    const [height, width] = field.input_shape;
    const across = columns[1] - columns[0];
    const down = rows[1] - rows[0];
    this.element.style.aspectRatio = `${across} / ${down}`;
    this.#overlay.setAttribute("viewBox", `${columns[0]} ${rows[0]} ${across} ${down}`);
    this.#overlay.setAttribute("aria-label", words);
    for (const canvas of [this.#canvas, this.#heat]) {
      Object.assign(canvas.style, {
        left: `${(-columns[0] / across) * 100}%`,
        top: `${(-rows[0] / down) * 100}%`,
        width: `${(width / across) * 100}%`,
        height: `${(height / down) * 100}%`,
      });
    }
    this.#draw(field, width, height, Math.max(across, down));
  }

  /**
   * @param {ReceptiveField} field
   * @param {number} width
   * @param {number} height
   * @param {number} side  of what is shown
   */
  #draw({ box, unclipped, mask, ...field }, width, height, side) {
    const seen = maskPath({ box, unclipped, mask, ...field });
    const image = rectanglePath([0, height], [0, width]);
    // Lines as fine as the picture needs: a share of its side.
    const step = Math.max(1.5, side / 24);
    const hatch = svg("pattern", { id: this.#hatch, width: step, height: step, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, svg("path", { class: "field-hatch", d: `M0 0V${step}` }));
    const window = unclipped ? rectanglePath(unclipped[0], unclipped[1]) : "";
    this.#overlay.replaceChildren(
      svg("defs", {}, hatch),
      window ? svg("path", { class: "field-padding", "fill-rule": "evenodd", fill: `url(#${this.#hatch})`, d: outside(unclipped, width, height) }) : "",
      svg("path", { class: "field-unseen", "fill-rule": "evenodd", d: image + seen }),
      svg("path", { class: "field-seen", d: seen }),
      svg("path", { class: "field-border", d: image }),
      window ? svg("path", { class: "field-window", d: window }) : "",
      box ? svg("path", { class: "field-box", d: rectanglePath(box[0], box[1]), "data-box": JSON.stringify(box) }) : "",
    );
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
