/**
 * Beside a layer's channels: how its values spread, and its weights.
 *
 * @import {Histogram, LayerMaps, LayerNode, LayerParameter, RangeMode} from "../core/types.js"
 */
import { isVector } from "../core/graph.js";
import { chosenInputs } from "../core/kernels.js";
import { count, plural } from "../core/numbers.js";
import { html } from "./dom.js";
import { HistogramView } from "./histogram_view.js";
import { WeightBars } from "./weight_bars.js";
import { WeightPictures } from "./weight_pictures.js";

/**
 * @typedef {object} LayerPanelHandlers
 * @property {(inputs: string | null) => void} onInputs  which input channel's weights are wanted
 * @property {(parameter: LayerParameter) => void} onParameter  another parameter is looked at
 */

/** How many pictures are shown of a parameter whose outputs are not the channels. */
const FIRST = 64;

export class LayerPanel {
  #element = html("section", { class: "layer-panel", "aria-label": "Values and weights of the layer" });
  #activations = new HistogramView("activations");
  #values = html("section", { class: "panel-part", "aria-label": "Values of the layer" });
  #weights = html("section", { class: "panel-part", "aria-label": "Weights of the layer", hidden: true });
  #heading = html("h3", {}, "Weights");
  #tabs = html("div", { class: "segmented", role: "radiogroup", "aria-label": "Parameter" });
  #about = html("p", { class: "grid-note" });
  #choice = html("div", { class: "inputs-choice" });
  #what = html("select", { "aria-label": "Which inputs' weights", onchange: () => this.#pick() });
  #number = html("input", { type: "range", min: 0, max: 0, step: 1, "aria-label": "Input channel", oninput: () => this.#handlers.onInputs(this.#number.value) });
  #numberText = html("output");
  #pictures = new WeightPictures();
  #spread = new HistogramView("weights");
  #bars = html("div");
  #problem = html("p", { class: "grid-note", role: "status" });
  #download = html("a", { class: "text-link" }, "Exact values (.npz)");
  #handlers;
  #labels;
  /** @type {LayerNode | null} */
  #node = null;
  /** @type {LayerParameter[]} */
  #parameters = [];
  /** @type {LayerParameter | null} */
  #parameter = null;
  /** @type {string | null} */
  #wanted = null;

