/** What the colours mean. @import {ColourRange, ScaleKind} from "../core/colour.js" */
import { lookupTable, scalePosition } from "../core/colour.js";
import { short } from "../core/numbers.js";
import { context2d, html } from "./dom.js";
import { currentTheme, onThemeChange } from "./theme.js";

/** A colour scale with its ends in figures and, on request, a mark at a value. */
export class Legend {
  #element = html("div", { class: "legend", role: "img" });
  #low = html("span");
  #high = html("span");
  #canvas = html("canvas", { width: 256, height: 1 });
  #mark = html("span", { class: "legend-mark", hidden: true });
  /** @type {ScaleKind} */
  #kind = "diverging";
  #bar;
  #forgetTheme;

  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.#bar = html("span", { class: "legend-bar" }, this.#canvas, this.#mark);
    this.#element.append(this.#low, this.#bar, this.#high);
    parent.append(this.#element);
    this.#forgetTheme = onThemeChange(() => this.#paint());
    this.#paint();
  }

  /**
   * The meaning alone, where every picture has its own range.
   *
   * @param {"diverging" | "weights"} [kind]
   */
  showMeaning(kind = "diverging") {
    const [negative, positive] = kind === "weights" ? ["violet", "green"] : ["blue", "orange"];
    this.#show(kind, "negative", "positive", `Colours: ${negative} is negative, ${positive} is positive, zero is the colour of the ground.`);
    this.#showBeyond({ below: false, above: false });
    this.#mark.hidden = true;
  }

  /**
   * @param {ColourRange} range
   * @param {number | null} [value]  to mark
   * @param {{below: boolean, above: boolean}} [beyond]  whether values are beyond it, shown as its ends
   */
  show(range, value = null, beyond = { below: false, above: false }) {
    const [low, high] = [short(range.low), short(range.high)];
    this.#show(range.kind, low, high, `Colours from ${low} to ${high}${range.kind === "diverging" || range.kind === "difference" || range.kind === "weights" ? ", zero in the middle" : ""}.${beyond.below ? " Values below it are drawn as its lower end." : ""}${beyond.above ? " Values above it are drawn as its upper end." : ""}`);
    this.#showBeyond(beyond);
    this.#mark.hidden = value === null;
    if (value !== null) this.#mark.style.setProperty("--place", String(scalePosition(range, value)));
  }

  /**
   * @param {ScaleKind} kind
   * @param {string} low
   * @param {string} high
   * @param {string} label
   */
  #show(kind, low, high, label) {
    this.#low.textContent = low;
    this.#high.textContent = high;
    this.#element.setAttribute("aria-label", label);
    if (kind !== this.#kind) {
      this.#kind = kind;
      this.#paint();
    }
  }

  /** @param {{below: boolean, above: boolean}} beyond */
  #showBeyond({ below, above }) {
    this.#bar.toggleAttribute("data-below", below);
    this.#bar.toggleAttribute("data-above", above);
  }

  #paint() {
    const image = new ImageData(256, 1);
    new Uint32Array(image.data.buffer).set(lookupTable(this.#kind, currentTheme()));
    context2d(this.#canvas).putImageData(image, 0, 0);
  }

  destroy() {
    this.#forgetTheme();
    this.#element.remove();
  }
}
