/** Something more that can be opened, and stays as it was left. */
import { recall, remember } from "../storage.js";
import { html } from "./dom.js";

export class Disclosure {
  #element;
  /** What is in it. */
  body = html("div", { class: "study-body" });

  /**
   * @param {HTMLElement} parent
   * @param {string} name  under which it is remembered
   * @param {string} title
   * @param {(open: boolean) => void} onToggle
   */
  constructor(parent, name, title, onToggle) {
    this.#element = html(
      "details",
      {
        class: `study study-${name}`,
        hidden: true,
        open: recall(`study.${name}`) === "open",
        ontoggle: () => {
          remember(`study.${name}`, this.#element.open ? "open" : null);
          onToggle(this.open);
        },
      },
      html("summary", {}, html("h3", {}, title)),
      this.body,
    );
    parent.append(this.#element);
  }

  /** Whether it is open, so that what is in it is wanted. */
  get open() {
    return this.#element.open && !this.#element.hidden;
  }

  /** @param {boolean} hidden  there is nothing to see */
  setHidden(hidden) {
    this.#element.hidden = hidden;
  }

  /** @param {boolean} busy */
  setBusy(busy) {
    this.#element.toggleAttribute("data-busy", busy);
    if (busy) this.#element.setAttribute("aria-busy", "true");
    else this.#element.removeAttribute("aria-busy");
  }

  destroy() {
    this.#element.remove();
  }
}
