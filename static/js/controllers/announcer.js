/** Says things to screen readers, politely: no more than one every two seconds, the newest wins. */

const PAUSE = 2000;

export class Announcer {
  #element;
  #said = "";
  #until = 0;
  #timer = 0;

  /** @param {HTMLElement} element  a live region */
  constructor(element) {
    this.#element = element;
  }

  /** @param {string} text  repeated only after something else was said */
  say(text) {
    clearTimeout(this.#timer);
    const wait = Math.max(0, this.#until - performance.now());
    this.#timer = window.setTimeout(() => {
      if (text === this.#said) return;
      this.#said = text;
      this.#until = performance.now() + PAUSE;
      this.#element.textContent = text;
    }, wait);
  }

  destroy() {
    clearTimeout(this.#timer);
  }
}
