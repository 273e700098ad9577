/** Drawings to start from. @import {Drawing} from "../core/types.js" */
import { fromLists, PAD_SIDE, pathData } from "../core/geometry.js";
import { html, svg } from "./dom.js";

export class Examples {
  #list;

  /**
   * @param {HTMLElement} list
   * @param {{label: string, drawing: number[][][]}[]} examples
   * @param {(label: string, drawing: Drawing) => void} onChoose
   */
  constructor(list, examples, onChoose) {
    this.#list = list;
    list.replaceChildren(
      ...examples.map(({ label, drawing: lists }) => {
        const drawing = fromLists(lists);
        const picture = svg("svg", { viewBox: `64 64 ${PAD_SIDE - 128} ${PAD_SIDE - 128}`, "aria-hidden": "true" }, svg("path", { d: pathData(drawing) }));
        return html("li", {}, html("button", { class: "example", type: "button", "aria-label": label, title: label, onclick: () => onChoose(label, drawing) }, picture));
      }),
    );
  }

  destroy() {
    this.#list.replaceChildren();
  }
}
