/**
 * Which layers are beside each other, how far they are apart, and how their channels are shown.
 *
 * @import {ChannelSort, LayerDifference, Sides} from "../core/comparison.js"
 * @import {LayerNode} from "../core/types.js"
 */
import { kindInWords, shapeInWords } from "../core/graph.js";
import { percent, plural, short } from "../core/numbers.js";
import { html, icon } from "./dom.js";
import { Segmented } from "./segmented.js";

/** How the counterpart of a layer was found, in words. @type {Record<string, string>} */
const MATCHED = {
  name: "it has the same name, kind and shape",
  "kind and shape": "of those with its kind and shape it is the nearest in depth",
  shape: "of those with its shape it is the nearest in depth",
  kind: "of those of its kind it is the nearest in depth",
  depth: "it is the nearest in depth, and alike in nothing else",
};

/**
 * @typedef {"layer" | "channel"} CompareRange
 *
 * @typedef {object} HeadContent
 * @property {{a: LayerNode[], b: LayerNode[] | null}} layers  to choose from; b: null where both are one network
 * @property {Sides<LayerNode>} open
 * @property {string | null} matchedBy  null: chosen by hand
 * @property {LayerDifference | null} apart
 * @property {ChannelSort} sort
 * @property {CompareRange} range
 * @property {boolean} alike
 * @property {boolean} named  whether the channels have names that mean the same on both sides
 *
 * @typedef {object} HeadHandlers
 * @property {(layer: string) => void} onLayer
 * @property {(layer: string | null) => void} onOtherLayer  null: the counterpart again
 * @property {(step: number) => void} onStep
 * @property {(sort: ChannelSort) => void} onSort
 * @property {(range: CompareRange) => void} onRange
 * @property {(page: number) => void} onPage
 */

export class CompareHead {
  #handlers;
  #element;
  #pager = html("div", { class: "trio-pages" });
  #selects;
  #other;
  #badge = html("span", { class: "side-badge side-badge-a" }, "A");
  #facts = html("p", { class: "layer-facts" });
  #matched = html("p", { class: "layer-matched" });
  #sort;
  #range;
  #controls = html("div", { class: "trio-controls" });
  #counted = html("p", { class: "trio-counted" });
  #where = html("span");
  #before;
  #after;
  #page = 1;
  /** Which layers the choices list. @type {Sides<LayerNode[] | null>} */
  #listed = { a: null, b: null };

