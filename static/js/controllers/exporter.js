/**
 * Taking views and tensors away: pictures (PNG) of whatever is on the screen, the map as a vector
 * picture (SVG), exact tensors (.npz).
 *
 * @import {Inspection, InputImage, LayerMaps, LayerNode, Model, RangeMode} from "../core/types.js"
 * @import {ExportChoice, ExportOptions} from "../views/export_menu.js"
 * @import {SheetParts} from "../views/sheet.js"
 * @import {MapContents} from "../views/network_map.js"
 */
import { ApiProblem, getFile, getMaps, inputAddress, outputAddress, weightsAddress } from "../api.js";
import { certainty } from "../core/certainty.js";
import { layerRange, mapRange } from "../core/colour.js";
import { isVector, kindInWords, shapeInWords } from "../core/graph.js";
import { inputColours } from "../core/input_image.js";
import { mapSvg, MAPS } from "../core/map_svg.js";
import { Neighbours } from "../core/neighbours.js";
import { percent, plural } from "../core/numbers.js";
import { fileName } from "../core/sheet.js";
import { context2d, html } from "../views/dom.js";
import { drawnSvg, pictureOf } from "../views/dom_picture.js";
import { ExportMenu, saveFile } from "../views/export_menu.js";
import { itemPicture } from "../views/map_pictures.js";
import { channelsContent, sheet } from "../views/sheet.js";
import { currentTheme, inTheme, tokenColour } from "../views/theme.js";

const SHARPNESS = 2;
/** Layers whose maps are fetched at once for the map's picture, and in all. */
const AT_ONCE = 24;
const MOST_LAYERS = 240;
/** Most channels on one sheet. */
const MOST_CHANNELS = 1024;

/** Views of the page that can be taken away as they are, with what they are called. */
const VIEWS = [
  { selector: ".map-frame", title: "The map, as seen", about: "network" },
  { selector: ".blocks-frame .blocks", title: "The network, as seen", about: "network" },
  { selector: "#detail", title: "The open layer, as seen", about: "layer" },
  { selector: ".field", title: "The receptive field", about: "unit" },
  { selector: ".arithmetic", title: "The arithmetic", about: "unit" },
  { selector: ".layer-panel", title: "Values and weights of the layer", about: "layer" },
  { selector: ".guesses", title: "The guesses", about: "network" },
  { selector: ".received-body", title: "What the network received", about: "network" },
];

/**
 * @typedef {object} Explored  What is on the page.
 * @property {Model | null} model
 * @property {Inspection | null} inspection
 * @property {LayerNode | null} node
 * @property {number | null} channel
 * @property {LayerMaps | null} maps  of that layer
 * @property {RangeMode} mode
 * @property {MapContents | null} map
 */

/** Of a page that explores no single network. @type {Explored} */
const NOTHING = Object.freeze({ model: null, inspection: null, node: null, channel: null, maps: null, mode: "layer", map: null });

/** Export of the views that a page marks by `data-export="Title"`. */
export function exportViews() {
  return new Exporter(
    () => NOTHING,
    () => {},
  );
}

export class Exporter {
  #explored;
  #onLost;
  #menu = new ExportMenu(() => this.show());

  /**
   * @param {() => Explored} explored
   * @param {() => void} onLost  the inspection is no longer kept
   */
  constructor(explored, onLost) {
    this.#explored = explored;
    this.#onLost = onLost;
  }

