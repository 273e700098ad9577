/** Where a stack may come from: a loaded network, lines of PyTorch, a file. */
import { html } from "../dom.js";
import { PanelDialog } from "./panel_dialog.js";

/**
 * @typedef {object} ImportHandlers  Each resolves with "" once it is done, or with why it cannot be.
 * @property {(name: string) => Promise<string>} onModel
 * @property {(source: string) => Promise<string>} onSource
 * @property {(file: File) => Promise<string>} onFile
 */

export class ImportDialog {
  #dialog = new PanelDialog("Import a stack", "import-dialog");
  #models = html("ul", { class: "import-models" }, html("li", { class: "quiet" }, "Asking for the networks…"));
  #wrong = html("p", { class: "dialog-wrong", role: "alert", hidden: true });
  #source;
  #busy = false;

  /** @param {ImportHandlers} handlers */
  constructor(handlers) {
    this.#source = html("textarea", { id: "import-source", rows: 6, spellcheck: "false", autocapitalize: "off", maxlength: 200_000, placeholder: "nn.Sequential(\n    nn.Conv2d(3, 64, 7, stride=2, padding=3),\n    nn.ReLU(),\n)" });
    const file = html("input", { type: "file", id: "import-file", class: "visually-hidden", accept: ".json,application/json", onchange: () => file.files?.[0] && this.#try(() => handlers.onFile(/** @type {File} */ (file.files?.[0])), () => (file.value = "")) });
    this.#onModel = handlers.onModel;
    this.#dialog.body.append(
      this.#wrong,
      html("section", {}, html("h3", {}, "A loaded network"), this.#models),
      html(
        "section",
        {},
        html("h3", {}, html("label", { for: "import-source" }, "Lines of PyTorch")),
        html("p", { class: "quiet" }, "Layers, an nn.Sequential, a module’s class, or what print(model) shows. It is read, never run."),
        this.#source,
        html("button", { type: "button", class: "button", onclick: () => this.#try(() => handlers.onSource(this.#source.value)) }, "Read these lines"),
      ),
      html("section", {}, html("h3", {}, "A file"), html("label", { for: "import-file", class: "quiet-button file-button" }, "Open a stack saved as JSON…"), file),
    );
  }

  #onModel;

  open() {
    this.#dialog.open();
  }

  /** @param {{name: string, title: string}[]} models */
  showModels(models) {
    this.#models.replaceChildren(
      ...models.map(({ name, title }) => html("li", {}, html("button", { type: "button", class: "quiet-button", "data-model": name, onclick: () => this.#try(() => this.#onModel(name)) }, title))),
    );
  }

  /** @param {string} reason */
  showFailure(reason) {
    this.#models.replaceChildren(html("li", { class: "quiet" }, reason));
  }

  /** @param {() => Promise<string>} work @param {() => void} [after] */
  async #try(work, after) {
    if (this.#busy) return;
    this.#busy = true;
    this.#dialog.body.setAttribute("aria-busy", "true");
    const wrong = await work();
    this.#busy = false;
    this.#dialog.body.removeAttribute("aria-busy");
    this.#wrong.textContent = wrong;
    this.#wrong.hidden = wrong === "";
    if (wrong === "") this.#dialog.close();
    after?.();
  }
}
