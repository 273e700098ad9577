/**
 * Two stacks in figures. @import {ComparedRow} from "../../core/stack_comparison.js"
 */
import { html } from "../dom.js";

export class ComparisonTable {
  element = html("section", { class: "stack-comparison", "aria-label": "Comparison" });

  /** @param {ComparedRow[] | null} rows  null: nothing is compared */
  update(rows) {
    this.element.hidden = rows === null;
    if (rows === null) return;
    this.element.replaceChildren(
      html(
        "table",
        {},
        html("caption", { class: "visually-hidden" }, "Stack A and stack B on the same input"),
        html("thead", {}, html("tr", {}, html("td", {}), ...["Stack A", "Stack B", "B against A"].map((text) => html("th", { scope: "col" }, text)))),
        html(
          "tbody",
          {},
          ...rows.map(({ name, first, second, difference }) =>
            html("tr", {}, html("th", { scope: "row" }, name), html("td", { "data-label": "A" }, first), html("td", { "data-label": "B" }, second), html("td", { class: "difference", "data-difference": difference === "equal" ? "equal" : difference ? "other" : "none", "data-label": "B against A" }, difference)),
          ),
        ),
      ),
    );
  }
}
