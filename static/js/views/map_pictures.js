/** The maps of an item of the map as a small picture of its own. @import {LayerMaps, RangeMode} from "../core/types.js" */
import { arrange } from "../core/tiles.js";
import { context2d, html } from "./dom.js";
import { paintSpectrum, paintTiles } from "./tile_painter.js";

const GAP = 3;

/**
 * @param {LayerMaps} maps
 * @param {number} width
 * @param {number} height
 * @param {RangeMode} mode
 * @param {number} density  pixels of the picture for one of those
 * @returns {string} its address: data of a PNG file
 */
export function itemPicture(maps, width, height, mode, density) {
  const canvas = html("canvas", { width: Math.round(width * density), height: Math.round(height * density) });
  const context = context2d(canvas);
  if (maps.width * maps.height === 1) paintSpectrum(context, maps, canvas.width, canvas.height, mode);
  else paintTiles(context, maps, arrange(width, height, maps.channels, { gap: GAP }), GAP, mode, density);
  return canvas.toDataURL();
}
