/**
 * Fetches what is read at the cell in view on both sides: exact values, and receptive fields. The
 * newest reading wins.
 *
 * @import {Side, Sides} from "../core/comparison.js"
 * @import {Channel, ReceptiveField, UnitAddress} from "../core/types.js"
 */
import { ApiProblem, getChannel, getReceptiveField, Unreachable } from "../api.js";
import { NewestWins } from "../core/newest_wins.js";

/** Fields that are kept: those of some layers, for moving about in them. */
const MOST_FIELDS = 2048;

/**
 * @typedef {{id: string, layer: string, channel: number}} ChannelAddress
 * @typedef {{model: string, version: string, unit: UnitAddress}} FieldAddress
 *
 * @typedef {object} ReaderHandlers
 * @property {(channels: Sides<Channel | null>, read: Sides<ChannelAddress | null>) => void} onChannels
 * @property {(side: Side, unit: UnitAddress, field: ReceptiveField | string) => void} onField  or why there is none
 * @property {() => void} onLost  an inspection is no longer kept, or the server cannot be reached
 */

export class CompareReader {
  #handlers;
  /** @type {NewestWins<Sides<ChannelAddress | null>>} */
  #channels = new NewestWins((read) => this.#readChannels(read));
  /** A field depends on a model's operations alone. @type {Map<string, ReceptiveField>} */
  #fields = new Map();
  /** @type {Sides<NewestWins<FieldAddress>>} */
  #loops = { a: new NewestWins((address) => this.#readField("a", address)), b: new NewestWins((address) => this.#readField("b", address)) };

  /** @param {ReaderHandlers} handlers */
  constructor(handlers) {
    this.#handlers = handlers;
  }

  /** @param {Sides<ChannelAddress | null>} read */
  readChannels(read) {
    this.#channels.offer(read);
  }

  /** @param {Side} side @param {FieldAddress} address */
  readField(side, address) {
    const kept = this.#fields.get(keyOf(address));
    if (kept) this.#handlers.onField(side, address.unit, kept);
    else this.#loops[side].offer(address);
  }

  /** @param {Sides<ChannelAddress | null>} read */
  async #readChannels(read) {
    /** @param {ChannelAddress | null} address */
    const ask = async (address) => (address ? getChannel(address.id, address.layer, address.channel) : null);
    try {
      const [a, b] = await Promise.all([ask(read.a), ask(read.b)]);
      this.#handlers.onChannels({ a, b }, read);
    } catch (error) {
      if (!this.#channels.superseded && isLoss(error)) this.#handlers.onLost();
    }
  }

  /** @param {Side} side @param {FieldAddress} address */
  async #readField(side, address) {
    const { model, version, unit } = address;
    try {
      const field = this.#fields.get(keyOf(address)) ?? (await getReceptiveField(model, version, unit));
      if (this.#fields.size >= MOST_FIELDS) this.#fields.clear();
      this.#fields.set(keyOf(address), field);
      this.#handlers.onField(side, unit, field);
    } catch (error) {
      if (this.#loops[side].superseded) return;
      this.#handlers.onField(side, unit, error instanceof Error ? error.message : String(error));
      if (error instanceof Unreachable) this.#handlers.onLost();
    }
  }
}

/** Whether posting the input again may bring back what could not be read. @param {unknown} error */
function isLoss(error) {
  return error instanceof Unreachable || (error instanceof ApiProblem && (error.passing || error.status === 410));
}

/** @param {FieldAddress} address */
function keyOf({ model, version, unit: { layer, channel, y, x } }) {
  return [model, version, channel, y, x, layer].join(" ");
}
