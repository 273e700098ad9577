/** Inputs to start from: our pictures, the model's examples, the last drawing. @import {Drawing} from "../core/types.js" */
import { PAD_SIDE, pathData } from "../core/geometry.js";
import { samplePixels } from "../core/samples.js";
import { context2d, html, svg } from "./dom.js";

/** Pixels along each side of a sample in the list. */
const SIDE = 64;

/**
 * @typedef {{kind: "picture", sample: import("../core/samples.js").Sample} | {kind: "drawing", drawing: Drawing} | {kind: "example", number: number}} SampleSource
 * @typedef {{name: string, label: string, source: SampleSource}} ListedSample
 */

export class SampleList {
  #list;
  /** @type {Map<string, HTMLButtonElement>} */
  #buttons = new Map();

  /**
   * @param {HTMLElement} list
   * @param {ListedSample[]} samples
   * @param {(sample: ListedSample) => void} onChoose
   */
  constructor(list, samples, onChoose) {
    this.#list = list;
    list.replaceChildren(
      ...samples.map((sample) => {
        const { name, label, source } = sample;
        const button = html("button", { class: "sample", type: "button", "aria-label": label, "aria-pressed": "false", title: label, onclick: () => onChoose(sample) }, pictureOf(source));
        this.#buttons.set(name, button);
        return html("li", {}, button);
      }),
    );
  }

  /** @param {string | null} name  of the sample that is the input now */
  mark(name) {
    for (const [each, button] of this.#buttons) button.ariaPressed = String(each === name);
  }

  destroy() {
    this.#list.replaceChildren();
  }
}

/** @param {SampleSource} source */
function pictureOf(source) {
  if (source.kind === "example") return html("span", { "aria-hidden": "true" }, String(source.number));
  if (source.kind === "drawing") return svg("svg", { viewBox: `0 0 ${PAD_SIDE} ${PAD_SIDE}`, "aria-hidden": "true" }, svg("path", { d: pathData(source.drawing) }));
  const canvas = html("canvas", { width: SIDE, height: SIDE, "aria-hidden": "true" });
  context2d(canvas).putImageData(new ImageData(samplePixels(source.sample, SIDE), SIDE, SIDE), 0, 0);
  return canvas;
}
