/** A function of one number: its curve, with the point on it. @import {ActivationTerms, Curve} from "../../core/arithmetic_terms.js" @import {Arithmetic} from "../../core/types.js" @import {Child} from "./pieces.js" */
import { brief, figureText } from "../../core/arithmetic.js";
import { plot } from "../../core/curve.js";
import { html, svg } from "../dom.js";
import { paragraph, sum } from "./pieces.js";

const WIDTH = 240;
const HEIGHT = 120;

/**
 * @param {ActivationTerms} terms
 * @param {Arithmetic} arithmetic
 * @returns {Child[]}
 */
export function activation(terms, arithmetic) {
  const { x, slope, curve, parameters } = terms;
  const name = terms.function;
  const given = Object.entries(parameters).map(([key, value]) => `${key.replaceAll("_", " ")} = ${figureText(/** @type {number} */ (value))}`);
  const y = arithmetic.value ?? arithmetic.network_value;
  return [
    given.length > 0 ? paragraph(`With ${given.join(", ")}.`) : null,
    drawn(name, curve, Number(x), Number(y)),
    sum([
      ["x, what it was given", x],
      ["Slope there", slope],
      ["Value", arithmetic.value],
    ]),
  ];
}

/**
 * @param {string} name
 * @param {Curve} curve
 * @param {number} x
 * @param {number} y
 */
function drawn(name, curve, x, y) {
  const { path, place, xs, ys } = plot(curve, WIDTH, HEIGHT);
  const origin = place(0, 0);
  const label = `The curve of ${name} from ${brief(xs[0])} to ${brief(xs[1])}; at ${brief(x)} it is ${brief(y)}.`;
  const finite = Number.isFinite(x) && Number.isFinite(y);
  const point = finite ? place(x, y) : origin;
  return html(
    "figure",
    { class: "curve" },
    svg(
      "svg",
      { viewBox: `-6 -6 ${WIDTH + 12} ${HEIGHT + 12}`, role: "img", "aria-label": label },
      svg("path", { class: "curve-axis", d: `M0 ${origin.y}H${WIDTH}M${origin.x} 0V${HEIGHT}` }),
      svg("path", { class: "curve-line", d: path }),
      finite ? svg("path", { class: "curve-guide", d: `M${point.x} ${origin.y}V${point.y}H${origin.x}` }) : "",
      finite ? svg("circle", { class: "curve-point", cx: point.x, cy: point.y, r: 4.5 }) : "",
    ),
    html("figcaption", {}, `x from ${brief(xs[0])} to ${brief(xs[1])}, y from ${brief(ys[0])} to ${brief(ys[1])}`),
  );
}
