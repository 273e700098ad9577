/**
 * The live loop of one network: the newest input is inspected, and its maps are fetched. Drawings go
 * over a WebSocket where there is one; everything else, and all while there is none, goes over HTTP.
 *
 * @import {Drawing, Inspection, LayerMaps, SessionStatus} from "../core/types.js"
 */
import { getMaps, inspectDrawing, inspectExample, inspectImage, LiveSocket, SocketLost } from "../api.js";
import { thin } from "../core/geometry.js";
import { PatientLoop } from "./patient_loop.js";

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
  #socket;
  #loop;

  /**
   * @param {string} model
   * @param {number} topK
   * @param {SessionHandlers} handlers
   */
  constructor(model, topK, handlers) {
    this.#model = model;
    this.#topK = topK;
    this.#handlers = handlers;
    this.#socket = new LiveSocket(model, topK);
    this.#loop = new PatientLoop({
      question: () => this.#input,
      answer: (input) => this.#answer(input),
      onLost: () => (this.#last = null),
      onStatus: (status) => {
        // The server is back: so may its sockets be.
        if (status.state === "ready") this.#socket.retryNow();
        handlers.onStatus(status);
      },
      onBusy: handlers.onBusy,
    });
  }

  /** @param {Input | null} input  null: nothing is drawn */
  offer(input) {
    this.#input = input;
    if (!input) this.#last = null;
    this.#handlers.onBusy(input !== null);
    if (input) this.#loop.offer();
  }

  /** Fetch maps of layers that came on the screen. */
  refreshMaps() {
    if (this.#last) this.#loop.offer();
  }

  /** The server has lost the inspection: post the same input again. */
  renew() {
    this.#last = null;
    if (this.#input) this.#loop.offer();
  }

  /** Do not wait for the next attempt. */
  retryNow() {
    this.#socket.retryNow();
    this.#loop.retryNow();
  }

  destroy() {
    this.#socket.destroy();
  }

  /** @param {Input} input */
  async #answer(input) {
    await this.#inspect(input);
    await this.#fetchMaps();
  }

  /** @param {Input} input */
  async #inspect(input) {
    if (this.#last?.input === input) return;
    const { drawing, thinned } = thin(input.drawing);
    const live = input.image || (input.example ?? null) !== null ? null : await this.#askLive(drawing);
    const inspection = live?.inspection ?? (await this.#ask(input, drawing));
    if (this.#input === null) return;
    this.#last = { input, inspection };
    this.#handed.clear();
    this.#handlers.onInspection(inspection, drawing, thinned);
    if (live) this.#hand(inspection, await orNone(live.maps));
  }

  /** @param {Drawing} drawing */
  async #askLive(drawing) {
    this.#socket.connect();
    if (!this.#socket.isReady) return null;
    return orNone(this.#socket.inspect(drawing, this.#handlers.wantedLayers()));
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
    this.#hand(inspection, await getMaps(inspection.id, layers));
  }

  /**
   * @param {Inspection} inspection
   * @param {Map<string, LayerMaps> | null} maps
   */
  #hand(inspection, maps) {
    if (!maps?.size || this.#last?.inspection !== inspection) return;
    for (const name of maps.keys()) this.#handed.add(name);
    this.#handlers.onMaps(inspection, maps);
  }
}

/**
 * What a socket gives, or null where it is lost meanwhile: the same is asked over HTTP then.
 *
 * @template Value
 * @param {Promise<Value>} answer
 * @returns {Promise<Value | null>}
 */
async function orNone(answer) {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof SocketLost) return null;
    throw error;
  }
}
