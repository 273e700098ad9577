/**
 * The live session: strokes go out over a WebSocket as they are drawn, and the newest drawing's
 * guesses come back, and then its inspection and maps. docs/live.md has the protocol. Whoever asks
 * goes on over HTTP while there is no connection.
 *
 * @import {Drawing, Guessed, Inspection, LayerMaps} from "../core/types.js"
 */
import { decodeAtlas } from "../core/atlas.js";
import { retryDelay } from "../core/backoff.js";
import { changesBetween, isOpenAfter } from "../core/live_changes.js";
import { completed } from "./inspections.js";
import { ApiProblem, ROOT } from "./request.js";

/** Milliseconds of silence after which the server is asked whether it is there, and then given up. */
const PATIENCE = 3000;
/** So many attempts where there never was a connection, as behind a proxy that lets none through. */
const MOST_ATTEMPTS = 5;
/** So many states are remembered, of which the server may have the last one when it is lost. */
const MOST_STATES = 32;

const NORMAL = 1000;
const GOING_AWAY = 1001;
const OUT_OF_STEP = 409;

/** The connection is lost, or was none: ask over HTTP. */
export class SocketLost extends Error {
  constructor() {
    super("There is no live connection.");
    this.name = "SocketLost";
  }
}

/** A newer drawing has been answered in the place of this one. */
export class Superseded extends Error {
  constructor() {
    super("A newer drawing was answered.");
    this.name = "Superseded";
  }
}

/**
 * @template Value
 * @typedef {{promise: Promise<Value>, resolve: (value: Value) => void, reject: (error: Error) => void}} Deferred
 */

/**
 * @typedef {object} Asked  A state that is not answered whole.
 * @property {number} sequence
 * @property {(guesses: Guessed) => void} onGuesses
 * @property {Deferred<Inspection>} inspection
 * @property {Deferred<Map<string, LayerMaps>>} maps
 * @property {Map<string, LayerMaps>} got
 * @property {number} frames  how many are still to come
 *
 * @typedef {{drawing: Drawing, open: boolean}} State
 */

export class LiveSocket {
  #model;
  #topK;
  /** @type {WebSocket | null} */
  #socket = null;
  #isReady = false;
  /** The session to go on with. @type {string | null} */
  #session = null;
  #sequence = 0;
  /** What the server has by now. @type {number | null} */
  #base = null;
  /** Of each sequence number that was sent lately. @type {Map<number, State>} */
  #states = new Map();
  #watched = "";
  /** By their numbers, the oldest first. @type {Map<number, Asked>} */
  #asked = new Map();
  #attempt = 0;
  #notBefore = 0;
  #watch = 0;
  #heard = 0;
  #stop = new AbortController();

