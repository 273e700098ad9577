/**
 * What of two networks' answers is open: the layer, the channel and the cell of each side, as the
 * address has it where it can, and else as the page opens.
 *
 * @import {CellOfSide, LayerMatch, Side, Sides} from "./comparison.js"
 * @import {CompareState} from "./compare_state.js"
 * @import {Cell, LayerMaps, Model} from "./types.js"
 */
import { ComparedLayer } from "./compared_layer.js";
import { orderChannels, sameShape } from "./comparison.js";
import { isVector } from "./graph.js";
import { linkedCell, placed } from "./linked_cells.js";

/** Channels on one page. */
export const PAGE = 24;

/**
 * @typedef {object} Compared
 * @property {Sides<Model>} networks
 * @property {Map<string, LayerMatch> | null} matches  counterparts of the layers of A; null: each is its own
 * @property {CompareState} state
 * @property {Sides<LayerMaps | null>} maps  of the newest answers
 * @property {LayerMaps | null} difference  B minus A, of the layers of the maps
 * @property {CellOfSide | null} pointed  where the pointer is
 */

export class CompareSelection {
  #compared;
  /** The open layers. @type {Sides<ComparedLayer>} */
  layers;
  /** Whether they have one shape, so that they can be subtracted. */
  alike;
  /** B minus A of the open layers. @type {LayerMaps | null} */
  difference;
  /** Channels in the order of the list. @type {number[]} */
  order;
  /** The open channel of each side. @type {Sides<number>} */
  open;
  /** The cell of each side at which one reads. @type {Sides<Cell | null>} */
  cells;

  /** @param {Compared} compared */
  constructor(compared) {
    this.#compared = compared;
    const names = openLayers(compared);
    this.layers = { a: this.#layer("a", names.a), b: this.#layer("b", names.b) };
    const { a, b } = this.layers;
    this.alike = sameShape(a.node.shape, b.node.shape);
    const { difference } = compared;
    this.difference = this.alike && a.maps && b.maps && difference?.name === names.a ? difference : null;
    // Beside maps, a vector has no channels to list.
    const listed = a.vector === b.vector ? [a, b] : [a.vector ? b : a];
    this.order = orderChannels(Math.max(...listed.map(({ count }) => count)), this.difference, compared.state.sort);
    this.open = this.#openChannels();
    this.cells = this.#openCells();
  }

  /** How the counterpart was found; null: it was chosen by hand, or needed none. */
  get matchedBy() {
    const match = this.#compared.matches?.get(this.layers.a.node.name);
    return match && match.other_layer === this.layers.b.node.name ? match.matched_by : null;
  }

  /** The side on which the cell was chosen. @returns {Side} */
  get side() {
    return (this.#compared.pointed ?? this.#compared.state.cell)?.side ?? "a";
  }

  /**
   * How far the centres of the linked cells' fields are apart, in pixels; null where nothing links them.
   *
   * @returns {number | null}
   */
  get centresApart() {
    const cell = this.cells[this.side];
    const linked = cell && this.cells.a && this.cells.b && this.#linked(this.side, cell);
    return linked && Math.hypot(...linked.apart);
  }

  /** Whether both networks read images of one size, so that a place on one is a place on the other. */
  get onOneImage() {
    const { a, b } = this.#compared.networks;
    return sameShape(a.input_shape.slice(-2), b.input_shape.slice(-2));
  }

  /** The cell of the other side's layer at the place of a cell. @param {Side} side @param {Cell} cell */
  #linked(side, cell) {
    if (!this.onOneImage) return null;
    const { a, b } = this.layers;
    const [from, to] = side === "b" ? [b, a] : [a, b];
    return linkedCell(placed(from.node), placed(to.node), cell);
  }

  /** @param {Side} side @param {string} name */
  #layer(side, name) {
    const model = this.#compared.networks[side];
    const node = /** @type {Model["nodes"][number]} */ (model.nodes.find((each) => each.name === name));
    const maps = this.#compared.maps[side];
    return new ComparedLayer(node, maps?.name === name ? maps : null, model.categories);
  }

  /** @returns {Sides<number>} */
  #openChannels() {
    const { channel, otherChannel, page } = this.#compared.state;
    const { a, b } = this.layers;
    const pages = Math.max(1, Math.ceil(this.order.length / PAGE));
    const first = this.order[(Math.min(page, pages) - 1) * PAGE] ?? 0;
    const ofA = channel !== null && channel < a.count ? channel : first;
    if (this.alike) return { a: ofA, b: ofA };
    return { a: Math.min(ofA, Math.max(0, a.count - 1)), b: Math.min(otherChannel ?? ofA, Math.max(0, b.count - 1)) };
  }

  /** @returns {Sides<Cell | null>} */
  #openCells() {
    const { state, pointed } = this.#compared;
    const { a, b } = this.layers;
    /** The cell of a vector is its channel. @param {ComparedLayer} layer @param {number} channel @param {boolean} some */
    const ofVector = (layer, channel, some) => (layer.vector && some ? layer.cellOf(channel) : null);
    const kept = {
      a: ofVector(a, this.open.a, state.channel !== null),
      b: ofVector(b, this.open.b, (this.alike ? state.channel : state.otherChannel) !== null),
    };
    const active = pointed ?? state.cell;
    const from = active?.side === "b" ? b : a;
    const cell = active && { row: active.row, column: active.column };
    if (!cell || !from.has(cell) || (from.vector && !pointed)) return kept;
    if (this.alike) return { a: cell, b: cell };
    const linked = this.#linked(active?.side ?? "a", cell)?.cell ?? null;
    return active?.side === "b" ? { a: linked ?? kept.a, b: cell } : { a: cell, b: linked ?? kept.b };
  }
}

/**
 * The names of the open layers: those of the address where the networks have them; else the first
 * with maps, of two networks the first whose counterpart is much like it, or their last.
 *
 * @param {Pick<Compared, "networks" | "matches" | "state">} compared
 * @returns {Sides<string>}
 */
export function openLayers({ networks, matches, state: { layer, otherLayer } }) {
  /** @param {Model} model @param {string | null} name @returns {name is string} */
  const has = (model, name) => model.nodes.some((node) => node.name === name);
  /** @param {string} name */
  const isLike = (name) => !matches || ["name", "kind and shape"].includes(matches.get(name)?.matched_by ?? "");
  const { nodes } = networks.a;
  const first = nodes.find(({ name, shape }) => !isVector(shape) && isLike(name)) ?? (matches ? nodes[nodes.length - 1] : nodes[0]);
  const a = has(networks.a, layer) ? layer : first.name;
  if (!matches) return { a, b: a };
  return { a, b: has(networks.b, otherLayer) ? otherLayer : (matches.get(a)?.other_layer ?? networks.b.nodes[0].name) };
}
