/** The image that the network received, and how the input became it. @import {Cell, Drawing, InputPixel, Inspection} from "../core/types.js" */
import { lookupTable } from "../core/colour.js";
import { inputColours, inputSize } from "../core/input_image.js";
import { PAD_SIDE, pathData } from "../core/geometry.js";
import { plural, short } from "../core/numbers.js";
import { html, svg } from "./dom.js";
import { PixelView } from "./pixel_view.js";
import { currentTheme, onThemeChange } from "./theme.js";

/** Nothing was received yet. */
const BLANK = { width: 28, height: 28, colours: new Uint32Array(784) };

const EMPTY = "Your strokes are put into their box, scaled, centred and drawn as 28 × 28 pixels.";

/** Whether it was drawn for a network of doodles. @param {Inspection} inspection */
function isDoodle({ input: { image, preprocessing } }) {
  return preprocessing.source === "strokes" && Array.isArray(image);
}

/**
 * @typedef {object} ReceivedOptions
 * @property {string} [empty]  what stands there before anything was received
 * @property {(id: string, cell: Cell) => void} [onPixel]  the exact values of a pixel of an image are wanted
 */

/** Shows the steps strokes -> box -> scale -> centre -> pixels with the server's own numbers. */
export class Received {
  #body = html("div", { class: "received-body" });
  #steps = html("div", { class: "steps" });
  #words = html("p", { class: "received-words" });
  #imageFigure = html("div", { class: "received-image" });
  #pixels;
  #list = html("ol", { class: "image-steps" });
  /** @type {Inspection | null} */
  #inspection = null;
  /** @type {Cell | null} */
  #cell = null;
  #forgetTheme;
  #empty;
  #onPixel;
  /** @type {(InputPixel & {id: string}) | null} */
  #pixel = null;

