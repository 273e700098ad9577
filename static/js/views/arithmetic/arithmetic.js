/** How a value came about: its arithmetic, the check, and code that gives it again. @import {Arithmetic, Cell} from "../../core/types.js" @import {Child, Tools} from "./pieces.js" */
import { cellsInWords, precise, readTarget, verdict } from "../../core/arithmetic.js";
import { html } from "../dom.js";
import { onThemeChange } from "../theme.js";
import { activation } from "./activation.js";
import { heading, sum } from "./pieces.js";
import { anything, concatenation, dropout, elementwise, embedding, general, identity, localResponseNormalisation, movement, normalisation } from "./steps.js";
import { crossEntropy, interpolation, linear, matrixProduct, reduction, softmax } from "./sums.js";
import { averagePooling, convolution, lpPooling, maxPooling, transposedConvolution } from "./windows.js";

/** @type {Record<string, (terms: any, arithmetic: Arithmetic, tools: Tools) => Child[]>} */
const VIEWS = {
  convolution,
  transposed_convolution: transposedConvolution,
  max_pooling: maxPooling,
  average_pooling: averagePooling,
  lp_pooling: lpPooling,
  activation,
  normalisation,
  local_response_normalisation: localResponseNormalisation,
  elementwise,
  concatenation,
  linear,
  matrix_product: matrixProduct,
  softmax,
  log_softmax: softmax,
  cross_entropy: crossEntropy,
  identity,
  dropout,
  movement,
  interpolation,
  reduction,
  embedding,
  general,
};

/**
 * @typedef {object} ArithmeticHandlers
 * @property {(open: boolean, byReader: boolean) => void} onOpen  it was opened or closed; byReader: not by `setOpen`
 * @property {(all: boolean) => void} onAll  every term is wanted
 * @property {(layer: string, channel: number | null, cell: Cell | null) => void} onGo
 * @property {(layer: string) => boolean} has  whether there is such a layer
 */

/** A disclosure; what is in it is fetched only while it is open. */
export class ArithmeticView {
  #element;
  #body = html("div", { class: "arithmetic-body" });
  #labels;
  #handlers;
  /** @type {Arithmetic | null} */
  #arithmetic = null;
  #all = false;
  #isOpen = true;
  #forgetTheme;

  /**
   * @param {HTMLElement} parent
   * @param {string[]} labels  the categories
   * @param {ArithmeticHandlers} handlers
   */
  constructor(parent, labels, handlers) {
    this.#labels = labels;
    this.#handlers = handlers;
    this.#element = html(
      "details",
      { class: "arithmetic", hidden: true, open: true, ontoggle: () => this.#toggled() },
      html("summary", {}, html("h3", {}, "How this value came about")),
      this.#body,
    );
    parent.append(this.#element);
    this.#forgetTheme = onThemeChange(() => this.#write());
  }

  get open() {
    return this.#element.open && !this.#element.hidden;
  }

  /** @param {boolean} open */
  setOpen(open) {
    this.#isOpen = open;
    this.#element.open = open;
  }

  /** No value is selected. */
  hide() {
    this.#element.hidden = true;
    this.#forget();
  }

  /** A value is selected; its arithmetic has not come yet. @param {boolean} other  than the one before */
  await(other) {
    this.#element.hidden = false;
    if (other) this.#all = false;
    if (other) this.#forget();
    if (!this.#arithmetic) this.#body.replaceChildren(html("p", { class: "arithmetic-wait" }, "Reading the numbers …"));
    this.#element.setAttribute("aria-busy", "true");
  }

  /** Whether every term was asked for. */
  get all() {
    return this.#all;
  }

  /** @param {string} reason  why there is none */
  fail(reason) {
    this.#element.hidden = false;
    this.#forget();
    this.#body.replaceChildren(html("p", { class: "arithmetic-wait" }, reason));
  }

  /** @param {Arithmetic} arithmetic */
  show(arithmetic) {
    this.#element.hidden = false;
    this.#arithmetic = arithmetic;
    this.#element.removeAttribute("aria-busy");
    this.#write();
  }

  #forget() {
    this.#arithmetic = null;
    this.#element.removeAttribute("aria-busy");
    this.#body.replaceChildren();
    delete this.#body.dataset.kind;
  }

  #toggled() {
    const byReader = this.#element.open !== this.#isOpen;
    this.#isOpen = this.#element.open;
    // What would be there on opening it again may be of another drawing.
    if (!this.#element.open) this.#forget();
    this.#handlers.onOpen(this.open, byReader);
  }

  #write() {
    const arithmetic = this.#arithmetic;
    if (!arithmetic) return;
    const focus = this.#focused();
    const view = VIEWS[arithmetic.kind] ?? anything;
    const children = [...view(arithmetic.terms, arithmetic, this.#tools()), ...this.#check(arithmetic), ...this.#reads(arithmetic), ...snippet(arithmetic)];
    this.#body.dataset.kind = arithmetic.kind;
    this.#body.replaceChildren(html("p", { class: "arithmetic-place" }, placeInWords(arithmetic)), ...children.filter((child) => child !== null));
    if (focus >= 0) this.#controls()[focus]?.focus({ preventScroll: true });
  }

  /** What of the body can have the focus, in order: numbers change under it while one draws. */
  #controls() {
    return [...this.#body.querySelectorAll("button, [tabindex]")].filter((element) => element instanceof HTMLElement);
  }

  #focused() {
    return this.#controls().findIndex((element) => element === document.activeElement);
  }

  /** @returns {Tools} */
  #tools() {
    return {
      labels: this.#labels,
      source: (layer, index) => {
        const axes = index?.map((place) => [place]) ?? null;
        const { channel, cell } = readTarget({ input: layer, argument: 0, cells: axes ?? [], exact: true });
        return this.#link(layer, channel, cell, axes ? `${layer}, ${cellsInWords(axes)}` : layer);
      },
      all: this.#all
        ? null
        : () => {
            this.#all = true;
            this.#handlers.onAll(true);
          },
    };
  }

