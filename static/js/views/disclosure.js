/** Something more that can be opened. */
import { html } from "./dom.js";

export class Disclosure {
  #element;
  #isOpen = false;
  /** What is in it. */
  body = html("div", { class: "study-body" });

  /**
   * @param {HTMLElement} parent
   * @param {string} name
   * @param {string} title
   * @param {(open: boolean, byReader: boolean) => void} onToggle  byReader: not by `setOpen`
   */
  constructor(parent, name, title, onToggle) {
    this.#element = html(
      "details",
      {
        class: `study study-${name}`,
        hidden: true,
        ontoggle: () => {
          const byReader = this.#element.open !== this.#isOpen;
          this.#isOpen = this.#element.open;
          onToggle(this.open, byReader);
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

  /** @param {boolean} open */
  setOpen(open) {
    this.#isOpen = open;
    this.#element.open = open;
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
