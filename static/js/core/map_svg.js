/**
 * The map as a picture of its own: an SVG file that any viewer opens, with every item and every
 * wire of the network as it is folded.
 *
 * @import {MapItem} from "./fold.js"
 * @import {LayoutAnswer, MapBox} from "./map_view.js"
 */
import { joinOf, kindInWords, nameWithin, shapeInWords } from "./graph.js";
import { curvePath } from "./map_view.js";
import { plural } from "./numbers.js";

/** @typedef {Record<"ground" | "panel" | "line" | "wire" | "text" | "muted", string>} SvgColours */

const HEAD = 86;
const MARGIN = 24;
const FOOT = 40;
/** Where an item's maps stand within it. */
export const MAPS = Object.freeze({ x: 6, y: 32, width: 136, bottom: 6 });
const SANS = "Helvetica, Arial, 'Liberation Sans', sans-serif";
/** Width of a character as a share of the font's size, about. */
const CHARACTER = 0.56;

/** Text as it stands in XML. @param {string} text */
export function escaped(text) {
  // XML 1.0 knows no control characters, not even as references.
  const known = text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd");
  return known.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** Text that fits into a width. @param {string} text @param {number} width @param {number} size  of the font */
export function fitted(text, width, size) {
  const most = Math.max(2, Math.floor(width / (size * CHARACTER)));
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/**
 * @param {object} map
 * @param {LayoutAnswer} map.layout
 * @param {MapItem[]} map.items
 * @param {ReadonlyMap<string, number>} map.twins  other runs of an item's module
 * @param {string} map.title
 * @param {string} map.subtitle
 * @param {string} map.note  what the colours mean, and whose drawing it is
 * @param {SvgColours} map.colours
 * @param {ReadonlyMap<string, string>} map.pictures  data: addresses of the maps of items, which may be missing
 * @param {boolean} [map.bare]  without title and note, for a picture that has its own
 * @returns {{markup: string, width: number, height: number}}
 */
export function mapSvg({ layout, items, twins, title, subtitle, note, colours, pictures, bare = false }) {
  const known = new Map(items.map((item) => [item.id, item]));
  const head = bare ? MARGIN / 2 : HEAD;
  const width = Math.ceil(Math.max(layout.width + 2 * MARGIN, 480));
  const height = Math.ceil(layout.height + head + (bare ? MARGIN / 2 : FOOT));
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${SANS}" role="img" aria-label="${escaped(`Map of ${title}`)}">`,
    `<title>${escaped(title)}</title>`,
    `<desc>${escaped(`${subtitle} ${note}`)}</desc>`,
    `<rect width="${width}" height="${height}" fill="${colours.ground}"/>`,
    bare ? "" : text(MARGIN, 38, title, { size: 24, colour: colours.text, bold: true }),
    bare ? "" : text(MARGIN, 62, subtitle, { size: 14, colour: colours.muted }),
    `<g transform="translate(${(width - layout.width) / 2} ${head})">`,
    ...[...layout.groups].map(([id, box]) => frame(id, box, colours)),
    `<g fill="none" stroke="${colours.wire}" stroke-width="2">`,
    ...layout.connections.map(({ from, to, points }) => `<path d="${curvePath(points)}" data-from="${escaped(from)}" data-to="${escaped(to)}"/>`),
    "</g>",
    `<g fill="${colours.wire}">`,
    ...layout.connections.map(({ points }) => tip(points[points.length - 1])),
    "</g>",
    ...[...layout.items].map(([id, box]) => {
      const item = known.get(id);
      return item ? node(item, box, twins.get(id) ?? 0, colours, pictures.get(id)) : input(id, box, colours);
    }),
    "</g>",
    bare ? "" : text(MARGIN, height - 14, note, { size: 12, colour: colours.muted }),
    "</svg>",
  ];
  return { markup: lines.join("\n"), width, height };
}

/**
 * @param {number} x
 * @param {number} y  of the base line
 * @param {string} words
 * @param {{size: number, colour: string, bold?: boolean, anchor?: "start" | "middle" | "end"}} style
 */
function text(x, y, words, { size, colour, bold = false, anchor = "start" }) {
  return `<text x="${x}" y="${y}" font-size="${size}" fill="${colour}"${bold ? ' font-weight="bold"' : ""}${anchor === "start" ? "" : ` text-anchor="${anchor}"`}>${escaped(words)}</text>`;
}

/** @param {string} id @param {MapBox} box @param {SvgColours} colours */
function frame(id, { x, y, width, height }, colours) {
  return [
    `<g data-group="${escaped(id)}"><title>${escaped(id)}</title>`,
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="10" fill="#808c96" fill-opacity="0.06" stroke="${colours.line}"/>`,
    text(x + 10, y + 20, fitted(id, width - 20, 13), { size: 13, colour: colours.muted, bold: true }),
    "</g>",
  ].join("");
}

/** @param {{x: number, y: number}} end */
function tip({ x, y }) {
  return `<path d="M${x} ${y}l-8 -4.5v9z"/>`;
}

/** @param {string} id @param {MapBox} box @param {SvgColours} colours */
function input(id, { x, y, width, height }, colours) {
  return `<g data-input="${escaped(id)}"><rect x="${x}" y="${y}" width="${width}" height="${height}" rx="${height / 2}" fill="${colours.panel}" stroke="${colours.wire}" stroke-width="1.5"/>${text(x + width / 2, y + height / 2 + 4, fitted(id, width - 8, 12), { size: 12, colour: colours.text, bold: true, anchor: "middle" })}</g>`;
}

/**
 * @param {MapItem} item
 * @param {MapBox} box
 * @param {number} twins
 * @param {SvgColours} colours
 * @param {string | undefined} picture
 */
function node({ id, node: operation, group, layers, within }, { x, y, width, height }, twins, colours, picture) {
  const path = (within.at(-1) ?? "").replace(/#\d+$/, "");
  const name = nameWithin(group ? group.path : operation.name, path);
  const kind = group ? plural(layers, "layer") : kindInWords(operation.kind);
  const shape = shapeInWords(operation.shape).replaceAll(" ", "");
  const join = group || operation.inputs.length < 2 ? null : joinOf(operation.kind);
  const room = width - 14 - shape.length * 10 * CHARACTER - 6;
  // A folded module is a stack of layers.
  const stack = group ? [6, 3].map((shift) => `<rect x="${x + shift}" y="${y + shift}" width="${width}" height="${height}" rx="5" fill="${colours.panel}" stroke="${colours.wire}"/>`).join("") : "";
  const sign = join ? join.sign : "";
  // A word stands in the gap before the tile, so that it hides no maps.
  const isWord = sign.length > 1;
  const wide = isWord ? 8 + sign.length * 6.4 : 22;
  const signX = isWord ? x - 0.35 * wide : x;
  return [
    `<g data-node="${escaped(id)}"><title>${escaped(`${id}: ${kind}, ${shape}`)}</title>${stack}`,
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="5" fill="${colours.panel}" stroke="${group ? colours.wire : colours.line}"/>`,
    text(x + 7, y + 14, fitted(name, width - 14, 11.5), { size: 11.5, colour: colours.text, bold: true }),
    text(x + 7, y + 26, fitted(kind, room, 10), { size: 10, colour: colours.muted }),
    text(x + width - 7, y + 26, shape, { size: 10, colour: colours.muted, anchor: "end" }),
    picture ? `<image x="${x + MAPS.x}" y="${y + MAPS.y}" width="${MAPS.width}" height="${height - MAPS.y - MAPS.bottom}" href="${escaped(picture)}"/>` : "",
    twins > 0 ? text(x + 2, y - 5, `shared, ${twins + 1} runs`, { size: 10, colour: colours.muted }) : "",
    join ? `<rect x="${signX - wide / 2}" y="${y + height / 2 - 11}" width="${wide}" height="22" rx="11" fill="${colours.panel}" stroke="${colours.text}" stroke-width="1.5"/>${text(signX, y + height / 2 + (isWord ? 4 : 5), sign, { size: isWord ? 11 : 14, colour: colours.text, bold: true, anchor: "middle" })}` : "",
    "</g>",
  ].join("");
}
