/** Keeps the page's state and the address in step. @import {SettingName, UrlState} from "../core/url_state.js" */
import { formatState, parseState } from "../core/url_state.js";

export class Address {
  /** @type {UrlState} */
  #state;
  #timer = 0;
  #stop = new AbortController();

  /**
   * @param {(state: UrlState, foreign: boolean) => void} onMove  the reader went back or forward, or
   *   (foreign) typed another address
   */
  constructor(onMove) {
    this.#state = parseState(location.hash);
    window.addEventListener(
      "popstate",
      (event) => {
        clearTimeout(this.#timer);
        const foreign = event.state?.ours !== true;
        const state = parseState(location.hash);
        // Going back must not take away what was drawn since.
        this.#state = foreign ? state : { ...state, drawing: this.#state.drawing };
        this.#write("replace");
        onMove(this.#state, foreign);
      },
      { signal: this.#stop.signal },
    );
  }

  get state() {
    return this.#state;
  }

  /**
   * A step that "back" undoes.
   *
   * @param {Partial<UrlState>} change
   */
  go(change) {
    clearTimeout(this.#timer);
    this.#write("replace");
    this.#state = { ...this.#state, ...change };
    this.#write("push");
  }

  /**
   * A change that "back" does not undo; written a little later, since browsers limit how often.
   *
   * @param {Partial<UrlState>} change
   */
  note(change) {
    this.#state = { ...this.#state, ...change };
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#write("replace"), 250);
  }

  /**
   * What a view is set to; null: as it opens.
   *
   * @param {SettingName} name
   */
  setting(name) {
    return this.#state.settings[name] ?? null;
  }

  /**
   * A view was set by its reader.
   *
   * @param {SettingName} name
   * @param {string | null} value  null: as it opens
   */
  set(name, value) {
    const { [name]: _, ...others } = this.#state.settings;
    this.note({ settings: value === null ? others : { ...others, [name]: value } });
  }

  /** Write what has been noted now: for what nobody does many times a second. */
  flush() {
    clearTimeout(this.#timer);
    this.#write("replace");
  }

  /** The address of this view, complete. */
  get link() {
    return new URL(formatState(this.#state) || location.pathname, location.href).href;
  }

  /** @param {"push" | "replace"} way */
  #write(way) {
    const url = formatState(this.#state) || location.pathname;
    if (way === "push") history.pushState({ ours: true }, "", url);
    else history.replaceState({ ours: true }, "", url);
  }

  destroy() {
    clearTimeout(this.#timer);
    this.#stop.abort();
  }
}

