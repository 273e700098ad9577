/**
 * The inverse question: which layers make one size of another?
 *
 * @import {LayerKinds} from "../../core/stack.js"
 * @import {FoundSetting, SettingsQuestion} from "../../core/found_settings.js"
 */
import { parseShape } from "../../core/parameter_text.js";
import { plural } from "../../core/numbers.js";
import { html } from "../dom.js";
import { PanelDialog } from "./panel_dialog.js";

/** Kinds whose settings the server finds. */
const SOLVED = /^(Conv|MaxPool|AvgPool|LPPool|Unfold)/;

/** Rows that are shown at once. */
const SHOWN = 40;

/**
 * @typedef {object} FinderHandlers
 * @property {(question: SettingsQuestion) => Promise<FoundSetting[] | string>} onAsk  a text says what is wrong
 * @property {(question: SettingsQuestion, setting: FoundSetting) => void} onAdd
 * @property {(question: SettingsQuestion, setting: FoundSetting) => string} link  to the layer alone
 */

export class SettingsFinder {
  #dialog = new PanelDialog("From one size to another", "finder-dialog");
  #from;
  #to;
  #type;
  #wrong = html("p", { class: "field-wrong", id: "finder-wrong", role: "alert", hidden: true });
  #count = html("p", { class: "quiet", role: "status" });
  #table = html("table", { class: "finder-table" });
  #more = html("button", { type: "button", class: "quiet-button", hidden: true });
  #handlers;
  #kinds;
  #asked = 0;

  /**
   * @param {LayerKinds} kinds
   * @param {FinderHandlers} handlers
   * @param {{from: string, to: string, type: string}} first  question
   */
  constructor(kinds, handlers, { from, to, type }) {
    this.#handlers = handlers;
    this.#kinds = kinds;
    const ask = () => this.#ask();
    this.#from = html("input", { id: "finder-from", value: from, size: 9, autocomplete: "off", maxlength: 60, oninput: ask });
    this.#to = html("input", { id: "finder-to", value: to, size: 9, autocomplete: "off", maxlength: 60, oninput: ask });
    this.#type = html("select", { id: "finder-type", onchange: ask }, ...[...kinds.keys()].filter((name) => SOLVED.test(name)).map((name) => html("option", { value: name, selected: name === type }, name)));
    this.#dialog.body.append(
      html(
        "div",
        { class: "finder-question" },
        html("label", { for: "finder-from" }, "I have"),
        this.#from,
        html("label", { for: "finder-to" }, "and want"),
        this.#to,
        html("label", { for: "finder-type" }, "by"),
        this.#type,
      ),
      this.#wrong,
      this.#count,
      html("div", { class: "finder-scroll", tabindex: 0, role: "region", "aria-label": "Settings" }, this.#table, this.#more),
    );
  }

  open() {
    this.#dialog.open();
    this.#from.select();
    void this.#ask();
  }

  async #ask() {
    this.#asked += 1;
    const mine = this.#asked;
    const question = this.#question();
    if (typeof question === "string") return this.#refuse(question);
    const found = await this.#handlers.onAsk(question);
    // An answer to an older question says nothing any more.
    if (mine !== this.#asked) return undefined;
    if (typeof found === "string") return this.#refuse(found);
    this.#refuse("");
    this.#count.textContent = found.length === 0 ? "No small setting does that." : `${plural(found.length, "setting does", "settings do")} it, the usual ones first.`;
    return this.#show(question, found, SHOWN);
  }

  /** @returns {SettingsQuestion | string} */
  #question() {
    const type = this.#type.value;
    const axes = this.#kinds.get(type)?.axes ?? 2;
    /** @type {number[][]} */
    const sizes = [];
    for (const [field, what] of /** @type {[HTMLInputElement, string][]} */ ([[this.#from, "What you have"], [this.#to, "What you want"]])) {
      const parsed = parseShape(field.value);
      const wrong = "error" in parsed ? parsed.error : parsed.sizes.length === 0 ? `${what} is missing.` : ![1, axes].includes(parsed.sizes.length) ? `${type} works on ${plural(axes, "axis", "axes")}: give one size, or ${axes}.` : parsed.sizes.includes(0) ? "A size is at least 1." : "";
      field.setAttribute("aria-invalid", String(wrong !== ""));
      field.setAttribute("aria-describedby", "finder-wrong");
      if (wrong) return wrong;
      const given = /** @type {{sizes: number[]}} */ (parsed).sizes;
      sizes.push(given.length === 1 ? new Array(axes).fill(given[0]) : given);
    }
    return { type, from: sizes[0], to: sizes[1] };
  }

  /** @param {string} sentence */
  #refuse(sentence) {
    this.#wrong.textContent = sentence;
    this.#wrong.hidden = sentence === "";
    if (sentence) {
      this.#table.replaceChildren();
      this.#count.textContent = "";
      this.#more.hidden = true;
    }
  }

  /** @param {SettingsQuestion} question @param {FoundSetting[]} found @param {number} shown */
  #show(question, found, shown) {
    if (found.length === 0) {
      this.#more.hidden = true;
      return this.#table.replaceChildren();
    }
    const names = Object.keys(found[0]);
    this.#table.replaceChildren(
      html("thead", {}, html("tr", {}, ...names.map((name) => html("th", { scope: "col" }, name === "unread" ? "not read" : name)), html("td", {}))),
      html(
        "tbody",
        {},
        ...found.slice(0, shown).map((setting) =>
          html(
            "tr",
            {},
            ...names.map((name) => html("td", { "data-name": name }, cellText(setting[name]))),
            html(
              "td",
              { class: "finder-actions" },
              html("button", { type: "button", class: "quiet-button", "aria-label": "Add to the stack", onclick: () => this.#add(question, setting) }, "Add"),
              html("a", { href: this.#handlers.link(question, setting), "aria-label": "View it alone" }, "View"),
            ),
          ),
        ),
      ),
    );
    this.#more.hidden = found.length <= shown;
    this.#more.textContent = `Show all ${found.length}`;
    this.#more.onclick = () => this.#show(question, found, found.length);
    return undefined;
  }

  /** @param {SettingsQuestion} question @param {FoundSetting} setting */
  #add(question, setting) {
    this.#dialog.close();
    this.#handlers.onAdd(question, setting);
  }
}

/** @param {FoundSetting[string]} value */
function cellText(value) {
  if (typeof value === "boolean") return value ? "yes" : "no";
  return Array.isArray(value) ? value.join(", ") : String(value);
}
