/** Names what the pointer is at where it is too small to bear its name. @import {MapItem} from "../core/fold.js" */
import { kindInWords, shapeInWords } from "../core/graph.js";
import { plural } from "../core/numbers.js";
import { html } from "./dom.js";

/** Room that its text takes at most, in CSS pixels. */
const WIDEST = 260;

export class MapTip {
  element = html("p", { class: "map-tip", "aria-hidden": "true", hidden: true });
  #frame;

  /** @param {HTMLElement} frame  in which it stands */
  constructor(frame) {
    this.#frame = frame;
  }

  /**
   * @param {MapItem | undefined} item  none: there is nothing to name
   * @param {MouseEvent} event
   */
  show(item, event) {
    this.#frame.toggleAttribute("data-pointing", item !== undefined);
    this.element.hidden = item === undefined;
    if (!item) return;
    this.element.textContent = item.group ? `${item.id}: ${plural(item.layers, "layer")}` : `${item.id}: ${kindInWords(item.node.kind)}, ${shapeInWords(item.node.shape)}`;
    const box = this.#frame.getBoundingClientRect();
    this.element.style.transform = `translate(${Math.min(event.clientX - box.left + 12, Math.max(8, box.width - WIDEST))}px, ${event.clientY - box.top + 16}px)`;
  }

  hide() {
    this.element.hidden = true;
  }
}
