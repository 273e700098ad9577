/** Windows over maps: convolution, transposed convolution, and pooling of each sort. @import {AveragePoolingTerms, ConvolutionTerms, Figure, KernelTerms, LpPoolingTerms, MaxPoolingTerms, WindowCell, WindowTerms} from "../../core/arithmetic_terms.js" @import {Arithmetic} from "../../core/types.js" @import {Child, GridCell, Tools} from "./pieces.js" */
import { figureText, windowGrid } from "../../core/arithmetic.js";
import { colourRange } from "../../core/colour.js";
import { count, plural } from "../../core/numbers.js";
import { html } from "../dom.js";
import { figure, grid, paragraph, restLine, sum, table } from "./pieces.js";

/** The range of some numbers. @param {Figure[]} figures @returns {import("../../core/colour.js").ColourRange} */
function rangeOf(figures) {
  const finite = figures.map(Number).filter(Number.isFinite);
  const minimum = Math.min(0, ...finite);
  return colourRange(minimum, Math.max(0, ...finite), minimum < 0);
}

/**
 * The grid of a window's values.
 *
 * @param {string} caption
 * @param {WindowCell[]} cells
 * @param {Figure[]} values
 * @param {import("../../core/colour.js").ColourRange} range
 * @param {(number: number) => boolean} [wins]
 */
function windowTable(caption, cells, values, range, wins = () => false) {
  const { rows, columns } = windowGrid(cells);
  /** @param {number | null} number @returns {GridCell | null} */
  const cell = (number) => (number === null ? null : { value: values[number], padding: cells[number].padding, winner: wins(number) });
  return grid({ caption, columns, range, rows: rows.map(({ name, cells: numbers }) => ({ name, cells: numbers.map(cell) })) });
}

/** @param {WindowCell[]} cells @param {string} what */
function paddingNote(cells, what) {
  const padding = cells.filter((cell) => cell.padding).length;
  return padding > 0 ? paragraph(html("span", { class: "key-padding", "aria-hidden": "true" }), ` ${plural(padding, "hatched cell")} of ${cells.length}: padding, ${what}.`) : null;
}

/** @param {KernelTerms} terms @param {Arithmetic} arithmetic */
function kernelSum({ sum: total, bias, input_channels: [first, stop] }, { value }) {
  return sum([
    [stop - first === 1 ? "Sum over the channel" : `Sum over all ${count(stop - first)} channels`, total],
    ["Bias", bias],
    ["Value", value],
  ]);
}

/** @param {KernelTerms} terms */
function groupNote({ groups, group, input_channels: [first, stop] }) {
  return groups > 1 ? paragraph(`Group ${group} of ${groups}: of the input it reads ${stop - first === 1 ? `channel ${first}` : `channels ${first} to ${stop - 1}`} alone.`) : null;
}

/**
 * @param {ConvolutionTerms} terms
 * @param {Arithmetic} arithmetic
 * @param {Tools} tools
 * @returns {Child[]}
 */
export function convolution(terms, arithmetic, tools) {
  const { cells, channels, rest } = terms;
  const order = rest || channels.length > 1 ? ", the largest contributions first" : "";
  if (terms.as_linear) {
    return [
      paragraph(`A kernel of one cell is a fully connected layer for each pixel: every channel's value here times its weight${order}.`),
      groupNote(terms),
      paddingNote(cells, "not a part of the map"),
      table(
        "Input channels, their weights and products",
        ["channel", "input", "weight", "product"],
        channels.map(({ channel, patch, kernel, sum: product }) => ({ label: String(channel), children: [figure(patch[0]), figure(kernel[0]), figure(product)] })),
      ),
      restLine(rest, "channel", tools),
      kernelSum(terms, arithmetic),
    ];
  }
  const patches = rangeOf(channels.flatMap(({ patch }) => patch));
  const added = rangeOf(channels.flatMap(({ products }) => products));
  const bound = Math.max(0, ...channels.flatMap(({ kernel }) => kernel.map((weight) => Math.abs(Number(weight)))));
  /** @type {import("../../core/colour.js").ColourRange} */
  const weights = { kind: "weights", low: -bound, high: bound };
  const taps = cells.map(({ tap }) => ({ tap, position: tap, source: null, padding: false }));
  const said = { zeros: "which counts as 0", reflect: "mirrored from the map", replicate: "the border's value again", circular: "from the other side of the map" };
  return [
    paragraph(`For each input channel the patch under the kernel, cell by cell times the kernel; the products are added up${order}.`),
    groupNote(terms),
    paddingNote(cells, said[/** @type {keyof typeof said} */ (terms.padding_mode)] ?? terms.padding_mode),
    html(
      "ol",
      { class: "products" },
      ...channels.map(({ channel, patch, kernel, products, sum: part }) =>
        html(
          "li",
          {},
          html("h4", {}, `channel ${channel}`, html("span", {}, "adds ", figure(part))),
          html(
            "div",
            { class: "product", tabindex: 0, role: "group", "aria-label": `Channel ${channel}: patch, kernel and products` },
            windowTable("patch", cells, patch, patches),
            html("span", { class: "sign", "aria-hidden": "true" }, "×"),
            windowTable("kernel", taps, kernel, weights),
            html("span", { class: "sign", "aria-hidden": "true" }, "="),
            windowTable("products", taps, products, added),
          ),
        ),
      ),
    ),
    restLine(rest, "channel", tools),
    kernelSum(terms, arithmetic),
  ];
}

