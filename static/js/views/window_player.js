/** The window of a layer step by step over its input, while the output fills. @import {SlidingWindow} from "../core/field_types.js" @import {Cell} from "../core/types.js" */
import { figureText } from "../core/arithmetic.js";
import { colourRange, lookupTable, scalePosition } from "../core/colour.js";
import { count, exact, plural } from "../core/numbers.js";
import { registerKeys, PLACES } from "../core/key_table.js";
import { cellOf, outputUntil, reachOf, resultAt, spreadAt, stepCount, stepOf, windowAt } from "../core/sliding_window.js";
import { figure, grid, sum } from "./arithmetic/pieces.js";
import { Disclosure } from "./disclosure.js";
import { context2d, html, icon } from "./dom.js";
import { currentTheme, onThemeChange, tokenColour } from "./theme.js";

/** Cells a second. */
const SPEEDS = [1, 2, 5, 10, 30, 100];
const USUAL = 5;
/** Kernels with more rows or columns are told by their sums alone. */
const MOST_SHOWN = 7;
/** Cells smaller than this, in CSS pixels, are ringed. */
const SMALLEST_CELL = 4;

const PLAY = "M8 5l11 7-11 7z";
const PAUSE = "M8 5v14M16 5v14";

/**
 * @typedef {object} PlayerHandlers
 * @property {(open: boolean, byReader: boolean) => void} onToggle
 * @property {(step: number) => void} onStep  it stands at a step: not while it plays
 * @property {(channel: number) => void} onInputChannel
 */

export class WindowPlayer {
  #disclosure;
  #onStep;
  #words = html("p", {});
  #source = html("canvas", { class: "player-map", "aria-hidden": "true" });
  #target = html("canvas", { class: "player-map", "aria-hidden": "true" });
  #sourceName = html("figcaption");
  #targetName = html("figcaption");
  #play;
  #scrub = html("input", { type: "range", min: 0, value: 0, step: 1, "aria-label": "Step" });
  #speed = html("select", { "aria-label": "Speed" });
  #input = html("input", { type: "number", min: 0, step: 1, "aria-label": "Input channel", inputmode: "numeric" });
  #inputs = html("label", { class: "player-input" });
  #place = html("p", { class: "player-place" });
  #said = html("p", { class: "visually-hidden", "aria-live": "polite" });
  #sums = html("div", { class: "player-sums" });
  #stage;
  /** @type {SlidingWindow | null} */
  #window = null;
  #ranges = { source: colourRange(0, 1, false), target: colourRange(0, 1, false) };
  #step = 0;
  #timer = 0;
  /** The output that has been filled, and until which step. @type {{step: number, values: number[][]} | null} */
  #filled = null;
  #forgetTheme;
  #forgetKeys;
  #resize;

