/** Where a stack may come from: a loaded network, lines of PyTorch, a file. */
import { html } from "../dom.js";
import { PanelDialog } from "./panel_dialog.js";

/**
 * @template Found
 * @typedef {object} ImportHandlers  Each resolves with what was found, or with why there is nothing.
 * @property {(name: string) => Promise<Found | string>} onModel
 * @property {(source: string) => Promise<Found | string>} onSource
 * @property {(file: File) => Promise<Found | string>} onFile
 * @property {(found: Found) => void} onFound  not called if the dialog was closed meanwhile
 */

/** @template Found */
export class ImportDialog {
  #dialog = new PanelDialog("Import a stack", "import-dialog");
  #models = html("ul", { class: "import-models" }, html("li", { class: "quiet" }, "Asking for the networks…"));
  #wrong = html("p", { class: "dialog-wrong", role: "alert", hidden: true });
  #source;
  #wait = html("p", { class: "quiet", role: "status" });
  #busy = false;
  #handlers;

  /** @param {ImportHandlers<Found>} handlers */
  constructor(handlers) {
    this.#handlers = handlers;
    this.#source = html("textarea", { id: "import-source", rows: 6, spellcheck: "false", autocapitalize: "off", maxlength: 200_000, placeholder: "nn.Sequential(\n    nn.Conv2d(3, 64, 7, stride=2, padding=3),\n    nn.ReLU(),\n)" });
    const file = html("input", { type: "file", id: "import-file", class: "visually-hidden", accept: ".json,application/json", onchange: () => file.files?.[0] && this.#try(() => handlers.onFile(/** @type {File} */ (file.files?.[0])), () => (file.value = "")) });
    this.#dialog.body.append(
      this.#wrong,
      this.#wait,
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

  open() {
    this.#dialog.open();
  }

  /** @param {{name: string, title: string}[]} models */
  showModels(models) {
    this.#models.replaceChildren(
      ...models.map(({ name, title }) => html("li", {}, html("button", { type: "button", class: "quiet-button", "data-model": name, onclick: () => this.#try(() => this.#handlers.onModel(name)) }, title))),
    );
  }

  /** @param {string} reason */
  showFailure(reason) {
    this.#models.replaceChildren(html("li", { class: "quiet" }, reason));
  }

  /** @param {() => Promise<Found | string>} work @param {() => void} [after] */
  async #try(work, after) {
    if (this.#busy) return;
    this.#busy = true;
    this.#wrong.hidden = true;
    this.#wait.textContent = "Reading… Close this to leave it.";
    const found = await work();
    this.#busy = false;
    this.#wait.textContent = "";
    after?.();
    if (!this.#dialog.isOpen) return;
    if (typeof found === "string") {
      this.#wrong.textContent = found;
      this.#wrong.hidden = false;
    } else {
      this.#dialog.close();
      this.#handlers.onFound(found);
    }
  }
}
