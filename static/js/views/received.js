/** The image that the network received, and how the input became it. @import {Cell, Drawing, Inspection} from "../core/types.js" */
import { lookupTable } from "../core/colour.js";
import { PAD_SIDE, pathData } from "../core/geometry.js";
import { plural, short } from "../core/numbers.js";
import { html, svg } from "./dom.js";
import { PixelView } from "./pixel_view.js";
import { currentTheme, onThemeChange } from "./theme.js";

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

  /** @param {HTMLElement} parent */
  constructor(parent) {
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
    const { source, steps } = inspection.input.preprocessing;
    const written = source === "image" ? (steps ?? []) : [];
    this.#list.replaceChildren(...written.map(({ name, detail }) => html("li", {}, html("b", {}, name), `: ${detail}`)));
    this.#paint();
    this.#describe();
  }

  /**
   * @param {Drawing} drawing
   * @param {Inspection | null} inspection
   */
  #stepFigures(drawing, inspection) {
    const received = html("figure", { class: "step step-result" }, this.#imageFigure, html("figcaption", {}, "28 × 28 pixels"));
    const preprocessing = inspection?.input.preprocessing;
    if (preprocessing?.source === "image") {
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
    const image = this.#inspection?.input.image;
    const table = lookupTable("ink", currentTheme());
    this.#pixels.show(28, 28, (pixels) => {
      for (let index = 0; index < 784; index += 1) pixels[index] = table[image?.[Math.floor(index / 28)][index % 28] ?? 0];
    });
  }

  #describe() {
    const inspection = this.#inspection;
    // A pixel that was asked for is read out; what changes with every stroke is not.
    this.#words.ariaLive = this.#cell ? "polite" : "off";
    if (!inspection) {
      this.#words.textContent = "Your strokes are put into their box, scaled, centred and drawn as 28 × 28 pixels.";
      return;
    }
    if (this.#cell) {
      const { row, column } = this.#cell;
      const ink = inspection.input.image[row][column];
      this.#words.replaceChildren(html("strong", {}, `${ink} of 255`), ` at row ${row}, column ${column}: the network reads ${short(ink / 255)}.`);
      return;
    }
    const inked = inspection.input.image.flat().filter((ink) => ink > 0).length;
    const { box, points } = inspection.input.preprocessing;
    const from = box && points ? `${plural(points, "point")} in a box of ${Math.round(box.right - box.left)} × ${Math.round(box.bottom - box.top)}. ` : "";
    this.#words.textContent = `${from}${inked} of 784 pixels have ink. Point at one for its value.`;
    this.#pixels.setLabel(`Image that the network receives: ${inked} of 784 pixels have ink`);
  }

  destroy() {
    this.#forgetTheme();
    this.#pixels.destroy();
    this.#body.remove();
  }
}