  /**
   * @param {HTMLElement} parent
   * @param {PlayerHandlers} handlers
   */
  constructor(parent, handlers) {
    this.#onStep = handlers.onStep;
    this.#disclosure = new Disclosure(parent, "player", "The window, step by step", (open, byReader) => {
      if (!open) this.pause();
      handlers.onToggle(open, byReader);
    });
    this.#play = html("button", { class: "icon-button player-play", type: "button", "aria-label": "Play", title: "Play (Space)", onclick: () => this.toggle() }, icon(PLAY));
    /** @param {number} by @param {string} name @param {string} path */
    const stepper = (by, name, path) => html("button", { class: "icon-button", type: "button", "aria-label": name, title: name, onclick: () => this.#stepBy(by) }, icon(path));
    for (const speed of SPEEDS) this.#speed.append(html("option", { value: speed, selected: speed === USUAL }, `${plural(speed, "cell")} a second`));
    // Who wants less motion starts with one cell a second.
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) this.#speed.value = "1";
    this.#speed.addEventListener("change", () => this.#timer && this.#run());
    this.#scrub.addEventListener("input", () => {
      this.pause();
      this.#go(Number(this.#scrub.value), false);
    });
    this.#input.addEventListener("change", () => {
      const value = Number(this.#input.value);
      if (Number.isInteger(value) && this.#input.checkValidity()) handlers.onInputChannel(value);
      else if (this.#window) this.#input.value = String(this.#window.input_channel);
    });
    this.#inputs.append("input channel ", this.#input);
    this.#stage = html(
      "div",
      { class: "player", role: "group", "aria-label": "Player: Space plays, arrow keys move the window", tabindex: 0, onkeydown: (/** @type {KeyboardEvent} */ event) => this.#keyed(event) },
      html("figure", {}, this.#source, this.#sourceName),
      html("span", { class: "player-arrow", "aria-hidden": "true" }, icon("M5 12h14M13 6l6 6-6 6")),
      html("figure", {}, this.#target, this.#targetName),
    );
    this.#disclosure.body.append(
      this.#words,
      this.#stage,
      html("div", { class: "player-controls" }, this.#play, stepper(-1, "One step back", "M17 6l-8 6 8 6zM6 6v12"), stepper(1, "One step on", "M7 6l8 6-8 6zM18 6v12"), this.#scrub, this.#speed, this.#inputs),
      this.#place,
      this.#said,
      this.#sums,
    );
    this.#forgetTheme = onThemeChange(() => this.#paint());
    this.#forgetKeys = registerKeys(PLACES.player, [
      { keys: ["Space"], label: "Play or pause" },
      { keys: ["←", "→"], label: "One step back or on" },
      { keys: ["↑", "↓"], label: "One row back or on" },
      { keys: ["Home", "End"], label: "To the first or last step" },
    ]);
    this.#resize = new ResizeObserver(() => this.#paint());
    this.#resize.observe(this.#stage);
  }

  get open() {
    return this.#disclosure.open;
  }

  /** @param {boolean} open */
  setOpen(open) {
    this.#disclosure.setOpen(open);
  }

  /** @param {boolean} hidden */
  setHidden(hidden) {
    if (hidden) this.pause();
    this.#disclosure.setHidden(hidden);
  }

  await() {
    this.#disclosure.setBusy(true);
  }

  /** @param {string} reason */
  fail(reason) {
    this.pause();
    this.#window = null;
    this.#disclosure.setBusy(false);
    this.#words.textContent = reason;
    this.#setShown(false);
  }

  /** @param {boolean} shown */
  #setShown(shown) {
    for (const element of this.#disclosure.body.children) if (element !== this.#words && element instanceof HTMLElement) element.hidden = !shown;
  }

  /**
   * @param {SlidingWindow} window
   * @param {Cell | number | null} begin  at a cell of the output, or at a step; null: stay at the step
   */
  show(window, begin) {
    this.#window = window;
    this.#filled = null;
    this.#disclosure.setBusy(false);
    this.#setShown(true);
    const [first, stop] = window.input_channels;
    const spreads = window.kind === "transposed_convolution";
    this.#inputs.hidden = stop - first < 2;
    [this.#input.min, this.#input.max, this.#input.value] = [String(first), String(stop - 1), String(window.input_channel)];
    const several = ` Of the ${count(stop - first)} input channels one is in view; ${spreads ? "the output is what it alone has added" : "what the others add is told as one number"}.`;
    const many = stop - first > 1 ? several : "";
    // Colours stay the same while the output fills.
    this.#ranges = { source: mapRange(window.values), target: mapRange(spreads ? outputUntil(window, stepCount(window) - 1) : window.output) };
    this.#words.textContent = spreads
      ? `Each cell of the input is spread over the output: its value times every weight of the kernel is added there.${many}`
      : `The window moves over the input row by row; each place gives one cell of the output.${many}`;
    this.#sourceName.textContent = `${window.source === null || window.source.startsWith("input") ? "the image" : window.source}, channel ${window.input_channel}`;
    this.#targetName.textContent = spreads && stop - first > 1 ? `what channel ${window.input_channel} adds to channel ${window.channel}` : `${window.layer}, channel ${window.channel}`;
    this.#scrub.max = String(stepCount(window) - 1);
    this.#go(typeof begin === "number" ? begin : begin && !spreads ? stepOf(window, begin) : this.#step, false);
  }

  /** Where it stands, from 0. */
  get step() {
    return this.#step;
  }

  /** @param {number} step */
  goTo(step) {
    this.pause();
    this.#go(step, false);
  }

  toggle() {
    if (this.#timer) this.pause();
    else if (this.#window) {
      if (this.#step >= stepCount(this.#window) - 1) this.#go(0, false);
      this.#run();
    }
  }

  pause() {
    const played = this.#timer !== 0;
    window.clearInterval(this.#timer);
    this.#timer = 0;
    this.#label();
    if (played && this.#window) this.#onStep(this.#step);
  }

  #run() {
    window.clearInterval(this.#timer);
    const speed = Number(this.#speed.value);
    // No more frames than a screen shows: at high speed several cells at a time.
    const frames = Math.min(speed, 20);
    let owed = 0;
    this.#timer = window.setInterval(() => {
      owed += speed / frames;
      const by = Math.floor(owed);
      owed -= by;
      const last = this.#window ? stepCount(this.#window) - 1 : 0;
      this.#go(Math.min(last, this.#step + by), true);
      if (this.#step >= last) this.pause();
    }, 1000 / frames);
    this.#label();
  }

  #label() {
    const playing = this.#timer !== 0;
    const name = playing ? "Pause" : "Play";
    this.#play.setAttribute("aria-label", name);
    this.#play.title = `${name} (Space)`;
    this.#play.replaceChildren(icon(playing ? PAUSE : PLAY));
    this.#stage.toggleAttribute("data-playing", playing);
  }

  /** @param {number} by */
  #stepBy(by) {
    this.pause();
    this.#go(this.#step + by, false);
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.#window) return;
    const map = this.#window.kind === "transposed_convolution" ? this.#window.values : this.#window.output;
    const width = map[0]?.length ?? 1;
    const last = stepCount(this.#window) - 1;
    /** @type {Record<string, number>} */
    const moves = { ArrowLeft: this.#step - 1, ArrowRight: this.#step + 1, ArrowUp: this.#step - width, ArrowDown: this.#step + width, Home: 0, End: last };
    if (event.key === " ") this.toggle();
    else if (event.key in moves) {
      this.pause();
      this.#go(moves[event.key], false);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {number} step @param {boolean} playing  then it is not read out */
  #go(step, playing) {
    const shown = this.#window;
    if (!shown) return;
    this.#step = Math.max(0, Math.min(stepCount(shown) - 1, step));
    this.#scrub.value = String(this.#step);
    const cell = cellOf(shown, this.#step);
    const words = `Step ${count(this.#step + 1)} of ${count(stepCount(shown))}: row ${cell.row}, column ${cell.column} of the ${shown.kind === "transposed_convolution" ? "input" : "output"}.`;
    this.#scrub.setAttribute("aria-valuetext", words);
    this.#place.textContent = words;
    if (shown.kind === "transposed_convolution") this.#writeSpread(shown, cell);
    else this.#writeWindow(shown, cell);
    if (!playing) {
      this.#said.textContent = words;
      this.#onStep(this.#step);
    }
    this.#paint();
  }

  /** @param {SlidingWindow} shown @param {Cell} cell */
  #writeWindow(shown, cell) {
    const cells = windowAt(shown, cell);
    const result = resultAt(shown, cell);
    const rows = shown.rows[cell.row];
    const columns = shown.columns[cell.column];
    /** @type {import("./dom.js").Child[]} */
    const children = [];
    if (rows.length <= MOST_SHOWN && columns.length <= MOST_SHOWN) {
      const range = this.#ranges.source;
      /** @param {string} caption @param {(cell: typeof cells[0]) => number | null} value @param {import("../core/colour.js").ColourRange} colours @param {boolean} places */
      const table = (caption, value, colours, places) =>
        grid({
          caption,
          columns: columns.map(([tap, place]) => String(places ? place : tap)),
          range: colours,
          rows: rows.map(([tap, place], row) => ({
            name: String(places ? place : tap),
            cells: columns.map((_, column) => {
              const number = row * columns.length + column;
              const found = cells[number];
              return { value: value(found) ?? "NaN", padding: places && found.padding, winner: places && result.winner === number };
            }),
          })),
        });
      const parts = [table("window", ({ value }) => value, range, true)];
      if (shown.kernel) {
        const weights = cells.map(({ weight }) => Math.abs(weight ?? 0));
        const bound = Math.max(0, ...shown.kernel.flat().map((weight) => Math.abs(weight ?? 0)), ...weights);
        const products = cells.map(({ product }) => product ?? 0);
        const signed = Math.min(0, ...products);
        parts.push(
          sign("×"),
          table("kernel", ({ weight }) => weight, { kind: "weights", low: -bound, high: bound }, false),
          sign("="),
          table("products", ({ product }) => product, colourRange(signed, Math.max(0, ...products), signed < 0), false),
        );
      }
      children.push(html("div", { class: "product", tabindex: 0, role: "group", "aria-label": "What lies under the window" }, ...parts));
    }
    const [first, stop] = shown.input_channels;
    const network = result.network === null ? "not a number" : exact(result.network);
    /** @type {[string, import("../core/arithmetic_terms.js").Figure | string | null][]} */
    const lines = [];
    if (shown.kernel) {
      lines.push([stop - first > 1 ? `Sum of the products, channel ${shown.input_channel}` : "Sum of the products", result.own]);
      if (shown.others) lines.push([`The ${plural(stop - first - 1, "other channel")}, in float64`, result.others]);
      if (shown.bias !== null) lines.push(["Bias", result.bias]);
      lines.push(["Value", result.value]);
    } else if (shown.kind === "average_pooling") lines.push(["Sum of the window", result.own], ["Divided by", result.divisor ?? 1], ["Value", result.value]);
    else lines.push(["Value: the largest", result.value]);
    lines.push(["The network's own, in float32", network]);
    this.#sums.replaceChildren(...children.filter((child) => child !== null), sum(lines));
  }

  /** @param {SlidingWindow} shown @param {Cell} cell */
  #writeSpread(shown, cell) {
    const spread = spreadAt(shown, cell);
    const value = shown.values[cell.row][cell.column];
    const places = spread.length === 0 ? "It reaches no cell of the output." : `Added to ${plural(spread.length, "cell")} of the output, rows ${spread[0].row} to ${spread[spread.length - 1].row}, columns ${spread[0].column} to ${spread[spread.length - 1].column}.`;
    const list = spread.slice(0, 25).map(({ row, column, weight, product }) => html("tr", {}, html("th", { scope: "row" }, `${row}, ${column}`), html("td", {}, figure(weight ?? "NaN")), html("td", {}, figure(product ?? "NaN"))));
    this.#sums.replaceChildren(
      html("p", {}, "Value of the input here: ", html("b", { class: "figure" }, value === null ? "not a number" : figureText(value)), `. ${places}`),
      html(
        "div",
        { class: "terms-scroll", tabindex: 0, role: "region", "aria-label": "What is added" },
        html("table", { class: "terms" }, html("thead", {}, html("tr", {}, ...["cell", "weight", "added"].map((name) => html("th", { scope: "col" }, name)))), html("tbody", {}, ...list)),
      ),
      ...(spread.length > list.length ? [html("p", { class: "terms-rest" }, `and ${plural(spread.length - list.length, "more cell")}.`)] : []),
    );
  }

  #paint() {
    const shown = this.#window;
    if (!shown || !this.open) return;
    const cell = cellOf(shown, this.#step);
    const reach = reachOf(shown);
    const spreads = shown.kind === "transposed_convolution";
    const marked = spreads ? [{ ...cell, padding: false }] : windowAt(shown, cell);
    paintMap(this.#source, shown.values, this.#ranges.source, reach, marked);
    const output = this.#output(shown);
    const written = spreads ? spreadAt(shown, cell) : [cell];
    paintMap(this.#target, output, this.#ranges.target, { rows: [0, output.length], columns: [0, output[0]?.length ?? 0] }, written);
  }

  /** The output as filled until now; one step more costs one step. @param {SlidingWindow} shown */
  #output(shown) {
    if (shown.kind === "transposed_convolution" && this.#filled && this.#filled.step === this.#step - 1) {
      for (const { row, column, product } of spreadAt(shown, cellOf(shown, this.#step))) this.#filled.values[row][column] += product ?? Number.NaN;
      this.#filled.step = this.#step;
    } else if (this.#filled?.step !== this.#step) {
      this.#filled = { step: this.#step, values: outputUntil(shown, this.#step) };
    }
    return this.#filled.values;
  }

  destroy() {
    this.pause();
    this.#resize.disconnect();
    this.#forgetKeys();
    this.#forgetTheme();
    this.#disclosure.destroy();
  }
}

/** @param {string} text */
const sign = (text) => /** @type {any} */ (html("span", { class: "sign", "aria-hidden": "true" }, text));

/** @param {(number | null)[][]} values */
function mapRange(values) {
  let minimum = 0;
  let maximum = 0;
  for (const row of values) {
    for (const value of row) {
      if (value === null || !Number.isFinite(value)) continue;
      minimum = Math.min(minimum, value);
      maximum = Math.max(maximum, value);
    }
  }
  return colourRange(minimum, maximum, minimum < 0);
}

/**
 * Paint a map with its padding around it, and outline some cells.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {(number | null)[][]} values  NaN: not there yet
 * @param {import("../core/colour.js").ColourRange} range
 * @param {{rows: [number, number], columns: [number, number]}} reach
 * @param {{row: number, column: number}[]} marked
 */
function paintMap(canvas, values, range, { rows: [top, bottom], columns: [left, right] }, marked) {
  const height = bottom - top;
  const width = right - left;
  canvas.style.aspectRatio = `${width} / ${height}`;
  const side = Math.round(canvas.clientWidth * devicePixelRatio);
  if (side === 0 || width === 0 || height === 0) return;
  const scale = side / width;
  [canvas.width, canvas.height] = [side, Math.round(height * scale)];
  const context = context2d(canvas);
  const theme = currentTheme();
  const table = lookupTable(range.kind, theme);
  // The padding, and what has not come yet.
  context.fillStyle = tokenColour("--sunk", theme);
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.strokeStyle = tokenColour("--line", theme);
  context.lineWidth = 1;
  context.beginPath();
  for (let x = -canvas.height; x < canvas.width; x += 6 * devicePixelRatio) {
    context.moveTo(x, canvas.height);
    context.lineTo(x + canvas.height, 0);
  }
  context.stroke();
  const map = new ImageData(values[0].length, values.length);
  const colours = new Uint32Array(map.data.buffer);
  values.forEach((line, row) =>
    line.forEach((value, column) => {
      colours[row * line.length + column] = value === null || Number.isNaN(value) ? 0 : table[Math.round(scalePosition(range, value) * 255)];
    }),
  );
  const small = html("canvas", { width: map.width, height: map.height });
  context2d(small).putImageData(map, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, -left * scale, -top * scale, map.width * scale, map.height * scale);
  context.strokeStyle = tokenColour("--line-strong", theme);
  context.strokeRect(-left * scale + 0.5, -top * scale + 0.5, map.width * scale - 1, map.height * scale - 1);
  for (const [colour, line] of /** @type {const} */ ([[tokenColour("--panel", theme), 4], [tokenColour("--accent", theme), 2]])) {
    context.strokeStyle = colour;
    context.lineWidth = line * devicePixelRatio * Math.min(1, scale / 6 / devicePixelRatio + 0.4);
    for (const { row, column } of marked) context.strokeRect((column - left) * scale, (row - top) * scale, scale, scale);
  }
  if (scale >= SMALLEST_CELL * devicePixelRatio || marked.length === 0) return;
  // Cells too small to be found are ringed.
  /** @param {(cell: {row: number, column: number}) => number} place @param {number} first */
  const middle = (place, first) => ((Math.min(...marked.map(place)) + Math.max(...marked.map(place)) + 1) / 2 - first) * scale;
  const [x, y] = [middle(({ column }) => column, left), middle(({ row }) => row, top)];
  for (const [colour, line] of /** @type {const} */ ([[tokenColour("--panel", theme), 4], [tokenColour("--accent", theme), 2]])) {
    context.strokeStyle = colour;
    context.lineWidth = line * devicePixelRatio;
    context.beginPath();
    context.arc(x, y, 9 * devicePixelRatio, 0, 2 * Math.PI);
    context.stroke();
  }
}

