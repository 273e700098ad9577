/** The thing to draw. */
import { withArticle } from "../core/prompts.js";
import { byId } from "./dom.js";

export class Prompt {
  #verb;
  #name = byId("prompt-name", HTMLElement);
  #next = byId("prompt-next", HTMLButtonElement);
  #none = byId("prompt-none", HTMLButtonElement);
  #frame = byId("pad-frame", HTMLElement);
  #stop = new AbortController();
  /** @type {string | null} */
  #prompt = null;
  #recognised = false;

  /** @param {{onNext: () => void, onNone: () => void}} handlers */
  constructor({ onNext, onNone }) {
    const signal = this.#stop.signal;
    this.#verb = /** @type {HTMLElement} */ (this.#name.previousElementSibling);
    this.#next.addEventListener("click", onNext, { signal });
    this.#none.addEventListener("click", onNone, { signal });
  }

  /** @param {string | null} prompt */
  show(prompt) {
    this.#prompt = prompt;
    this.#recognised = false;
    this.#write();
  }

  /** @param {boolean} recognised  the best guess is the prompt */
  setRecognised(recognised) {
    if (recognised === this.#recognised) return;
    this.#recognised = recognised;
    this.#write();
  }

  #write() {
    const name = this.#prompt === null ? "anything" : withArticle(this.#prompt);
    this.#verb.textContent = this.#recognised ? "It sees" : "Draw";
    this.#name.textContent = name;
    this.#none.hidden = this.#prompt === null;
    this.#frame.toggleAttribute("data-recognised", this.#recognised);
  }

  destroy() {
    this.#stop.abort();
  }
}
