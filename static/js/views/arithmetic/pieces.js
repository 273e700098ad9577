/** What the views of arithmetic are made of: tables, sums and grids of numbers. @import {Figure, Rest} from "../../core/arithmetic_terms.js" @import {ColourRange} from "../../core/colour.js" */
import { brief, figureText, precise } from "../../core/arithmetic.js";
import { cellColour } from "../../core/colour.js";
import { plural } from "../../core/numbers.js";
import { html } from "../dom.js";
import { currentTheme } from "../theme.js";

/** @typedef {import("../dom.js").Child} Child */

/**
 * @typedef {object} Tools  What the views can ask for besides.
 * @property {string[]} labels  the categories
 * @property {(layer: string, index: number[] | null) => Child} source  a button to a layer, and to the
 *   place there if one is given; plain text where there is no such layer
 * @property {(() => void) | null} all  list every term; null: they are all listed
 */

/** @typedef {{label: string, children: Child[], current?: boolean}} Row  of a table: its head and its cells */

/** @param {string} text */
export const heading = (text) => html("h4", {}, text);

/** @param {...Child} children */
export const paragraph = (...children) => html("p", {}, ...children);

/** A number with every digit on pointing at it. @param {Figure} figure */
export const figure = (figure) => html("span", { class: "figure", title: precise(figure) }, figureText(figure));

/**
 * A table in a scroll area of its own; the first column heads the rows.
 *
 * @param {string} caption
 * @param {string[]} columns  the first is that of the row heads
 * @param {Row[]} rows
 * @param {Row[]} [sums]  below a line
 */
export function table(caption, columns, rows, sums = []) {
  /** @param {Row} row */
  const line = ({ label, children, current = false }) =>
    html("tr", { "data-current": current }, html("th", { scope: "row" }, label), ...children.map((child) => html("td", {}, child)));
  return html(
    "div",
    { class: "terms-scroll", tabindex: 0, role: "region", "aria-label": caption },
    html(
      "table",
      { class: "terms" },
      html("caption", { class: "visually-hidden" }, caption),
      html("thead", {}, html("tr", {}, ...columns.map((column) => html("th", { scope: "col" }, column)))),
      html("tbody", {}, ...rows.map(line)),
      sums.length > 0 ? html("tfoot", {}, ...sums.map(line)) : null,
    ),
  );
}

/**
 * Names and numbers, one below the other; what is named the value stands out.
 *
 * @param {[string, Figure | string | null][]} lines  null: there is none
 */
export function sum(lines) {
  return html(
    "dl",
    { class: "sum" },
    ...lines.map(([name, value]) => html("div", { "data-result": name.startsWith("Value") }, html("dt", {}, name), html("dd", {}, value === null ? "none" : isFigure(value) ? figure(value) : value))),
  );
}

/** @param {Figure | string} value @returns {value is Figure} */
function isFigure(value) {
  return typeof value === "number" || value === "NaN" || value === "Infinity" || value === "-Infinity";
}

/**
 * What is not listed, and how to have it listed.
 *
 * @param {Rest | null} rest
 * @param {string} one
 * @param {Tools} tools
 * @param {string} [together]
 */
export function restLine(rest, one, tools, together = "together they add") {
  if (!rest) return null;
  const button = tools.all ? html("button", { type: "button", class: "text-button", onclick: tools.all }, "List all") : null;
  return html("p", { class: "terms-rest" }, `and ${plural(rest.count, `more ${one}`)}; ${together} `, figure(rest.value), ". ", button);
}

/**
 * @typedef {object} GridCell
 * @property {Figure} value
 * @property {boolean} [padding]
 * @property {boolean} [winner]
 *
 * @typedef {object} Grid
 * @property {string} caption
 * @property {string[]} columns  names
 * @property {{name: string, cells: (GridCell | null)[]}[]} rows
 * @property {ColourRange} range
 */

/** A small grid of numbers on their colours, with places as heads. @param {Grid} grid */
export function grid({ caption, columns, rows, range }) {
  const theme = currentTheme();
  /** @param {GridCell | null} cell */
  const square = (cell) => {
    if (!cell) return html("td", {});
    const { colour, darkText } = cellColour(range, Number(cell.value), theme);
    const element = html("td", { title: precise(cell.value), "data-padding": cell.padding, "data-winner": cell.winner }, brief(cell.value));
    if (cell.padding) element.append(html("span", { class: "visually-hidden" }, " padding"));
    else {
      element.style.backgroundColor = colour;
      element.style.color = darkText ? "#000" : "#fff";
    }
    if (cell.winner) element.append(html("span", { class: "visually-hidden" }, " the largest"));
    return element;
  };
  const body = rows.map((row) => html("tr", {}, html("th", { scope: "row" }, row.name), ...row.cells.map(square)));
  const head = html("tr", {}, html("td", {}), ...columns.map((name) => html("th", { scope: "col" }, name)));
  return html("table", { class: "grid" }, html("caption", {}, caption), html("thead", {}, head), html("tbody", {}, ...body));
}
