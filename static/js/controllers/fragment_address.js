/** Keeps a page's state and the fragment of its address in step; each page says what its state is. */

/** Milliseconds after which a noted change is written: browsers limit how often. */
const PAUSE = 250;

/**
 * @template State
 * @typedef {object} FragmentForm
 * @property {(fragment: string) => State} parse
 * @property {(state: State) => string} format  "" for the empty state, else "#..."
 * @property {(state: State, current: State) => State} kept  a state gone back to, with what was drawn since
 */

/** @template {object} State */
export class FragmentAddress {
  #form;
  #state;
  #timer = 0;
  #stop = new AbortController();

  /**
   * @param {FragmentForm<State>} form
   * @param {(state: State, foreign: boolean) => void} onMove  the reader went back or forward, or
   *   (foreign) typed another address
   */
  constructor(form, onMove) {
    this.#form = form;
    this.#state = form.parse(location.hash);
    window.addEventListener(
      "popstate",
      (event) => {
        clearTimeout(this.#timer);
        const foreign = event.state?.ours !== true;
        const state = form.parse(location.hash);
        // Going back must not take away what was drawn since.
        this.#state = foreign ? state : form.kept(state, this.#state);
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
   * @param {Partial<State>} change
   */
  go(change) {
    this.flush();
    this.#state = { ...this.#state, ...change };
    this.#write("push");
  }

  /**
   * A change that "back" does not undo; written a little later.
   *
   * @param {Partial<State>} change
   */
  note(change) {
    this.#state = { ...this.#state, ...change };
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#write("replace"), PAUSE);
  }

  /** Write what has been noted now: for what nobody does many times a second. */
  flush() {
    clearTimeout(this.#timer);
    this.#write("replace");
  }

  /** The address of this view, complete. */
  get link() {
    return new URL(this.#url, location.href).href;
  }

  get #url() {
    return this.#form.format(this.#state) || location.pathname;
  }

  /** @param {"push" | "replace"} way */
  #write(way) {
    if (way === "push") history.pushState({ ours: true }, "", this.#url);
    else history.replaceState({ ours: true }, "", this.#url);
  }

  destroy() {
    clearTimeout(this.#timer);
    this.#stop.abort();
  }
}
