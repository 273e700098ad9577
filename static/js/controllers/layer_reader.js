/**
 * Fetches what the server says of a layer; of each kind of question the newest one wins.
 *
 * @import {Histogram, LayerContributions, LayerMaps, LayerParameter, LayerStatistics} from "../core/types.js"
 */
import { ApiProblem, getContributions, getHistogram, getParameters, getStatistics, getWeightHistogram, getWeights, Unreachable } from "../api.js";
import { retryDelay } from "../core/backoff.js";
import { NewestWins } from "../core/newest_wins.js";

/** How often a server that is full is asked again before the page says so. */
const RETRIES = 3;

/**
 * @typedef {{id: string, layer: string}} LayerAddress
 * @typedef {LayerAddress & {range: {minimum: number, maximum: number} | null}} StatisticsJob
 * @typedef {LayerAddress & {label: string | null}} ContributionsJob
 * @typedef {{layer: string, version: string}} ModelLayer
 * @typedef {{parameter: LayerParameter, inputs: string, outputs: number[]}} WantedPictures
 *
 * @typedef {object} LayerReaderHandlers
 * @property {(job: LayerAddress, statistics: LayerStatistics) => void} onStatistics
 * @property {(job: ContributionsJob, contributions: LayerContributions | null, problem: string) => void} onContributions
 * @property {(job: LayerAddress, histogram: Histogram) => void} onHistogram
 * @property {(layer: string, parameters: LayerParameter[]) => void} onParameters
 * @property {(layer: string, wanted: WantedPictures, maps: LayerMaps) => void} onPictures
 * @property {(layer: string, parameter: LayerParameter, histogram: Histogram) => void} onSpread
 * @property {(layer: string, reason: string) => void} onNoWeights
 * @property {() => void} onLost  the server no longer keeps the inspection, or cannot be reached
 */

export class LayerReader {
  #model;
  #handlers;
  /** @type {NewestWins<StatisticsJob>} */
  #statistics = new NewestWins((job) => this.#ofInspection(this.#statistics, () => getStatistics(job.id, job.layer, job.range), (statistics) => this.#handlers.onStatistics(job, statistics)));
  /** These run the model, which may take a while: nothing else waits for them. @type {NewestWins<ContributionsJob>} */
  #contributions = new NewestWins((job) => this.#readContributions(job));
  /** @type {NewestWins<LayerAddress>} */
  #histograms = new NewestWins((job) => this.#ofInspection(this.#histograms, () => getHistogram(job.id, job.layer), (histogram) => this.#handlers.onHistogram(job, histogram)));
  /** @type {NewestWins<ModelLayer>} */
  #parameters = new NewestWins((job) => this.#ofModel(this.#parameters, job.layer, () => getParameters(this.#model, job.version, job.layer), (parameters) => this.#handlers.onParameters(job.layer, parameters)));
  /** @type {NewestWins<ModelLayer & {wanted: WantedPictures}>} */
  #pictures = new NewestWins(({ layer, version, wanted }) =>
    this.#ofModel(this.#pictures, layer, () => getWeights(this.#model, version, layer, wanted.parameter.name, wanted.inputs, wanted.outputs), (maps) => this.#handlers.onPictures(layer, wanted, maps)),
  );
  /** @type {NewestWins<ModelLayer & {parameter: LayerParameter}>} */
  #spreads = new NewestWins(({ layer, version, parameter }) =>
    this.#ofModel(this.#spreads, layer, () => getWeightHistogram(this.#model, version, layer, parameter.name), (histogram) => this.#handlers.onSpread(layer, parameter, histogram)),
  );

  /**
   * @param {string} model
   * @param {LayerReaderHandlers} handlers
   */
  constructor(model, handlers) {
    this.#model = model;
    this.#handlers = handlers;
  }

  /** @param {StatisticsJob} job */
  readStatistics(job) {
    this.#statistics.offer(job);
  }

  /** @param {ContributionsJob} job */
  readContributions(job) {
    this.#contributions.offer(job);
  }

  /** @param {LayerAddress} job */
  readHistogram(job) {
    this.#histograms.offer(job);
  }

  /** @param {ModelLayer} job */
  readParameters(job) {
    this.#parameters.offer(job);
  }

  /** @param {ModelLayer & {wanted: WantedPictures}} job */
  readPictures(job) {
    this.#pictures.offer(job);
  }

  /** @param {ModelLayer & {parameter: LayerParameter}} job */
  readSpread(job) {
    this.#spreads.offer(job);
  }

  /** @param {ContributionsJob} job */
  #readContributions(job) {
    return this.#ofInspection(
      this.#contributions,
      async () => {
        try {
          return { contributions: await getContributions(job.id, job.layer, job.label), problem: "" };
        } catch (error) {
          // Not every layer has gradients: the reason is what there is to show.
          if (!(error instanceof ApiProblem) || error.passing || error.status === 410) throw error;
          return { contributions: null, problem: error.message };
        }
      },
      ({ contributions, problem }) => this.#handlers.onContributions(job, contributions, problem),
    );
  }

  /**
   * @template Answer
   * @param {{superseded: boolean}} loop
   * @param {() => Promise<Answer>} ask
   * @param {(answer: Answer) => void} tell
   */
  async #ofInspection(loop, ask, tell) {
    try {
      tell(await persist(loop, ask));
    } catch (error) {
      const lost = error instanceof Unreachable || (error instanceof ApiProblem && (error.passing || error.status === 410));
      if (lost && !loop.superseded) this.#handlers.onLost();
    }
  }

  /**
   * @template Answer
   * @param {{superseded: boolean}} loop
   * @param {string} layer
   * @param {() => Promise<Answer>} ask
   * @param {(answer: Answer) => void} tell
   */
  async #ofModel(loop, layer, ask, tell) {
    try {
      tell(await persist(loop, ask));
    } catch (error) {
      if (!loop.superseded) this.#handlers.onNoWeights(layer, error instanceof Error ? error.message : String(error));
      if (error instanceof Unreachable && !loop.superseded) this.#handlers.onLost();
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
