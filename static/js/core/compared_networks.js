/** Which networks are compared, and which cannot be. @import {CompareState} from "./compare_state.js" @import {Sides} from "./comparison.js" */

/**
 * @typedef {{name: string, title: string, input_shape: number[], top_k: number, multiply_accumulates: number, kind: "doodle" | "image" | "example"}} Choice
 *   A network to choose. Kind: what it takes: drawings, images, or examples of its own. top_k: most
 *   guesses that it gives, all of them if the server allows so many.
 */

/**
 * The networks that an address names. Where it names none, side A has the first that can be given
 * something, and side B that of the others which takes the same and costs most nearly the same.
 *
 * @param {Choice[]} choices  the default network first
 * @param {Pick<CompareState, "mode" | "model" | "other">} state
 * @returns {Sides<Choice> | string} or why they cannot be compared, in a sentence
 */
export function chosenNetworks(choices, { mode, model, other }) {
  /** @param {string} name */
  const named = (name) => choices.find((choice) => choice.name === name);
  const a = model === null ? choices.find(({ kind }) => kind !== "example") : named(model);
  const b = mode === "drawings" ? a : other === null ? a && nearest(a, choices) : named(other);
  if (!a || !b) {
    const missing = !a ? model : other;
    return missing === null ? "No network here takes drawings or images." : `There is no network named ${missing} here. Choose another one.`;
  }
  const closed = [a, b].find(({ kind }) => kind === "example");
  if (closed) return `${closed.title} runs on examples of its own: it can be given nothing that is drawn or opened here.`;
  if (a.kind === b.kind) return { a, b };
  return `${a.title} takes ${taken(a)} and ${b.title} takes ${taken(b)}: two networks are compared on one and the same input.`;
}

/**
 * @param {Choice} one
 * @param {Choice[]} choices
 * @returns {Choice} the one itself where there is no other
 */
function nearest(one, choices) {
  /** @param {Choice} choice */
  const apart = ({ multiply_accumulates: cost }) => Math.abs(Math.log(Math.max(1, cost) / Math.max(1, one.multiply_accumulates)));
  const others = choices.filter((choice) => choice !== one && choice.kind === one.kind);
  return others.sort((first, second) => apart(first) - apart(second))[0] ?? one;
}

/** What a network takes, in words. @param {Choice} choice */
function taken({ kind, input_shape: shape }) {
  return kind === "doodle" ? "drawings" : `images of ${shape.join(" × ")}`;
}
