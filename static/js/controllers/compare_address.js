/** Keeps what the Compare page shows and the address in step. @import {CompareState} from "../core/compare_state.js" */
import { formatComparison, parseComparison } from "../core/compare_state.js";

export class CompareAddress {
  /** @type {CompareState} */
  #state = parseComparison(location.hash);
  #timer = 0;
  #stop = new AbortController();

  /**
   * @param {(state: CompareState, foreign: boolean) => void} onMove  the reader went back or forward,
   *   or (foreign) typed another address
   */
  constructor(onMove) {
    window.addEventListener(
      "popstate",
      (event) => {
        clearTimeout(this.#timer);
        const foreign = event.state?.ours !== true;
        const state = parseComparison(location.hash);
        // Going back must not take away what was drawn since.
        this.#state = foreign ? state : { ...state, a: this.#state.a, b: this.#state.b };
        this.#write("replace");
        onMove(this.#state, foreign);
      },
      { signal: this.#stop.signal },
    );
  }

  get state() {
    return this.#state;
  }

  /** A step that "back" undoes. @param {Partial<CompareState>} change */
  go(change) {
    clearTimeout(this.#timer);
    this.#write("replace");
    this.#state = { ...this.#state, ...change };
    this.#write("push");
  }

  /**
   * A change that "back" does not undo; written a little later, since browsers limit how often.
   *
   * @param {Partial<CompareState>} change
   */
  note(change) {
    this.#state = { ...this.#state, ...change };
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#write("replace"), 250);
  }

  /** The address of this view, complete. */
  get link() {
    return new URL(formatComparison(this.#state) || location.pathname, location.href).href;
  }

  /** @param {"push" | "replace"} way */
  #write(way) {
    const url = formatComparison(this.#state) || location.pathname;
    if (way === "push") history.pushState({ ours: true }, "", url);
    else history.replaceState({ ours: true }, "", url);
  }

  destroy() {
    clearTimeout(this.#timer);
    this.#stop.abort();
  }
}