  show() {
    const { model, inspection, node } = this.#explored();
    this.#menu.show({
      pictures: this.#pictures(),
      vectors: this.#explored().map ? [{ title: "The map, as it is folded now", detail: "sharp at any size", save: (options) => this.#saveSvg(options) }] : [],
      tensors: inspection ? [{ title: "The input", detail: "what the network was given", save: () => this.#saveTensor(inputAddress(inspection.id), "input") }] : [],
      layers: model ? { layers: model.nodes.map(({ name }) => name), chosen: node?.name ?? model.nodes[0]?.name ?? "", onLayer: (layer) => this.#tensorsOf(layer) } : null,
    });
  }

  #pictures() {
    const { node, channel, maps, map } = this.#explored();
    /** @type {ExportChoice[]} */
    const choices = [];
    if (node && channel !== null && maps && !isVector(node.shape)) choices.push({ title: `Channel ${channel}, enlarged`, detail: node.name, save: (options) => this.#saveChannel(options) });
    if (node && maps && !isVector(node.shape)) {
      choices.push({ title: "Every channel of the layer", detail: plural(Math.min(maps.channels, MOST_CHANNELS), "channel"), save: (options) => this.#saveChannels(options) });
    }
    if (map) choices.push({ title: "The whole map", detail: plural(map.items.length, "item"), save: (options) => this.#saveMap(options) });
    for (const view of viewsOnPage(this.#explored() === NOTHING)) choices.push({ title: view.title, detail: "", save: (options) => this.#saveView(view, options) });
    return choices;
  }

  /** @param {string} layer */
  #tensorsOf(layer) {
    const { model, inspection } = this.#explored();
    const node = model?.nodes.find(({ name }) => name === layer);
    /** @type {ExportChoice[]} */
    const choices = [];
    if (!model || !node) return choices;
    if (inspection) choices.push({ title: "Its output", detail: shapeInWords(node.shape), save: () => this.#saveTensor(outputAddress(inspection.id, layer), layer) });
    if (node.parameters > 0) choices.push({ title: "Its weights", detail: plural(node.parameters, "parameter"), save: () => this.#saveTensor(weightsAddress(model.name, layer), `${layer}-weights`) });
    return choices;
  }

  /** @param {string} path @param {string} what */
  async #saveTensor(path, what) {
    const name = fileName([this.#explored().model?.name ?? "", what], "npz");
    try {
      saveFile(await getFile(path), name);
    } catch (error) {
      if (!(error instanceof ApiProblem) || error.status !== 410) throw error;
      this.#onLost();
      return "The server no longer had this pass of the network. It is being made again: choose once more in a moment.";
    }
    return `Saved ${name}.`;
  }

  /**
   * What every sheet says.
   *
   * @param {string} title
   * @param {string} [more]
   * @param {string} [about]  "layer" where it concerns the one that is open
   * @returns {Pick<SheetParts, "title" | "subtitle" | "note" | "input">}
   */
  #words(title, more = "", about = "layer") {
    const { model, inspection, node } = this.#explored();
    const place = node && about !== "network" ? `${node.name}: ${kindInWords(node.kind)}, ${shapeInWords(node.shape)}` : "";
    const best = inspection?.predictions[0];
    const guess = best ? `${certainty(inspection.predictions).sentence.replace(/\.$/, "")} (${percent(best.probability)}).` : "";
    return {
      title,
      subtitle: [model?.title ?? "", place].filter(Boolean).join(" · "),
      note: [more, guess].filter(Boolean).join(" "),
      input: inspection?.input.image ? inputCanvas(inspection.input.image) : null,
    };
  }

  /**
   * @param {ExportOptions} options
   * @param {string[]} what  for the name of the file
   * @param {() => Promise<SheetParts>} make  within the theme of the picture
   */
  async #saveSheet({ light }, what, make) {
    const { model } = this.#explored();
    const { canvas, scale } = await inTheme(light ? "light" : currentTheme(), async () => {
      const parts = await make();
      return sheet(parts, SHARPNESS);
    });
    const blob = await new Promise((/** @type {(blob: Blob | null) => void} */ resolve) => canvas.toBlob(resolve, "image/png"));
    if (!blob) throw new Error("the browser could not make a picture of that size");
    const name = fileName([model?.name ?? "", ...what], "png");
    saveFile(blob, name);
    const size = `${canvas.width} × ${canvas.height} pixels`;
    return scale < SHARPNESS ? `Saved ${name}, ${size}: as large as a picture can be. The SVG is sharp at any size.` : `Saved ${name}, ${size}.`;
  }

  /** @param {ExportOptions} options */
  #saveChannel(options) {
    const { node, channel, maps, mode } = this.#explored();
    if (!node || channel === null || !maps) throw new Error("no channel is open");
    return this.#saveSheet(options, [node.name, `channel-${channel}`], async () => {
      await settled();
      const picture = document.querySelector(".microscope");
      const canvas = picture?.querySelector("canvas");
      if (!canvas || canvas.width === 0) throw new Error("the channel is not on the screen");
      const place = text(".reading-place");
      const value = text(".reading-value");
      const width = 720;
      const height = Math.round((width * canvas.height) / canvas.width);
      return {
        ...this.#words(`${node.name}, channel ${channel}`, value ? `${place}: ${value}.` : ""),
        legend: { range: mapRange(maps, channel, mode), unit: "" },
        content: {
          width,
          height,
          draw: (context) => {
            context.imageSmoothingEnabled = false;
            context.drawImage(canvas, 0, 0, width, height);
          },
        },
      };
    });
  }

  /** @param {ExportOptions} options */
  #saveChannels(options) {
    const { node, maps, mode } = this.#explored();
    if (!node || !maps) throw new Error("no layer is open");
    const shown = Math.min(maps.channels, MOST_CHANNELS);
    const hidden = maps.channels - shown;
    const about = [hidden > 0 ? `${hidden} more channels are not shown.` : "", mode === "channel" ? "Each channel has colours over its own range: blue is negative, orange positive." : ""];
    return this.#saveSheet(options, [node.name, "channels"], async () => ({
      ...this.#words(`${node.name}: ${hidden > 0 ? `${shown} of ` : ""}${plural(maps.channels, "channel")}`, about.filter(Boolean).join(" ")),
      legend: mode === "channel" ? null : { range: layerRange(maps, mode), unit: "" },
      content: channelsContent(maps, Array.from({ length: shown }, (_, channel) => channel), mode),
    }));
  }

  /** @param {ViewOnPage} view @param {ExportOptions} options */
  #saveView({ element, title, about }, options) {
    const { node, channel } = this.#explored();
    const place = [channel === null || about !== "unit" ? "" : `Channel ${channel}`, about === "unit" ? text(".reading-place") : ""].filter(Boolean).join(", ");
    const value = about === "unit" ? text(".reading-value") : "";
    return this.#saveSheet(options, [...(node && about !== "network" ? [node.name] : []), title.toLowerCase()], async () => {
      // Whoever paints only what is seen paints all of it now.
      document.dispatchEvent(new Event("export"));
      await settled();
      const { width, height } = element.getBoundingClientRect();
      const canvas = await pictureOf(element, SHARPNESS);
      const high = Math.max(height, canvas.height / SHARPNESS);
      return { ...this.#words(title, place ? `${place}${value ? `: ${value}` : ""}.` : "", about), legend: null, content: { width, height: high, draw: (context) => context.drawImage(canvas, 0, 0, canvas.width / SHARPNESS, canvas.height / SHARPNESS) } };
    });
  }

  /** @param {ExportOptions} options */
  async #saveMap(options) {
    const thumbnails = { ...options, thumbnails: true };
    await this.#fetchMaps();
    return this.#saveSheet(options, ["map"], async () => {
      const { markup, width, height } = this.#svg(thumbnails, true);
      const canvas = await drawnSvg(markup, width, height, Math.min(SHARPNESS, 16_000 / width));
      return { ...this.#words("Map of the network", MEANING, "network"), legend: null, content: { width, height, draw: (context) => context.drawImage(canvas, 0, 0, width, height) } };
    });
  }

  /** @param {ExportOptions} options */
  async #saveSvg(options) {
    if (options.thumbnails) await this.#fetchMaps();
    const { markup } = await inTheme(options.light ? "light" : currentTheme(), async () => this.#svg(options));
    const name = fileName([this.#explored().model?.name ?? "", "map"], "svg");
    saveFile(new Blob([markup], { type: "image/svg+xml" }), name);
    return `Saved ${name}.`;
  }

  /** Maps of the items that have not been on the screen. */
  async #fetchMaps() {
    const { inspection, map } = this.#explored();
    if (!inspection || !map) return;
    const kept = new Set(inspection.layers.map(({ name }) => name));
    const missing = map.items.map(({ node }) => node.name).filter((name) => kept.has(name) && !map.maps.has(name));
    const wanted = [...new Set(missing)].slice(0, MOST_LAYERS);
    for (let start = 0; start < wanted.length; start += AT_ONCE) {
      this.#menu.say(`Fetching feature maps: ${start} of ${wanted.length} …`);
      try {
        for (const [name, layer] of await getMaps(inspection.id, wanted.slice(start, start + AT_ONCE))) map.maps.set(name, layer);
      } catch (error) {
        if (error instanceof ApiProblem && error.status === 410) this.#onLost();
        throw error;
      }
    }
  }

  /** @param {ExportOptions} options @param {boolean} [bare]  without words around it */
  #svg({ thumbnails }, bare = false) {
    const { model, inspection, map } = this.#explored();
    if (!map || !model) throw new Error("the map is not laid out yet");
    const { layout, items, maps, mode } = map;
    /** @type {Map<string, string>} */
    const pictures = new Map();
    if (thumbnails && inspection) {
      for (const { id, node } of items) {
        const layer = maps.get(node.name);
        const box = layout.items.get(id);
        if (layer && box) pictures.set(id, itemPicture(layer, MAPS.width, box.height - MAPS.y - MAPS.bottom, mode, SHARPNESS));
      }
    }
    const neighbours = new Neighbours(items, layout.connections);
    return mapSvg({
      layout,
      items,
      twins: new Map(items.map(({ id }) => [id, neighbours.twins(id).length])),
      title: model.title,
      subtitle: [plural(model.nodes.length, "layer"), plural(model.parameters, "parameter"), items.length < model.nodes.length ? `${plural(items.length, "item")} as folded here` : ""].filter(Boolean).join(", "),
      note: pictures.size > 0 ? `${MEANING} ${this.#words("").note}` : "",
      colours: { ground: tokenColour("--panel"), panel: tokenColour("--sunk"), line: tokenColour("--line"), wire: tokenColour("--line-strong"), text: tokenColour("--text"), muted: tokenColour("--muted") },
      pictures,
      bare,
    });
  }
}