  /**
   * @param {HTMLElement} parent
   * @param {HTMLElement} pagerParent
   * @param {HeadHandlers} handlers
   */
  constructor(parent, pagerParent, handlers) {
    this.#handlers = handlers;
    this.#selects = {
      a: html("select", { "aria-label": "Layer", onchange: (/** @type {Event} */ event) => handlers.onLayer(valueOf(event)) }),
      b: html("select", { "aria-label": "Layer of B", onchange: (/** @type {Event} */ event) => handlers.onOtherLayer(valueOf(event)) }),
    };
    this.#other = html("label", { class: "layer-choice" }, html("span", { class: "side-badge side-badge-b" }, "B"), this.#selects.b);
    const moves = html(
      "div",
      { class: "detail-moves" },
      html("button", { class: "icon-button", type: "button", "aria-label": "Layer before", title: "Layer before ([)", onclick: () => handlers.onStep(-1) }, icon("M14 6l-6 6 6 6")),
      html("button", { class: "icon-button", type: "button", "aria-label": "Layer after", title: "Layer after (])", onclick: () => handlers.onStep(1) }, icon("M10 6l6 6-6 6")),
    );
    this.#element = html("div", { class: "layer-choices" }, html("label", { class: "layer-choice" }, this.#badge, this.#selects.a), this.#other, moves, this.#facts, this.#matched);
    parent.append(this.#element);
    this.#before = html("button", { class: "icon-button", type: "button", "aria-label": "Page before", onclick: () => handlers.onPage(this.#page - 1) }, icon("M14 6l-6 6 6 6"));
    this.#after = html("button", { class: "icon-button", type: "button", "aria-label": "Page after", onclick: () => handlers.onPage(this.#page + 1) }, icon("M10 6l6 6-6 6"));
    this.#sort = new Segmented(this.#controls, { name: "sort", label: "Order of the channels", choices: [["difference", "greatest difference first"], ["order", "by number"]], value: /** @type {ChannelSort} */ ("difference") }, handlers.onSort);
    this.#range = new Segmented(this.#controls, { name: "compare-range", label: "Range of the colours", choices: [["layer", "range per layer"], ["channel", "per channel"]], value: /** @type {CompareRange} */ ("layer") }, handlers.onRange);
    this.#pager.append(this.#counted, this.#controls, html("div", { class: "trio-turn" }, this.#before, this.#where, this.#after));
    pagerParent.append(this.#pager);
  }

  /** @param {HeadContent} content */
  show({ layers, open, matchedBy, apart, sort, range, alike, named }) {
    this.#list("a", layers.a, open.a.name);
    this.#other.hidden = this.#badge.hidden = layers.b === null;
    if (layers.b) this.#list("b", layers.b, open.b.name);
    this.#selects.a.setAttribute("aria-label", layers.b ? "Layer of A" : "Layer");
    /** @param {LayerNode} node */
    const described = (node) => [html("b", {}, kindInWords(node.kind)), ` ${shapeInWords(node.shape)}`];
    const same = open.a.kind === open.b.kind && alike;
    this.#facts.replaceChildren(
      html("span", {}, ...described(open.a), ...(same ? [] : [" beside ", ...described(open.b)])),
      ...(apart && apart.relative_l2 !== null
        ? [
            html("span", {}, html("b", {}, percent(apart.relative_l2)), " apart"),
            html("span", {}, "cosine similarity ", html("b", {}, apart.cosine === null ? "none: one side is all zeros" : short(apart.cosine, 4))),
            html("span", {}, "largest difference ", html("b", {}, short(apart.largest ?? 0))),
            ...(apart.skipped > 0 ? [html("span", {}, `${plural(apart.skipped, "value")} left out: not finite`)] : []),
          ]
        : []),
    );
    this.#matched.hidden = layers.b === null;
    this.#matched.replaceChildren(
      ...(matchedBy ? [`B's layer is the counterpart of A's: ${MATCHED[matchedBy]}.`] : ["B's layer was chosen by hand. ", html("button", { class: "text-button", type: "button", onclick: () => this.#handlers.onOtherLayer(null) }, "Match it again")]),
      alike && !named ? " Two networks number their channels each in its own way: channel 3 of one has no kinship with channel 3 of the other." : "",
    );
    this.#sort.set(sort);
    this.#sort.setDisabled(!alike);
    this.#range.set(range);
  }

  /** @param {{shown: number, count: number, hidden: number, page: number, pages: number} | null} pages  null: no maps */
  showPages(pages) {
    this.#page = pages?.page ?? 1;
    this.#controls.hidden = pages === null;
    this.#before.disabled = !pages || pages.page === 1;
    this.#after.disabled = !pages || pages.page === pages.pages;
    this.#before.hidden = this.#after.hidden = this.#where.hidden = !pages || pages.pages === 1;
    this.#where.textContent = pages ? `Page ${pages.page} of ${pages.pages}` : "";
    if (!pages) this.#counted.textContent = "Each channel of these layers is one value: the pictures above have all of them.";
    else this.#counted.textContent = pages.hidden > 0 ? `${pages.shown} of ${pages.count} channels shown, ${pages.hidden} hidden` : `All ${plural(pages.count, "channel")}`;
  }

  /** @param {"a" | "b"} side @param {LayerNode[]} layers @param {string} open */
  #list(side, layers, open) {
    const select = this.#selects[side];
    if (this.#listed[side] !== layers) {
      this.#listed[side] = layers;
      select.replaceChildren(...layers.map(({ name, shape }) => html("option", { value: name }, `${name}  ·  ${shapeInWords(shape)}`)));
    }
    select.value = open;
  }

  destroy() {
    this.#element.remove();
    this.#pager.remove();
  }
}

/** @param {Event} event */
function valueOf(event) {
  return /** @type {HTMLSelectElement} */ (event.target).value;
}
