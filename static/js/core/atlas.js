/** Decoding of binary feature map atlases ("DSA1", little endian). @import {LayerMaps} from "./types.js" */

const MAGIC = "DSA1";

/**
 * Read an atlas: 4 bytes "DSA1", uint32 header length, JSON header, uint8 body.
 * The maps are views into the buffer; nothing is copied.
 *
 * @param {ArrayBuffer} buffer
 * @returns {{inspection: string, sequence: number | null, layers: Map<string, LayerMaps>}}  sequence: of a live session
 * @throws {RangeError} if it is not an atlas or is shorter than its header says
 */
export function decodeAtlas(buffer) {
  if (buffer.byteLength < 8) throw new RangeError(`An atlas has at least 8 bytes, not ${buffer.byteLength}.`);
  const magic = String.fromCharCode(...new Uint8Array(buffer, 0, 4));
  if (magic !== MAGIC) throw new RangeError(`An atlas starts with ${MAGIC}, not ${JSON.stringify(magic)}.`);
  const length = new DataView(buffer).getUint32(4, true);
  const start = 8 + length;
  if (start > buffer.byteLength) throw new RangeError("The atlas ends within its header.");
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const layers = new Map();
  for (const entry of header.layers) {
    const [channels, height, width] = entry.shape;
    const size = channels * height * width;
    if (start + entry.offset + size > buffer.byteLength) {
      throw new RangeError(`The atlas ends within layer ${entry.name}.`);
    }
    layers.set(entry.name, {
      name: entry.name,
      channels,
      height,
      width,
      data: new Uint8Array(buffer, start + entry.offset, size),
      minimum: entry.minimum,
      maximum: entry.maximum,
      signed: entry.signed,
      channelMinimum: entry.channel_minimum,
      channelMaximum: entry.channel_maximum,
      nonFinite: entry.non_finite,
    });
  }
  return { inspection: header.inspection, sequence: header.sequence ?? null, layers };
}

/**
 * The value of one cell within the quantisation: exact to (maximum - minimum) / 510 of its channel.
 *
 * @param {LayerMaps} maps
 * @param {number} channel
 * @param {number} row
 * @param {number} column
 */
export function quantisedValue(maps, channel, row, column) {
  const low = maps.channelMinimum[channel];
  const high = maps.channelMaximum[channel];
  const quantum = maps.data[(channel * maps.height + row) * maps.width + column];
  return low + (quantum / 255) * (high - low);
}
