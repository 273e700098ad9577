/** The input of a network of images, large. @import {ColourImage, Drawing} from "../core/types.js" */
import { PAD_SIDE, pathData } from "../core/geometry.js";
import { context2d, html, svg } from "./dom.js";

/** Shows one thing at a time: a picture, a drawing, colours, what the camera sees, or words. */
export class PictureView {
  #element;
  /** The address that stands for a picture's bytes while it is shown. */
  #address = "";

  /** @param {HTMLElement} element */
  constructor(element) {
    this.#element = element;
    this.video = html("video", { class: "picture-shown", muted: true, playsinline: true, "aria-label": "What the camera sees" });
    // An attribute sets only what it is at first.
    this.video.muted = true;
  }

  clear() {
    this.#show(null);
  }

  /** @param {Blob} image  which the browser may not be able to show; the server says what it makes of it */
  showImage(image) {
    const address = URL.createObjectURL(image);
    const picture = html("img", { class: "picture-shown", src: address, alt: "The picture that the network looks at" });
    picture.addEventListener("error", () => {
      if (this.#address === address) this.showWords("The browser cannot show this file.");
    });
    this.#show(picture);
    this.#address = address;
  }

  /** @param {Drawing} drawing */
  showDrawing(drawing) {
    const picture = svg("svg", { class: "picture-shown picture-drawing", viewBox: `0 0 ${PAD_SIDE} ${PAD_SIDE}`, role: "img", "aria-label": "Your drawing" }, svg("path", { d: pathData(drawing) }));
    this.#show(picture);
  }

  /** @param {ColourImage} image */
  showColours({ width, height, colours }) {
    const canvas = html("canvas", { class: "picture-shown picture-pixels", width, height, role: "img", "aria-label": `The example, ${width} by ${height} pixels` });
    const pixels = new ImageData(width, height);
    new Uint32Array(pixels.data.buffer).set(colours);
    context2d(canvas).putImageData(pixels, 0, 0);
    this.#show(canvas);
  }

  /** @param {boolean} mirrored  as a mirror would show it */
  showVideo(mirrored) {
    this.video.classList.toggle("picture-mirrored", mirrored);
    this.#show(this.video);
  }

  /** @param {string} words */
  showWords(words) {
    this.#show(html("p", { class: "picture-words" }, words));
  }

  /** @param {Element | null} shown */
  #show(shown) {
    if (this.#address) URL.revokeObjectURL(this.#address);
    this.#address = "";
    this.#element.replaceChildren(...(shown ? [shown] : []));
  }

  destroy() {
    this.#show(null);
  }
}
