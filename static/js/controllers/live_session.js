/**
 * The live loop: the newest input is inspected and its maps are fetched; one request at a time,
 * never a queue. While the server does not answer it tries again with growing pauses.
 *
 * @import {Drawing, Inspection, LayerMaps, SessionStatus} from "../core/types.js"
 */
import { ApiProblem, getMaps, inspectDrawing, inspectExample, inspectImage, Unreachable } from "../api.js";
import { retryDelay } from "../core/backoff.js";
import { thin } from "../core/geometry.js";
import { NewestWins } from "../core/newest_wins.js";

/** @typedef {{drawing: Drawing, image: Blob | null, example?: number | null}} Input  an image, or an example of the model's, is an input of its own; strokes are then empty */

/**
 * @typedef {object} SessionHandlers
 * @property {() => string[]} wantedLayers  whose maps are on the screen
 * @property {(inspection: Inspection, drawing: Drawing, thinned: boolean) => void} onInspection
 * @property {(inspection: Inspection, maps: Map<string, LayerMaps>) => void} onMaps
 * @property {(status: SessionStatus) => void} onStatus
 * @property {(busy: boolean) => void} onBusy  whether the newest input still waits for its answer
 */

export class LiveSession {
  #model;
  #topK;
  #handlers;
  /** @type {Input | null} */
  #input = null;
  /** @type {{input: Input, inspection: Inspection} | null} */
  #last = null;
  /** @type {Set<string>} layers whose maps of the last inspection have been handed out */
  #handed = new Set();
  #attempt = 0;
  /** @type {(() => void) | null} */
  #wake = null;
  /** @type {SessionStatus["state"]} */
  #state = "ready";
  #loop = new NewestWins(() => this.#run());

  /**
   * @param {string} model
   * @param {number} topK
   * @param {SessionHandlers} handlers
   */
  constructor(model, topK, handlers) {
    this.#model = model;
    this.#topK = topK;
    this.#handlers = handlers;
  }

  /** @param {Input | null} input  null: nothing is drawn */
  offer(input) {
    this.#input = input;
    if (!input) this.#last = null;
    this.#handlers.onBusy(input !== null);
    if (input) this.#loop.offer(null);
  }

  /** Fetch maps of layers that came on the screen. */
  refreshMaps() {
    if (this.#last) this.#loop.offer(null);
  }

  /** The server has lost the inspection: post the same input again. */
  renew() {
    this.#last = null;
    if (this.#input) this.#loop.offer(null);
  }

  /** Do not wait for the next attempt. */
  retryNow() {
    this.#wake?.();
  }

  async #run() {
    for (;;) {
      const input = this.#input;
      if (!input) return;
      try {
        await this.#inspect(input);
        await this.#fetchMaps();
        this.#attempt = 0;
        this.#tell({ state: "ready" });
        if (this.#input === input) this.#handlers.onBusy(false);
        return;
      } catch (error) {
        if (error instanceof ApiProblem && error.status === 410) {
          this.#last = null;
        } else if (error instanceof Unreachable || (error instanceof ApiProblem && error.passing)) {
          await this.#pause(error);
        } else {
          this.#tell({ state: "refused", detail: error instanceof Error ? error.message : String(error) });
          if (this.#input === input) this.#handlers.onBusy(false);
          return;
        }
      }
    }
  }

  /** @param {Input} input */
  async #inspect(input) {
    if (this.#last?.input === input) return;
    const { drawing, thinned } = thin(input.drawing);
    const inspection = await this.#ask(input, drawing);
    if (this.#input === null) return;
    this.#last = { input, inspection };
    this.#handed.clear();
    this.#handlers.onInspection(inspection, drawing, thinned);
  }

  /**
   * @param {Input} input
   * @param {Drawing} drawing
   */
  #ask({ image, example = null }, drawing) {
    if (image) return inspectImage(this.#model, image, this.#topK);
    return example === null ? inspectDrawing(this.#model, drawing, this.#topK) : inspectExample(this.#model, example, this.#topK);
  }

  async #fetchMaps() {
    const inspection = this.#last?.inspection;
    if (!inspection) return;
    const known = new Set(inspection.layers.map(({ name }) => name));
    const layers = this.#handlers.wantedLayers().filter((name) => known.has(name) && !this.#handed.has(name));
    if (layers.length === 0) return;
    const maps = await getMaps(inspection.id, layers);
    if (this.#last?.inspection !== inspection) return;
    for (const name of layers) this.#handed.add(name);
    this.#handlers.onMaps(inspection, maps);
  }

  /** @param {ApiProblem | Unreachable} error */
  async #pause(error) {
    const delay = retryDelay(this.#attempt, error instanceof ApiProblem ? error.retryAfter : null);
    this.#attempt += 1;
    this.#tell({ state: "waiting", detail: error.message, seconds: Math.ceil(delay / 1000) });
    await new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
      const timer = setTimeout(resolve, delay);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = null;
  }

  /** @param {SessionStatus} status */
  #tell(status) {
    if (status.state === "ready" && this.#state === "ready") return;
    this.#state = status.state;
    this.#handlers.onStatus(status);
  }
}
