/** What to know when the server does not answer as it should. @import {SessionStatus} from "../core/types.js" */
import { html } from "./dom.js";

export class ServerStatus {
  #element;
  #onRetry;
  #kept;

  /**
   * @param {HTMLElement} element  a status region
   * @param {() => void} onRetry
   * @param {string} [kept]  what is safe meanwhile
   */
  constructor(element, onRetry, kept = "drawing") {
    this.#kept = kept;
    this.#element = element;
    this.#onRetry = onRetry;
  }

  /** @param {SessionStatus} status */
  show(status) {
    this.#element.hidden = status.state === "ready";
    if (status.state === "waiting") {
      const retry = html("button", { class: "text-button", type: "button", onclick: () => this.#onRetry() }, "Try now");
      this.#element.replaceChildren(`${status.detail} Your ${this.#kept} is safe. Trying again in ${status.seconds} s.`, retry);
    } else if (status.state === "refused") {
      this.#element.replaceChildren(status.detail);
    } else {
      this.#element.replaceChildren();
    }
  }

  destroy() {
    this.#element.replaceChildren();
    this.#element.hidden = true;
  }
}