  /**
   * @param {HTMLElement} parent
   * @param {string[]} labels  the categories
   * @param {LayerPanelHandlers} handlers
   */
  constructor(parent, labels, handlers) {
    this.#labels = labels;
    this.#handlers = handlers;
    this.#choice.append(html("label", { class: "tool" }, "Of", this.#what), html("span", { class: "inputs-number" }, this.#number, this.#numberText));
    this.#values.append(html("h3", {}, "Values"), this.#activations.element);
    this.#values.hidden = true;
    this.#weights.append(html("header", { class: "panel-head" }, this.#heading, this.#tabs), this.#about, this.#choice, this.#pictures.element, this.#bars, this.#spread.element, this.#problem, this.#download);
    this.#element.append(this.#weights, this.#values);
    parent.append(this.#element);
  }

  /** @param {LayerNode | null} node @param {string} download  where its exact parameters are */
  setLayer(node, download) {
    this.#node = node;
    this.#parameters = [];
    this.#parameter = null;
    this.#weights.hidden = true;
    this.#values.hidden = true;
    this.#download.href = download;
    this.#element.toggleAttribute("data-vector", node !== null && isVector(node.shape));
    this.#writeHidden();
  }

  /** @param {string | null} wanted  as in the address */
  setInputs(wanted) {
    this.#wanted = wanted;
    this.#showChoice();
  }

  /** @param {RangeMode} mode */
  setMode(mode) {
    this.#pictures.setMode(mode);
  }

  /** The parameter that is looked at. */
  get parameter() {
    return this.#parameter;
  }

  /** Which of its pictures are wanted: inputs as chosen, and outputs, given the channels in view. @param {number[]} channels */
  wantedPictures(channels) {
    const picture = this.#parameter?.picture;
    if (!this.#parameter || !picture) return null;
    const outputs = picture.by_channel ? channels : Array.from({ length: Math.min(FIRST, picture.outputs) }, (_, index) => index);
    return outputs.length === 0 ? null : { parameter: this.#parameter, inputs: chosenInputs(picture, this.#wanted), outputs };
  }

  /** @param {LayerParameter[]} parameters */
  showParameters(parameters) {
    this.#parameters = parameters.filter(({ values }) => values > 0);
    this.#weights.hidden = this.#parameters.length === 0;
    this.#problem.textContent = "";
    this.#writeHidden();
    if (this.#parameters.length === 0) return;
    this.#tabs.hidden = this.#parameters.length < 2;
    this.#tabs.replaceChildren(
      ...this.#parameters.map((each, index) =>
        html("label", { title: each.name }, html("input", { type: "radio", name: "parameter", checked: index === 0, onchange: () => this.#choose(each) }), lastPart(each.name)),
      ),
    );
    this.#choose(this.#parameters[0]);
  }

  /** @param {LayerParameter} parameter */
  #choose(parameter) {
    this.#parameter = parameter;
    const { name, shape, values, learnable, names, layers, picture, vector } = parameter;
    const others = layers.filter((layer) => layer !== this.#node?.name);
    const shared = [];
    if (others.length > 0) shared.push(`Shared: ${others.join(", ")} ${others.length === 1 ? "reads" : "read"} the same values.`);
    if (names.length > 1) shared.push(`Also called ${names.filter((each) => each !== name).join(", ")}.`);
    this.#about.textContent = [`${name}: ${shape.length === 0 ? "one value" : shape.join(" × ")}, ${plural(values, "value")}${learnable ? "" : ", not learned but measured"}.`, ...shared].join(" ");
    this.#pictures.element.hidden = true;
    this.#spread.element.hidden = true;
    this.#bars.replaceChildren(...(vector ? [new WeightBars(vector, (index) => this.#nameOf(index)).element] : []));
    if (!picture && !vector) this.#bars.append(html("p", { class: "grid-note" }, `More than can be listed here; the file has all ${count(values)}.`));
    this.#showChoice();
    this.#handlers.onParameter(parameter);
  }

  /** @param {number} output */
  #nameOf(output) {
    const channels = this.#node?.shape[1] ?? 0;
    return this.#labels.length === channels && this.#labels.length > 0 && this.#node && isVector(this.#node.shape) ? this.#labels[output] : `channel ${output}`;
  }

  #showChoice() {
    const picture = this.#parameter?.picture;
    this.#choice.hidden = !picture || picture.inputs === 1;
    if (!picture || picture.inputs === 1) return;
    const inputs = chosenInputs(picture, this.#wanted);
    const options = [["one", "one input channel"], ...(picture.inputs === 3 ? [["rgb", "all three, as colours"]] : []), ["norm", `all ${picture.inputs}, their norm`], ["mean", `all ${picture.inputs}, their mean`]];
    if (this.#what.options.length !== options.length || this.#what.dataset.inputs !== String(picture.inputs)) {
      this.#what.replaceChildren(...options.map(([value, text]) => html("option", { value }, text)));
      this.#what.dataset.inputs = String(picture.inputs);
    }
    const one = /^\d+$/.test(inputs);
    this.#what.value = one ? "one" : inputs;
    this.#number.parentElement?.toggleAttribute("hidden", !one);
    this.#number.max = String(picture.inputs - 1);
    if (one) this.#number.value = inputs;
    this.#numberText.textContent = one ? `${inputs} of 0 to ${picture.inputs - 1}` : "";
  }

  #pick() {
    this.#handlers.onInputs(this.#what.value === "one" ? "0" : this.#what.value);
  }

  /**
   * @param {LayerMaps} maps
   * @param {NonNullable<ReturnType<LayerPanel["wantedPictures"]>>} wanted  what was asked for
   */
  showPictures(maps, { parameter, inputs, outputs }) {
    if (parameter !== this.#parameter || !parameter.picture) return;
    this.#pictures.element.hidden = false;
    this.#pictures.show({ picture: parameter.picture, inputs, outputs, maps, parameter, nameOf: (output) => this.#nameOf(output) });
    const hidden = parameter.picture.by_channel ? 0 : parameter.picture.outputs - outputs.length;
    this.#problem.textContent = hidden > 0 ? `The first ${outputs.length} of ${parameter.picture.outputs} are shown.` : "";
  }

  /** @param {LayerParameter} parameter @param {Histogram} histogram */
  showSpread(parameter, histogram) {
    if (parameter !== this.#parameter) return;
    this.#spread.element.hidden = parameter.picture === null && histogram.total < 2;
    this.#spread.show(`All ${count(histogram.total)} of ${lastPart(parameter.name)}`, histogram);
  }

  /** @param {Histogram | null} histogram  of the values for the current input */
  showActivations(histogram) {
    this.#values.hidden = histogram === null;
    if (histogram) this.#activations.show("For this input", histogram);
    this.#writeHidden();
  }

  /** @param {string} reason */
  fail(reason) {
    this.#weights.hidden = false;
    this.#writeHidden();
    this.#problem.textContent = reason;
  }

  #writeHidden() {
    this.#element.hidden = this.#weights.hidden && this.#values.hidden;
  }

  destroy() {
    this.#pictures.destroy();
    this.#activations.destroy();
    this.#spread.destroy();
    this.#element.remove();
  }
}

/** @param {string} name */
function lastPart(name) {
  return name.slice(name.lastIndexOf(".") + 1);
}
