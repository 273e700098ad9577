/**
 * Moving rows of a list: by dragging their handles with a mouse, a pen or a finger, by grabbing them
 * with the keyboard, and with Alt and an arrow from anywhere in a row.
 */

/** Distance from the window's edge, in pixels, where dragging scrolls. */
const EDGE = 56;

/**
 * @typedef {object} ReorderHandlers
 * @property {(from: number, to: number) => void} onMove
 * @property {(text: string) => void} onSay
 */

export class Reorder {
  #list;
  #handlers;
  #stop = new AbortController();
  /** @type {{row: HTMLElement, from: number, to: number, pointer: number, y: number, middles: number[]} | null} */
  #drag = null;
  #scroll = 0;
  /** @type {{row: HTMLElement, from: number} | null} */
  #grabbed = null;

  /**
   * @param {HTMLElement} list  its children are the rows, each with a .layer-handle
   * @param {ReorderHandlers} handlers
   */
  constructor(list, handlers) {
    this.#list = list;
    this.#handlers = handlers;
    const signal = this.#stop.signal;
    list.addEventListener("pointerdown", (event) => this.#start(event), { signal });
    list.addEventListener("pointermove", (event) => this.#follow(event), { signal });
    list.addEventListener("pointerup", () => this.#drop(true), { signal });
    list.addEventListener("pointercancel", () => this.#drop(false), { signal });
    list.addEventListener("keydown", (event) => this.#key(event), { signal });
    list.addEventListener("focusout", (event) => this.#left(event), { signal });
  }

  /** @param {EventTarget | null} target */
  #handle(target) {
    return target instanceof Element ? target.closest(".layer-handle") : null;
  }

  /** @param {EventTarget | null} target @returns {HTMLElement | null} */
  #row(target) {
    return target instanceof Element ? target.closest(".layer-row") : null;
  }

  get #rows() {
    return /** @type {HTMLElement[]} */ ([...this.#list.children]);
  }

  /** @param {PointerEvent} event */
  #start(event) {
    const row = this.#row(event.target);
    if (event.button !== 0 || !row || !this.#handle(event.target)) return;
    event.preventDefault();
    /** @type {HTMLElement | null} */ (row.querySelector(".layer-handle"))?.focus();
    this.#list.setPointerCapture(event.pointerId);
    const from = this.#rows.indexOf(row);
    const middles = this.#rows.map((each) => each.getBoundingClientRect()).map(({ top, height }) => top + scrollY + height / 2);
    this.#drag = { row, from, to: from, pointer: event.clientY, y: event.clientY + scrollY, middles };
    row.classList.add("is-dragged");
  }

  /** @param {PointerEvent} event */
  #follow(event) {
    if (!this.#drag) return;
    this.#drag.pointer = event.clientY;
    this.#show();
    if (!this.#scroll) this.#scroll = requestAnimationFrame(() => this.#scrollAtEdges());
  }

  #show() {
    if (!this.#drag) return;
    const { row, from, pointer, y, middles } = this.#drag;
    const at = pointer + scrollY;
    const to = middles.filter((middle, index) => index !== from && middle < at).length;
    row.style.translate = `0 ${at - y}px`;
    this.#drag.to = to;
    const before = to < from ? to : to + 1;
    this.#rows.forEach((each, index) => {
      each.classList.toggle("is-drop-before", to !== from && index === before);
      each.classList.toggle("is-drop-after", to !== from && before === middles.length && index === middles.length - 1);
    });
  }

  #scrollAtEdges() {
    this.#scroll = 0;
    if (!this.#drag) return;
    const { pointer } = this.#drag;
    const step = pointer < EDGE ? pointer - EDGE : pointer > innerHeight - EDGE ? pointer - innerHeight + EDGE : 0;
    if (step === 0) return;
    scrollBy(0, step / 3);
    this.#show();
    this.#scroll = requestAnimationFrame(() => this.#scrollAtEdges());
  }

  /** @param {boolean} keep  whether it stays where it was dragged to */
  #drop(keep) {
    if (!this.#drag) return;
    const { row, from, to } = this.#drag;
    this.#drag = null;
    cancelAnimationFrame(this.#scroll);
    this.#scroll = 0;
    row.classList.remove("is-dragged");
    row.style.translate = "";
    for (const each of this.#rows) each.classList.remove("is-drop-before", "is-drop-after");
    if (keep && from !== to) this.#handlers.onMove(from, to);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (this.#drag && event.key === "Escape") return this.#drop(false);
    const row = this.#row(event.target);
    if (!row) return undefined;
    const up = event.key === "ArrowUp";
    if ((up || event.key === "ArrowDown") && (event.altKey || this.#grabbed)) {
      event.preventDefault();
      this.#step(row, up ? -1 : 1);
    } else if (this.#handle(event.target) && (event.key === " " || event.key === "Enter")) {
      event.preventDefault();
      if (this.#grabbed) this.#release("dropped");
      else this.#grab(row);
    } else if (event.key === "Escape" && this.#grabbed) {
      event.preventDefault();
      const { from } = this.#grabbed;
      const now = this.#rows.indexOf(row);
      if (now !== from) this.#handlers.onMove(now, from);
      this.#release("put back");
    }
    return undefined;
  }

  /** @param {HTMLElement} row @param {number} way */
  #step(row, way) {
    const from = this.#rows.indexOf(row);
    const to = from + way;
    if (to < 0 || to >= this.#rows.length) return this.#handlers.onSay(way < 0 ? "Already the first layer." : "Already the last layer.");
    this.#handlers.onMove(from, to);
    return this.#handlers.onSay(`${name(row)} is now layer ${to + 1} of ${this.#rows.length}.`);
  }

  /** @param {HTMLElement} row */
  #grab(row) {
    this.#grabbed = { row, from: this.#rows.indexOf(row) };
    this.#mark(row, true);
    this.#handlers.onSay(`${name(row)} grabbed. Arrows move it, Space drops it, Escape puts it back.`);
  }

  /** @param {string} what  happened */
  #release(what) {
    if (!this.#grabbed) return;
    const { row } = this.#grabbed;
    this.#grabbed = null;
    this.#mark(row, false);
    this.#handlers.onSay(`${name(row)} ${what}: layer ${this.#rows.indexOf(row) + 1} of ${this.#rows.length}.`);
  }

  /** @param {HTMLElement} row @param {boolean} grabbed */
  #mark(row, grabbed) {
    row.classList.toggle("is-grabbed", grabbed);
    row.querySelector(".layer-handle")?.setAttribute("aria-pressed", String(grabbed));
  }

  /** @param {FocusEvent} event */
  #left(event) {
    // A row that moves loses the focus for a moment, to nowhere.
    if (this.#grabbed && event.relatedTarget !== null && !this.#grabbed.row.contains(/** @type {Node} */ (event.relatedTarget))) this.#release("dropped");
  }

  destroy() {
    this.#drop(false);
    this.#stop.abort();
  }
}

/** @param {HTMLElement} row */
const name = (row) => row.querySelector(".layer-type")?.textContent ?? "Layer";
