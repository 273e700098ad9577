/** Chooses a kind of layer: by family, by number of axes, or by its name. @import {LayerKind} from "../../core/shapes/types.js" */
import { familyOf, GROUPS } from "../../core/shapes/families.js";
import { html } from "../dom.js";

export class LayerPicker {
  element = html("div", { class: "layer-picker" });
  #families = html("select", { id: "layer-family", "aria-label": "Kind of layer" });
  #axes = html("div", { class: "segmented", role: "radiogroup", "aria-label": "Axes of space" });
  #search = html("input", { id: "layer-search", class: "shape-input", list: "layer-names", autocomplete: "off", spellcheck: "false", "aria-label": "Find a layer by its name in torch.nn", "aria-describedby": "layer-fault" });
  #fault = html("p", { class: "shape-fault", id: "layer-fault", hidden: true });
  #kinds;
  #onType;
  #type = "";

  /**
   * @param {ReadonlyMap<string, LayerKind>} kinds
   * @param {(type: string) => void} onType
   */
  constructor(kinds, onType) {
    this.#kinds = kinds;
    this.#onType = onType;
    const listed = new Set(GROUPS.flatMap(({ families }) => families.flatMap(({ types }) => types)));
    for (const { name, families } of GROUPS) {
      this.#families.append(html("optgroup", { label: name }, ...families.map((family) => html("option", { value: family.name }, family.name))));
    }
    const others = [...kinds.keys()].filter((type) => !listed.has(type));
    this.#families.append(html("optgroup", { label: "Other layers of torch.nn" }, ...others.map((type) => html("option", { value: type }, type))));
    this.#families.addEventListener("change", () => this.#chosen());
    this.#search.addEventListener("change", () => this.#found());
    this.#search.addEventListener("focus", () => this.#search.select());
    const names = html("datalist", { id: "layer-names" }, ...[...kinds.keys()].map((type) => html("option", { value: type })));
    this.element.append(
      html("label", { class: "shape-row" }, html("span", { class: "label" }, "Layer"), this.#families),
      this.#axes,
      html("label", { class: "shape-row" }, html("span", { class: "label" }, "torch.nn"), this.#search),
      names,
      this.#fault,
    );
  }

  #chosen() {
    const family = GROUPS.flatMap(({ families }) => families).find(({ name }) => name === this.#families.value);
    if (!family) return this.#onType(this.#families.value);
    const axes = this.#kinds.get(this.#type)?.axes || 2;
    return this.#onType(family.types[axes - 1] ?? family.types[0]);
  }

  #found() {
    const text = this.#search.value.trim().replace(/^(?:torch\.)?nn\./, "");
    const lower = text.toLowerCase();
    const names = [...this.#kinds.keys()];
    const type = names.find((name) => name === text) ?? names.find((name) => name.toLowerCase() === lower) ?? names.find((name) => lower !== "" && name.toLowerCase().startsWith(lower));
    if (type === undefined) {
      this.showFault("There is no layer of that name here.");
      return;
    }
    this.#fault.hidden = true;
    this.#search.removeAttribute("aria-invalid");
    if (type !== this.#type) this.#onType(type);
    else this.#search.value = type;
  }

  /** @param {string} text */
  showFault(text) {
    this.#fault.textContent = text;
    this.#fault.hidden = false;
    this.#search.setAttribute("aria-invalid", "true");
  }

  /** @param {string} type */
  show(type) {
    this.#type = type;
    const family = familyOf(type);
    this.#families.value = family?.name ?? type;
    this.#search.value = type;
    this.#search.removeAttribute("aria-invalid");
    this.#fault.hidden = true;
    this.#axes.hidden = !family || family.types.length === 1;
    this.#axes.replaceChildren(
      ...(family && family.types.length > 1 ? family.types : []).map((own, index) =>
        html("label", {}, html("input", { type: "radio", name: "layer-axes", value: own, checked: own === type, onchange: () => this.#onType(own) }), html("span", {}, `${index + 1}-D`)),
      ),
    );
  }
}