  /**
   * @param {string} model
   * @param {number} topK
   */
  constructor(model, topK) {
    this.#model = model;
    this.#topK = topK;
    const { signal } = this.#stop;
    addEventListener("offline", () => this.#lose(), { signal });
    // A page that is kept for going back holds no connection.
    addEventListener("pagehide", () => this.#end(), { signal });
  }

  /** Whether it can be asked. */
  get isReady() {
    return this.#isReady;
  }

  /** Connect, unless it is done or was tried just now; until then `isReady` is false. */
  connect() {
    const isHopeless = this.#session === null && this.#attempt >= MOST_ATTEMPTS;
    if (this.#socket || isHopeless || performance.now() < this.#notBefore || !navigator.onLine) return;
    const address = new URL(`${ROOT}/live`, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#send({ type: "hello", model: this.#model, top_k: this.#topK, resume: this.#session });
    socket.onmessage = ({ data }) => {
      if (this.#socket === socket) this.#received(data);
    };
    socket.onclose = ({ code }) => {
      if (this.#socket === socket) this.#closed(code);
    };
    this.#socket = socket;
  }

  /** Attempts begin anew, as the network has changed. */
  retryNow() {
    this.#attempt = 0;
    this.#notBefore = 0;
  }

  /**
   * Run the model on a drawing; what of it the server has already is not sent again. Another one may
   * be asked for before this one is answered.
   *
   * @param {Drawing} drawing
   * @param {string[]} layers  whose maps are wanted with it
   * @param {(guesses: Guessed) => void} onGuesses  is called when they come, which is before all else
   * @returns {Promise<{inspection: Inspection, maps: Promise<Map<string, LayerMaps>>}>}
   * @throws {SocketLost} if there is no connection, or it is lost; so `maps` may, too
   * @throws {Superseded} if a newer drawing was answered
   * @throws {ApiProblem}
   */
  async inspect(drawing, layers, onGuesses) {
    try {
      return await this.#ask(drawing, layers, onGuesses);
    } catch (error) {
      if (!(error instanceof ApiProblem && error.status === OUT_OF_STEP)) throw error;
      this.#base = null;
      return await this.#ask(drawing, layers, onGuesses);
    }
  }

  destroy() {
    this.#stop.abort();
    this.#end();
  }

  /**
   * @param {Drawing} drawing
   * @param {string[]} layers
   * @param {(guesses: Guessed) => void} onGuesses
   */
  async #ask(drawing, layers, onGuesses) {
    if (!this.#isReady) throw new SocketLost();
    const watched = JSON.stringify({ type: "watch", layers, manifest: true });
    if (watched !== this.#watched) {
      this.#socket?.send(watched);
      this.#watched = watched;
    }
    const known = this.#base === null ? null : (this.#states.get(this.#base) ?? null);
    const changes = changesBetween(known?.drawing ?? null, drawing, known?.open ?? false);
    const base = this.#base;
    this.#sequence += 1;
    this.#note(drawing, isOpenAfter(changes, known?.open ?? false));
    const asked = { sequence: this.#sequence, onGuesses, inspection: deferred(), maps: deferred(), got: new Map(), frames: 0 };
    this.#asked.set(asked.sequence, asked);
    this.#send({ type: "strokes", sequence: this.#sequence, base, changes });
    this.#heard = performance.now();
    this.#listen(0);
    return { inspection: await completed(await asked.inspection.promise), maps: asked.maps.promise };
  }

  /** @param {Drawing} drawing @param {boolean} open */
  #note(drawing, open) {
    this.#base = this.#sequence;
    this.#states.set(this.#sequence, { drawing, open });
    for (const sequence of this.#states.keys()) {
      if (this.#states.size <= MOST_STATES) break;
      this.#states.delete(sequence);
    }
  }

  /** @param {string | ArrayBuffer} data */
  #received(data) {
    this.#heard = performance.now();
    if (data instanceof ArrayBuffer) return this.#gotMaps(data);
    const message = JSON.parse(data);
    if (message.type === "ready") return this.#ready(message);
    if (message.type === "prediction") return this.#gotGuesses(message);
    if (message.type === "inspection") return this.#gotInspection(message);
    if (message.type === "problem") return this.#gotProblem(message);
    return undefined;
  }

  /** @param {{session: string, resumed: boolean, sequence: number}} message */
  #ready({ session, resumed, sequence }) {
    if (!resumed || !this.#states.has(sequence)) this.#states.clear();
    // A new session has nothing, and numbers may go on.
    if (!resumed) this.#states.set(0, { drawing: [], open: false });
    this.#session = session;
    this.#base = this.#states.has(sequence) ? sequence : null;
    this.#sequence = Math.max(this.#sequence, sequence);
    this.#watched = "";
    this.#attempt = 0;
    this.#isReady = true;
  }

  /** @param {{sequence: number} & Guessed} message */
  #gotGuesses({ sequence, predictions, unknown }) {
    this.#asked.get(sequence)?.onGuesses({ predictions, unknown });
  }

  /** @param {{sequence: number, frames: number, manifest?: Inspection}} message */
  #gotInspection({ sequence, frames, manifest }) {
    for (const older of [...this.#asked.keys()].filter((each) => each < sequence)) this.#fail(older, new Superseded());
    const asked = this.#asked.get(sequence);
    if (!asked || !manifest) return;
    asked.frames = frames;
    asked.inspection.resolve(manifest);
    if (frames === 0) this.#answered(asked);
  }

  /** @param {ArrayBuffer} data */
  #gotMaps(data) {
    const { sequence, layers } = decodeAtlas(data);
    const asked = this.#asked.get(sequence ?? 0);
    if (!asked || asked.frames === 0) return;
    for (const [name, maps] of layers) asked.got.set(name, maps);
    asked.frames -= 1;
    if (asked.frames === 0) this.#answered(asked);
  }

  /** @param {Asked} asked */
  #answered(asked) {
    this.#asked.delete(asked.sequence);
    if (this.#asked.size === 0) clearTimeout(this.#watch);
    asked.maps.resolve(asked.got);
  }

  /** @param {{sequence: number | null, retry_after: number | null, problem: {status: number, detail: string, pointer?: string}}} message */
  #gotProblem({ sequence, retry_after: retryAfter, problem }) {
    if (sequence === null) {
      // It could not watch what was to be watched: the same is asked for over HTTP.
      this.#watched = "";
      return this.#failAll();
    }
    // Changes of a state that it does not have are not sent again where newer ones have been.
    const isOld = problem.status === OUT_OF_STEP && sequence < this.#sequence;
    return this.#fail(sequence, isOld ? new Superseded() : new ApiProblem(problem.status, problem.detail, retryAfter, problem.pointer));
  }

  /** @param {number} sequence @param {Error} error */
  #fail(sequence, error) {
    const asked = this.#asked.get(sequence);
    this.#asked.delete(sequence);
    if (this.#asked.size === 0) clearTimeout(this.#watch);
    asked?.inspection.reject(error);
    asked?.maps.reject(error);
  }

  #failAll() {
    for (const sequence of [...this.#asked.keys()]) this.#fail(sequence, new SocketLost());
  }

  /**
   * Who hears nothing while an answer is due asks, and who then hears nothing has lost it.
   *
   * @param {number} pinged  when it was asked; 0: not since something came
   */
  #listen(pinged) {
    clearTimeout(this.#watch);
    this.#watch = window.setTimeout(() => {
      if (pinged > 0 && this.#heard < pinged) return this.#lose();
      const now = performance.now();
      const silent = now - this.#heard >= PATIENCE * 0.9;
      if (silent) this.#send({ type: "ping" });
      return this.#listen(silent ? now : 0);
    }, PATIENCE);
  }

  /** @param {object} message */
  #send(message) {
    this.#socket?.send(JSON.stringify(message));
  }

  /** @param {number} code */
  #closed(code) {
    this.#socket = null;
    this.#isReady = false;
    this.#notBefore = performance.now() + (code === GOING_AWAY && this.#attempt === 0 ? 0 : retryDelay(this.#attempt));
    this.#attempt += 1;
    this.#failAll();
  }

  /** The connection is taken for lost; the session may go on later. */
  #lose() {
    const socket = this.#socket;
    if (!socket) return;
    this.#closed(NORMAL);
    socket.close(4000);
  }

  /** The page has no more use for the session. */
  #end() {
    this.#session = null;
    const socket = this.#socket;
    if (!socket) return;
    this.#closed(NORMAL);
    this.#attempt = 0;
    socket.close(NORMAL);
  }
}

/**
 * @template Value
 * @returns {Deferred<Value>}
 */
function deferred() {
  const made = /** @type {Deferred<Value>} */ ({});
  made.promise = new Promise((resolve, reject) => {
    made.resolve = resolve;
    made.reject = reject;
  });
  // Whoever has stopped to wait for it does not hear of its end.
  made.promise.catch(() => {});
  return made;
}
