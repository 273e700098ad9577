/**
 * The open layer in numbers: its channels in order, how its values spread, its weights.
 *
 * @import {Inspection, LayerContributions, LayerMaps, LayerNode, LayerStatistics} from "../core/types.js"
 * @import {GridChoice} from "../views/channel_grid.js"
 * @import {LayerDetail} from "../views/layer_detail.js"
 * @import {Address} from "./address.js"
 */
import { weightsAddress } from "../api.js";
import { deadChannels, formatSort, parseSort, SeenChannels } from "../core/channel_order.js";
import { LayerReader } from "./layer_reader.js";

/** While one draws, inspections follow each other; the numbers wait until none has come for so long. */
const REST = 250;

export class LayerExplorer {
  #model;
  #detail;
  #address;
  #reader;
  #seen = new SeenChannels();
  #version = "";
  #timer = 0;
  /** @type {Inspection | null} */
  #inspection = null;
  /** @type {LayerNode | null} */
  #node = null;
  /** @type {LayerMaps | null} */
  #maps = null;
  /** What has come since it was last asked for. @type {LayerStatistics | null} */
  #statistics = null;
  /** @type {LayerContributions | null} */
  #contributions = null;
  #problem = "";

  /**
   * @param {string} model
   * @param {LayerDetail} detail
   * @param {Address} address
   * @param {{onLost: () => void}} handlers
   */
  constructor(model, detail, address, { onLost }) {
    this.#model = model;
    this.#detail = detail;
    this.#address = address;
    detail.connect({
      seen: (layer) => this.#seen.of(layer),
      onSort: (sort) => this.#set("sort", formatSort(sort)),
      onPage: (page) => address.set("page", page === 0 ? null : String(page + 1)),
      onHideDead: (hidden) => this.#set("dead", hidden ? "hidden" : null),
      onToward: (label) => this.#set("toward", label),
      onShown: () => this.#readWeights(),
      onInputs: (inputs) => {
        address.set("weights", inputs);
        detail.panel.setInputs(inputs);
        this.#readWeights();
      },
      onParameter: () => {
        this.#readWeights();
        this.#readSpread();
      },
    });
    this.#reader = new LayerReader(model, {
      onStatistics: (job, statistics) => {
        if (!this.#concerns(job)) return;
        this.#statistics = statistics;
        this.#tell();
      },
      onContributions: (job, contributions, problem) => {
        if (!this.#concerns(job) || job.label !== this.#choice.toward) return;
        [this.#contributions, this.#problem] = [contributions, problem];
        this.#tell();
      },
      onHistogram: (job, histogram) => {
        if (this.#concerns(job)) detail.panel.showActivations(histogram);
      },
      onParameters: (layer, parameters) => {
        if (layer === this.#node?.name) detail.panel.showParameters(parameters);
      },
      onPictures: (layer, wanted, maps) => {
        if (layer === this.#node?.name) detail.panel.showPictures(maps, wanted);
      },
      onSpread: (layer, parameter, histogram) => {
        if (layer === this.#node?.name) detail.panel.showSpread(parameter, histogram);
      },
      onNoWeights: (layer, reason) => {
        if (layer === this.#node?.name) detail.panel.fail(reason);
      },
      onLost,
    });
  }

  /** @param {{id: string, layer: string}} job */
  #concerns({ id, layer }) {
    return id === this.#inspection?.id && layer === this.#node?.name;
  }

  /** @param {string} version  of the model */
  setVersion(version) {
    this.#version = version;
  }

  /**
   * @param {LayerNode | null} node  that is open
   * @param {LayerMaps | null} maps  of it, if they are known
   */
  open(node, maps) {
    const other = node?.name !== this.#node?.name;
    // Pages belong to a layer: another one opens at its first.
    if (other && this.#node !== null) this.#address.set("page", null);
    this.#node = node;
    if (other || maps) this.#maps = maps;
    if (other) this.#detail.panel.setLayer(node, node ? weightsAddress(this.#model, node.name) : "");
    this.#detail.panel.setInputs(this.#address.setting("weights"));
    this.#detail.grid.choose(this.#choice);
    if (!node || !other) return;
    if (this.#version) this.#reader.readParameters({ layer: node.name, version: this.#version });
    this.#refresh();
  }

  /** @param {Inspection | null} inspection  of the current drawing */
  setInspection(inspection) {
    this.#inspection = inspection;
    this.#detail.grid.setStale(true);
    this.#detail.grid.showCategories(inspection?.predictions.map(({ label }) => label) ?? []);
    clearTimeout(this.#timer);
    if (!inspection) {
      this.#detail.grid.setFacts(null);
      this.#detail.panel.showActivations(null);
      return;
    }
    this.#timer = window.setTimeout(() => this.#refresh(), REST);
  }

  /**
   * Maps of layers on the screen have come: which channels are alive is kept in mind.
   *
   * @param {string} input  what identifies it
   * @param {Map<string, LayerMaps>} maps
   */
  see(input, maps) {
    for (const [layer, each] of maps) this.#seen.add(input, layer, deadChannels(each));
    this.#maps = maps.get(this.#node?.name ?? "") ?? this.#maps;
  }

  /** The range that values are counted beyond has changed. */
  rangeChanged() {
    this.#refresh();
  }

  /** @returns {GridChoice} */
  get #choice() {
    const setting = (/** @type {"sort" | "page" | "dead" | "toward"} */ name) => this.#address.setting(name);
    return { sort: parseSort(setting("sort")), page: Number(setting("page") ?? 1) - 1, hidesDead: setting("dead") === "hidden", toward: setting("toward") };
  }

  /**
   * @param {"sort" | "dead" | "toward"} name
   * @param {string | null} value
   */
  #set(name, value) {
    this.#address.set(name, value);
    this.#address.set("page", null);
    this.#detail.grid.choose(this.#choice);
    if (name !== "dead") this.#refresh();
  }

  /** Ask for everything about the open layer anew; what is shown stays until it has come. */
  #refresh() {
    const [inspection, node] = [this.#inspection, this.#node];
    if (!inspection || !node) return;
    const job = { id: inspection.id, layer: node.name };
    [this.#statistics, this.#contributions, this.#problem] = [null, null, ""];
    this.#reader.readStatistics({ ...job, range: this.#maps?.locked ?? null });
    if (this.#detail.grid.wantsContributions) this.#reader.readContributions({ ...job, label: this.#choice.toward });
    this.#reader.readHistogram(job);
  }

  /** Hand on what has come, once it is all of one input: channels do not change places twice. */
  #tell() {
    const statistics = this.#statistics;
    const waits = this.#detail.grid.wantsContributions && !this.#contributions && !this.#problem;
    if (statistics && !waits) this.#detail.grid.setFacts({ statistics, contributions: this.#contributions }, this.#problem);
  }

  #readWeights() {
    const wanted = this.#detail.panel.wantedPictures(this.#detail.grid.shown);
    if (wanted && this.#node && this.#version) this.#reader.readPictures({ layer: this.#node.name, version: this.#version, wanted });
  }

  #readSpread() {
    const parameter = this.#detail.panel.parameter;
    if (parameter && this.#node && this.#version) this.#reader.readSpread({ layer: this.#node.name, version: this.#version, parameter });
  }
}
