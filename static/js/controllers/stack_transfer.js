/**
 * Stacks that come from elsewhere, and go there.
 *
 * @import {LayerKinds, StackAnswer, StackLayer} from "../core/stack.js"
 */
import { getModelStack, listModels, readSource } from "../api.js";
import { moduleSource, sequentialSource } from "../core/pytorch_source.js";
import { fromSpec } from "../core/stack.js";
import { LARGEST_FILE, parseStackFile, stackFile } from "../core/stack_file.js";
import { ExportDialog } from "../views/stacks/export_dialog.js";
import { ImportDialog } from "../views/stacks/import_dialog.js";

/** @typedef {{layers: StackLayer[], input: number[] | null, notes: string[], from: string}} Imported */

/** @param {unknown} error */
const reason = (error) => (error instanceof Error ? error.message : String(error));

/**
 * The layers that lines of PyTorch make.
 *
 * @param {string} source
 * @returns {Promise<Imported>} rejects with why there are none
 */
export async function readLines(source) {
  const { layers, left_out: notes } = await readSource(source);
  return { input: null, layers: layers.map((layer) => fromSpec(layer)), notes, from: "Read" };
}

/** @param {(found: Imported) => void} onFound */
export function importStack(onFound) {
  /** @param {() => Promise<Imported | string>} read */
  const attempt = async (read) => {
    try {
      return await read();
    } catch (error) {
      return reason(error);
    }
  };
  /** @type {ImportDialog<Imported>} */
  const dialog = new ImportDialog({
    onFound,
    onModel: (name) =>
      attempt(async () => {
        const { input_shape: input, layers, left_out: notes } = await getModelStack(name);
        return { input, layers: layers.map(fromSpec), notes, from: name };
      }),
    onSource: (source) =>
      attempt(async () => (source.trim() === "" ? "Paste some lines first." : readLines(source))),
    onFile: (file) =>
      attempt(async () => {
        if (file.size > LARGEST_FILE) return `${file.name} has ${Math.ceil(file.size / 1024)} KiB; ${LARGEST_FILE / 1024} KiB is the limit.`;
        const found = parseStackFile(await file.text());
        return "error" in found ? found.error : { ...found, notes: [], from: file.name };
      }),
  });
  dialog.open();
  listModels().then(
    (models) => dialog.showModels(models),
    (error) => dialog.showFailure(reason(error)),
  );
}

/**
 * @param {StackLayer[]} layers
 * @param {LayerKinds} kinds
 * @param {number[]} input
 * @param {StackAnswer | null} answer
 */
export function exportStack(layers, kinds, input, answer) {
  const problem = answer?.problems[0];
  const warning = problem ? `The stack does not fit yet: layer ${problem.layer + 1}. What is exported will not run until it does.` : "";
  new ExportDialog(
    [
      { name: "module", title: "PyTorch module", file: "stack.py", type: "text/x-python", text: moduleSource(layers, kinds, input, answer?.output_shape ?? null) },
      { name: "sequential", title: "nn.Sequential", file: "stack.py", type: "text/x-python", text: `${sequentialSource(layers, kinds)}\n` },
      { name: "json", title: "JSON", file: "stack.json", type: "application/json", text: stackFile(layers, input) },
    ],
    warning,
  ).open();
}
