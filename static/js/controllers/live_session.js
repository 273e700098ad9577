/**
 * The live loop of one network: the newest input is inspected, and its maps are fetched. Drawings go
 * over a WebSocket where there is one; everything else, and all while there is none, goes over HTTP.
 *
 * Over the socket a drawing's guesses come first. Where its layers do not follow soon, the next state
 * of the drawing is sent without them: those that come then are of the newest state that the server had
 * the time for, and whoever shows them is told so (`onBehind`).
 *
 * @import {Drawing, Guessed, Inspection, LayerMaps, SessionStatus} from "../core/types.js"
 */
import { getMaps, inspectDrawing, inspectExample, inspectImage, LiveSocket, SocketLost, Superseded } from "../api.js";
import { thin } from "../core/geometry.js";
import { PatientLoop } from "./patient_loop.js";

/** Milliseconds for which layers are waited for: a page that painted more of them would paint late. */
const SOON = 100;

/** @typedef {{drawing: Drawing, image: Blob | null, example?: number | null}} Input  an image, or an example of the model's, is an input of its own; strokes are then empty */

/** @typedef {{input: Input, number: number, drawing: Drawing, thinned: boolean}} Asked  with the drawing as it is sent */

/**
 * @typedef {object} SessionHandlers
 * @property {() => string[]} wantedLayers  whose maps are on the screen
 * @property {(guesses: Guessed) => void} onGuesses  of the newest input that has been answered
 * @property {(inspection: Inspection, drawing: Drawing, thinned: boolean) => void} onInspection
 * @property {(inspection: Inspection, maps: Map<string, LayerMaps>) => void} onMaps
 * @property {(behind: boolean) => void} onBehind  whether the last inspection is of an older input than the last guesses
 * @property {(status: SessionStatus) => void} onStatus
 * @property {(busy: boolean) => void} onBusy  whether the newest input still waits for its answer
 */

export class LiveSession {
  #model;
  #topK;
  #handlers;
  /** @type {Input | null} */
  #input = null;
  /** Is called when there is another input. */
  #moveOn = () => {};
  /** How many have been asked about. */
  #asked = 0;
  /** Number of the one whose guesses were told last. */
  #guessed = 0;
  /** Number of the one whose inspection was told last. */
  #inspectedLast = 0;
  /** Number of the last one that was taken away: what was asked until then is of no use. */
  #gone = 0;
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
    this.#moveOn();
    if (!input) {
      this.#last = null;
      this.#gone = this.#asked;
      this.#handlers.onBehind(false);
    }
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
    // What was asked about after it would have the last word.
    if (this.#last?.input === input && this.#inspectedLast === this.#asked) return this.#fetchMaps();
    this.#asked += 1;
    /** @type {Asked} */
    const asked = { input, number: this.#asked, ...thin(input.drawing) };
    const isDrawn = !input.image && (input.example ?? null) === null;
    if (!(isDrawn && (await this.#answerLive(asked)))) this.#inspected(asked, await this.#ask(asked));
    // Else its layers are on their way still, or there is a newer one.
    return this.#last?.input === input ? this.#fetchMaps() : undefined;
  }

  /**
   * Ask over the socket, until all has come, or the guesses have, some time has passed, and there is a
   * newer input.
   *
   * @param {Asked} asked
   * @returns {Promise<boolean>}  false: there is no connection, or none any more
   */
  async #answerLive(asked) {
    this.#socket.connect();
    if (!this.#socket.isReady) return false;
    const moved = new Promise((/** @type {(value?: unknown) => void} */ resolve) => (this.#moveOn = resolve));
    if (this.#input !== asked.input) this.#moveOn();
    /** @type {(value?: unknown) => void} */
    let noteGuessed = () => {};
    const guessed = new Promise((resolve) => (noteGuessed = resolve));
    const whole = this.#takeLive(asked, () => noteGuessed());
    const passed = new Promise((resolve) => setTimeout(resolve, SOON));
    return Promise.race([whole, Promise.all([guessed, passed, moved]).then(() => true)]);
  }

  /**
   * @param {Asked} asked
   * @param {() => void} onGuesses
   * @returns {Promise<boolean>}  false: the connection was lost
   */
  async #takeLive(asked, onGuesses) {
    try {
      const { inspection, maps } = await this.#socket.inspect(asked.drawing, this.#handlers.wantedLayers(), (guesses) => {
        this.#tellGuesses(asked.number, guesses);
        onGuesses();
      });
      this.#inspected(asked, inspection);
      this.#hand(inspection, await maps);
    } catch (error) {
      // Maps that are lost are fetched.
      if (error instanceof SocketLost) return this.#last?.input === asked.input;
      if (!(error instanceof Superseded)) throw error;
    }
    return true;
  }

  /**
   * @param {number} number
   * @param {Guessed} guesses
   */
  #tellGuesses(number, guesses) {
    if (number <= this.#gone || number <= this.#guessed) return;
    this.#guessed = number;
    this.#handlers.onGuesses(guesses);
    this.#handlers.onBehind(this.#last !== null);
  }

  /**
   * @param {Asked} asked
   * @param {Inspection} inspection
   */
  #inspected({ input, number, drawing, thinned }, inspection) {
    // One that waited for its picture may come after a newer one.
    if (number <= this.#gone || number < this.#inspectedLast) return;
    this.#inspectedLast = number;
    this.#last = { input, inspection };
    this.#handed.clear();
    this.#tellGuesses(number, inspection);
    this.#handlers.onInspection(inspection, drawing, thinned);
    this.#handlers.onBehind(number < this.#guessed);
  }

  /** @param {Asked} asked */
  #ask({ input: { image, example = null }, drawing }) {
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
