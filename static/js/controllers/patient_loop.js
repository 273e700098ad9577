/**
 * Answers the newest question, one at a time, never a queue. While the server does not answer it
 * tries again with growing pauses.
 *
 * @import {SessionStatus} from "../core/types.js"
 */
import { ApiProblem, Unreachable } from "../api.js";
import { retryDelay } from "../core/backoff.js";
import { NewestWins } from "../core/newest_wins.js";

/**
 * @template Question
 * @typedef {object} LoopHandlers
 * @property {() => Question | null} question  the newest; null: nothing is asked any more
 * @property {(question: Question) => Promise<void>} answer
 * @property {() => void} onLost  the server has lost what the answer builds on; it is asked again
 * @property {(status: SessionStatus) => void} onStatus
 * @property {(busy: boolean) => void} onBusy  whether the newest question still waits for its answer
 */

/** @template Question */
export class PatientLoop {
  #handlers;
  #attempt = 0;
  /** @type {(() => void) | null} */
  #wake = null;
  /** @type {SessionStatus["state"]} */
  #state = "ready";
  #loop = new NewestWins(() => this.#run());

  /** @param {LoopHandlers<Question>} handlers */
  constructor(handlers) {
    this.#handlers = handlers;
  }

  /** There is something to be asked. */
  offer() {
    this.#loop.offer(null);
  }

  /** Do not wait for the next attempt. */
  retryNow() {
    this.#wake?.();
  }

  /** @param {SessionStatus} status */
  tell(status) {
    if (status.state === "ready" && this.#state === "ready") return;
    this.#state = status.state;
    this.#handlers.onStatus(status);
  }

  async #run() {
    const { question: newest, answer, onLost, onBusy } = this.#handlers;
    for (;;) {
      const question = newest();
      if (question === null) return;
      try {
        await answer(question);
        this.#attempt = 0;
        this.tell({ state: "ready" });
      } catch (error) {
        if (error instanceof ApiProblem && error.status === 410) {
          onLost();
          continue;
        }
        if (error instanceof Unreachable || (error instanceof ApiProblem && error.passing)) {
          await this.#pause(error);
          continue;
        }
        this.tell({ state: "refused", detail: error instanceof Error ? error.message : String(error) });
      }
      if (newest() === question) onBusy(false);
      return;
    }
  }

  /** @param {ApiProblem | Unreachable} error */
  async #pause(error) {
    const delay = retryDelay(this.#attempt, error instanceof ApiProblem ? error.retryAfter : null);
    this.#attempt += 1;
    this.tell({ state: "waiting", detail: error.message, seconds: Math.ceil(delay / 1000) });
    await new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
      const timer = setTimeout(resolve, delay);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = null;
  }
}
