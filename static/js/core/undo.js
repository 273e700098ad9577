/** Undo and redo over immutable states. */

const MOST_STATES = 200;

/**
 * @template State
 */
export class UndoHistory {
  /** @type {State[]} */
  #states;
  #index = 0;

  /** @param {State} initial */
  constructor(initial) {
    this.#states = [initial];
  }

  get current() {
    return this.#states[this.#index];
  }

  get canUndo() {
    return this.#index > 0;
  }

  get canRedo() {
    return this.#index < this.#states.length - 1;
  }

  /**
   * Make a new state the current one; states that were undone are dropped, and the oldest
   * beyond 200 are forgotten.
   *
   * @param {State} state
   */
  push(state) {
    this.#states = [...this.#states.slice(0, this.#index + 1), state].slice(-MOST_STATES);
    this.#index = this.#states.length - 1;
  }

  /** @returns {State} the state now current: the earlier one, or the same if there is none */
  undo() {
    if (this.canUndo) this.#index -= 1;
    return this.current;
  }

  /** @returns {State} */
  redo() {
    if (this.canRedo) this.#index += 1;
    return this.current;
  }
}