/** @typedef {{element: HTMLElement, title: string, about: string}} ViewOnPage */

const MEANING = "Feature maps: blue is negative, orange positive, each layer over its own range.";

/**
 * The views that are on the page now: those marked `data-export="title"`, and those known here.
 *
 * @param {boolean} onlyMarked
 * @returns {ViewOnPage[]}
 */
function viewsOnPage(onlyMarked) {
  const marked = [...document.querySelectorAll("[data-export]")].map((element) => ({ element, title: element.getAttribute("data-export") ?? "", about: "unit" }));
  const known = (onlyMarked ? [] : VIEWS).map(({ selector, title, about }) => ({ element: document.querySelector(selector), title, about }));
  return [...known, ...marked].flatMap(({ element, title, about }) => (element instanceof HTMLElement && element.checkVisibility() && element.clientHeight > 20 ? [{ element, title, about }] : []));
}

/** Two frames: what changed with the theme has been painted then. */
function settled() {
  return new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(resolve))));
}

/** @param {string} selector */
function text(selector) {
  return document.querySelector(selector)?.textContent?.trim() ?? "";
}

/** What the network was given, pixel by pixel. @param {InputImage} image */
function inputCanvas(image) {
  const { width, height, colours } = inputColours(image, currentTheme());
  const canvas = html("canvas", { width, height });
  const pixels = new ImageData(width, height);
  new Uint32Array(pixels.data.buffer).set(colours);
  context2d(canvas).putImageData(pixels, 0, 0);
  return canvas;
}