  /**
   * @param {HTMLElement} parent
   * @param {ReceivedOptions} [options]
   */
  constructor(parent, { empty = EMPTY, onPixel } = {}) {
    this.#empty = empty;
    this.#onPixel = onPixel;
    this.#pixels = new PixelView(this.#imageFigure, {
      label: "Image that the network receives",
      onCell: (cell) => {
        this.#cell = cell;
        this.#describe();
      },
    });
    this.#body.append(this.#steps, this.#list, this.#words);
    parent.append(this.#body);
    this.#forgetTheme = onThemeChange(() => this.#paint());
    this.clear();
  }

  clear() {
    this.#inspection = null;
    this.#cell = null;
    this.#pixels.select(null);
    this.#list.replaceChildren();
    this.#stepFigures([], null);
    this.#paint();
    this.#describe();
  }

  /**
   * @param {Inspection} inspection
   * @param {Drawing} drawing  the strokes that were sent; empty for an image
   */
  update(inspection, drawing) {
    this.#inspection = inspection;
    this.#stepFigures(drawing, inspection);
    const { steps } = inspection.input.preprocessing;
    const written = isDoodle(inspection) ? [] : (steps ?? []);
    this.#list.replaceChildren(...written.map(({ name, detail }) => html("li", {}, html("b", {}, name), `: ${detail}`)));
    this.#paint();
    this.#describe();
  }

  /**
   * @param {Drawing} drawing
   * @param {Inspection | null} inspection
   */
  #stepFigures(drawing, inspection) {
    const image = inspection?.input.image ?? null;
    const [height, width] = image === null ? [28, 28] : inputSize(image);
    const caption = inspection && image === null ? "" : `${width} × ${height} pixels`;
    const received = html("figure", { class: "step step-result" }, this.#imageFigure, html("figcaption", {}, caption));
    const preprocessing = inspection?.input.preprocessing;
    if (inspection && !isDoodle(inspection)) {
      this.#steps.replaceChildren(received);
      this.#body.dataset.source = "image";
      return;
    }
    delete this.#body.dataset.source;
    const { box, scale, offset, line_width: lineWidth } = preprocessing ?? {};
    const placed = box && scale !== undefined && offset !== undefined && lineWidth !== undefined;
    const strokes = svg("svg", { viewBox: `0 0 ${PAD_SIDE} ${PAD_SIDE}`, "aria-hidden": "true" });
    const scaled = svg("svg", { viewBox: "0 0 28 28", "aria-hidden": "true" });
    const centred = svg("svg", { viewBox: "0 0 28 28", "aria-hidden": "true" });
    const grid = Array.from({ length: 27 }, (_, index) => `M${index + 1} 0V28M0 ${index + 1}H28`).join("");
    centred.append(svg("path", { class: "step-grid", d: grid, "stroke-width": 0.4 }));
    if (placed) {
      const path = pathData(drawing);
      const [width, height] = [(box.right - box.left) * scale, (box.bottom - box.top) * scale];
      strokes.append(
        svg("path", { class: "step-ink", d: path, "stroke-width": 24 }),
        svg("rect", { class: "step-box", x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top }),
      );
      const moved = { x: -box.left * scale, y: -box.top * scale };
      scaled.append(
        svg("path", { class: "step-ink", d: pathData(drawing, scale, { x: moved.x + 1, y: moved.y + 1 }), "stroke-width": 0.6 }),
        svg("rect", { class: "step-box", x: 1, y: 1, width, height }),
      );
      centred.append(
        svg("path", { class: "step-ink", d: pathData(drawing, scale, offset), "stroke-width": lineWidth }),
        svg("path", { class: "step-cross", d: "M14 11.5V16.5M11.5 14H16.5" }),
      );
    }
    this.#steps.replaceChildren(
      html("figure", { class: "step step-small" }, strokes, html("figcaption", {}, placed ? plural(preprocessing?.strokes ?? drawing.length, "stroke") : "strokes")),
      html("figure", { class: "step step-small" }, scaled, html("figcaption", {}, placed ? `scaled × ${short(scale, 3)}` : "scaled")),
      html("figure", { class: "step step-small" }, centred, html("figcaption", {}, placed ? `line ${lineWidth.toFixed(2)} px` : "centred")),
      received,
    );
  }

  #paint() {
    const image = this.#inspection?.input.image ?? null;
    const blank = image === null;
    const { width, height, colours } = image === null ? BLANK : inputColours(image, currentTheme());
    // Of what is no picture there is nothing to point at.
    this.#imageFigure.hidden = blank && this.#inspection !== null;
    this.#imageFigure.style.aspectRatio = `${width} / ${height}`;
    const ground = lookupTable("ink", currentTheme())[0];
    this.#pixels.show(width, height, (pixels) => (blank ? pixels.fill(ground) : pixels.set(colours)));
  }

  #describe() {
    const inspection = this.#inspection;
    // A pixel that was asked for is read out; what changes with every stroke is not.
    this.#words.ariaLive = this.#cell ? "polite" : "off";
    if (!inspection) {
      this.#words.textContent = this.#empty;
      return;
    }
    const { image, shape, preprocessing } = inspection.input;
    if (image === null) {
      this.#words.textContent = `Its input is ${shape.join(" × ")} values, no picture. Its exact values are in the file input.npz.`;
      return;
    }
    if (this.#cell) {
      this.#describePixel(inspection, this.#cell);
      return;
    }
    if (!Array.isArray(image)) {
      const label = `${image.width} × ${image.height} pixels${shape[0] === 3 ? " of red, green and blue" : ""}`;
      this.#words.textContent = `${label}. Point at one for its values.`;
      this.#pixels.setLabel(`Image that the network receives: ${label}`);
      return;
    }
    const inked = image.flat().filter((ink) => ink > 0).length;
    const { box, points } = preprocessing;
    const from = box && points ? `${plural(points, "point")} in a box of ${Math.round(box.right - box.left)} × ${Math.round(box.bottom - box.top)}. ` : "";
    this.#words.textContent = `${from}${inked} of 784 pixels have ink. Point at one for its value.`;
    this.#pixels.setLabel(`Image that the network receives: ${inked} of 784 pixels have ink`);
  }

  /**
   * @param {Inspection} inspection
   * @param {Cell} cell
   */
  #describePixel({ id, input: { image } }, { row, column }) {
    const where = ` at row ${row}, column ${column}`;
    if (Array.isArray(image)) {
      const ink = image[row][column];
      this.#words.replaceChildren(html("strong", {}, `${ink} of 255`), `${where}: the network reads ${short(ink / 255)}.`);
      return;
    }
    const pixel = this.#pixel;
    if (pixel?.id !== id || pixel.y !== row || pixel.x !== column) {
      this.#onPixel?.(id, { row, column });
      return;
    }
    const levels = pixel.levels.length === 3 ? `red ${pixel.levels[0]}, green ${pixel.levels[1]}, blue ${pixel.levels[2]}` : `grey ${pixel.levels[0]}`;
    const values = pixel.values.map((value) => (value === null ? "no number" : short(value))).join(", ");
    this.#words.replaceChildren(html("strong", {}, levels), `${where}: the network reads ${values}.`);
  }

  /** @param {InputPixel & {id: string}} pixel  the values that were asked for */
  setPixel(pixel) {
    this.#pixel = pixel;
    this.#describe();
  }

  destroy() {
    this.#forgetTheme();
    this.#pixels.destroy();
    this.#body.remove();
  }
}
