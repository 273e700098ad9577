/**
 * One side's layer as the Compare page shows it: maps, one value a channel, or nothing yet.
 *
 * @import {Cell, Channel, CostedNode, LayerMaps, UnitAddress} from "./types.js"
 */
import { quantisedValues } from "./describe.js";
import { isVector } from "./graph.js";

export class ComparedLayer {
  /**
   * @param {CostedNode} node
   * @param {LayerMaps | null} maps  of the newest answer
   * @param {string[]} labels  the categories, for layers with one value each
   */
  constructor(node, maps, labels) {
    this.node = node;
    this.maps = maps;
    this.vector = isVector(node.shape);
    /** Channels, or values of a vector. */
    this.count = maps?.channels ?? (node.shape.length < 5 ? (node.shape[1] ?? 1) : node.shape.slice(1, -2).reduce((product, size) => product * size));
    this.labels = this.vector && labels.length === this.count ? labels : null;
  }

  /** Columns of the square in which a vector is laid out. */
  get listWidth() {
    return Math.max(1, Math.ceil(Math.sqrt(this.count)));
  }

  /** Rows and columns of the picture. @returns {[number, number]} */
  get size() {
    if (this.vector) return [Math.ceil(this.count / this.listWidth), this.listWidth];
    const { shape } = this.node;
    return shape.length === 3 ? [1, shape[2]] : [shape[shape.length - 2], shape[shape.length - 1]];
  }

  /** @param {number} channel */
  channelName(channel) {
    return `channel ${channel}${this.labels ? `: ${this.labels[channel]}` : ""}`;
  }

  /** Where a channel of a vector is in its square. @param {number} channel @returns {Cell} */
  cellOf(channel) {
    return { row: Math.floor(channel / this.listWidth), column: channel % this.listWidth };
  }

  /** Whether there is such a cell. @param {Cell | null} cell @returns {cell is Cell} */
  has(cell) {
    if (!cell) return false;
    const [rows, columns] = this.size;
    const inside = cell.row >= 0 && cell.column >= 0 && cell.row < rows && cell.column < columns;
    return inside && (!this.vector || this.channelAt(cell) < this.count);
  }

  /** Which channel of a vector is in a cell of its square. @param {Cell} cell */
  channelAt({ row, column }) {
    return row * this.listWidth + column;
  }

  /** @param {Cell} cell */
  placeInWords(cell) {
    if (this.vector) return this.channelName(this.channelAt(cell));
    const [rows, columns] = this.size;
    return `row ${cell.row}, column ${cell.column} of ${rows} × ${columns}`;
  }

  /**
   * The value in a cell of a channel.
   *
   * @param {number} channel  of the open picture
   * @param {Cell} cell
   * @returns {UnitAddress}
   */
  unit(channel, cell) {
    const { name: layer, kind, shape } = this.node;
    return this.vector ? { layer, channel: this.channelAt(cell), y: 0, x: 0, kind, shape } : { layer, channel, y: cell.row, x: cell.column, kind, shape };
  }

  /**
   * The values of the picture: of a vector exactly, since each channel's minimum is its one value;
   * of maps exactly once they have come, and quantised until then.
   *
   * @param {number} channel
   * @param {Channel | null} exact
   * @returns {{values: (number | null)[][], exact: boolean} | null} null without an answer
   */
  picture(channel, exact) {
    const { maps } = this;
    if (!maps) return null;
    if (this.vector) return { values: square(maps.channelMinimum, this.listWidth), exact: maps.nonFinite === 0 };
    if (exact) return { values: exact.values, exact: true };
    return channel < maps.channels ? { values: quantisedValues(maps, channel), exact: false } : null;
  }
}

/**
 * A list laid out row by row; what is missing in the last row is null.
 *
 * @param {number[]} list
 * @param {number} width
 * @returns {(number | null)[][]}
 */
export function square(list, width) {
  return Array.from({ length: Math.ceil(list.length / width) }, (_, row) => Array.from({ length: width }, (__, column) => list[row * width + column] ?? null));
}
