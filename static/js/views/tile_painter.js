/** Painting channels as tiles, with buffers that are made once. @import {LayerMaps, RangeMode} from "../core/types.js" */
import { paintChannels } from "../core/tiles.js";
import { context2d, html } from "./dom.js";
import { currentTheme } from "./theme.js";

const scratch = html("canvas");
/** @type {Map<string, ImageData>} */
const images = new Map();

/**
 * ImageData of that size, reused: its content is the last painter's.
 *
 * @param {number} width
 * @param {number} height
 */
function imageOf(width, height) {
  const key = `${width} ${height}`;
  let image = images.get(key);
  if (!image) {
    if (images.size > 64) images.clear();
    image = new ImageData(width, height);
    images.set(key, image);
  }
  return image;
}

/**
 * Paint one channel at its own resolution; CSS enlarges it.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {LayerMaps} maps
 * @param {number} channel
 * @param {RangeMode} mode
 */
export function paintChannel(canvas, maps, channel, mode) {
  const { width, height } = maps;
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const image = imageOf(width, height);
  paintChannels(new Uint32Array(image.data.buffer), maps, [channel], mode, currentTheme());
  context2d(canvas).putImageData(image, 0, 0);
}

/**
 * Paint the first channels as tiles.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {LayerMaps} maps
 * @param {import("../core/tiles.js").Arrangement} arrangement
 * @param {number} gap
 * @param {RangeMode} mode
 * @param {number} density  device pixels per CSS pixel
 */
export function paintTiles(context, maps, { columns, side, shown }, gap, mode, density) {
  const { width, height } = maps;
  const image = imageOf(width, height * shown);
  const channels = Array.from({ length: shown }, (_, index) => index);
  paintChannels(new Uint32Array(image.data.buffer), maps, channels, mode, currentTheme());
  if (scratch.width !== image.width || scratch.height !== image.height) [scratch.width, scratch.height] = [image.width, image.height];
  context2d(scratch).putImageData(image, 0, 0);
  const drawn = Math.round(side * density);
  // Large cells stay crisp; where a cell has less than two device pixels, smoothing keeps them all.
  context.imageSmoothingEnabled = drawn < 2 * width;
  context.imageSmoothingQuality = "medium";
  for (let index = 0; index < shown; index += 1) {
    const x = Math.round((index % columns) * (side + gap) * density);
    const y = Math.round(Math.floor(index / columns) * (side + gap) * density);
    context.drawImage(scratch, 0, index * height, width, height, x, y, drawn, drawn);
  }
}

/**
 * Paint a layer of single values as a spectrum: one band a channel, from top to bottom or, in a
 * flat area, from left to right.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {LayerMaps} maps
 * @param {number} width  device pixels
 * @param {number} height
 * @param {RangeMode} mode
 */
export function paintSpectrum(context, maps, width, height, mode) {
  const count = maps.channels;
  const image = imageOf(1, count);
  const channels = Array.from({ length: count }, (_, index) => index);
  paintChannels(new Uint32Array(image.data.buffer), maps, channels, mode === "channel" ? "layer" : mode, currentTheme());
  const flat = width > height * 2;
  [scratch.width, scratch.height] = [1, count];
  const pen = context2d(scratch);
  pen.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  if (flat) {
    context.setTransform(0, 1, 1, 0, 0, 0);
    context.drawImage(scratch, 0, 0, 1, count, 0, 0, height, width);
    context.setTransform(1, 0, 0, 1, 0, 0);
  } else {
    context.drawImage(scratch, 0, 0, 1, count, 0, 0, width, height);
  }
}
