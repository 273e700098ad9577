/** Sorting and paging of a layer's channels. @import {Sort, SortKey} from "../core/channel_order.js" */
import { html, icon } from "./dom.js";

/**
 * @typedef {object} ChannelToolsHandlers
 * @property {(sort: Sort) => void} onSort
 * @property {(held: boolean) => void} onHold
 * @property {(hidden: boolean) => void} onHideDead
 * @property {(label: string | null) => void} onToward  contributions to the logit of a category
 * @property {(page: number) => void} onPage  from 0
 *
 * @typedef {object} ToolsState
 * @property {Sort} sort
 * @property {{key: SortKey, label: string}[]} keys  that can be chosen
 * @property {boolean} hidesDead
 * @property {number} dead  how many channels are
 * @property {number} page
 * @property {number} pages
 * @property {string} words  what is on the page and what is not
 */

export class ChannelTools {
  #select;
  #reverse;
  #hold;
  #hide;
  #hideText = document.createTextNode("");
  #hideLabel;
  #holdLabel;
  #toward;
  #towardLabel;
  #words = html("p", { class: "pager-words", role: "status" });
  #pager;
  #moves;
  /** @type {ToolsState | null} */
  #state = null;
  element;
  /** Stands below the channels as well as above them on a long page. */
  pager;

  /** @param {ChannelToolsHandlers} handlers */
  constructor(handlers) {
    const sort = () => this.#state?.sort ?? { key: /** @type {SortKey} */ ("order"), reversed: false };
    this.#select = html("select", {
      "aria-label": "Sort channels by",
      onchange: () => handlers.onSort({ key: /** @type {SortKey} */ (this.#select.value), reversed: false }),
    });
    this.#reverse = html(
      "button",
      { class: "icon-button", type: "button", "aria-label": "The other way round", title: "The other way round", "aria-pressed": "false", onclick: () => handlers.onSort({ ...sort(), reversed: !sort().reversed }) },
      icon("M8 5v14M4.500 15.500L8 19l3.500-3.500M16 19V5M12.500 8.500L16 5l3.500 3.500"),
    );
    this.#toward = html("select", { "aria-label": "To the logit of", onchange: () => handlers.onToward(this.#toward.value || null) });
    this.#towardLabel = html("label", { class: "tool", hidden: true }, "to", this.#toward);
    this.#hold = html("input", { type: "checkbox", onchange: () => handlers.onHold(this.#hold.checked) });
    this.#hide = html("input", { type: "checkbox", onchange: () => handlers.onHideDead(this.#hide.checked) });
    this.#holdLabel = html("label", { class: "tool", title: "Channels keep their places while you draw" }, this.#hold, "Hold the order");
    this.#hideLabel = html("label", { class: "tool" }, this.#hide, this.#hideText);
    /** @param {string} name @param {string} path @param {() => number} page */
    const move = (name, path, page) => html("button", { class: "icon-button", type: "button", "aria-label": name, title: name, onclick: () => handlers.onPage(page()) }, icon(path));
    const at = () => this.#state?.page ?? 0;
    this.#moves = {
      first: move("First page", "M17 6l-6 6 6 6M7 6v12", () => 0),
      previous: move("Page before", "M14 6l-6 6 6 6", () => at() - 1),
      next: move("Page after", "M10 6l6 6-6 6", () => at() + 1),
      last: move("Last page", "M7 6l6 6-6 6M17 6v12", () => (this.#state?.pages ?? 1) - 1),
    };
    const { first, previous, next, last } = this.#moves;
    this.#pager = html("div", { class: "pager-moves" }, first, previous, next, last);
    this.pager = html("div", { class: "pager", role: "group", "aria-label": "Pages of channels" }, this.#words, this.#pager);
    const order = html("div", { class: "sorting", role: "group", "aria-label": "Order of the channels" }, html("label", { class: "tool" }, "Sort by", this.#select), this.#reverse, this.#towardLabel, this.#holdLabel, this.#hideLabel);
    this.element = html("div", { class: "channel-tools" }, order, this.pager);
  }

  /** @param {ToolsState} state */
  show(state) {
    this.#state = state;
    const { sort, keys, hidesDead, dead, page, pages, words } = state;
    if ([...this.#select.options].map(({ text }) => text).join() !== keys.map(({ label }) => label).join()) {
      this.#select.replaceChildren(...keys.map(({ key, label }) => html("option", { value: key }, label)));
    }
    this.#select.value = sort.key;
    this.#reverse.setAttribute("aria-pressed", String(sort.reversed));
    this.#holdLabel.hidden = sort.key === "order";
    this.#towardLabel.hidden = sort.key !== "contribution";
    this.#hide.checked = hidesDead;
    this.#hideText.data = `Hide ${dead} dead`;
    this.#hideLabel.hidden = dead === 0 && !hidesDead;
    if (this.#words.textContent !== words) this.#words.textContent = words;
    this.#pager.hidden = pages < 2;
    this.#moves.first.disabled = this.#moves.previous.disabled = page === 0;
    this.#moves.last.disabled = this.#moves.next.disabled = page >= pages - 1;
  }

  /**
   * The categories that contributions can be to.
   *
   * @param {string[]} labels  the likeliest first
   * @param {string | null} chosen  null: the best guess, whatever it is
   */
  showCategories(labels, chosen) {
    const best = labels[0] ?? "";
    const options = [html("option", { value: "" }, best ? `the best guess, ${best}` : "the best guess"), ...labels.map((label) => html("option", { value: label }, label))];
    if (chosen !== null && !labels.includes(chosen)) options.push(html("option", { value: chosen }, chosen));
    // Not while its list may be open.
    if (document.activeElement !== this.#toward) this.#toward.replaceChildren(...options);
    this.#toward.value = chosen ?? "";
  }

  destroy() {
    this.element.remove();
  }
}
