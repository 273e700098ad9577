/**
 * What the server says of a stack; of several questions only the newest is asked.
 *
 * @import {StackAnswer, StackLayer} from "../core/stack.js"
 */
import { ApiProblem, computeShapes } from "../api.js";
import { NewestWins } from "../core/newest_wins.js";
import { realigned, toSpec } from "../core/stack.js";

/** Milliseconds until a server that did not answer is asked again. */
const PATIENCE = 2000;

/** @typedef {{layers: StackLayer[], input: number[], training: boolean}} Question */

export class StackCalculation {
  /** Of the newest question, or of one before it with what is known of the layers that are still there. @type {StackAnswer | null} */
  answer = null;
  /** Why there is no answer; "" if there is or will be. */
  failure = "";
  /** Whether it is the input that is at fault. */
  inputRefused = false;
  /** Whether the answer is that of the newest question. */
  settled = false;
  /** @type {Question | null} */
  #asked = null;
  #onAnswer;
  #queue = new NewestWins((/** @type {Question} */ question) => this.#ask(question));
  #timer = 0;

  /** @param {() => void} onAnswer */
  constructor(onAnswer) {
    this.#onAnswer = onAnswer;
  }

  /** @param {Question} question */
  ask(question) {
    const { layers, input, training } = question;
    if (this.#asked && this.#asked.layers === layers && String(this.#asked.input) === String(input) && this.#asked.training === training) return;
    if (this.answer && this.#asked) this.answer = realigned(this.answer, this.#asked.layers, layers);
    this.#asked = question;
    this.settled = false;
    clearTimeout(this.#timer);
    if (layers.length > 0) this.#queue.offer(question);
    else this.#finish(question, null, "", false);
  }

  /** @param {Question} question */
  async #ask(question) {
    const { layers, input, training } = question;
    try {
      /** @type {any} */
      const answer = await computeShapes(input, layers.map(toSpec), training);
      this.#finish(question, answer, "", false);
    } catch (error) {
      const refused = error instanceof ApiProblem && !error.passing;
      const reason = error instanceof Error ? error.message : String(error);
      this.#finish(question, null, refused ? reason : `${reason} Asking again…`, refused && String(/** @type {ApiProblem} */ (error).pointer ?? "").startsWith("/input_shape"));
      if (!refused && question === this.#asked) this.#timer = window.setTimeout(() => this.#queue.offer(question), PATIENCE);
    }
  }

  /** @param {Question} question @param {StackAnswer | null} answer @param {string} failure @param {boolean} inputRefused */
  #finish(question, answer, failure, inputRefused) {
    if (question !== this.#asked) return;
    this.answer = answer && slim(answer);
    this.failure = failure;
    this.inputRefused = inputRefused;
    this.settled = true;
    this.#onAnswer();
  }

  destroy() {
    clearTimeout(this.#timer);
    this.#asked = null;
  }
}

/** Without the steps of the arithmetic, which rows do not show. @param {StackAnswer} answer @returns {StackAnswer} */
function slim(answer) {
  return {
    ...answer,
    layers: answer.layers.map(({ type, input_shape, output_shape, receptive_field, parameters, multiply_accumulates, activation_bytes, saved_for_backward_bytes }) => ({
      type,
      input_shape,
      output_shape,
      receptive_field,
      parameters,
      multiply_accumulates,
      activation_bytes,
      saved_for_backward_bytes,
    })),
  };
}