  /**
   * @param {string} layer
   * @param {number | null} channel
   * @param {Cell | null} cell
   * @param {string} text
   */
  #link(layer, channel, cell, text) {
    if (!this.#handlers.has(layer)) return html("span", {}, layer === "input" ? text.replace(/^input/, "the image") : text);
    return html("button", { type: "button", class: "link-button", onclick: () => this.#handlers.onGo(layer, channel, cell) }, text);
  }

  /** @param {Arithmetic} arithmetic @returns {Child[]} */
  #check({ value, network_value: network, difference, formula }) {
    const said = verdict(difference, network);
    return [
      heading("The check"),
      sum([
        ["Recomputed in float64", value === null ? null : precise(value)],
        ["The network's own, in float32", precise(network)],
        ["Difference", difference === null ? null : precise(difference)],
      ]),
      value === null ? html("p", {}, "The value could not be recomputed.") : said ? html("p", { class: "verdict" }, said) : null,
      heading("The formula"),
      html("p", { class: "formula", tabindex: 0 }, formula),
    ];
  }

  /** @param {Arithmetic} arithmetic @returns {Child[]} */
  #reads({ reads }) {
    if (reads.length === 0) return [];
    const items = reads.map((read) => {
      const { layer, channel, cell } = readTarget(read);
      return html("li", {}, this.#link(layer, channel, cell, `${layer}: ${cellsInWords(read.cells)}`), read.exact ? "" : ", perhaps not all of them");
    });
    return [heading("What was read"), html("ul", { class: "reads" }, ...items)];
  }

  destroy() {
    this.#forgetTheme();
    this.#element.remove();
  }
}

/** @param {Arithmetic} arithmetic */
function placeInWords({ layer, operation, index }) {
  return `${layer} (${operation}), ${cellsInWords(index.map((place) => [place]))}`;
}

/** @param {Arithmetic} arithmetic @returns {Child[]} */
function snippet({ snippet: code }) {
  if (!code) return [];
  const copy = html("button", { type: "button", class: "text-button", "aria-live": "polite" }, "Copy");
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code);
      copy.textContent = "Copied";
    } catch {
      copy.textContent = "Select it and copy it by hand";
    }
  });
  return [
    html("div", { class: "snippet-head" }, heading("The same number in PyTorch"), copy),
    html("pre", { class: "snippet", tabindex: 0, "aria-label": "Code in PyTorch" }, html("code", {}, code)),
  ];
}