/**
 * @param {KernelTerms} terms
 * @param {Arithmetic} arithmetic
 * @param {Tools} tools
 * @returns {Child[]}
 */
export function transposedConvolution(terms, arithmetic, tools) {
  const { cells, channels, rest } = terms;
  return [
    paragraph(cells.length > 0 ? `${plural(cells.length, "cell")} of the input reach this place, each through one place of the kernel.` : "No cell of the input reaches this place."),
    groupNote(terms),
    ...channels.flatMap(({ channel, patch, kernel, products, sum: part }) => [
      html("h4", {}, `channel ${channel}`),
      table(
        `Channel ${channel}`,
        ["input cell", "kernel place", "input", "weight", "product"],
        cells.map(({ position, tap }, number) => ({ label: position.join(", "), children: [tap.join(", "), figure(patch[number]), figure(kernel[number]), figure(products[number])] })),
        [{ label: "sum", children: ["", "", "", figure(part)] }],
      ),
    ]),
    restLine(rest, "channel", tools),
    kernelSum(terms, arithmetic),
  ];
}

/** The window of a pooling. @param {WindowTerms} terms @param {(number: number) => boolean} [wins] */
function pooled({ cells, values }, wins) {
  if (cells.length === 0) return null;
  return html("div", { class: "product", tabindex: 0, role: "group", "aria-label": "The window" }, windowTable("window", cells, values, rangeOf(values), wins));
}

/**
 * @param {MaxPoolingTerms} terms
 * @param {Arithmetic} arithmetic
 * @param {Tools} tools
 * @returns {Child[]}
 */
export function maxPooling(terms, arithmetic, tools) {
  const { cells, winner, ties, rest } = terms;
  const place = winner?.join();
  const from = arithmetic.reads[0];
  return [
    paragraph(winner ? `The largest value of the window wins: that at row ${winner.join(", column ")} of the input.` : "The window lies in the padding alone."),
    pooled(terms, (number) => cells[number].position.join() === place),
    ties.length > 0 ? paragraph(`${plural(ties.length, "other cell")} ${ties.length === 1 ? "has" : "have"} the same value; the first counts.`) : null,
    paddingNote(cells, "which never wins"),
    restLine(rest, "cell", tools, "the largest of them is"),
    winner && from ? paragraph("It comes from ", tools.source(from.input, [0, arithmetic.channel, ...winner]), ".") : null,
  ];
}

/**
 * @param {AveragePoolingTerms} terms
 * @param {Arithmetic} arithmetic
 * @param {Tools} tools
 * @returns {Child[]}
 */
export function averagePooling(terms, arithmetic, tools) {
  return [
    pooled(terms),
    paddingNote(terms.cells, "which counts as 0"),
    restLine(terms.rest, "cell", tools),
    sum([
      ["Sum of the window", terms.sum],
      [`Divided by (${terms.divisor_from})`, terms.divisor],
      ["Value", arithmetic.value],
    ]),
  ];
}

/**
 * @param {LpPoolingTerms} terms
 * @param {Arithmetic} arithmetic
 * @param {Tools} tools
 * @returns {Child[]}
 */
export function lpPooling(terms, arithmetic, tools) {
  const { cells, values, powers, norm_type: power } = terms;
  return [
    paragraph(`Each value to the power ${figureText(power)}, added up, and of the sum the root of the same power.`),
    table(
      "The window",
      ["cell", "value", "power"],
      cells.map(({ position }, number) => ({ label: position.join(", "), children: [figure(values[number]), figure(powers[number])] })),
    ),
    restLine(terms.rest, "cell", tools),
    sum([
      ["Sum of the powers", terms.sum],
      [`Times ${terms.cells_of_kernel} / ${terms.counted}, the cells of the kernel over those on the input`, terms.counted > 0 ? (Number(terms.sum) * terms.cells_of_kernel) / terms.counted : null],
      ["Value: its root", arithmetic.value],
    ]),
  ];
}
