/**
 * A picture that explains itself in a slide: a title, what was drawn, the picture, and what its
 * colours mean.
 *
 * @import {ColourRange} from "../core/colour.js"
 * @import {LayerMaps, RangeMode} from "../core/types.js"
 */
import { lookupTable } from "../core/colour.js";
import { short } from "../core/numbers.js";
import { largestScale, sheetColumns, wrapped } from "../core/sheet.js";
import { context2d, html } from "./dom.js";
import { currentTheme, tokenColour } from "./theme.js";
import { paintChannel } from "./tile_painter.js";

const PADDING = 28;
const HEAD = 64;
const THUMB = 56;
const NARROWEST = 480;
const LINE = 18;

/**
 * @typedef {object} SheetParts
 * @property {string} title
 * @property {string} subtitle
 * @property {string} note  what is to be known about it, below
 * @property {HTMLCanvasElement | null} input  what the network was given
 * @property {{range: ColourRange, unit: string} | null} legend
 * @property {{width: number, height: number, draw: (context: CanvasRenderingContext2D) => void}} content  in CSS pixels
 */

/**
 * @param {SheetParts} parts
 * @param {number} wanted  pixels of the picture for one of its measures; less where that is too large
 * @returns {{canvas: HTMLCanvasElement, scale: number}}
 */
export function sheet({ title, subtitle, note, input, legend, content }, wanted) {
  const inner = Math.max(content.width, NARROWEST);
  const width = inner + 2 * PADDING;
  const measure = context2d(html("canvas"));
  const sans = tokenColour("--sans");
  measure.font = `13px ${sans}`;
  const lines = wrapped(note, inner, (text) => measure.measureText(text).width);
  const foot = (legend ? 34 : 0) + lines.length * LINE + 12;
  const height = PADDING + HEAD + content.height + foot + PADDING;
  const scale = largestScale(width, height, wanted);
  const canvas = html("canvas", { width: Math.round(width * scale), height: Math.round(height * scale) });
  const context = context2d(canvas);
  context.scale(scale, scale);
  context.fillStyle = tokenColour("--panel");
  context.fillRect(0, 0, width, height);
  const room = inner - (input ? THUMB + 16 : 0);
  context.fillStyle = tokenColour("--text");
  context.font = `600 22px ${sans}`;
  context.fillText(cut(context, title, room), PADDING, PADDING + 22);
  context.fillStyle = tokenColour("--muted");
  context.font = `14px ${sans}`;
  context.fillText(cut(context, subtitle, room), PADDING, PADDING + 44);
  if (input) {
    context.imageSmoothingEnabled = input.width > THUMB * scale;
    const side = THUMB / Math.max(input.width, input.height);
    const [wide, high] = [input.width * side, input.height * side];
    context.drawImage(input, PADDING + inner - wide, PADDING - 6, wide, high);
    context.strokeStyle = tokenColour("--line");
    context.lineWidth = 1;
    context.strokeRect(PADDING + inner - wide, PADDING - 6, wide, high);
  }
  context.save();
  context.translate(PADDING + (inner - content.width) / 2, PADDING + HEAD);
  content.draw(context);
  context.restore();
  let y = PADDING + HEAD + content.height + 24;
  if (legend) {
    paintLegend(context, legend, PADDING, y - 8, sans);
    y += 34;
  }
  context.fillStyle = tokenColour("--muted");
  context.font = `13px ${sans}`;
  for (const [index, line] of lines.entries()) context.fillText(line, PADDING, y + index * LINE);
  return { canvas, scale };
}

/** @param {CanvasRenderingContext2D} context @param {string} text @param {number} room */
function cut(context, text, room) {
  let shown = text;
  while (shown.length > 1 && context.measureText(shown).width > room) shown = `${shown.slice(0, -2)}…`;
  return shown;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {{range: ColourRange, unit: string}} legend
 * @param {number} x
 * @param {number} y
 * @param {string} sans
 */
function paintLegend(context, { range, unit }, x, y, sans) {
  const bar = html("canvas", { width: 256, height: 1 });
  const image = new ImageData(256, 1);
  new Uint32Array(image.data.buffer).set(lookupTable(range.kind, currentTheme()));
  context2d(bar).putImageData(image, 0, 0);
  context.font = `13px ${sans}`;
  context.fillStyle = tokenColour("--text");
  const low = short(range.low);
  const start = x + context.measureText(low).width + 8;
  context.fillText(low, x, y + 11);
  context.imageSmoothingEnabled = true;
  context.drawImage(bar, start, y, 180, 12);
  context.strokeStyle = tokenColour("--line-strong");
  context.lineWidth = 1;
  context.strokeRect(start, y, 180, 12);
  context.fillText(`${short(range.high)}${unit}`, start + 188, y + 11);
}

/**
 * All channels of a layer, with their numbers, as the content of a sheet.
 *
 * @param {LayerMaps} maps
 * @param {number[]} channels  in their order
 * @param {RangeMode} mode
 * @returns {SheetParts["content"]}
 */
export function channelsContent(maps, channels, mode) {
  const { columns, side } = sheetColumns(channels.length, maps.width);
  const high = Math.max(1, Math.round((side * maps.height) / maps.width));
  const [stepX, stepY] = [side + 10, high + 20];
  const rows = Math.ceil(channels.length / columns);
  return {
    width: columns * stepX - 10,
    height: rows * stepY,
    draw: (context) => {
      const tile = html("canvas");
      context.textAlign = "center";
      context.font = `11px ${tokenColour("--sans")}`;
      for (const [place, channel] of channels.entries()) {
        const [x, y] = [(place % columns) * stepX, Math.floor(place / columns) * stepY];
        paintChannel(tile, maps, channel, mode);
        context.imageSmoothingEnabled = false;
        context.drawImage(tile, x, y, side, high);
        context.strokeStyle = tokenColour("--line");
        context.lineWidth = 1;
        context.strokeRect(x, y, side, high);
        context.fillStyle = tokenColour("--muted");
        context.fillText(String(channel), x + side / 2, y + high + 12);
      }
      context.textAlign = "start";
    },
  };
}
