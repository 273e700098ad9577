/**
 * Keeps the stacks in the address and in the browser's memory.
 *
 * @import {Stacks} from "../core/stack.js"
 */
import { count } from "../core/numbers.js";
import { formatStacks, LONGEST_LINK, parseStacks } from "../core/stack_code.js";
import { formatState, parseState } from "../core/stack_file.js";
import { recall, remember } from "../storage.js";
import { byId } from "../views/dom.js";

const MEMORY = "stacks";

/** Milliseconds after a change until it is written: browsers limit how often. */
const PAUSE = 250;

export class StackAddress {
  #timer = 0;
  /** @type {Stacks | null} */
  #state = null;
  #onSay;
  #stop = new AbortController();

  /**
   * @param {(state: Stacks) => void} onMove  another address was typed, or a link of this page followed
   * @param {(sentence: string, lasting?: boolean) => void} onSay  lasting: until the next change
   */
  constructor(onMove, onSay) {
    this.#onSay = onSay;
    const signal = this.#stop.signal;
    window.addEventListener(
      "hashchange",
      () => {
        const state = parseStacks(location.hash);
        if (state) onMove(state);
        else if (location.hash) onSay("The address cannot be read; the stack is as it was.");
      },
      { signal },
    );
    window.addEventListener("pagehide", () => this.#write(), { signal });
    byId("link-button", HTMLButtonElement).addEventListener("click", () => void this.#copy(), { signal });
  }

  /**
   * What the page begins with, and what was there before, so that a link takes nothing away.
   *
   * @param {Stacks} normal
   */
  start(normal) {
    const kept = parseState(recall(MEMORY));
    const linked = parseStacks(location.hash);
    if (!linked && location.hash) queueMicrotask(() => this.#onSay(`The address cannot be read${kept ? "; this is the stack that was here last" : ""}.`));
    const first = linked ?? kept ?? normal;
    const differs = linked !== null && kept !== null && formatState(kept) !== formatState(linked);
    return { first, before: differs ? kept : null };
  }

  /** @param {Stacks} state */
  note(state) {
    this.#state = state;
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#write(), PAUSE);
  }

  #write() {
    clearTimeout(this.#timer);
    if (!this.#state) return;
    const fragment = formatStacks(this.#state);
    history.replaceState(null, "", fragment.length <= LONGEST_LINK ? fragment : location.pathname);
    remember(MEMORY, formatState(this.#state));
  }

  async #copy() {
    this.#write();
    if (!this.#state) return;
    const { length } = formatStacks(this.#state);
    if (length > LONGEST_LINK) {
      this.#onSay(`This stack is too long for a link: it would have ${count(length)} characters, and ${count(LONGEST_LINK)} are safe. Export it as JSON, which can be opened again under Import.`);
      return;
    }
    try {
      await navigator.clipboard.writeText(location.href);
      this.#onSay("The link is copied.", false);
    } catch {
      this.#onSay("The browser does not let the page copy; the link is in the address bar.", false);
    }
  }

  destroy() {
    this.#write();
    this.#stop.abort();
  }
}
