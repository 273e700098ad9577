/** The keys of the page, place by place. @import {KeyGroup} from "../core/key_table.js" */
import { html } from "./dom.js";

/** Characters that readers know by a name, for those who hear the list. */
const SPOKEN = new Map([
  ["←", "left arrow"],
  ["→", "right arrow"],
  ["↑", "up arrow"],
  ["↓", "down arrow"],
  ["[", "left bracket"],
  ["]", "right bracket"],
  ["−", "minus"],
  ["+", "plus"],
  ["/", "slash"],
  ["?", "question mark"],
]);

export class KeyList {
  #element;

  /** @param {HTMLElement} element */
  constructor(element) {
    this.#element = element;
  }

  /** @param {KeyGroup[]} groups */
  show(groups) {
    this.#element.replaceChildren(
      ...groups.map(({ place, rows }) =>
        html(
          "section",
          { class: "keys-group" },
          html("h3", { class: "label" }, place),
          html("dl", {}, ...rows.map(({ keys, label, aside }) => html("div", {}, html("dt", {}, ...keys.flatMap((key, index) => [index > 0 ? " " : null, chord(key)])), html("dd", {}, aside ? `${label}; ${aside}` : label)))),
        ),
      ),
    );
  }
}

/** @param {string} keys  "Shift+Tab"; the key "+" stands alone */
function chord(keys) {
  const parts = keys.length > 1 ? keys.split("+") : [keys];
  return html("span", { class: "chord" }, ...parts.flatMap((part, index) => [index > 0 ? "+" : null, key(part)]));
}

/** @param {string} name */
function key(name) {
  const spoken = SPOKEN.get(name);
  return spoken ? html("kbd", {}, html("span", { "aria-hidden": "true" }, name), html("span", { class: "visually-hidden" }, spoken)) : html("kbd", {}, name);
}
