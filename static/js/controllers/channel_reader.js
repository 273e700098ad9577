/** Fetches the exact values of the channel in view; the newest selection wins. @import {Channel} from "../core/types.js" */
import { ApiProblem, getChannel } from "../api.js";
import { NewestWins } from "../core/newest_wins.js";

/** @typedef {{id: string, layer: string, channel: number}} ChannelAddress */

export class ChannelReader {
  #onChannel;
  #onLost;
  /** @type {NewestWins<ChannelAddress>} */
  #loop = new NewestWins((address) => this.#read(address));

  /**
   * @param {(channel: Channel) => void} onChannel
   * @param {() => void} onLost  the server no longer keeps the inspection, or cannot be reached
   */
  constructor(onChannel, onLost) {
    this.#onChannel = onChannel;
    this.#onLost = onLost;
  }

  /** @param {ChannelAddress} address */
  read(address) {
    this.#loop.offer(address);
  }

  /** @param {ChannelAddress} address */
  async #read({ id, layer, channel }) {
    try {
      const answer = await getChannel(id, layer, channel);
      this.#onChannel(answer);
    } catch (error) {
      const wrong = error instanceof ApiProblem && !error.passing && error.status !== 410;
      if (!wrong && !this.#loop.superseded) this.#onLost();
    }
  }
}
