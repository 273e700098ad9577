/**
 * Fetches the receptive field and the arithmetic of the value in view; the newest one wins.
 *
 * @import {Arithmetic, ReceptiveField, UnitAddress} from "../core/types.js"
 */
import { ApiProblem, getArithmetic, getReceptiveField, Unreachable } from "../api.js";
import { retryDelay } from "../core/backoff.js";
import { NewestWins } from "../core/newest_wins.js";

/** Fields that are kept: those of a whole layer, for moving about in it. */
const MOST_FIELDS = 1024;
/** How often a server that is full is asked again before the page says so. */
const RETRIES = 3;

/**
 * @typedef {object} UnitHandlers
 * @property {(unit: UnitAddress, field: ReceptiveField) => void} onField
 * @property {(unit: UnitAddress, reason: string) => void} onNoField
 * @property {(unit: UnitAddress, arithmetic: Arithmetic, isLast: boolean) => void} onArithmetic  isLast: none is on its way that is newer
 * @property {(unit: UnitAddress, reason: string) => void} onNoArithmetic
 * @property {() => void} onLost  the server no longer keeps the inspection, or cannot be reached
 *
 * @typedef {{unit: UnitAddress, id: string, limit: number | null}} ArithmeticJob
 * @typedef {{unit: UnitAddress, version: string}} FieldJob
 */

export class UnitReader {
  #model;
  #handlers;
  /** A field depends on the model's operations alone, so it is never fetched twice. @type {Map<string, ReceptiveField>} */
  #fields = new Map();
  /** @type {NewestWins<FieldJob>} */
  #fieldLoop = new NewestWins((job) => this.#readField(job));
  /** @type {NewestWins<ArithmeticJob>} */
  #arithmeticLoop = new NewestWins((job) => this.#readArithmetic(job));

  /**
   * @param {string} model
   * @param {UnitHandlers} handlers
   */
  constructor(model, handlers) {
    this.#model = model;
    this.#handlers = handlers;
  }

  /** @param {FieldJob} job */
  readField(job) {
    const kept = this.#fields.get(keyOf(job));
    if (kept) this.#handlers.onField(job.unit, kept);
    else this.#fieldLoop.offer(job);
  }

  /** @param {ArithmeticJob} job */
  readArithmetic(job) {
    this.#arithmeticLoop.offer(job);
  }

  /** @param {FieldJob} job */
  async #readField(job) {
    try {
      const field = this.#fields.get(keyOf(job)) ?? (await persist(this.#fieldLoop, () => getReceptiveField(this.#model, job.version, job.unit)));
      if (this.#fields.size >= MOST_FIELDS) this.#fields.clear();
      this.#fields.set(keyOf(job), field);
      this.#handlers.onField(job.unit, field);
    } catch (error) {
      if (this.#fieldLoop.superseded) return;
      this.#handlers.onNoField(job.unit, messageOf(error));
      if (error instanceof Unreachable) this.#handlers.onLost();
    }
  }

  /** @param {ArithmeticJob} job */
  async #readArithmetic({ unit, id, limit }) {
    try {
      const arithmetic = await persist(this.#arithmeticLoop, () => getArithmetic(id, unit, limit));
      this.#handlers.onArithmetic(unit, arithmetic, !this.#arithmeticLoop.superseded);
    } catch (error) {
      if (this.#arithmeticLoop.superseded) return;
      if (error instanceof Unreachable || (error instanceof ApiProblem && error.status === 410)) this.#handlers.onLost();
      else this.#handlers.onNoArithmetic(unit, messageOf(error));
    }
  }
}

/**
 * Ask again while the server is full, unless a newer job waits.
 *
 * @template Answer
 * @param {{superseded: boolean}} loop
 * @param {() => Promise<Answer>} ask
 */
async function persist(loop, ask) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ApiProblem) || !error.passing || attempt === RETRIES || loop.superseded) throw error;
      await new Promise((resolve) => setTimeout(resolve, retryDelay(attempt, error.retryAfter)));
    }
  }
}

/** @param {FieldJob} job */
function keyOf({ version, unit: { layer, channel, y, x } }) {
  return [version, channel, y, x, layer].join(" ");
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
