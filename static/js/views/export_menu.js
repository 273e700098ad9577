/** The dialog in which one chooses what to take away. */
import { recall, remember } from "../storage.js";
import { byId, html } from "./dom.js";

/**
 * @typedef {object} ExportChoice
 * @property {string} title
 * @property {string} detail  a few words beside it
 * @property {(options: ExportOptions) => Promise<string>} save  gives what to say when it is done
 *
 * @typedef {{light: boolean, thumbnails: boolean}} ExportOptions
 *
 * @typedef {object} ExportContents
 * @property {ExportChoice[]} pictures
 * @property {ExportChoice[]} vectors
 * @property {ExportChoice[]} tensors
 * @property {{layers: string[], chosen: string, onLayer: (layer: string) => ExportChoice[]} | null} layers  whose tensors there are
 */

export class ExportMenu {
  #dialog = byId("export-dialog", HTMLDialogElement);
  #body = byId("export-body", HTMLElement);
  #status = byId("export-status", HTMLElement);
  #light = html("input", { type: "checkbox", id: "export-light", checked: recall("export-light") === "on", onchange: () => remember("export-light", this.#light.checked ? "on" : null) });
  #thumbnails = html("input", { type: "checkbox", id: "export-thumbnails", checked: recall("export-thumbnails") !== "off", onchange: () => remember("export-thumbnails", this.#thumbnails.checked ? null : "off") });
  #busy = false;

  /** @param {() => void} onOpen */
  constructor(onOpen) {
    byId("export-button", HTMLButtonElement).addEventListener("click", onOpen);
  }

  get isOpen() {
    return this.#dialog.open;
  }

  /** @param {ExportContents} contents */
  show({ pictures, vectors, tensors, layers }) {
    const options = html(
      "div",
      { class: "export-options" },
      html("label", { class: "check" }, this.#light, "Light background"),
      vectors.length > 0 ? html("label", { class: "check" }, this.#thumbnails, "Feature maps in the SVG") : null,
    );
    const ofLayer = html("ul", { class: "export-list" });
    const choose = html("select", { id: "export-layer", onchange: () => ofLayer.replaceChildren(...this.#items(layers?.onLayer(choose.value) ?? [])) });
    if (layers) {
      choose.append(...layers.layers.map((name) => html("option", { value: name, selected: name === layers.chosen }, name)));
      ofLayer.replaceChildren(...this.#items(layers.onLayer(layers.chosen)));
    }
    this.#body.replaceChildren(
      options,
      ...this.#part("Pictures (PNG, twice as sharp as the screen)", pictures),
      ...this.#part("Vector (SVG)", vectors),
      ...(tensors.length > 0 || layers ? this.#part("Tensors (.npz, exact)", tensors) : []),
      ...(layers ? [html("label", { class: "export-layer" }, "Of the layer", choose), ofLayer] : []),
    );
    this.say("");
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  /** @param {string} title @param {ExportChoice[]} choices */
  #part(title, choices) {
    return choices.length > 0 || title.startsWith("Tensors") ? [html("h3", { class: "label" }, title), html("ul", { class: "export-list" }, ...this.#items(choices))] : [];
  }

  /** @param {ExportChoice[]} choices */
  #items(choices) {
    return choices.map((choice) => html("li", {}, html("button", { type: "button", class: "export-choice", onclick: () => void this.#save(choice) }, html("span", {}, choice.title), html("small", {}, choice.detail))));
  }

  /** @param {ExportChoice} choice */
  async #save(choice) {
    if (this.#busy) return;
    this.#busy = true;
    this.#dialog.setAttribute("aria-busy", "true");
    this.say(`Making “${choice.title}” …`);
    // One frame, so that this is seen before the work begins.
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    try {
      this.say(await choice.save({ light: this.#light.checked, thumbnails: this.#thumbnails.checked }));
    } catch (error) {
      this.say(`That failed: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      this.#busy = false;
      this.#dialog.removeAttribute("aria-busy");
    }
  }

  /** @param {string} text */
  say(text) {
    this.#status.textContent = text;
  }
}

/**
 * Have the browser save a file.
 *
 * @param {Blob} blob
 * @param {string} name
 */
export function saveFile(blob, name) {
  const address = URL.createObjectURL(blob);
  html("a", { href: address, download: name }).click();
  // Safari reads the file only after the click has been handled.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
