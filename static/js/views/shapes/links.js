/**
 * Symbols of formulas and the fields that they stand for light each other up: whatever has
 * data-parameter, and perhaps data-axis.
 */

export class Links {
  #root;
  #stop = new AbortController();

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
    const { signal } = this.#stop;
    for (const kind of ["pointerover", "focusin"]) root.addEventListener(kind, (event) => this.#light(event), { signal });
    for (const kind of ["pointerleave", "focusout"]) root.addEventListener(kind, () => this.#clear(), { signal });
    root.addEventListener("click", (event) => this.#follow(event), { signal });
  }

  /** @param {Event} event @returns {HTMLElement | null} */
  #source(event) {
    return event.target instanceof Element ? event.target.closest("[data-parameter]") : null;
  }

  /** @param {HTMLElement} source @returns {HTMLElement[]} */
  #partners({ dataset }) {
    const all = /** @type {NodeListOf<HTMLElement>} */ (this.#root.querySelectorAll(`[data-parameter="${CSS.escape(dataset.parameter ?? "")}"]`));
    return [...all].filter((other) => dataset.axis === undefined || other.dataset.axis === undefined || other.dataset.axis === dataset.axis);
  }

  /** @param {Event} event */
  #light(event) {
    this.#clear();
    const source = this.#source(event);
    if (source) for (const partner of this.#partners(source)) partner.classList.add("is-lit");
  }

  #clear() {
    for (const lit of this.#root.querySelectorAll(".is-lit")) lit.classList.remove("is-lit");
  }

  /** A click on a symbol goes to its field. @param {Event} event */
  #follow(event) {
    const source = this.#source(event);
    if (!source?.classList.contains("symbol")) return;
    const field = this.#partners(source).find((partner) => !partner.classList.contains("symbol"));
    const control = field?.querySelector("input, select");
    if (control instanceof HTMLElement) control.focus();
  }

  destroy() {
    this.#stop.abort();
  }
}
