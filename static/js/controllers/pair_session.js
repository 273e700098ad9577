/**
 * The live loop of two sides: the newest question of both is asked.
 * What it hands out is always of one question: never one side of this drawing and one of the next.
 *
 * @import {LayerDifference, Sides} from "../core/comparison.js"
 * @import {Inspection, LayerMaps, SessionStatus} from "../core/types.js"
 * @import {Input} from "./live_session.js"
 */
import { getDifference, getDifferenceMaps, getMaps, inspectDrawing, inspectImage } from "../api.js";
import { sameShape } from "../core/comparison.js";
import { thin } from "../core/geometry.js";
import { PatientLoop } from "./patient_loop.js";

/**
 * @typedef {{model: string, topK: number, input: Input}} SideQuestion
 * @typedef {Sides<SideQuestion | null>} Question  null: nothing is asked on that side
 * @typedef {Sides<Inspection | null>} Pair
 *
 * @typedef {object} PairDetail
 * @property {Sides<LayerMaps | null>} maps  of the layers that are wanted
 * @property {LayerMaps | null} difference  B minus A; null where the shapes differ or a side is missing
 * @property {LayerDifference[] | null} layers  how far apart the sides are, down the network
 * @property {LayerDifference | null} apart  how far the wanted layers are
 *
 * @typedef {object} PairHandlers
 * @property {(pair: Pair) => Sides<string | null>} wanted  the layer of each side that is on the screen
 * @property {(pair: Pair, thinned: boolean) => void} onPair
 * @property {(pair: Pair, detail: PairDetail) => void} onDetail
 * @property {(status: SessionStatus) => void} onStatus
 * @property {(busy: boolean) => void} onBusy  whether the newest question still waits for its answer
 */

const SIDES = /** @type {const} */ (["a", "b"]);

/** @param {SideQuestion | null} one @param {SideQuestion | null} other */
function alike(one, other) {
  return one === other || (one !== null && other !== null && one.model === other.model && one.input === other.input);
}

export class PairSession {
  #handlers;
  /** @type {Question} */
  #question = { a: null, b: null };
  /** @type {Sides<{question: SideQuestion, inspection: Inspection, thinned: boolean} | null>} */
  #last = { a: null, b: null };
  /** @type {Pair | null} handed out last */
  #told = null;
  /** What was fetched for the last pair, by address. @type {Map<string, unknown>} */
  #fetched = new Map();
  #loop;

  /** @param {PairHandlers} handlers */
  constructor(handlers) {
    this.#handlers = handlers;
    this.#loop = new PatientLoop({
      question: () => (this.#question.a || this.#question.b ? this.#question : null),
      answer: (question) => this.#answer(question),
      onLost: () => this.#forget(),
      onStatus: handlers.onStatus,
      onBusy: handlers.onBusy,
    });
  }

  /** @param {Question} question */
  offer(question) {
    // A newer input may wait for its turn; of another network, or of none, nothing more is handed out.
    if (SIDES.some((side) => this.#question[side]?.model !== question[side]?.model)) this.#told = null;
    this.#question = question;
    for (const side of SIDES) if (!question[side]) this.#last[side] = null;
    const some = question.a !== null || question.b !== null;
    this.#handlers.onBusy(some);
    if (some) this.#loop.offer();
    else this.#loop.tell({ state: "ready" });
  }

  /** Fetch what has come on the screen. */
  refresh() {
    if (this.#question.a || this.#question.b) this.#loop.offer();
  }

  /** The server has lost an inspection: post both sides again. */
  renew() {
    this.#forget();
    this.refresh();
  }

  /** Do not wait for the next attempt. */
  retryNow() {
    this.#loop.retryNow();
  }

  #forget() {
    this.#last = { a: null, b: null };
    this.#told = null;
    this.#fetched.clear();
  }

  /** @param {Question} question */
  async #answer(question) {
    const pair = await this.#inspect(question);
    if (pair) await this.#fetchDetail(pair);
  }

  /**
   * @param {Question} question
   * @returns {Promise<Pair | null>} null: it is no longer asked
   */
  async #inspect(question) {
    const [a, b] = await Promise.all(SIDES.map((side) => this.#inspectSide(side, question[side])));
    if (SIDES.some((side) => this.#question[side]?.model !== question[side]?.model)) return null;
    [this.#last.a, this.#last.b] = [a, b];
    if (this.#told && this.#told.a === (a?.inspection ?? null) && this.#told.b === (b?.inspection ?? null)) return this.#told;
    const pair = { a: a?.inspection ?? null, b: b?.inspection ?? null };
    this.#told = pair;
    this.#handlers.onPair(pair, Boolean(a?.thinned || b?.thinned));
    return pair;
  }

  /**
   * @param {"a" | "b"} side
   * @param {SideQuestion | null} question
   */
  async #inspectSide(side, question) {
    if (!question) return null;
    const last = this.#last[side];
    if (last && alike(last.question, question)) return last;
    const { model, topK, input } = question;
    const { drawing, thinned } = thin(input.drawing);
    return { question, thinned, inspection: await (input.image ? inspectImage(model, input.image, topK) : inspectDrawing(model, drawing, topK)) };
  }

  /** @param {Pair} pair */
  async #fetchDetail(pair) {
    const { a, b } = pair;
    const wanted = this.#handlers.wanted(pair);
    /** @type {Map<string, unknown>} */
    const fetched = new Map();
    /**
     * @template Answer
     * @param {string} key
     * @param {() => Promise<Answer>} ask
     * @returns {Promise<Answer>}
     */
    const once = async (key, ask) => {
      const answer = /** @type {Answer | undefined} */ (this.#fetched.get(key)) ?? (await ask());
      fetched.set(key, answer);
      return answer;
    };
    /** @param {Inspection | null} inspection @param {string | null} name */
    const layerOf = (inspection, name) => inspection?.layers.find((layer) => layer.name === name) ?? null;
    const [ofA, ofB] = [layerOf(a, wanted.a), layerOf(b, wanted.b)];
    /** @param {Inspection | null} inspection @param {{name: string} | null} layer */
    const mapsOf = async (inspection, layer) =>
      inspection && layer ? once(`${inspection.id} ${layer.name}`, async () => (await getMaps(inspection.id, [layer.name])).get(layer.name) ?? null) : null;
    const [mapsA, mapsB, difference, layers] = await Promise.all([
      mapsOf(a, ofA),
      mapsOf(b, ofB),
      a && b && ofA && ofB && sameShape(ofA.shape, ofB.shape)
        ? once(`${a.id} ${ofA.name} ${b.id} ${ofB.name}`, () => getDifferenceMaps({ id: a.id, layer: ofA.name }, { id: b.id, layer: ofB.name }))
        : null,
      a && b ? once(`${a.id} ${b.id}`, () => getDifference(a.id, b.id)) : null,
    ]);
    const names = { layer: wanted.a ?? "", other_layer: wanted.b ?? "" };
    const matched = layers?.find(({ layer, other_layer: other }) => layer === names.layer && other === names.other_layer) ?? null;
    // Two layers that were chosen by hand are not among the counterparts.
    const byHand = !matched && a && b && difference ? (await once(`${a.id} ${b.id} ${names.layer} ${names.other_layer}`, () => getDifference(a.id, b.id, names)))[0] : null;
    if (this.#told !== pair) return;
    this.#fetched = fetched;
    this.#handlers.onDetail(pair, { maps: { a: mapsA, b: mapsB }, difference, layers, apart: matched ?? byHand });
  }
}
